"""ng messages: a cookie, a blank, a bencoded dictionary (rtpengine's ng control protocol).

Lives here: the datagrams, the commands that we send, and what can be read out of an answer.
Never here: repeating, timeouts (``client``), or which node is asked (``nodes``).
"""

from __future__ import annotations

from typing import Final, Self

from ...net.values import frozen
from ..errors import MalformedPacket
from .bencode import Value, Writable, decode, encode

MAX_COOKIE: Final = 64  # bytes
LOAD_LIMIT: Final = "load limit"  # the result of a node that takes no more calls
SESSION_LIMIT: Final = "Parallel session limit reached"  # the same as an error, of older ones
Command = dict[str, Writable]


@frozen
class Message:
    """One datagram, either way; an answer has its request's cookie."""

    cookie: str
    body: dict[str, Value]

    @classmethod
    def decode(cls, datagram: bytes) -> Self:
        """Read a datagram.

        Raises:
            MalformedPacket: no cookie of up to 64 printable ASCII characters, or no dictionary.
        """
        cookie, blank, _ = datagram[: MAX_COOKIE + 1].partition(b" ")
        if not blank or not cookie or not cookie.isascii() or not cookie.decode("latin-1").isprintable():
            raise MalformedPacket("an ng message without a cookie")
        body = decode(datagram[len(cookie) + 1 :])
        if not isinstance(body, dict):
            raise MalformedPacket("an ng message that is no dictionary")
        return cls(cookie.decode(), body)

    def text(self, key: str) -> str:
        """A string; empty without it, and where it is none or no UTF-8."""
        value = self.body.get(key)
        return value.decode(errors="replace") if isinstance(value, bytes) else ""

    def octets(self, key: str) -> bytes:
        """A string as it came; empty without it."""
        value = self.body.get(key)
        return value if isinstance(value, bytes) else b""

    @property
    def succeeded(self) -> bool:
        """Whether the node did what it was told."""
        return self.text("result") in ("ok", "pong")

    @property
    def full(self) -> bool:
        """Whether the node takes no more calls (its ``max-sessions``, or its load)."""
        return self.text("result") == LOAD_LIMIT or self.text("error-reason") == SESSION_LIMIT

    @property
    def reason(self) -> str:
        """Why it did not."""
        return self.text("error-reason") or self.text("message") or self.text("result") or "no result"


def encode_message(cookie: str, body: Command) -> bytes:
    return cookie.encode() + b" " + encode(body)


@frozen
class Dialogue:
    """The two sides of a call at a node: its name there, and a tag for each side."""

    call_id: str
    from_tag: str
    to_tag: str

    def swapped(self) -> Dialogue:
        """Seen from the other side."""
        return Dialogue(self.call_id, self.to_tag, self.from_tag)

    def offer(self, sdp: bytes, **more: Writable) -> Command:
        """The from side's description; the answer has the one for the to side."""
        return self._command("offer", sdp=sdp, **{"to-tag": self.to_tag}, **more)

    def answer(self, sdp: bytes, **more: Writable) -> Command:
        """The to side's description; the answer has the one for the from side."""
        return self._command("answer", sdp=sdp, **{"to-tag": self.to_tag}, **more)

    def delete(self) -> Command:
        """End the call, without waiting for late packets."""
        return self._command("delete", **{"delete-delay": 0})

    def query(self) -> Command:
        return {"command": "query", "call-id": self.call_id}

    def play_media(self, wave: bytes, times: int = 1) -> Command:
        """Say a WAV file to the from side."""
        return self._command("play media", blob=wave, **{"repeat-times": times})

    def stop_media(self) -> Command:
        return self._command("stop media")

    def record(self, on: bool) -> Command:
        """Record the call to the node's ``recording-dir``, or stop."""
        return {"command": "start recording" if on else "stop recording", "call-id": self.call_id}

    def play_dtmf(self, key: str, milliseconds: int) -> Command:
        """Press a key for the from side; only nodes that transcode this call can."""
        return self._command("play DTMF", code=key, duration=milliseconds)

    def block(self, what: str, on: bool) -> Command:
        """Keep the from side's ``media`` or ``DTMF`` from the other side, or do so no more."""
        return self._command(f"{'block' if on else 'unblock'} {what}")

    def _command(self, name: str, **more: Writable) -> Command:
        return {"command": name, "call-id": self.call_id, "from-tag": self.from_tag, **more}


def ping() -> Command:
    return {"command": "ping"}


def list_calls(limit: int = 32) -> Command:
    """Names of calls that the node has."""
    return {"command": "list", "limit": limit}
