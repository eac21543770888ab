"""An HTTP script of the fake gateway, read by the engine's own reader on a manual clock.

Lives here: what a client makes of a script, and after how many seconds.
Never here: what the script says.
"""

from __future__ import annotations

from typing import Final

from ...portmap.errors import MalformedMessage
from ...portmap.gateway.upnp_values import FailureKind, HttpFailure, Reply
from ...portmap.wire.http import ResponseReader
from ..gateway.replies import Ending, HttpScript

QUIET: Final = 1.0  # seconds without a byte end a body of unknown length, as on real sockets


def read_script(script: HttpScript, deadline: float) -> tuple[float, Reply]:
    """After how many seconds the exchange is over, and what came of it; at most ``deadline``."""
    reader, at = ResponseReader(), 0.0
    try:
        for piece in script.pieces:
            if reader.may_be_whole and piece.delay > QUIET:
                return at + QUIET, reader.end()
            at += piece.delay
            if at >= deadline:
                return _too_late(deadline)
            reader.feed(piece.data)
            if reader.response is not None:
                return at, reader.response
        return _ended(script, reader, at, deadline)
    except MalformedMessage as error:
        return at, HttpFailure(FailureKind.BROKEN, f"no usable answer: {error}")


def _ended(script: HttpScript, reader: ResponseReader, at: float, deadline: float) -> tuple[float, Reply]:
    """After the last piece."""
    if script.ending is Ending.KEEP_OPEN:
        if reader.may_be_whole and at + QUIET < deadline:
            return at + QUIET, reader.end()
        return _too_late(deadline)
    at += script.end_delay
    if at >= deadline:
        return _too_late(deadline)
    if script.ending is Ending.RESET and not reader.has_body:
        return at, HttpFailure(FailureKind.BROKEN, "connection reset")
    return at, reader.end()


def _too_late(deadline: float) -> tuple[float, Reply]:
    return deadline, HttpFailure(FailureKind.TIMEOUT, f"no answer within {deadline:g} s")
