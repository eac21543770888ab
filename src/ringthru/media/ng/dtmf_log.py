"""Keys as rtpengine tells them by UDP (its ``--dtmf-log-dest``): one JSON object for each.

Lives here: the bytes and the value. Never here: whose key it is, or whether the sender is a node of ours.
"""

from __future__ import annotations

import json
from typing import Final, Self

from ...net.values import frozen
from ..errors import MalformedPacket
from ..rtp.telephone_event import KEYS

MAX_SIZE: Final = 4096  # bytes; a real one has some 250
LONGEST: Final = 60_000  # milliseconds that a key may be held


@frozen
class LoggedKey:
    """A key that ended; ``milliseconds`` is how long it was held."""

    call_id: str
    tag: str  # of who pressed it
    key: str
    milliseconds: int

    def encode(self, timestamp: int, source: str) -> bytes:
        """The datagram; ``timestamp`` is seconds since 1970, ``source`` the address of who pressed it."""
        fields = {
            "callid": self.call_id,
            "source_tag": self.tag,
            "tags": [],
            "type": "DTMF",
            "timestamp": timestamp,
            "source_ip": source,
            "event": KEYS.index(self.key),
            "duration": self.milliseconds,
            "volume": 10,  # dBm0 below 0, what phones send; it is not measured
        }
        return json.dumps(fields).encode()

    @classmethod
    def decode(cls, datagram: bytes) -> Self:
        """Read a datagram.

        Raises:
            MalformedPacket: beyond 4 KiB, no JSON object, or no key of the sixteen in it.
        """
        if len(datagram) > MAX_SIZE:
            raise MalformedPacket(f"a DTMF log line of {len(datagram)} bytes")
        try:
            fields = json.loads(datagram)
        except (ValueError, RecursionError) as error:
            raise MalformedPacket("a DTMF log line that is no JSON") from error
        if not isinstance(fields, dict):
            raise MalformedPacket("a DTMF log line that is no object")
        call_id, tag, event, duration = (
            fields.get(name) for name in ("callid", "source_tag", "event", "duration")
        )
        if not isinstance(call_id, str) or not isinstance(tag, str):
            raise MalformedPacket("a DTMF log line without a call and a tag")
        if type(event) is not int or not 0 <= event < len(KEYS):
            raise MalformedPacket(f"the DTMF event {str(event)[:20]!r}")
        if type(duration) is not int or not 0 <= duration <= LONGEST:
            raise MalformedPacket(f"a key held for {str(duration)[:20]!r} ms")
        return cls(call_id, tag, KEYS[event], duration)
