"""SRTP of one leg (RFC 3711): what leaves is protected, and what comes is proven before it is believed.

Lives here: which key is in force in which direction, and what a packet without proof counts for.
Never here: ciphers (``libsrtp``), how keys are agreed on (``securing``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from ...net.values import frozen
from ..description.sdes import SUITES, SrtpKeys

MOST_SOURCES: Final = 16  # SSRCs of one key; each has a state of its own in the library
SHORTEST: Final = (16, 22)  # octets of an SRTP packet, and of an SRTCP one


class Opened(Protocol):
    """What became of a packet; ``data`` is None where it cannot be used."""

    @property
    def data(self) -> bytes | None: ...

    @property
    def forged(self) -> bool: ...


class Session(Protocol):
    """The state of one key in one direction."""

    def protect(self, datagram: bytes, *, rtcp: bool) -> bytes | None: ...

    def unprotect(self, datagram: bytes, *, rtcp: bool) -> Opened: ...

    def close(self) -> None: ...


Maker = Callable[[str, bytes, bool], Session]  # of a suite and a key; True: for what comes in


@frozen
class Hearing:
    """A key of the peer's. Its number (MKI) has ``mki`` octets, before the ``tails`` of RTP and RTCP."""

    session: Session
    mki: int
    tails: tuple[int, int]

    def unprotect(self, datagram: bytes, rtcp: bool) -> Opened:
        if self.mki:
            end = len(datagram) - self.tails[rtcp]
            datagram = datagram[: max(end - self.mki, 0)] + datagram[end:]
        return self.session.unprotect(datagram, rtcp=rtcp)


class Sessions:
    """The keys in force. One that an agreement repeats goes on with all its state (RFC 4568 §7.1.4)."""

    def __init__(self, make: Maker) -> None:
        self.sending: Session | None = None
        self.hearing: Hearing | None = None
        self.before: Hearing | None = None  # for what was on its way when the peer took another key
        self._make = make
        self._keys: SrtpKeys | None = None

    def agree(self, keys: SrtpKeys | None) -> list[Session]:
        """Take other keys, or None; those returned are no longer used, and to be closed."""
        was, self._keys = self._keys, keys
        in_use = self.all()
        if keys is None:
            self.sending = self.hearing = self.before = None
        else:
            if was is None or (was.suite, was.ours) != (keys.suite, keys.ours):
                self.sending = self._make(keys.suite, keys.ours, False)
            if was is None or (was.suite, was.theirs, was.mki) != (keys.suite, keys.theirs, keys.mki):
                self.before = self.hearing
                session = self._make(keys.suite, keys.theirs, True)
                self.hearing = Hearing(session, keys.mki, SUITES[keys.suite].tails)
        kept = self.all()
        return [each for each in in_use if each not in kept]

    def forget_before(self) -> list[Session]:
        """The peer's new key is heard: its last one is no longer used, and to be closed."""
        before, self.before = self.before, None
        return [before.session] if before is not None else []

    def all(self) -> list[Session]:
        """Those in force."""
        heard = [each.session for each in (self.hearing, self.before) if each is not None]
        return heard if self.sending is None else [self.sending, *heard]


class Protection:
    """One leg's, in Python."""

    def __init__(self, make: Maker) -> None:
        self.forged = 0  # packets of somebody without the key
        self._sessions = Sessions(make)
        self._sources: set[bytes] = set()

    def agree(self, keys: SrtpKeys | None) -> None:
        """Take what an offer and its answer agreed on."""
        hearing = self._sessions.hearing
        self._close(self._sessions.agree(keys))
        if self._sessions.hearing is not hearing:
            self._sources.clear()

    def protect(self, datagram: bytes, *, rtcp: bool = False) -> bytes | None:
        """What to send for a packet; None: nothing, for one of its number went out before."""
        sending = self._sessions.sending
        return datagram if sending is None else sending.protect(datagram, rtcp=rtcp)

    def open(self, datagram: bytes, *, rtcp: bool = False) -> bytes | None:
        """The packet in what came; None: it is of nobody who has the key, or came before."""
        if self._sessions.hearing is None:
            return datagram
        source = datagram[4:8] if rtcp else datagram[8:12]
        known = source in self._sources
        if len(datagram) < SHORTEST[rtcp] or (not known and len(self._sources) >= MOST_SOURCES):
            return None
        data = self._proven(self._sessions.hearing, datagram, rtcp)
        if data is not None and not known:
            self._sources.add(source)
        return data

    def _proven(self, hearing: Hearing, datagram: bytes, rtcp: bool) -> bytes | None:
        found, before = hearing.unprotect(datagram, rtcp), self._sessions.before
        if found.data is not None:
            self._close(self._sessions.forget_before())
        elif found.forged and before is not None:
            found = before.unprotect(datagram, rtcp)
        self.forged += found.forged
        return found.data

    @staticmethod
    def _close(sessions: list[Session]) -> None:
        for each in sessions:
            each.close()
