"""Calls of far phones that wait, for tests of what is done to them from outside."""

from __future__ import annotations

from .home import PUBLIC, Home, extension
from .phones import PhoneCall
from .waiting import eventually

PLACES = {
    PUBLIC: [extension("77", ("answer", ""), ("park", "")), extension("78", ("answer", ""), ("echo", ""))]
}


async def parked(home: Home, number: str = "77") -> tuple[PhoneCall, str]:
    """A far phone's call that waits, and its UUID."""
    before = set(home.switch.calls.channels)
    call = home.far_phone().invite(number, home.reached_at("external"))
    await call.answered()
    (uuid,) = await eventually(lambda: set(home.switch.calls.channels) - before)
    await eventually(lambda: home.switch.calls.channels[uuid].up)
    return call, uuid
