"""Digest authentication, both sides (RFC 3261 §22; RFC 7616; RFC 8760).

Lives here: the hashes, the server's nonces and its verdict, the client's answer.
Never here: where passwords are kept, or who may do what.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final

from .authentication import Challenge, Credentials
from .errors import LocalError, MalformedMessage

# The algorithms understood, weakest first (RFC 7616 §3.7: the client takes the strongest it knows).
HASHES: Final = {
    "MD5": "md5",
    "MD5-SESS": "md5",
    "SHA-256": "sha256",
    "SHA-256-SESS": "sha256",
    **(
        {"SHA-512-256": "sha512_256", "SHA-512-256-SESS": "sha512_256"}
        if "sha512_256" in hashlib.algorithms_available  # OpenSSL's; Python alone has none
        else {}
    ),
}
STRENGTH: Final = tuple(HASHES)
# What a server of ours offers, preferred first (RFC 8760 §2.2).
OFFERED: Final = ("SHA-256", "MD5")
NONCE_LIFETIME: Final = 60.0  # seconds until a nonce is stale
MAX_NONCES: Final = 20_000  # whose counts are remembered
MAX_NONCE_TEXT: Final = 128

SecretOf = Callable[[str, str, str], str | None]


class Verdict(Enum):
    """What a server thinks of credentials."""

    ACCEPTED = "accepted"
    STALE = "stale nonce"  # right password, old or used nonce: challenge again with stale=true
    WRONG_PASSWORD = "wrong password"
    UNKNOWN_USER = "unknown user"
    MALFORMED = "malformed"  # or a nonce that was never ours


def digest(algorithm: str, text: str) -> str:
    """``H(text)`` in lower-case hexadecimal.

    Raises:
        LocalError: an algorithm not in HASHES.
    """
    name = HASHES.get(algorithm.upper())
    if name is None:
        raise LocalError(f"digest algorithm {algorithm}")
    return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()


def ha1(username: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """``H(username:realm:password)``, what a directory may store instead of the password."""
    return digest(algorithm, f"{username}:{realm}:{password}")


def answer(
    algorithm: str, secret: str, nonce: str, qop: str | None, nc: str, cnonce: str, a2: tuple[str, str, bytes]
) -> str:
    """The ``response`` (RFC 7616 §3.4.1); ``secret`` is HA1 without any session part.

    ``a2`` is the method, the digest URI and the body (hashed for ``auth-int`` only).
    """
    method, uri, body = a2
    if algorithm.upper().endswith("-SESS"):
        secret = digest(algorithm, f"{secret}:{nonce}:{cnonce}")
    text = f"{method}:{uri}"
    if qop == "auth-int":
        name = HASHES[algorithm.upper()]
        text += ":" + hashlib.new(name, body, usedforsecurity=False).hexdigest()
    ha2 = digest(algorithm, text)
    if qop is None:
        return digest(algorithm, f"{secret}:{nonce}:{ha2}")
    return digest(algorithm, f"{secret}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")


# ---------------------------------------------------------------------- client


def strongest_of_each(values: Iterable[str]) -> list[Challenge]:
    """The challenges to answer, one of each realm: several proxies may each want to know (RFC 3261 §22.3)."""
    best: dict[str, Challenge] = {}
    for value in values:
        try:
            challenge = Challenge.parse(value)
        except MalformedMessage:
            continue  # another scheme, or nonsense beside a good one
        known = best.get(challenge.realm)
        if understood(challenge) and (known is None or _strength(challenge) > _strength(known)):
            best[challenge.realm] = challenge
    return list(best.values())


def understood(challenge: Challenge) -> bool:
    """Whether authorize() can answer it."""
    known_qop = not challenge.qop or "auth" in challenge.qop or "auth-int" in challenge.qop
    return challenge.algorithm.upper() in HASHES and known_qop


def _strength(challenge: Challenge) -> int:
    return STRENGTH.index(challenge.algorithm.upper())


def authorize(
    challenge: Challenge,
    username: str,
    password: str,
    method: str,
    uri: str,
    body: bytes = b"",
    *,
    cnonce: str,
    nc: int = 1,
) -> str:
    """The value of Authorization or Proxy-Authorization that answers a challenge.

    ``nc`` counts the requests sent with this nonce, from 1; ``cnonce`` is fresh randomness.

    Raises:
        LocalError: a challenge that is not understood (see strongest_of_each()).
    """
    if not understood(challenge):
        raise LocalError(f"cannot answer {challenge}")
    algorithm = challenge.algorithm
    qop = next((each for each in ("auth", "auth-int") if each in challenge.qop), None)
    count = f"{nc:08x}"
    secret = ha1(username, challenge.realm, password, algorithm)
    needs_cnonce = qop is not None or algorithm.upper().endswith("-SESS")
    return str(
        Credentials(
            username,
            challenge.realm,
            challenge.nonce,
            uri,
            answer(algorithm, secret, challenge.nonce, qop, count, cnonce, (method, uri, body)),
            algorithm,
            qop,
            cnonce if needs_cnonce else None,
            count if qop is not None else None,
            challenge.opaque,
        )
    )


# ---------------------------------------------------------------------- server


class Authority:
    """A server's side: makes nonces, judges answers.

    A nonce is ``milliseconds.serial.stamp``, stamped with the secret over the realm, so nothing is
    remembered of challenges. Of *used* nonces the highest count is remembered, bounded; a nonce
    older than the oldest forgotten one is stale.
    """

    def __init__(
        self, secret: bytes, *, lifetime: float = NONCE_LIFETIME, max_nonces: int = MAX_NONCES
    ) -> None:
        """``secret`` is at least 16 random bytes; ``lifetime`` of a nonce in seconds."""
        self._secret = secret
        self._lifetime = lifetime
        self._max_nonces = max_nonces
        self._serial = 0
        self._forgotten = 0  # the highest serial whose count is no longer remembered
        self._counts: OrderedDict[int, int] = OrderedDict()

    def challenge(self, realm: str, now: float, stale: bool = False, algorithm: str = "MD5") -> str:
        """One WWW-Authenticate or Proxy-Authenticate value."""
        self._serial += 1
        body = f"{int(now * 1000):x}.{self._serial:x}"
        nonce = f"{body}.{self._stamp(body, realm)}"
        return str(Challenge(realm, nonce, algorithm, ("auth",), None, stale))

    def challenges(
        self, realm: str, now: float, stale: bool = False, algorithms: Iterable[str] = OFFERED
    ) -> list[str]:
        """One value per algorithm, preferred first, each for a header of its own (RFC 8760 §2.2)."""
        return [self.challenge(realm, now, stale, each) for each in algorithms]

    def verify(
        self, credentials: Credentials, method: str, ha1_of: SecretOf, body: bytes, now: float
    ) -> Verdict:
        """Judge an answer. ``ha1_of(user, realm, algorithm)`` is HA1, None for an unknown user."""
        algorithm = (credentials.algorithm or "MD5").upper()
        issued = self._read_nonce(credentials.nonce, credentials.realm)
        if issued is None or algorithm not in OFFERED or not _well_formed(credentials):
            return Verdict.MALFORMED
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

    def _stamp(self, body: str, realm: str) -> str:
        return hmac.new(self._secret, f"{body}.{realm}".encode(), hashlib.sha256).hexdigest()[:32]

    def _read_nonce(self, nonce: str, realm: str) -> tuple[float, int] | None:
        """When it was issued and its serial; None when it is not ours."""
        if len(nonce) > MAX_NONCE_TEXT:
            return None
        body, _, stamp = nonce.rpartition(".")
        if not hmac.compare_digest(self._stamp(body, realm).encode(), stamp.encode()):
            return None
        milliseconds, _, serial = body.partition(".")
        return int(milliseconds, 16) / 1000, int(serial, 16)


def _well_formed(credentials: Credentials) -> bool:
    """Whether qop, cnonce and nc go together (RFC 7616 §3.4)."""
    if credentials.qop is None:
        return credentials.nonce_count is None
    count = credentials.nonce_count or ""
    counted = len(count) == 8 and all(digit in "0123456789abcdefABCDEF" for digit in count)
    return credentials.qop == "auth" and counted and credentials.cnonce is not None
