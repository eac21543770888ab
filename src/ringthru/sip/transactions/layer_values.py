"""What the transaction layer is told, and what it tells.

Lives here: its limits, its counts, its events, and the verdicts of its screen.
Never here: what it does (`layer.py`).
"""

from __future__ import annotations

from collections.abc import Callable

from ...net.values import frozen, record
from ..flow import Flow
from ..wire.message import Request
from .client_transaction import NoAnswer, ResponseArrived
from .server_transaction import AckMissing, ServerTransaction


@frozen
class Limits:
    """How many server transactions may live at once; beyond, 503.

    A finished call leaves two for 32 s, so these numbers allow 1,500 calls a second from one
    source and 4,500 in all, at about 1 KiB each.
    """

    per_source: int = 100_000
    total: int = 300_000


@record
class Counters:
    """What was dropped or refused since the start."""

    malformed: int = 0  # could not be read, refused where a refusal could be addressed
    stray: int = 0  # responses to nothing of ours
    merged: int = 0  # refused with 482
    overload: int = 0  # refused with 503
    screened: int = 0  # refused, or dropped, without a transaction


@frozen
class RequestArrived:
    """A new request. For a CANCEL, ``cancels`` is the INVITE it is meant for, if that still lives."""

    transaction: ServerTransaction
    request: Request
    flow: Flow
    cancels: ServerTransaction | None = None


@frozen
class AckArrived:
    """An ACK that belongs to no failed INVITE, hence to a 2xx (§13.2.2.4): the dialogs know it."""

    request: Request
    flow: Flow


@frozen
class Refusal:
    """What becomes of a request that is not let in: an answer without a transaction, or silence.

    ``status`` 0 is silence; ``headers`` go into the answer.
    """

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()


Screen = Callable[[Request, Flow, float], Refusal | None]  # None: let it in


@frozen
class UnreadableAck:
    """What came began like an ACK, and could not be read; nobody answers an ACK, so nobody would know."""

    problem: str
    flow: Flow


LayerEvent = RequestArrived | AckArrived | ResponseArrived | NoAnswer | AckMissing | UnreadableAck
