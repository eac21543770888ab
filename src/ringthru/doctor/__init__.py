"""The doctor: checks over everything a switch knows of itself, and what each finding means to a person.

``examine(switch)`` gathers and judges; ``diagnose(examination)`` only judges.
"""

from .checks import diagnose
from .examination import Examination, HostFacts
from .examining_driver import examine
from .finding import Finding, Status, worst_of

__all__ = [
    "Examination",
    "Finding",
    "HostFacts",
    "Status",
    "diagnose",
    "examine",
    "worst_of",
]
