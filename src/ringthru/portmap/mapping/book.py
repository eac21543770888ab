"""The book of our mappings: what is wanted, what is held, what is leaving.

Lives here: wishes coming and going, and the gateway in use as far as it concerns them all. Never here: who is
asked for next, or how one lease keeps its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from logging import INFO

from ..errors import LocalError
from ..memory.holding import Holding, Note
from ..memory.profile import GatewayProfile
from ..snapshots import MappingSnapshot
from ..values import Family, GatewayType, Protocol, Wanted, WantedPeer
from .agenda import Work as Work
from .lease import DISABLED_REASON, Lease, lease_key
from .sets import LeaseSet, SetRule, check_set
from .teller import Released as Released
from .wishes import objection
from .workbook import WorkBook


class MappingBook(WorkBook):
    """Every mapping of ours. ``enabled`` False: not one order to map or unmap comes out of it.

    ``lifetime`` in seconds; ``random`` gives 0 to 1; ``nonce`` 12 random bytes for each mapping; ``budget``
    is how many mappings may be held.
    """

    # What callers want

    def want(self, wanted: Wanted, now: float) -> Lease:
        """The lease for it; the same protocol and internal port twice is the same lease.

        Raises:
            LocalError: that lease lets others in, or may get another external port than the one demanded.
        """
        lease = self._leases.get(lease_key(wanted))
        if lease is None:
            lease = self._enter(wanted, None, now)
            self._allot(now)
        else:
            _check_wish(lease, wanted)
        return lease

    def want_set(self, wanted: tuple[Wanted, ...], rule: SetRule, now: float) -> LeaseSet:
        """Leases that count when all of them are granted; the same set twice is the same set.

        Raises:
            LocalError: a set that no gateway could grant, a member that is mapped by itself already, or a
                set that is kept by another rule, or otherwise than is wanted now (see ``want``).
        """
        check_set(wanted, rule)
        known = [self._leases[key] for key in map(lease_key, wanted) if key in self._leases]
        if known:
            return self._known_set(known, wanted, rule)
        group = LeaseSet(rule, self._terms.pick_port)
        group.begin(tuple(self._enter(each, group, now) for each in wanted), now)
        self._allot(now)
        return group

    def release(self, lease: Lease, asked: bool, reachable: bool) -> None:
        """Take a lease out, with all of its set, to be deleted when the gateway may hold it.

        ``asked``: its order is in flight; ``reachable``: there is a gateway to ask, or may be one soon.
        """
        if not self.holds(lease):
            return
        members = (lease,) if lease.group is None else lease.group.leases
        for each in members:
            self._teller.removed(each)
        for each in members:
            self._take_out(each, (asked and each is lease) or each is self._in_flight, reachable)
        self._room_made = True

    def is_held(self, made: Holding, by_internal_port: bool) -> bool:
        """Whether a mapping of now has a port of that one: to delete that would take this one away."""
        held = [
            each
            for each in self._leases.values()
            if (each.wanted.protocol, each.wanted.family) == (made.protocol, made.family)
            and each.held_port is not None
        ]
        inside = by_internal_port and made.internal_port in (each.wanted.internal_port for each in held)
        return inside or made.external_port in (each.held_port for each in held)

    def lease_at(self, flow: WantedPeer) -> Lease | None:
        """The lease of the internal port that a flow comes from."""
        return self._leases.get((flow.family.value, flow.protocol.value, "", flow.internal_port))

    def set_enabled(self, enabled: bool, now: float) -> None:
        self.enabled = enabled
        for lease in self._leases.values():
            if enabled:
                lease.enable(now)
            else:
                lease.disable()
        if enabled:
            for group in self._groups():
                group.plan(now)
            self._allot(now)

    def ask_all_again(self, now: float) -> None:
        """Ask for every mapping now."""
        for lease in self._leases.values():
            lease.ask_again(now)

    def doubt_all(self, now: float) -> None:
        """The gateway lost its state, and nothing is proven any more."""
        self._terms.calendar.doubted_at = now
        for lease in self._leases.values():
            lease.ladder.doubted(now)
            lease.filtering.doubted()

    def reached(
        self, protocol: Protocol, internal_port: int, words: str, now: float, family: Family = Family.IPV4
    ) -> None:
        """Somebody outside came through this mapping, and ``words`` say who."""
        lease = self._shown(protocol, internal_port, family)
        if lease is not None:
            self._verification.reached(lease, words, now)

    def unreachable(
        self, protocol: Protocol, internal_port: int, words: str, now: float, family: Family = Family.IPV4
    ) -> None:
        """Somebody outside tried to come through this mapping, and could not."""
        lease = self._shown(protocol, internal_port, family)
        if lease is not None:
            self._verification.unreached(lease, words, now)

    def unproven(
        self, protocol: Protocol, internal_port: int, words: str, now: float, family: Family = Family.IPV4
    ) -> None:
        """Somebody outside was asked to come through this mapping, and nobody can tell what came of it."""
        lease = self._shown(protocol, internal_port, family)
        if lease is not None:
            self._verification.unproven(lease, words, now)

    def tried(self, lease: Lease, remote: str, came: bool, words: str, now: float, *, teaches: bool) -> None:
        """Somebody at ``remote`` came through a mapping that is not for everybody, or tried in vain."""
        if self.holds(lease) and lease.external_port is not None:
            self._verification.tried(lease, remote, came, words, now, teaches=teaches)

    # The gateway in use, and what is known of it

    def use_profile(
        self, profile: GatewayProfile, *, reads_back: bool | None = None, speaks: GatewayType | None = None
    ) -> None:
        """The ways of the gateway in use; ``reads_back``: its protocol can look at a mapping (UPnP)."""
        self._lessons.use(profile)
        if reads_back and self._terms.reads_back is False:
            for lease in self._leases.values():
                lease.ladder.look_at_once()
        self._terms.reads_back, self._terms.speaks = reads_back, speaks
        self._room_made = True

    def look_again(self, now: float) -> None:
        """Something stirs at the gateway: what it lists is read again, without being made again.

        What is looked at by a name is asked for: that name may be another's by now (P612).
        """
        self._terms.calendar.doubted_at = now
        for lease in self._leases.values():
            if lease.reference and lease.held_port is not None:
                lease.ask_again(now)
            else:
                lease.ladder.look_again(now)

    def learned(self) -> list[GatewayProfile]:
        """What our mappings taught us of the gateway since the last call."""
        return self._lessons.learned()

    def adopt(
        self,
        holdings: Sequence[tuple[Holding, float | None]],
        now: float,
        kept: Sequence[Holding] = (),
    ) -> None:
        """Go on with what the journal has of this gateway, with the seconds left, None: for ever.

        What is wanted lends its nonce, reference and port to its lease; the rest is deleted after a grace,
        but for what is ``kept``: a person wants that to stay, whether or not we use it too.
        """
        self._deletions.borrow(kept)
        self.go_on_with(holdings, now)

    def go_on_with(self, holdings: Sequence[tuple[Holding, float | None]], now: float) -> None:
        """The same for more of them, of another protocol that this gateway is spoken to by now."""
        self._deletions.inherit(holdings, now)
        for lease in self._leases.values():
            self._deletions.lend(lease)

    def notes(self) -> list[Note]:
        """What to write into the journal, before the order asked for last goes out."""
        return self._ledger.notes()

    def lose_all(self, now: float, reason: str) -> None:
        """The gateway is gone; whether its mappings went with it, nobody knows: they stay in the journal."""
        for lease in self._leases.values():
            self._outcomes.lose(lease, now, reason)
            self._ledger.leave_all(lease.key)
        self._keep_disabled()
        self._deletions.put_back()

    def end_grace(self) -> None:
        """Nobody will want what an earlier run left: delete it now."""
        self._deletions.end_grace()

    def give_up_deletions(self) -> None:
        """There is nobody to ask for them."""
        self._deletions.give_up()

    def note(self, reason: str) -> None:
        """Say why nothing is mapped, to those that were never told."""
        for lease in self._leases.values():
            lease.reason = lease.reason or reason

    def snapshot(self, now: float) -> tuple[MappingSnapshot, ...]:
        keys = sorted(self._leases, key=lambda key: (key[3], key[1], key[0], key[2]))
        return tuple(self._leases[key].snapshot(now) for key in keys)

    # Inside

    def _known_set(self, known: list[Lease], wanted: tuple[Wanted, ...], rule: SetRule) -> LeaseSet:
        """The set that these are all of, if it is the one that is wanted."""
        group = known[0].group
        if group is None or group.leases != tuple(known) or len(known) != len(wanted):
            raise LocalError(f"{known[0].words} is mapped already, and cannot join another set")
        if group.rule is not rule:
            raise LocalError(
                f"{known[0].words} and the rest of its set have {group.rule.value}: release that set first"
            )
        for lease, wish in zip(known, wanted, strict=True):
            _check_wish(lease, wish)
        return group

    def _enter(self, wanted: Wanted, group: LeaseSet | None, now: float) -> Lease:
        lease = Lease(wanted, self._terms, now, group)
        self._leases[lease.key], self._unplaced[lease] = lease, None
        self._deletions.lend(lease)
        if not self.enabled:
            self._log(INFO, DISABLED_REASON)
        return lease

    def _take_out(self, lease: Lease, asked: bool, reachable: bool) -> None:
        del self._leases[lease.key]
        self._unplaced.pop(lease, None)
        self._outcomes.holders.left(lease)
        self._terms.calendar.left(lease)
        if lease.kept:
            self._ledger.leave_all(lease.key)
            self._teller.released(lease, True)
            return
        if (lease.may_remain or asked) and reachable and self.enabled:
            self._deletions.add_lease(lease)
            return
        self._ledger.leave_all(lease.key)
        self._teller.released(lease, not lease.may_remain)

    def _shown(self, protocol: Protocol, internal_port: int, family: Family) -> Lease | None:
        lease = self._leases.get((family.value, protocol.value, "", internal_port))
        return lease if lease is not None and lease.external_port is not None else None


def _check_wish(lease: Lease, wanted: Wanted) -> None:
    """Raises:
    LocalError: the lease would break what the wish says.
    """
    if reason := objection(lease.wanted, wanted):
        raise LocalError(f"{lease.words} is wanted otherwise already, {reason}")
