"""What a server of the fake gateway says, as values that a driver plays on sockets or on a manual clock.

Lives here: datagrams and HTTP scripts, each with its delays. Never here: who plays them.
"""

from __future__ import annotations

from enum import Enum

from ...net.values import frozen


@frozen
class Reply:
    """One datagram to send ``delay`` seconds after the question."""

    data: bytes
    delay: float = 0.0
    source_host: str = ""  # sent from this address; "": from where the question arrived
    source_port: int | None = None  # sent from this port; None: from where it arrived; 0: from any


class Ending(Enum):
    """What becomes of a connection after the last piece."""

    CLOSE = "close"
    KEEP_OPEN = "keep open"  # until the client or the driver's patience ends it
    RESET = "reset"  # TCP RST


@frozen
class Piece:
    """Bytes to send ``delay`` seconds after the piece before."""

    delay: float
    data: bytes


@frozen
class HttpScript:
    """A whole answer: its pieces in order, then the ending, ``end_delay`` seconds after the last."""

    pieces: tuple[Piece, ...] = ()
    ending: Ending = Ending.CLOSE
    end_delay: float = 0.0

    @property
    def data(self) -> bytes:
        """All pieces together."""
        return b"".join(piece.data for piece in self.pieces)
