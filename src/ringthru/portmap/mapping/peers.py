"""Flows of ours whose translation is kept alive, and the address that each remote sees (RFC 6887 §12).

A flow needs no mapping of its own: the gateway translates it by itself as soon as a packet goes out. PEER
keeps that translation for an agreed time, and tells its external side. It cannot be deleted by request
(§12.1): what is given back is renewed no more, and ends with its lifetime.

Lives here: which flows are wanted, what the gateway said of each, and when it is asked again. Never here:
mappings, PCP's bytes, or which gateway it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from logging import DEBUG, INFO, WARNING
from typing import Final

from ...net.address import Endpoint
from ..errors import LocalError
from ..events import Event, PeerAdded, PeerFailed, PeerRemoved
from ..gateway.orders import Declined, Granted, Outcome, PeerOrder, Remedy, Silent
from ..memory.holding import Holding, Keep, Note
from ..snapshots import PeerSnapshot
from ..values import MappingState, Protocol, WantedPeer
from .lease import DISABLED_REASON, Lease
from .peer import Peer, PeerKey, journal_key
from .timing import asked_for_rest, renewal_after, retry_after

MOST_REMEMBERED: Final = 512  # flows of earlier days, for their nonces


class PeerBook:
    """Every flow that is wanted, ``most`` of them. ``lifetime`` in seconds, else as in ``MappingBook``.

    What ``is_public`` says of an address of a gateway tells whether the remote sees it.
    """

    def __init__(
        self,
        lifetime: int,
        log: Callable[[int, str], None],
        enabled: bool,
        *,
        random: Callable[[], float],
        nonce: Callable[[], bytes],
        most: int,
        is_public: Callable[[str], bool] = lambda host: True,
    ) -> None:
        self.enabled = enabled
        self._is_public = is_public
        self._lifetime = lifetime
        self._log = log
        self._random = random
        self._nonce = nonce
        self._most = most
        self._peers: dict[PeerKey, Peer] = {}
        self._remembered: dict[tuple[Protocol, int, str], bytes] = {}  # nonces, by what the journal knows
        self._notes: list[Note] = []
        self._events: list[Event] = []

    # What callers want

    def want(self, wanted: WantedPeer, lease: Lease | None, now: float) -> Peer:
        """The record of that flow, always the same; ``lease`` is the mapping of its internal port, if any.

        A server that checks nonces knows one for each internal port (§11.3): a flow goes by its mapping's.

        Raises:
            LocalError: as many flows are kept as the budget allows.
        """
        key = wanted.protocol, wanted.internal_port, wanted.remote
        if key not in self._peers:
            if len(self._peers) >= self._most:
                raise LocalError(f"{self._most} flows are kept alive, and the budget allows no more")
            known = self._remembered.get(journal_key(wanted))
            nonce = lease.nonce if lease is not None else known or self._nonce()
            self._peers[key] = Peer(wanted, nonce, now)
            self._mark_disabled()
        return self._peers[key]

    def share_nonce(self, lease: Lease) -> None:
        """A mapping of the internal port of a flow goes by that flow's nonce, as long as it has none yet."""
        if lease.held_port is not None or lease.may_remain or lease.wanted.internal_client is not None:
            return
        wanted = lease.wanted
        place = wanted.family, wanted.protocol, wanted.internal_port
        for peer in self._peers.values():
            if (peer.wanted.family, peer.wanted.protocol, peer.wanted.internal_port) == place:
                lease.nonce = peer.nonce
                return

    def release(self, peer: Peer) -> bool:
        """Keep it alive no more. False: it is none of ours."""
        if self._peers.get(peer.key) is not peer:
            return False
        self._remember(peer)
        del self._peers[peer.key]
        self._drop(peer, MappingState.REQUESTED, "")
        return True

    def release_all(self) -> None:
        for peer in list(self._peers.values()):
            self.release(peer)

    def set_enabled(self, enabled: bool, now: float) -> None:
        self.enabled = enabled
        if enabled:
            for peer in self._peers.values():
                if peer.state is MappingState.DISABLED:
                    peer.state, peer.reason = MappingState.REQUESTED, ""
                peer.due_at = now
        self._mark_disabled()

    def ask_all_again(self, now: float) -> None:
        """Another gateway, another address, or a lost state: whatever was agreed may not be so any more."""
        if self.enabled:
            for peer in self._peers.values():
                peer.due_at = now

    def note(self, reason: str) -> None:
        """Say why nothing is kept, to those that were never told."""
        for peer in self._peers.values():
            peer.reason = peer.reason or reason

    # The gateway in use

    def adopt(self, rows: Sequence[Holding]) -> None:
        """What the journal has of flows: their nonces; wanted again, they go on where they were."""
        for row in rows[:MOST_REMEMBERED]:
            self._remembered[(row.protocol, row.internal_port, row.remote)] = row.nonce
        for peer in self._peers.values():
            known = self._remembered.get(
                (peer.wanted.protocol, peer.wanted.internal_port, str(peer.wanted.remote))
            )
            if known is not None and peer.external is None:
                peer.nonce = known

    def lose_all(self, now: float, reason: str) -> None:
        """The gateway is gone, and the translations of all flows with it, as far as anybody knows."""
        for peer in self._peers.values():
            if peer.state is not MappingState.DISABLED:
                self._drop(peer, MappingState.REQUESTED, reason)
                peer.due_at = now
                peer.pauses.reset()
        self._mark_disabled()

    # Time, and what there is to do

    def next_due(self) -> float | None:
        times = (each.due_at for each in self._peers.values() if self.enabled)
        return min((each for each in times if each is not None), default=None)

    def next_order(self, now: float) -> PeerOrder | None:
        """What has been due longest; written down before it goes out."""
        due = [
            (each.due_at, each) for each in self._peers.values() if each.due_at is not None and self.enabled
        ]
        at, peer = min(due, key=lambda each: each[0], default=(now + 1, None))
        if peer is None or at > now:
            return None
        lifetime = peer.wanted.lifetime or self._lifetime
        self._notes.append(Keep(peer.holding(lifetime)))
        return peer.order(lifetime)

    def answered(self, order: PeerOrder, outcome: Outcome, now: float) -> None:
        """Take what came of an order; one that was given back in the meantime is of no interest."""
        peer = self._peers.get((order.protocol, order.internal_port, order.remote))
        if peer is None:
            return
        if isinstance(outcome, Granted):
            self._granted(peer, outcome, now)
        elif isinstance(outcome, Silent):
            # It may be deaf to PEER alone; whether it is gone shows by what else it is asked.
            self._declined(peer, Declined(outcome.reason, Remedy.PERMISSION), now)
        elif isinstance(outcome, Declined):
            self._declined(peer, outcome, now)

    def unanswered(self, order: PeerOrder, now: float) -> None:
        """It was dropped for something else: asked again."""
        peer = self._peers.get((order.protocol, order.internal_port, order.remote))
        if peer is not None and self.enabled:
            peer.due_at = now

    def expire(self, now: float) -> None:
        for peer in self._peers.values():
            if peer.expires_at is not None and now >= peer.expires_at:
                self._drop(peer, MappingState.REQUESTED, peer.reason or "it ended without a renewal")
                peer.due_at = now
        self._mark_disabled()

    def next_expiry(self) -> float | None:
        times = (each.expires_at for each in self._peers.values())
        return min((each for each in times if each is not None), default=None)

    def notes(self) -> list[Note]:
        notes, self._notes = self._notes, []
        return notes

    def events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def snapshot(self, now: float) -> tuple[PeerSnapshot, ...]:
        peers = sorted(self._peers, key=lambda key: (key[1], key[0].value, key[2]))
        return tuple(self._peers[key].snapshot(now) for key in peers)

    # Inside

    def _granted(self, peer: Peer, grant: Granted, now: float) -> None:
        external = Endpoint(grant.external_address, grant.external_port)
        if peer.external != external:
            self._tell_removed(peer)
            peer.external, peer.whole = external, self._is_public(external.host)
            wanted = peer.wanted
            who = wanted.remote if peer.whole else "the next NAT"
            self._log(DEBUG, f"{who} sees our {peer.words} at {external}")
            self._events.append(
                PeerAdded(wanted.protocol, wanted.internal_port, wanted.remote, external, peer.whole)
            )
        peer.state = MappingState.ACCEPTED
        peer.reason = peer.told = ""
        peer.pauses.reset()
        peer.expires_at = now + grant.lifetime
        peer.due_at = now + renewal_after(float(grant.lifetime), self._random())
        self._notes.append(Keep(peer.holding(grant.lifetime)))

    def _declined(self, peer: Peer, refusal: Declined, now: float) -> None:
        peer.reason = refusal.reason
        if peer.expires_at is not None:
            peer.due_at = now + max(retry_after(peer.expires_at - now), asked_for_rest(refusal.retry_after))
        elif refusal.remedy is Remedy.NOTHING:
            peer.state, peer.due_at = MappingState.UNSUPPORTED, None
        else:
            pause = peer.pauses.after(refusal.remedy, self._random())
            peer.state = MappingState.REFUSED
            peer.due_at = now + max(pause, asked_for_rest(refusal.retry_after))
        if peer.reason != peer.told:
            peer.told = peer.reason
            wanted, level = peer.wanted, INFO if refusal.remedy is Remedy.NOTHING else WARNING
            self._log(level, f"cannot keep the flow of {peer.words} to {wanted.remote}: {peer.reason}")
            event = PeerFailed(wanted.protocol, wanted.internal_port, wanted.remote, peer.reason)
            self._events.append(event)

    def _drop(self, peer: Peer, state: MappingState, reason: str) -> None:
        self._tell_removed(peer)
        peer.external = peer.expires_at = None
        peer.state, peer.reason = state, reason

    def _tell_removed(self, peer: Peer) -> None:
        if peer.external is not None:
            wanted = peer.wanted
            event = PeerRemoved(wanted.protocol, wanted.internal_port, wanted.remote, peer.external)
            self._events.append(event)

    def _remember(self, peer: Peer) -> None:
        while len(self._remembered) >= MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[journal_key(peer.wanted)] = peer.nonce

    def _mark_disabled(self) -> None:
        """While mapping is off nothing is asked; what is held stays until its lifetime ends."""
        for peer in () if self.enabled else self._peers.values():
            peer.due_at = None
            if peer.external is None:
                peer.state, peer.reason = MappingState.DISABLED, DISABLED_REASON
