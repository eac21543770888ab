"""What we know of one flow, and how it reads: as an order, as a row of the journal, as a snapshot.

Lives here: the facts, and the words for them. Never here: what changes any of them; that is ``peers.py``.
"""

from __future__ import annotations

from ...net.address import Endpoint
from ..gateway.orders import PeerOrder
from ..memory.holding import Holding
from ..snapshots import PeerSnapshot
from ..values import GatewayType, MappingState, Protocol, WantedPeer
from .timing import Pauses

PeerKey = tuple[Protocol, int, Endpoint]


def no_peer_words(spoken: GatewayType) -> str:
    """Why a gateway that speaks this cannot keep a flow."""
    return (
        f"the gateway speaks {spoken.spoken}, which has no request for the translation of a flow;"
        " only PCP has one (PEER)"
    )


class Peer:
    """Our record of one flow. Instants are seconds of the engine's clock."""

    def __init__(self, wanted: WantedPeer, nonce: bytes, now: float) -> None:
        self.wanted = wanted
        self.nonce = nonce  # constant for the life of the translation (§12.1)
        self.external: Endpoint | None = None  # as our gateway told it
        self.whole = True  # that is what the remote sees: no other NAT stands beyond
        self.state = MappingState.REQUESTED
        self.due_at: float | None = now
        self.expires_at: float | None = None
        self.reason = ""
        self.told = ""  # the last refusal that subscribers heard of
        self.pauses = Pauses()

    @property
    def key(self) -> PeerKey:
        return self.wanted.protocol, self.wanted.internal_port, self.wanted.remote

    @property
    def seen(self) -> Endpoint | None:
        """Where the remote sees us; None until that is known."""
        return self.external if self.whole else None

    @property
    def words(self) -> str:
        return f"{self.wanted.protocol.value} {self.wanted.internal_port}"

    def order(self, lifetime: int) -> PeerOrder:
        wanted = self.wanted
        suggested = self.external.port if self.external else wanted.external_port or 0
        return PeerOrder(
            wanted.protocol, wanted.internal_port, wanted.remote, lifetime, self.nonce, suggested
        )

    def holding(self, lifetime: int) -> Holding:
        """What the journal writes down: the nonce above all."""
        wanted = self.wanted
        return Holding(
            *(wanted.family, wanted.protocol, "", wanted.internal_port, 0, lifetime),
            nonce=self.nonce,
            granted=self.external is not None,
            remote=str(wanted.remote),
        )

    def snapshot(self, now: float) -> PeerSnapshot:
        wanted = self.wanted
        return PeerSnapshot(
            wanted.protocol,
            wanted.internal_port,
            wanted.remote,
            self.seen,
            self.state,
            None if self.expires_at is None else max(0.0, self.expires_at - now),
            None if self.due_at is None or self.external is None else max(0.0, self.due_at - now),
            self.reason or ("" if self.whole or self.external is None else self._translated_again()),
            wanted.family,
            self.external,
        )

    def _translated_again(self) -> str:
        return (
            f"our gateway keeps it at {self.external}, which is not the Internet's: another NAT translates it"
            f" once more, and is asked by nobody (PCP does not reach it), so that where {self.wanted.remote}"
            " sees us is not known"
        )


def journal_key(wanted: WantedPeer) -> tuple[Protocol, int, str]:
    """What the journal knows a flow by."""
    return wanted.protocol, wanted.internal_port, str(wanted.remote)
