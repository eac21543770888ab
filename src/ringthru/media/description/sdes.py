"""Keys of SRTP in descriptions: ``a=crypto`` (SDES, RFC 4568), its suites and its grammar.

Lives here: one attribute, read leniently where that is safe, and written strictly.
Never here: which of them is chosen (``securing``), ciphers (``srtp``). No message names a key.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Final, Self

from ...net.values import frozen
from ..errors import MalformedSdp

MOST_TEXT: Final = 1024  # characters of one attribute; the longest that we know of has 100
LARGEST_MKI: Final = 128  # octets (RFC 4568 §9.1)
LONGEST_LIFE: Final = 1 << 48  # packets (RFC 3711 §9.2)
HARMLESS: Final = ("WSH=",)  # a hint about windows (RFC 4568 §6.3.7); all else changes the packets

_LINE: Final = re.compile(r"([0-9]{1,9})[ \t]+([A-Za-z0-9_]+)[ \t]+(\S+)((?:[ \t]+\S+)*)[ \t]*")
_KEY: Final = re.compile(
    r"inline:([A-Za-z0-9+/]+={0,2})(?:\|(2\^[0-9]{1,2}|[0-9]{1,15}))?(?:\|([0-9]{1,10}):([0-9]{1,3}))?",
    re.ASCII | re.IGNORECASE,
)


@frozen
class Suite:
    """A crypto suite: octets of its master key and salt, and the name that FreeSWITCH has for it."""

    name: str
    key: int
    salt: int
    other_name: str

    @property
    def size(self) -> int:
        """Octets of key and salt."""
        return self.key + self.salt

    @property
    def tails(self) -> tuple[int, int]:
        """Octets that follow the key's number (MKI) in RTP and in RTCP: the tags, but GCM's are before it."""
        if self.name.startswith("AEAD"):
            return 0, 0
        return (4 if self.name.endswith("_32") else 10), 10


# Best first, in our offers. RFC 4568 §6.2, RFC 6188 §4, RFC 7714 §14.
_ALL: Final = (
    Suite("AEAD_AES_256_GCM", 32, 12, "AEAD_AES_256_GCM"),
    Suite("AEAD_AES_128_GCM", 16, 12, "AEAD_AES_128_GCM"),
    Suite("AES_256_CM_HMAC_SHA1_80", 32, 14, "AES_CM_256_HMAC_SHA1_80"),
    Suite("AES_192_CM_HMAC_SHA1_80", 24, 14, "AES_CM_192_HMAC_SHA1_80"),
    Suite("AES_CM_128_HMAC_SHA1_80", 16, 14, "AES_CM_128_HMAC_SHA1_80"),
    Suite("AES_256_CM_HMAC_SHA1_32", 32, 14, "AES_CM_256_HMAC_SHA1_32"),
    Suite("AES_192_CM_HMAC_SHA1_32", 24, 14, "AES_CM_192_HMAC_SHA1_32"),
    Suite("AES_CM_128_HMAC_SHA1_32", 16, 14, "AES_CM_128_HMAC_SHA1_32"),
)
SUITES: Final = {each.name: each for each in _ALL}
NAMES: Final = {each.other_name: each for each in _ALL} | SUITES  # FreeSWITCH's are a draft's


@frozen
class SrtpKeys:
    """What an offer and its answer agreed on; keys are the master key and then its salt.

    ``ours`` protects what we send, ``theirs`` what the peer sends, whose packets carry ``mki`` octets that
    name the key (RFC 3711 §3.1).
    """

    suite: str
    ours: bytes
    theirs: bytes
    mki: int = 0

    def __repr__(self) -> str:
        return f"SrtpKeys({self.suite})"


@frozen
class Crypto:
    """One ``a=crypto`` with one key. ``name`` is the suite's, as the peer wrote it."""

    tag: int
    name: str
    key: bytes
    mki: int = 0  # octets

    def __repr__(self) -> str:
        return f"Crypto({self.tag}, {self.name})"

    @property
    def suite(self) -> Suite:
        return NAMES[self.name]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the value of one attribute.

        Raises:
            MalformedSdp: not by the grammar (RFC 4568 §9.1), of a suite that is not known here, with a key of
                another length than its suite's, with several keys, or with parameters that would have to be
                obeyed (§6.3).
        """
        found = _LINE.fullmatch(text) if len(text) <= MOST_TEXT else None
        if found is None:
            raise MalformedSdp("a=crypto is not of a tag, a suite and a key")
        tag, name, keys, parameters = found[1], found[2].upper(), found[3], found[4].split()
        suite = NAMES.get(name)
        if suite is None:
            raise MalformedSdp(f"a=crypto:{tag} is of suite {name[:40]}, which is not known here")
        for each in parameters:
            if not each.upper().startswith(
                (*HARMLESS, "-")
            ):  # what begins with a dash may be ignored (§6.3.7)
                raise MalformedSdp(f"a=crypto:{tag} asks for {each[:40]}")
        key, mki = _key(tag, keys, suite)
        return cls(int(tag), name, key, mki)

    def encode(self) -> str:
        """The value of the attribute: one key, for its whole life, without a number (MKI)."""
        return f"{self.tag} {self.name} inline:{b64encode(self.key).decode()}"


def _key(tag: str, text: str, suite: Suite) -> tuple[bytes, int]:
    """The key and salt of ``inline:…``, and the octets of its MKI."""
    found = _KEY.fullmatch(text)
    if found is None:
        several = ";" in text
        raise MalformedSdp(f"a=crypto:{tag} has {'several keys' if several else 'no key that can be read'}")
    encoded, life, _, mki = found.groups()
    bare = encoded.rstrip("=")
    key = b64decode(bare + "=" * (-len(bare) % 4)) if len(bare) % 4 != 1 else b""
    if len(key) != suite.size:
        raise MalformedSdp(f"a=crypto:{tag} has a key of {len(key)} octets, {suite.name} needs {suite.size}")
    if life is not None and not 0 < _packets(life) <= LONGEST_LIFE:
        raise MalformedSdp(f"a=crypto:{tag} has a key for {life} packets")
    octets = int(mki) if mki is not None else 0
    if mki is not None and not 0 < octets <= LARGEST_MKI:
        raise MalformedSdp(f"a=crypto:{tag} has an MKI of {octets} octets")
    return key, octets


def _packets(life: str) -> int:
    return 1 << int(life[2:]) if life.startswith("2^") else int(life)
