"""A bare SIP socket in a namespace: it says exactly what a test wants said, right or wrong."""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from ringthru.lab.namespaces.laboratory import Laboratory

SOUND = "m=audio 30000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
RETRANSMISSIONS = (0.5, 1, 2, 4, 4, 4, 4, 4, 4)  # seconds from one copy to the next
G729_ONLY = "m=audio 30000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n"


class Wire:
    """One UDP socket towards one SIP endpoint."""

    def __init__(self, opened: socket.socket, target: tuple[str, int]) -> None:
        self.target = target
        self.host, self.port = opened.getsockname()
        self._socket = opened
        self._tag, self.call_id = secrets.token_hex(4), secrets.token_hex(8)
        self._sequence = 0
        self._last = b""  # the request whose answer is awaited
        self.display_name = ""  # in From, as it stands there

    def send(self, octets: bytes) -> None:
        self._socket.sendto(octets, self.target)

    def request(
        self, method: str, user: str, body: str = "", headers: str = "", to_tag: str = "", branch: str = ""
    ) -> str:
        """Send a request for ``user`` at the target; its branch (an ACK to a failure repeats it)."""
        self._sequence += method != "ACK"
        branch = branch or "z9hG4bK" + secrets.token_hex(6)
        address = f"{self.target[0]}:{self.target[1]}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        tag = f";tag={to_tag}" if to_tag else ""
        aor = user if method == "REGISTER" else "wire"
        text = (
            f"{method} sip:{'' if method == 'REGISTER' else user + '@'}{address} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch={branch};rport\r\n"
            f"From: {self.display_name}<sip:{aor}@{self.target[0]}>;tag={self._tag}\r\n"
            f"To: <sip:{user}@{self.target[0]}>{tag}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {self._sequence} {method}\r\n"
            f"Contact: <sip:{aor}@{self.host}:{self.port}>\r\nMax-Forwards: 70\r\n"
            f"{kind}{headers}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.send(text.encode())
        if method != "ACK":
            self._last = text.encode()
        return branch

    def invite(self, user: str, media: str) -> str:
        """Offer ``media`` (nothing: no SDP at all); the final response, acknowledged and ended."""
        answer, tag = self.call(user, media)
        if status(answer) < 300:
            self.request("BYE", user, to_tag=tag)
        return answer

    def call(self, user: str, media: str) -> tuple[str, str]:
        """The same and not ended; with the tag of the other side."""
        here = f"IN IP4 {self.host}"
        sdp = f"v=0\r\no=wire 1 1 {here}\r\ns=-\r\nc={here}\r\nt=0 0\r\n{media}" if media else ""
        branch = self.request("INVITE", user, sdp)
        answer = self.final()
        tag = re.search(r"^To:.*;tag=([^;\r\n]+)", answer, re.M | re.I)
        assert tag, answer
        self.request("ACK", user, to_tag=tag[1], branch="" if status(answer) < 300 else branch)
        return answer, tag[1]

    def register(self, user: str, password: str, name: str = "") -> str:
        """REGISTER, answer the challenge with ``password`` (RFC 2617, MD5), and return the second verdict.

        ``name`` is the one of the answer, where that is not ``user``.
        """
        name = name or user
        self.request("REGISTER", user)
        challenge = self.final()
        assert status(challenge) == 401, challenge
        header = next(
            line
            for line in challenge.split("\r\n")
            if line.lower().startswith("www-authenticate") and "sha-256" not in line.lower()
        )
        given = dict(re.findall(r'(\w+)="([^"]*)"', header))
        uri = f"sip:{self.target[0]}:{self.target[1]}"
        ha1, ha2 = _md5(f"{name}:{given['realm']}:{password}"), _md5(f"REGISTER:{uri}")
        response = _md5(f"{ha1}:{given['nonce']}:00000001:c0ffee:auth:{ha2}")
        self.request(
            "REGISTER",
            user,
            headers=f'Authorization: Digest username="{name}", realm="{given["realm"]}", '
            f'nonce="{given["nonce"]}", uri="{uri}", response="{response}", algorithm=MD5, '
            f'qop=auth, nc=00000001, cnonce="c0ffee"\r\n',
        )
        return self.final()

    def final(self) -> str:
        """The final response to the last request, repeated as RFC 3261 §17.1 has it: datagrams get lost."""
        for wait in RETRANSMISSIONS:
            self._socket.settimeout(wait)
            try:
                while True:
                    text = self._socket.recv(65535).decode()
                    number = re.search(r"^CSeq:\s*(\d+)", text, re.M | re.I)
                    if status(text) >= 200 and number and int(number[1]) == self._sequence:
                        return text
            except TimeoutError:
                self.send(self._last)
        raise TimeoutError(f"no final response to {self._last[:60]!r}")


@contextmanager
def wire(laboratory: Laboratory, role: str, address: str, target: tuple[str, int]) -> Iterator[Wire]:
    with laboratory.udp_socket(role, address, timeout=30) as opened:
        yield Wire(opened, target)


def status(response: str) -> int:
    return int(response.split(" ", 2)[1])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
