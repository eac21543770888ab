"""The counters in a node's answer to ``query``.

Lives here: where they stand in it, read without trust. Never here: when to ask.
"""

from __future__ import annotations

from typing import Final

from ...net.values import frozen
from .bencode import Value
from .messages import Message

RTP_HEADER: Final = 12  # octets that a node counts with the payload


@frozen
class Counters:
    """RTP that came from the peer, and that went to it, as far as the node took it in."""

    packets_received: int
    octets_received: int
    packets_sent: int
    octets_sent: int


def counters_of(answer: Message) -> Counters:
    """What the two sides of a leg took in; what is missing in the answer is 0."""
    outer, inner = _heard(answer, "outer"), _heard(answer, "inner")
    return Counters(*outer, *inner)


def _heard(answer: Message, tag: str) -> tuple[int, int]:
    medium = _first(_key(_key(answer.body.get("tags"), tag), "medias"))
    stats = _key(_first(_key(medium, "streams")), "stats")
    packets, octets = _key(stats, "packets"), _key(stats, "bytes")
    if not isinstance(packets, int) or not isinstance(octets, int) or packets < 0:
        return 0, 0
    return packets, max(octets - packets * RTP_HEADER, 0)


def _key(value: Value | None, name: str) -> Value | None:
    return value.get(name) if isinstance(value, dict) else None


def _first(value: Value | None) -> Value | None:
    return value[0] if isinstance(value, list) and value else None
