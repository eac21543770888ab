"""A fuzzer's input in pieces, as a network would bring it."""

from __future__ import annotations


def pieces_of(data: bytes) -> list[bytes]:
    """The same bytes in pieces, whose sizes are the bytes' own."""
    pieces, at = [], 0
    while at < len(data):
        size = 1 + data[at] % 23
        pieces.append(data[at : at + size])
        at += size
    return pieces
