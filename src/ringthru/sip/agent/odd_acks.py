"""ACKs that fit no call, though one was surely meant (RFC 3261 §13.2.2.4).

A SIP ALG that rewrites one of the four keys of a dialog on the way makes an ACK that "is received and yet
never seen", and a call that ends after 32 s. Here such an ACK is recognised by the keys that are left.

Lives here: which calls await an ACK, and which of them an odd one is nearest to.
Never here: what is told to people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...net.values import frozen
from ..wire.message import Request

if TYPE_CHECKING:
    from .call import Call

MAX_COMPARED: Final = 64  # calls of one source that an odd ACK is held against


@frozen
class Difference:
    """The one key that differs: its header in words, what we have, what the ACK has."""

    key: str
    ours: str
    theirs: str


class Awaiting:
    """The calls whose 2xx is not acknowledged yet, by the address that their INVITE came from."""

    def __init__(self) -> None:
        self._by_source: dict[str, dict[Call, None]] = {}

    def add(self, call: Call, source: str) -> None:
        self._by_source.setdefault(source, {})[call] = None

    def discard(self, call: Call, source: str) -> None:
        calls = self._by_source.get(source)
        if calls is not None:
            calls.pop(call, None)
            if not calls:
                del self._by_source[source]

    def from_source(self, source: str) -> list[Call]:
        """At most ``MAX_COMPARED`` of them, the latest."""
        return list(self._by_source.get(source, ()))[-MAX_COMPARED:]

    def nearest(self, ack: Request, source: str) -> tuple[Call, Difference] | None:
        """The call of this source that differs from the ACK in one key alone."""
        for call in reversed(self.from_source(source)):
            found = differences(call, ack)
            if len(found) == 1:
                return call, found[0]
        return None


def differences(call: Call, ack: Request) -> list[Difference]:
    """In which of the four keys of a 2xx's ACK this one differs from a call that awaits it."""
    remote = call.dialog.remote_tag if call.dialog is not None else ""
    numbers = call.unacknowledged
    pairs = [
        ("Call-ID", call.call_id, ack.call_id),
        ("From tag", remote, ack.from_.tag or ""),
        ("To tag", call.request_tag, ack.to.tag or ""),
    ]
    found = [Difference(*pair) for pair in pairs if pair[1] != pair[2]]
    if ack.cseq.number not in numbers:
        found.append(Difference("CSeq", str(max(numbers, default=0)), str(ack.cseq.number)))
    return found
