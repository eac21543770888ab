"""A NATed world in a process, on loopback alone: fake gateways, outside hosts, a manual clock.

The demo and the tests run on it, and so may anybody who wants to see a program behind NAT without one.
No packet leaves 127.0.0.0/8: constructors refuse other addresses, and ``confine_to_loopback`` makes
the whole process refuse them.
"""

from .clock import ManualClock
from .gateway.fake_gateway import FakeGateway, MappedPort
from .gateway.quirks import Quirks
from .loopback_guard import LeavesLoopback, confine_to_loopback, is_loopback
from .outside import OutsideSocket, is_leak

__all__ = [
    "FakeGateway",
    "LeavesLoopback",
    "ManualClock",
    "MappedPort",
    "OutsideSocket",
    "Quirks",
    "confine_to_loopback",
    "is_leak",
    "is_loopback",
]
