"""SIP written by hand: what a well-behaved user agent would not send."""

from __future__ import annotations

import re

from ringthru.net.address import Endpoint

from .phones import Phone
from .waiting import eventually

CRLF = "\r\n"


class HandWritten:
    """A caller whose messages are written line by line; for one call."""

    def __init__(self, phone: Phone, number: str, at: Endpoint) -> None:
        self.phone = phone
        self.at = at
        self._number = number
        self._call_id = f"by-hand-{id(self):x}"
        self._to = f"<sip:{number}@{at}>"
        self._branch = 0

    def write(
        self, method: str, cseq: int, body: bytes = b"", *extra: str, same_branch: bool = False
    ) -> bytes:
        here = self.phone.address
        self._branch += 0 if same_branch else 1
        rows = [
            f"{method} sip:{self._number}@{self.at} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};rport;branch=z9hG4bK{self._call_id}{self._branch}",
            "Max-Forwards: 70",
            f"From: <sip:{self.phone.user}@{self.at.host}>;tag=hand",
            f"To: {self._to}",
            f"Call-ID: {self._call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:{self.phone.user}@{here}>",
            *extra,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return (CRLF.join(rows) + CRLF * 2).encode() + body

    def send(self, method: str, cseq: int, body: bytes = b"", *extra: str) -> None:
        self.phone.send(self.write(method, cseq, body, *extra), self.at)

    async def final(self, cseq: int, method: str = "INVITE") -> bytes:
        """The final response to a request of ours; its To tag is kept."""
        pattern = re.compile(
            rb"SIP/2\.0 [2-6]\d\d .*?\r\nCSeq: %d %s\r\n" % (cseq, method.encode()), re.DOTALL
        )

        def found() -> bytes | None:
            return next((each for each in self.phone.heard if pattern.match(each)), None)

        response = await eventually(found, f"no final response to {cseq} {method}")
        row = re.search(rb"\r\nTo: (.*?)\r\n", response)
        assert row is not None
        self._to = row[1].decode()
        return response


def body_of(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[2]
