"""The 2xx of an INVITE until its ACK comes (RFC 3261 §13.3.1.4).

Lives here: its repetition, its patience, the moment when its ACK is overdue, and all of one call's.
Never here: which ACK is meant, or what to do without one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..transactions.layer import TransactionLayer
from ..transactions.server_transaction import ServerTransaction
from ..wire.message import Request
from .events import AckOverdue

if TYPE_CHECKING:
    from .call import Call
    from .core import Core

OVERDUE: Final = 8  # × T1, 4 s: the fourth copy of the 2xx went unanswered, so something is wrong


class UnconfirmedAnswer:
    """Repeats a 2xx after T1, doubling to T2, whatever the transport; gives up after 64 × T1."""

    __slots__ = (
        "_deadline",
        "_interval",
        "_layer",
        "_on_overdue",
        "_on_timeout",
        "_overdue_at",
        "_resend_at",
        "_timer",
        "copies",
        "data",
        "transaction",
    )

    def __init__(
        self,
        layer: TransactionLayer,
        data: bytes,
        transaction: ServerTransaction,
        on_overdue: Callable[[UnconfirmedAnswer, float], None],
        on_timeout: Callable[[float], None],
        now: float,
    ) -> None:
        self.data = data
        self.transaction = transaction
        self.copies = 1
        self._layer = layer
        self._on_overdue = on_overdue
        self._on_timeout = on_timeout
        self._interval = layer.timing.t1
        self._deadline = now + layer.timing.patience
        self._overdue_at: float | None = now + OVERDUE * layer.timing.t1
        self._resend_at = now + self._interval
        self._timer = layer.timers.start(self._resend_at, self._due)

    def stop(self) -> None:
        self._layer.timers.cancel(self._timer)

    def _due(self, now: float) -> None:
        if now >= self._deadline:
            self._on_timeout(now)
            return
        if now >= self._resend_at:
            self._resend(now)
        if self._overdue_at is not None and now >= self._overdue_at:
            self._overdue_at = None
            self._on_overdue(self, now)
        times = (self._resend_at, self._deadline, self._overdue_at or self._deadline)
        self._timer = self._layer.timers.start(min(times), self._due)

    def _resend(self, now: float) -> None:
        self._layer.send(self.data, self.transaction.flow)
        self.copies += 1
        self._interval = min(2 * self._interval, self._layer.timing.t2)
        self._resend_at = now + self._interval


class UnconfirmedAnswers:
    """The 2xx of one call that await their ACKs, and the keys that a device made of its dialog's.

    The call is handed in and not kept: two that refer to each other are garbage that only a search finds.
    """

    __slots__ = ("_aliases", "_answers", "_core", "_source")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._answers: dict[int, UnconfirmedAnswer] = {}  # by CSeq
        self._aliases: list[tuple[str, str]] = []
        self._source = ""  # the address that the call is awaited under

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(self._answers)

    def add(self, call: Call, number: int, data: bytes, transaction: ServerTransaction, now: float) -> None:
        """A 2xx was sent: repeat it until ``confirm``."""

        def overdue(answer: UnconfirmedAnswer, now: float) -> None:
            asked = call.dialog is not None and (call.dialog.remote_cseq or 0) > number
            unheard = answer.transaction.unheard
            self._core.emit(AckOverdue(call, answer.copies, len(answer.data), unheard, asked))

        layer, source = self._core.layer, transaction.flow.remote.host
        self._answers[number] = UnconfirmedAnswer(layer, data, transaction, overdue, call.ack_missing, now)
        if self._source != source:  # the peer may have moved since its first INVITE
            self._core.awaiting.discard(call, self._source)
            self._source = source
        self._core.awaiting.add(call, self._source)

    def confirm(self, call: Call, number: int) -> None:
        """An ACK came for this 2xx, and so for every older one."""
        for each in [each for each in self._answers if each <= number]:
            self._answers.pop(each).stop()
        if not self._answers:
            self._core.awaiting.discard(call, self._source)

    def know_as(self, call: Call, request: Request) -> None:
        """Let further requests with this one's keys find the call."""
        alias = (request.call_id, request.to.tag or "")
        if alias not in self._core.calls:
            self._core.calls[alias] = call
            self._aliases.append(alias)
        dialog, tag = call.dialog, request.from_.tag
        if dialog is not None and tag != dialog.remote_tag:
            dialog.renamed_tag = tag

    def close(self, call: Call) -> None:
        for answer in self._answers.values():
            answer.stop()
        if self._answers:
            self._answers.clear()
            self._core.awaiting.discard(call, self._source)
        for alias in self._aliases:
            self._core.calls.pop(alias, None)
