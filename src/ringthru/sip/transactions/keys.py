"""What tells transactions apart, and what two messages of one share (RFC 3261 §8.1.1.7, §8.2.2.2, §17.2.3).

Lives here: texts made of a request. Never here: the books that they are looked up in.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from ..wire.message import Request

MAGIC_COOKIE: Final = "z9hG4bK"  # RFC 3261 §8.1.1.7


def older_branch(request: Request, branch: str) -> str:
    """What tells the transactions of an RFC 2543 peer apart (RFC 3261 §17.2.3), in place of the branch."""
    parts = (branch, request.uri, request.call_id, request.from_.tag or "", str(request.cseq.number))
    return " ".join(parts)


def merging_key(request: Request) -> tuple[str | int, ...] | None:
    """What a forked copy of a request shares with it (§8.2.2.2); only outside dialogs."""
    if request.method == "CANCEL" or request.to.tag or not (tag := request.from_.tag):
        return None
    return (request.call_id, tag, request.cseq.number, request.method)


def refusal_tag(request: Request) -> str:
    """The To tag of an answer without a transaction, for an INVITE and for the ACK of that answer."""
    return f"{crc32(f'{request.call_id} {request.cseq.number}'.encode()):08x}"
