"""All checks, in the order in which a call meets what they look at: machine, gateway, Internet, SIP, people.

Lives here: the list. Never here: a check, or what it looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from .call_checks import check_calls
from .examination import Examination
from .finding import Finding
from .gateway_checks import check_gateway
from .host_checks import check_host
from .outside_checks import check_outside
from .reach_checks import check_reach
from .security_checks import check_security
from .sip_checks import check_sip

Check = Callable[[Examination], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    check_host,
    check_gateway,
    check_outside,
    check_reach,
    check_sip,
    check_security,
    check_calls,
)
GROUPS: Final = {  # what stands before an id's dot, and what it is called above its findings
    "switch": "The switch",
    "host": "This machine",
    "gw": "The gateway",
    "wan": "The Internet's side of it",
    "reach": "Who gets in",
    "sip": "SIP on the way",
    "trunk": "Providers",
    "addr": "Which address whom is shown",
    "phones": "Phones",
    "sec": "What strangers could do",
    "calls": "Calls that went wrong",
}


def diagnose(seen: Examination) -> tuple[Finding, ...]:
    """Every finding about what was seen; nothing is asked, and nothing sent."""
    return tuple(finding for check in CHECKS for finding in check(seen))
