"""The server's side of digest authentication (RFC 7616 §3.3, §3.4; RFC 8760 §2.2).

Lives here: nonces, what is remembered of them, the verdict on an answer.
Never here: where passwords are kept, who may do what, or what becomes of somebody who guesses.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from hashlib import blake2s
from typing import Final

from ..wire.authentication import Challenge, Credentials
from ..wire.digest import answer

# What a server of ours offers, preferred first (RFC 8760 §2.2).
OFFERED: Final = ("SHA-256", "MD5")
NONCE_LIFETIME: Final = 60.0  # seconds until a nonce is stale
MAX_NONCES: Final = 20_000  # whose counts are remembered
MAX_NONCE_TEXT: Final = 128  # characters
HEX: Final = frozenset("0123456789abcdefABCDEF")

SecretOf = Callable[[str, str, str], str | None]


class Verdict(Enum):
    """What a server thinks of credentials."""

    ACCEPTED = "accepted"
    STALE = "stale nonce"  # right password, old or used nonce: challenge again with stale=true
    UNKNOWN_NONCE = "unknown nonce"  # of an earlier run, or invented: as STALE, whatever the password
    WRONG_PASSWORD = "wrong password"
    UNKNOWN_USER = "unknown user"
    MALFORMED = "malformed"


class Authority:
    """A server's side: makes nonces, judges answers.

    A nonce is ``milliseconds.serial.origin.stamp``, stamped with the secret over the realm, so nothing is
    remembered of challenges; ``origin`` tells again whom it was sent to. Of *used* nonces the highest count
    is remembered, bounded; a nonce older than the oldest forgotten one is stale.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        lifetime: float = NONCE_LIFETIME,
        max_nonces: int = MAX_NONCES,
        algorithms: Sequence[str] = OFFERED,
    ) -> None:
        """``secret`` is 16 to 32 random bytes; ``lifetime`` of a nonce in seconds."""
        self._secret = secret
        self._lifetime = lifetime
        self._max_nonces = max_nonces
        self._algorithms = tuple(algorithms)
        self._serial = 0
        self._forgotten = 0  # the highest serial whose count is no longer remembered
        self._counts: OrderedDict[int, int] = OrderedDict()

    def challenge(
        self, realm: str, now: float, stale: bool = False, algorithm: str = "MD5", source: str = ""
    ) -> str:
        """One WWW-Authenticate or Proxy-Authenticate value; ``source`` is the address it goes to."""
        return str(Challenge(realm, self._nonce(realm, now, source), algorithm, ("auth",), None, stale))

    def challenges(
        self,
        realm: str,
        now: float,
        stale: bool = False,
        algorithms: Iterable[str] | None = None,
        source: str = "",
    ) -> list[str]:
        """One value per algorithm, preferred first, each for a header of its own (RFC 8760 §2.2).

        They share one nonce: it will be used with one of them only.
        """
        nonce = self._nonce(realm, now, source)
        offered = self._algorithms if algorithms is None else algorithms
        return [str(Challenge(realm, nonce, each, ("auth",), None, stale)) for each in offered]

    def verify(
        self, credentials: Credentials, method: str, ha1_of: SecretOf, body: bytes, now: float
    ) -> Verdict:
        """Judge an answer. ``ha1_of(user, realm, algorithm)`` is HA1, None for an unknown user."""
        algorithm = (credentials.algorithm or "MD5").upper()
        if algorithm not in self._algorithms or not _well_formed(credentials):
            return Verdict.MALFORMED
        issued = self._read_nonce(credentials.nonce, credentials.realm)
        if issued is None:
            return Verdict.UNKNOWN_NONCE
        secret = ha1_of(credentials.username, credentials.realm, algorithm)
        expected = answer(
            algorithm,
            # An unknown user costs as much time as a known one.
            secret if secret is not None else "",
            credentials.nonce,
            credentials.qop,
            credentials.nonce_count or "",
            credentials.cnonce or "",
            (method, credentials.uri, body),
        )
        matches = hmac.compare_digest(expected.encode(), credentials.response.lower().encode())
        if secret is None:
            return Verdict.UNKNOWN_USER
        if not matches:
            return Verdict.WRONG_PASSWORD
        return self._judge_nonce(issued, credentials, now)

    def was_issued_to(self, nonce: str, source: str) -> bool:
        """Whether a nonce of ours was sent to that address: only who hears what is sent there knows it.

        So a wrong answer to it is evidence against the address, and no forged datagram can give any.
        """
        body, _, _ = nonce.rpartition(".")
        stem, _, origin = body.rpartition(".")
        return hmac.compare_digest(self._origin(stem, source).encode(), origin.encode())

    def _judge_nonce(self, issued: tuple[float, int], credentials: Credentials, now: float) -> Verdict:
        issued_at, serial = issued
        if now - issued_at > self._lifetime:
            return Verdict.STALE
        # Without qop nothing counts, so such a nonce serves once: its answer covers no Request-URI of ours,
        # and whoever overheard it could call anybody with it.
        count = 1 if credentials.nonce_count is None else int(credentials.nonce_count, 16)
        if serial in self._counts:
            if count <= self._counts[serial]:
                return Verdict.STALE
        elif serial <= self._forgotten or count < 1:
            return Verdict.STALE
        self._remember(serial, count)
        return Verdict.ACCEPTED

    def _remember(self, serial: int, count: int) -> None:
        self._counts[serial] = count
        if len(self._counts) > self._max_nonces:
            forgotten, _ = self._counts.popitem(last=False)
            self._forgotten = max(self._forgotten, forgotten)

    def _nonce(self, realm: str, now: float, source: str) -> str:
        self._serial += 1
        stem = f"{int(now * 1000):x}.{self._serial:x}"
        body = f"{stem}.{self._origin(stem, source)}"
        return f"{body}.{self._stamp(body, realm)}"

    def _origin(self, stem: str, source: str) -> str:
        return self._mac(f"{stem} to {source}")[:16]

    def _stamp(self, body: str, realm: str) -> str:
        return self._mac(f"{body}.{realm}")

    def _mac(self, text: str) -> str:
        """128 bits of keyed BLAKE2 (RFC 7693 §2.9): a MAC by design, at a tenth of what HMAC costs here."""
        return blake2s(text.encode(), key=self._secret, digest_size=16).hexdigest()

    def _read_nonce(self, nonce: str, realm: str) -> tuple[float, int] | None:
        """When it was issued and its serial; None when it is not ours."""
        if len(nonce) > MAX_NONCE_TEXT:
            return None
        body, _, stamp = nonce.rpartition(".")
        if not hmac.compare_digest(self._stamp(body, realm).encode(), stamp.encode()):
            return None
        milliseconds, serial, _ = body.split(".")
        return int(milliseconds, 16) / 1000, int(serial, 16)


def _well_formed(credentials: Credentials) -> bool:
    """Whether qop, cnonce and nc go together (RFC 7616 §3.4)."""
    if credentials.qop is None:
        return credentials.nonce_count is None
    count = credentials.nonce_count or ""
    counted = len(count) == 8 and HEX.issuperset(count)
    return credentials.qop == "auth" and counted and credentials.cnonce is not None
