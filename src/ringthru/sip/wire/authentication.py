"""Digest challenges and credentials as header values (RFC 3261 §20.7, §20.44; RFC 7616 §3).

Lives here: their text and fields.
Never here: hashes, nonces, passwords (digest.py).
"""

from __future__ import annotations

import re
from typing import Final

from ...net.values import frozen
from ..errors import MalformedMessage
from .grammar import TOKEN, quote, split_list, unescape

AUTH_PARAMETER: Final = re.compile(
    r"[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*=[ \t]*(?:\"((?:[^\"\\]++|\\.)*+)\"|([^,\s\"]*))[ \t]*(?:,|$)",
    re.DOTALL,
)

REQUIRED: Final = frozenset(("username", "realm", "nonce", "uri", "response"))  # of credentials


def read_auth_parameters(text: str) -> tuple[str, dict[str, str]]:
    """``auth-scheme LWS name=value *( COMMA name=value )``: the scheme, and values without quotes.

    Names are lower-cased. The first of a repeated name counts.

    Raises:
        MalformedMessage: anything else.
    """
    scheme, _, rest = text.strip(" \t").partition(" ")
    found: dict[str, str] = {}
    position, end = 0, len(rest)
    while position < end:
        match = AUTH_PARAMETER.match(rest, position)
        if match is None:
            raise MalformedMessage(f"bad authentication parameters {rest[position : position + 80]!r}")
        name, quoted, plain = match.groups()
        value = plain if quoted is None else quoted if "\\" not in quoted else unescape(quoted)
        found.setdefault(name.lower(), value)
        position = match.end()
    if not TOKEN.fullmatch(scheme) or not found:
        raise MalformedMessage(f"bad authentication header {text[:80]!r}")
    return scheme, found


@frozen
class Challenge:
    """WWW-Authenticate or Proxy-Authenticate of the Digest scheme (RFC 7616 §3.3)."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()  # what the server offers; empty is RFC 2069's way
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """Read one challenge.

        Raises:
            MalformedMessage: another scheme than Digest, or no realm or nonce.
        """
        scheme, found = read_auth_parameters(text)
        if scheme.lower() != "digest" or "realm" not in found or "nonce" not in found:
            raise MalformedMessage(f"no Digest challenge: {text[:80]!r}")
        return cls(
            found["realm"],
            found["nonce"],
            found.get("algorithm", "MD5"),
            tuple(each.lower() for each in split_list(found.get("qop", ""))),
            found.get("opaque"),
            found.get("stale", "").lower() == "true",
        )

    def __str__(self) -> str:
        parts = [f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}"]
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.stale:
            parts.append("stale=true")
        parts.append(f"algorithm={self.algorithm}")
        if self.qop:
            parts.append(f"qop={quote(','.join(self.qop))}")
        return "Digest " + ", ".join(parts)


@frozen
class Credentials:
    """Authorization or Proxy-Authorization of the Digest scheme (RFC 7616 §3.4).

    ``nonce_count`` is the text of ``nc``, eight hexadecimal digits.
    """

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str | None = None
    qop: str | None = None
    cnonce: str | None = None
    nonce_count: str | None = None
    opaque: str | None = None

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """Read one set of credentials.

        Raises:
            MalformedMessage: another scheme than Digest, or a required parameter missing.
        """
        scheme, found = read_auth_parameters(text)
        if scheme.lower() != "digest" or not found.keys() >= REQUIRED:
            raise MalformedMessage(f"no Digest credentials: {text[:80]!r}")
        qop = found.get("qop")
        return cls(
            found["username"],
            found["realm"],
            found["nonce"],
            found["uri"],
            found["response"],
            found.get("algorithm"),
            None if qop is None else qop.lower(),
            found.get("cnonce"),
            found.get("nc"),
            found.get("opaque"),
        )

    def __str__(self) -> str:
        named = (
            ("username", quote(self.username)),
            ("realm", quote(self.realm)),
            ("nonce", quote(self.nonce)),
            ("uri", quote(self.uri)),
            ("response", quote(self.response)),
            ("algorithm", self.algorithm),
            ("cnonce", None if self.cnonce is None else quote(self.cnonce)),
            ("qop", self.qop),
            ("nc", self.nonce_count),
            ("opaque", None if self.opaque is None else quote(self.opaque)),
        )
        return "Digest " + ", ".join(f"{name}={value}" for name, value in named if value is not None)
