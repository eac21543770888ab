"""Bencoding, in which ng messages are written (BEP 3): integers, byte strings, lists, dictionaries.

Lives here: bytes and values. Never here: which keys a message has (``messages``).

Read strictly: one spelling for each value, no key twice, nothing behind the end. Only the order of keys is
free, since rtpengine writes them as they come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ..errors import LocalError, MalformedPacket

MAX_SIZE: Final = 65536  # bytes of one value; a datagram holds no more
MAX_DEPTH: Final = 12  # lists and dictionaries within one another; a query's answer has six
MAX_DIGITS: Final = 20  # of an integer, with its sign; what 64 bits hold

Value = int | bytes | list["Value"] | dict[str, "Value"]
Writable = int | str | bytes | Sequence["Writable"] | Mapping[str, "Writable"]


def encode(value: Writable) -> bytes:
    """The bytes of a value, keys in order (BEP 3); text becomes UTF-8.

    Raises:
        LocalError: something else than these four kinds.
    """
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, Mapping):
        pairs = sorted((key.encode(), each) for key, each in value.items())
        return b"d" + b"".join(encode(key) + encode(each) for key, each in pairs) + b"e"
    if isinstance(value, Sequence):
        return b"l" + b"".join(encode(each) for each in value) + b"e"
    raise LocalError(f"{type(value).__name__} cannot be bencoded")


def decode(data: bytes) -> Value:
    """Read one value that takes up all of ``data``; keys are text.

    Raises:
        MalformedPacket: anything else, or beyond 64 KiB or twelve levels.
    """
    if len(data) > MAX_SIZE:
        raise MalformedPacket(f"a bencoded value of {len(data)} bytes")
    value, end = _read(data, 0, 0)
    if end != len(data):
        raise MalformedPacket(f"{len(data) - end} bytes behind a bencoded value")
    return value


def _read(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    """The value that begins at ``at``, and where it ends."""
    kind = data[at : at + 1]
    if kind == b"i":
        return _integer(data, at + 1, b"e")
    if kind.isdigit():
        return _string(data, at)
    if kind not in (b"l", b"d"):
        raise MalformedPacket(f"no bencoded value begins with {kind!r}")
    if depth == MAX_DEPTH:
        raise MalformedPacket(f"more than {MAX_DEPTH} levels of lists and dictionaries")
    return _list(data, at + 1, depth + 1) if kind == b"l" else _dictionary(data, at + 1, depth + 1)


def _list(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    values: list[Value] = []
    while data[at : at + 1] != b"e":
        value, at = _read(data, at, depth)
        values.append(value)
    return values, at + 1


def _dictionary(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    values: dict[str, Value] = {}
    while data[at : at + 1] != b"e":
        raw, at = _string(data, at)
        try:
            key = raw.decode()
        except UnicodeDecodeError as error:
            raise MalformedPacket("a key that is not UTF-8") from error
        if key in values:
            raise MalformedPacket(f"the key {key[:40]!r} twice")
        values[key], at = _read(data, at, depth)
    return values, at + 1


def _integer(data: bytes, at: int, end: bytes) -> tuple[int, int]:
    """Digits up to ``end``: no leading zero, no ``-0``, nothing else."""
    stop = data.find(end, at, at + MAX_DIGITS + 1)
    digits = data[at:stop] if stop >= 0 else b""
    if not digits.removeprefix(b"-").isdigit() or b"%d" % int(digits) != digits:
        raise MalformedPacket(f"no integer: {data[at : at + MAX_DIGITS]!r}")
    return int(digits), stop + 1


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    length, start = _integer(data, at, b":")
    if not 0 <= length <= len(data) - start:
        raise MalformedPacket(f"a string of {length} bytes where {len(data) - start} are left")
    return data[start : start + length], start + length
