"""Two phones in a call, for tests of what becomes of it."""

from __future__ import annotations

from .home import Home
from .phones import Phone, PhoneCall


async def connected(home: Home, caller: Phone, callee: Phone) -> tuple[PhoneCall, PhoneCall]:
    """``caller`` calls 1000 from outside, and ``callee`` answers: both sides of the call."""
    call = caller.invite("1000", home.reached_at("external"))
    rung = await callee.rung()
    rung.ring()
    await call.ringing()
    rung.answer()
    await call.answered()
    return call, rung
