"""Messages between the switch and the process that moves its packets: plain values by ``marshal``.

Both ends are the same program of the same user, and one of them is the other's parent: nothing is read here
that came from a network.

Lives here: values to octets and back. Never here: sockets, what a message makes happen.
"""

from __future__ import annotations

import marshal
from typing import Any, Final

from ringthru.net.address import Endpoint

from ..description.codecs import Codec
from ..description.offer_answer import Negotiated
from ..description.sdes import SrtpKeys
from ..events import FirstPacket, Forged, Hungry, Said, Timeout, Unexpected
from ..rtp.frames import Frame
from ..rtp.ice import Ice
from ..rtp.latch import Confirmed, Latched
from ..rtp.report import LegReport
from ..rtp.telephone_event import KeyHeard

LARGEST: Final = 64 << 10  # octets of one message; sounds travel in memory files
VALUES: Final = {
    kind.__name__: kind
    for kind in (
        Codec,
        Confirmed,
        Endpoint,
        FirstPacket,
        Forged,
        Frame,
        Hungry,
        Ice,
        KeyHeard,
        Latched,
        LegReport,
        Negotiated,
        Said,
        SrtpKeys,
        Timeout,
        Unexpected,
    )
}


def encode(*words: Any) -> bytes:
    """One message."""
    return marshal.dumps([_plain(each) for each in words])


def decode(data: bytes) -> list[Any]:
    """The words of a message."""
    return [_value(each) for each in marshal.loads(data)]


def _plain(value: Any) -> Any:
    """A value of ours as a pair of its name and fields, for only plain ones travel."""
    kind = type(value)
    if kind is list:
        return [_plain(each) for each in value]
    if kind.__name__ not in VALUES:
        return value
    fields = value if kind is Endpoint else [getattr(value, name) for name in kind.__match_args__]
    return (kind.__name__, [_plain(each) for each in fields])


def _value(plain: Any) -> Any:
    if type(plain) is list:
        return [_value(each) for each in plain]
    if type(plain) is not tuple:
        return plain
    name, fields = plain
    return VALUES[name](*[_value(each) for each in fields])
