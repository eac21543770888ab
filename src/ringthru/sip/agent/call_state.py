"""What everybody may ask of a call: which way it came, and how far it has come.

Lives here: the words.
Never here: what moves a call from one to the next (`call.py`, `inbound.py`, `outbound.py`).
"""

from __future__ import annotations

from enum import Enum


class Direction(Enum):
    """Which way a call came, seen from here."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class CallState(Enum):
    """How far a call has come."""

    TRYING = "trying"  # an INVITE, and at most a 100
    EARLY = "early"  # ringing, or talking before the answer
    ANSWERED = "answered"  # 2xx sent, ACK awaited
    CONFIRMED = "confirmed"
    ENDED = "ended"
