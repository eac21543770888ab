"""A SIP ALG that renames one key of a dialog after its INVITE, the fault behind many an "ACK timeout".

Lives here: bytes in, bytes out, for one flow of one phone. Never here: sockets (`lab/alg_relay.py`).

It does what `SipAlg` does, with a Content-Length that fits, and one thing more, as routers have been seen to:
it touches a key that RFC 3261 §12 tells the two ends to compare. Requests of a standing dialog go out with
that key renamed, the INVITE that began it does not; what comes in is turned back. The phone sees nothing of
it, and the other side gets an ACK that belongs to no INVITE.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Final

from ...net.address import Endpoint
from .sip_alg import END_OF_HEAD, START, SipAlg

MARK: Final = b"-alg"  # what a renamed tag or Call-ID ends with
CSEQ_AHEAD: Final = 1_000_000  # beyond what phones begin with, so that a number tells whether it was moved
REQUEST: Final = re.compile(rb"\A([A-Z]{1,20}) (\S+) SIP/2\.0\r?\n")
LENGTH: Final = re.compile(rb"(?im)^(?:Content-Length|l)[ \t]*:[^\r\n]*")
TO_TAG: Final = re.compile(rb"(?im)^(?:To|t)[ \t]*:[^\r\n]*;[ \t]*tag=")


class Renames(Enum):
    """The key that is renamed."""

    NOTHING = "nothing"
    CALL_ID = "call-id"
    FROM_TAG = "from-tag"
    TO_TAG = "to-tag"
    CSEQ = "cseq"
    REQUEST_URI = "request-uri"  # of the ACK: it names the ALG's own address


PLACES: Final = {  # where the key's value ends
    Renames.CALL_ID: re.compile(rb"(?im)^((?:Call-ID|i)[ \t]*:[ \t]*[^\r\n]*?)(-alg)?(?=[ \t]*\r?$)"),
    Renames.FROM_TAG: re.compile(rb"(?im)^((?:From|f)[ \t]*:[^\r\n]*;[ \t]*tag=[^;\s]*?)(-alg)?(?=[;\s])"),
    Renames.TO_TAG: re.compile(rb"(?im)^((?:To|t)[ \t]*:[^\r\n]*;[ \t]*tag=[^;\s]*?)(-alg)?(?=[;\s])"),
}
CSEQ_NUMBER: Final = re.compile(rb"(?im)^(CSeq[ \t]*:[ \t]*)(\d{1,9})(?=[ \t])")


class RenamingAlg:
    """One phone's way out: ``internal`` is the phone, ``external`` what the world sees of it."""

    def __init__(self, renames: Renames, internal: Endpoint, external: Endpoint) -> None:
        self._renames = renames
        self._flow = (internal, external)
        self._common = SipAlg(lambda: True)

    def outward(self, data: bytes, peer: Endpoint) -> bytes:
        """What leaves for ``peer``, which listens on port 5060."""
        data = _fitted(self._common.outward(data, *self._flow, peer))
        request = REQUEST.match(data)
        if request is None or not TO_TAG.search(_head(data)):
            return data  # an answer, or a request that begins something
        return self._renamed(data, request)

    def inward(self, data: bytes, peer: Endpoint) -> bytes:
        """What ``peer`` sent."""
        data = self._common.inward(data, *self._flow, peer)
        if START.match(data) is None:
            return data
        if (place := PLACES.get(self._renames)) is not None:
            return _in_head(data, lambda head: place.sub(rb"\1", head, count=1))
        if self._renames is Renames.CSEQ:
            return _in_head(data, lambda head: CSEQ_NUMBER.sub(lambda found: _counted(found, -1), head))
        return data

    def _renamed(self, data: bytes, request: re.Match[bytes]) -> bytes:
        if (place := PLACES.get(self._renames)) is not None:
            return _in_head(data, lambda head: place.sub(rb"\1" + MARK, head, count=1))
        if self._renames is Renames.CSEQ:
            return _in_head(data, lambda head: CSEQ_NUMBER.sub(lambda found: _counted(found, 1), head))
        if self._renames is Renames.REQUEST_URI and request[1] == b"ACK":
            return data.replace(request[2], b"sip:%b" % str(self._flow[1]).encode(), 1)
        return data


def _counted(found: re.Match[bytes], sign: int) -> bytes:
    """A CSeq moved ahead, or back where it is one that we moved."""
    number = int(found[2]) + sign * CSEQ_AHEAD
    return found[1] + (b"%d" % number if number > 0 else found[2])


def _head(data: bytes) -> bytes:
    end = END_OF_HEAD.search(data)
    return data if end is None else data[: end.end()]


def _in_head(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    head = _head(data)
    return change(head) + data[len(head) :]


def _fitted(data: bytes) -> bytes:
    """The Content-Length as the body now is."""
    length = len(data) - len(_head(data))
    return _in_head(data, lambda head: LENGTH.sub(b"Content-Length: %d" % length, head))
