"""What an ng request asks for, read without trust: texts, lists of words, and the wishes of a description.

Controllers write the same wish in several ways (a flag ``replace-origin``, or ``origin`` in the list
``replace``; words joined by blanks or hyphens): here they become one.
Lives here: these readings. Never here: what is done about them (``calls``, ``commands``).
"""

from __future__ import annotations

from typing import Final

from ...net.values import frozen
from ..ng.bencode import Value
from ..ng.messages import Message

LONGEST_NAME: Final = 255  # characters of a call's name or a tag
MOST_WORDS: Final = 64  # in a list; the rest is not read


@frozen
class Wishes:
    """What a controller wants of an offer or an answer beside its description."""

    flags: frozenset[str] = frozenset()
    replace: frozenset[str] = frozenset()  # origin, session-connection
    rtcp_mux: frozenset[str] = frozenset()  # offer, require, demux, accept, reject
    ice: str = ""  # remove, or what rtpengine calls default
    direction: tuple[str, str] = ("", "")  # interfaces: towards the from side, towards the to side
    received_from: str = ""  # the address the SIP message came from

    @classmethod
    def read(cls, message: Message) -> Wishes:
        """The wishes in a request; what is not understood is none."""
        flags, replace = words(message, "flags"), set(words(message, "replace"))
        replace |= {flag.removeprefix("replace-") for flag in flags if flag.startswith("replace-")}
        mux = set(words(message, "rtcp-mux"))
        mux |= {flag.removeprefix("rtcp-mux-") for flag in flags if flag.startswith("rtcp-mux-")}
        directions = words(message, "direction")
        received = words(message, "received-from", lower=False)
        return cls(
            frozenset(flags),
            frozenset(replace),
            frozenset(mux),
            message.text("ICE").lower(),
            (directions[0], directions[1]) if len(directions) > 1 else ("", ""),
            received[1] if len(received) > 1 else "",
        )


def words(message: Message, key: str, *, lower: bool = True) -> list[str]:
    """A list of words, or one text with blanks between them; blanks inside a word become hyphens."""
    value: Value | None = message.body.get(key)
    if isinstance(value, bytes):
        found = value.decode(errors="replace").split()[:MOST_WORDS]
    elif isinstance(value, list):
        texts = [each.decode(errors="replace") for each in value[:MOST_WORDS] if isinstance(each, bytes)]
        found = ["-".join(each.split()) for each in texts]
    else:
        found = []
    return [each.lower() for each in found] if lower and key != "direction" else found


def number(message: Message, key: str, default: int) -> int:
    """An integer, also where it is written as text; ``default`` where there is none."""
    value = message.body.get(key)
    if isinstance(value, bytes) and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) else default


def name(message: Message, key: str) -> str:
    """A call's name or a tag; empty where there is none, or one that is too long."""
    text = message.text(key)
    return text if len(text) <= LONGEST_NAME else ""
