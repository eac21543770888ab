"""A router's SIP application layer gateway, as bad as they are (TO09): bytes in, bytes out.

Lives here: which datagrams it meddles with, and what becomes of them.
Never here: sockets, flows; ringthru.sip, whose errors must not hide behind our own.

Going out, the inside address becomes the external one in Via, Contact and SDP, and then it is wrong anyway:
the Content-Length stays as it was, the media port is not mapped, ``rport`` is taken away. Coming in, the
topmost line and Via are turned back, and nothing else is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint

SIP_PORT: Final = 5060  # it looks at no other
START: Final = re.compile(rb"\A(?:SIP/2\.0 \d{3} [^\r\n]*|[A-Z]{1,20} \S+ SIP/2\.0)\r?\n")
HEADER: Final = re.compile(rb"(?im)^(via|v|contact|m)[ \t]*:[^\r\n]*")
VIA: Final = re.compile(rb"(?im)^(via|v)[ \t]*:[^\r\n]*")
SDP: Final = re.compile(rb"(?m)^[oc]=[^\r\n]*")
RPORT: Final = re.compile(rb"(?i);rport(?=[;,\s]|\Z)")
END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")


class SipAlg:
    """Meddles while ``switched_on`` says so; whatever is no SIP passes as it is."""

    def __init__(self, switched_on: Callable[[], bool]) -> None:
        self._switched_on = switched_on

    def outward(self, data: bytes, internal: Endpoint, external: Endpoint, peer: Endpoint) -> bytes:
        """What leaves the gateway for ``peer``."""
        if not self._meddles(data, internal, external, peer):
            return data
        head, body = _halves(data)
        head = HEADER.sub(lambda line: RPORT.sub(b"", _renamed(line[0], internal, external)), head)
        return head + SDP.sub(lambda line: _renamed(line[0], internal, external), body)

    def inward(self, data: bytes, internal: Endpoint, external: Endpoint, peer: Endpoint) -> bytes:
        """What ``peer`` sent, on its way inside."""
        if not self._meddles(data, internal, external, peer):
            return data
        head, body = _halves(data)
        first, end, rest = head.partition(b"\n")
        rest = VIA.sub(lambda line: _renamed(line[0], external, internal), rest)
        return _renamed(first, external, internal) + end + rest + body

    def _meddles(self, data: bytes, *flow: Endpoint) -> bool:
        on_the_port = any(each.port == SIP_PORT for each in flow)
        return on_the_port and self._switched_on() and START.match(data) is not None


def _halves(data: bytes) -> tuple[bytes, bytes]:
    """Head, empty line included, and body."""
    end = END_OF_HEAD.search(data)
    cut = len(data) if end is None else end.end()
    return data[:cut], data[cut:]


def _renamed(line: bytes, old: Endpoint, new: Endpoint) -> bytes:
    """A line with one host for another; the port goes along where it is the old one's."""

    def rename(found: re.Match[bytes]) -> bytes:
        port = found[1] or b""
        return new.host.encode() + (b":%d" % new.port if port == b":%d" % old.port else port)

    return re.sub(rb"(?<![\w.])" + re.escape(old.host.encode()) + rb"(:\d{1,5})?(?![\w.])", rename, line)
