"""STUN's Binding answered: a request whose sender proves that it knows our password (RFC 8489 §9.1, §14).

Lives here: reading such a request, checking it, and writing the answers. Never here: sockets, clocks, what a
request means to ICE (``media/rtp/ice.py``).
No answer is longer than a request that passed ``decode_request``.
"""

from __future__ import annotations

import hmac
from binascii import crc32
from enum import IntEnum
from hashlib import sha1
from ipaddress import ip_address
from typing import Final

from .address import Endpoint
from .stun import ATTRIBUTE, COOKIE, HEADER, LONGEST, Kind, MalformedStun, Method, attributes_of
from .values import frozen

MOST_ATTRIBUTES: Final = 20  # of a request
MUST_BE_KNOWN: Final = 0x8000  # attributes below it must be understood (§14)
FINGERPRINT_MASK: Final = 0x5354554E  # §14.7
INTEGRITY_SIZE: Final = ATTRIBUTE.size + 20
FINGERPRINT_SIZE: Final = ATTRIBUTE.size + 4
FAMILIES: Final = {4: 1, 6: 2}  # of an address's version
REASONS: Final = {401: "Unauthorized", 420: "Unknown"}  # as short as the shortest request allows


class Proof(IntEnum):
    """Attributes of a request that bears credentials (RFC 8489 §14, RFC 8445 §16.1)."""

    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    FINGERPRINT = 0x8028


@frozen
class Request:
    """A Binding request with a user's name and a proof, which nobody has checked yet.

    ``unknown`` are the attributes that would have to be understood; ``priority`` is 0 where none is named.
    """

    transaction: bytes
    username: str
    priority: int
    use_candidate: bool
    unknown: tuple[int, ...]
    proof: bytes
    proven: bytes  # the octets that ``proof`` is of

    def is_proven(self, password: str) -> bool:
        """Whether the sender knew the password (§9.1.3)."""
        return hmac.compare_digest(self.proof, _integrity(self.proven, password))


def looks_like_stun(data: bytes) -> bool:
    """Whether a datagram is STUN rather than RTP or RTCP (RFC 7983 §7)."""
    return len(data) >= HEADER.size and data[0] < 4 and data[4:8] == COOKIE.to_bytes(4, "big")


def decode_request(data: bytes) -> Request:
    """Read a Binding request that bears credentials.

    Raises:
        MalformedStun: too long, another message, no USERNAME, no MESSAGE-INTEGRITY, a wrong FINGERPRINT, or
            attributes that do not end where the message does.
    """
    if not HEADER.size <= len(data) <= LONGEST:
        raise MalformedStun(f"a STUN message of {len(data)} octets")
    kind, length, cookie, transaction = HEADER.unpack_from(data)
    if kind != Method.REQUEST or cookie != COOKIE or length != len(data) - HEADER.size or length % 4:
        raise MalformedStun("no Binding request")
    found, proven_at = _attributes(data)
    if Proof.USERNAME not in found or len(found.get(Proof.MESSAGE_INTEGRITY, b"")) != 20:
        raise MalformedStun("a request without credentials")
    priority = found.get(Proof.PRIORITY, b"")
    return Request(
        transaction,
        found[Proof.USERNAME].decode("utf-8", "replace"),
        int.from_bytes(priority, "big") if len(priority) == 4 else 0,
        Proof.USE_CANDIDATE in found,
        tuple(each for each in found if each < MUST_BE_KNOWN and each not in Proof.__members__.values()),
        found[Proof.MESSAGE_INTEGRITY],
        data[:proven_at],
    )


def _attributes(data: bytes) -> tuple[dict[int, bytes], int]:
    """The attributes, and where MESSAGE-INTEGRITY begins; behind that only FINGERPRINT counts (§14.5)."""
    found: dict[int, bytes] = {}
    proven_at = 0
    for kind, value, at in attributes_of(data, MOST_ATTRIBUTES):
        if kind == Proof.FINGERPRINT:
            if data[at:] != _fingerprint(data[:at]):
                raise MalformedStun("a wrong FINGERPRINT, or one that is not the last")
        elif not proven_at:
            found.setdefault(kind, value)
            proven_at = at if kind == Proof.MESSAGE_INTEGRITY else 0
    return found, proven_at


def encode_success(request: Request, mapped: Endpoint, password: str) -> bytes:
    """Where the request came from, proven (§6.3.1.1, §9.1.4)."""
    attribute = _attribute(Kind.XOR_MAPPED_ADDRESS, _xor_address(mapped, request.transaction))
    message = HEADER.pack(Method.SUCCESS, len(attribute), COOKIE, request.transaction) + attribute
    proof = _attribute(Proof.MESSAGE_INTEGRITY, _integrity(message, password))
    return _sealed(message + proof)


def encode_refusal(request: Request, code: int) -> bytes:
    """401: the password is another (§9.1.3); 420: what the request holds is not understood (§6.3.1)."""
    reason = REASONS[code].encode()
    attributes = _attribute(Kind.ERROR_CODE, bytes((0, 0, code // 100, code % 100)) + reason)
    if code == 420:
        unknown = b"".join(each.to_bytes(2, "big") for each in request.unknown)
        attributes += _attribute(Kind.UNKNOWN_ATTRIBUTES, unknown)
    return HEADER.pack(Method.ERROR, len(attributes), COOKIE, request.transaction) + attributes


def _attribute(kind: int, value: bytes) -> bytes:
    return ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _with_length(message: bytes, more: int) -> bytes:
    """The header counts an attribute that is to come already (§14.5, §14.7)."""
    size = len(message) - HEADER.size + more
    return message[:2] + size.to_bytes(2, "big") + message[4:]


def _integrity(message: bytes, password: str) -> bytes:
    return hmac.digest(password.encode(), _with_length(message, INTEGRITY_SIZE), sha1)


def _fingerprint(message: bytes) -> bytes:
    sum_ = crc32(_with_length(message, FINGERPRINT_SIZE)) ^ FINGERPRINT_MASK
    return _attribute(Proof.FINGERPRINT, sum_.to_bytes(4, "big"))


def _sealed(message: bytes) -> bytes:
    return _with_length(message + _fingerprint(message), 0)


def _xor_address(endpoint: Endpoint, transaction: bytes) -> bytes:
    host = ip_address(endpoint.host.partition("%")[0])
    mask = COOKIE.to_bytes(4, "big") + transaction
    port = (endpoint.port ^ COOKIE >> 16).to_bytes(2, "big")
    octets = bytes(one ^ other for one, other in zip(host.packed, mask, strict=False))
    return bytes((0, FAMILIES[host.version])) + port + octets
