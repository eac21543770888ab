"""Digest authentication: the hashes, and the client's answer (RFC 3261 §22; RFC 7616; RFC 8760).

Lives here: what both sides compute, and which challenge a client answers.
Never here: the server's nonces and verdicts (authority.py), where passwords are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from ..errors import LocalError, MalformedMessage
from .authentication import Challenge, Credentials

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


def digest(algorithm: str, text: str) -> str:
    """``H(text)`` in lower-case hexadecimal.

    Raises:
        LocalError: an algorithm not in HASHES.
    """
    name = HASHES.get(algorithm.upper())
    if name is None:
        raise LocalError(f"digest algorithm {algorithm}")
    if name == "md5":  # nearly always, and found without a search by name
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
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
