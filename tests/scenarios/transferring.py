"""What phones do and see when calls are transferred."""

from __future__ import annotations

from ringthru.sip import CallEnded

from .home import PASSWORD, Home
from .phones import Phone, PhoneCall
from .waiting import eventually


def reason(end: object) -> str:
    assert isinstance(end, CallEnded)
    assert end.request is not None
    return end.request.get("Reason") or ""


async def joined(home: Home) -> None:
    """All legs that are left hear each other."""
    await eventually(lambda: all(each.bridged_to for each in home.switch.snapshot().channels), "not joined")


async def consult(phone: Phone, home: Home, number: str) -> PhoneCall:
    return phone.invite(number, home.internal, password=PASSWORD)
