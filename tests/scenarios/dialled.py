"""A call of a phone at home to an extension that does what a test says."""

from __future__ import annotations

from typing import Any

from .home import Home
from .phones import PhoneCall

Start = tuple[Home, PhoneCall]


def leg(home: Home) -> Any:
    """The one leg there is."""
    (channel,) = home.switch.calls.channels.values()
    return channel
