"""The book against a simple gateway that grants, refuses, forgets and restarts as it likes."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ringthru.portmap.errors import LocalError
from ringthru.portmap.events import MappingAdded, MappingProven, MappingRemoved
from ringthru.portmap.gateway.orders import (
    Declined,
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    Remedy,
    UnmapOrder,
    Unmapped,
)
from ringthru.portmap.mapping.book import MappingBook, Released
from ringthru.portmap.mapping.history import MOST_ATTEMPTS
from ringthru.portmap.mapping.sets import SetRule
from ringthru.portmap.memory.holding import Keep
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import MappingState, Protocol, Rung, Wanted

BUDGET = 5
PORTS = st.sampled_from([5062, 5064, 16386, 16387])
PROTOCOLS = st.sampled_from(Protocol)
REMEDIES = st.sampled_from(Remedy)
SETS = st.sampled_from(
    [
        (SetRule.SAME_NUMBER, (Wanted(Protocol.UDP, 5060), Wanted(Protocol.TCP, 5060))),
        (SetRule.PAIR, (Wanted(Protocol.UDP, 16384), Wanted(Protocol.UDP, 16385))),
        (SetRule.INDEPENDENT, (Wanted(Protocol.UDP, 5080), Wanted(Protocol.TCP, 5061))),
    ]
)


class TheBook(RuleBasedStateMachine):
    """The model keeps its own table and journal; the invariants compare them with what the book says."""

    @initialize(random=st.floats(0, 1), lists=st.booleans())
    def begin(self, random: float, lists: bool) -> None:
        self.now = 1000.0
        self.random, self.lists = random, lists
        self.table: dict[tuple[Protocol, int], tuple[int, float]] = {}  # to internal port and end of lease
        self.journal: dict[tuple, object] = {}
        self.told: dict[tuple[Protocol, int], int] = {}  # external ports that subscribers count on
        self.proven: set[tuple[Protocol, int]] = set()
        self.groups: list = []
        self.gateway = True
        self.left = False  # something that nobody could be made to delete
        self.ports, self.nonces = itertools.count(20000), itertools.count(1)
        self.restart_book()

    def restart_book(self) -> None:
        self.book = MappingBook(
            600,
            lambda: next(self.ports),
            lambda level, text: None,
            True,
            random=lambda: self.random,
            nonce=lambda: next(self.nonces).to_bytes(12),
            budget=BUDGET,
        )
        self.book.use_profile(GatewayProfile("model"), reads_back=self.lists)
        self.in_flight = None

    # What callers do

    @rule(protocol=PROTOCOLS, port=PORTS, sticky=st.booleans(), exact=st.booleans())
    def want(self, protocol: Protocol, port: int, sticky: bool, exact: bool) -> None:
        wanted = Wanted(protocol, port, sticky=sticky, exact=exact)
        try:
            lease = self.book.want(wanted, self.now)
        except LocalError:
            assert exact, "it was wanted at that port too, but not exactly there"
            return
        assert self.book.want(wanted, self.now) is lease
        self.drain()

    @rule(chosen=SETS)
    def want_set(self, chosen: tuple) -> None:
        rule, members = chosen
        try:
            group = self.book.want_set(members, rule, self.now)
        except LocalError:
            return  # one of them is wanted by itself
        if group not in self.groups:
            self.groups.append(group)
        self.drain()

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        leases = self.book.leases()
        if leases:
            lease = data.draw(st.sampled_from(leases))
            asked = self.in_flight is not None and self.in_flight[1] is lease
            self.book.release(lease, asked, self.gateway)
            self.groups = [group for group in self.groups if lease not in group.leases]
            self.drain()

    @rule()
    def republish(self) -> None:
        self.book.ask_all_again(self.now)

    # What the gateway does

    @precondition(lambda self: self.gateway)
    @rule()
    def ask(self) -> None:
        if self.in_flight is not None:
            return
        self.in_flight = self.book.next_deletion() or self.book.next_mapping(self.now)
        self.drain()
        due = self.book.next_due()
        assert self.in_flight or due is None or due > self.now, "due, and yet nothing to ask: that would spin"
        if self.in_flight and isinstance(self.in_flight[0], MapOrder):
            order = self.in_flight[0]
            kept = [
                key
                for key in self.journal
                if key[1] == order.protocol.value and key[3] == order.internal_port
            ]
            assert any(key[4] == order.external_port for key in kept), "written down before it goes out"

    @precondition(lambda self: self.gateway)
    @rule(whims=st.lists(st.sampled_from([0, 0, 1, 2, None]), max_size=8))
    def the_gateway_answers_all_that_is_due(self, whims: list) -> None:
        """A whim moves the port that is granted; None refuses."""
        for count in range(300):
            self.ask()
            if self.in_flight is None:
                return
            whim = whims[count] if count < len(whims) else 0
            if whim is None:
                self.refuse(Remedy.ANOTHER_PORT)
            else:
                self.answer_well(self.in_flight[0].external_port + whim, 600)
        raise AssertionError("the book never comes to rest")

    @precondition(lambda self: self.in_flight)
    @rule(port=st.none() | st.integers(16380, 16390), lifetime=st.sampled_from([0, 1, 13, 60, 600, 3600]))
    def answer_well(self, port: int | None, lifetime: int) -> None:
        if self.in_flight is None:
            return
        order, lease = self.in_flight
        place = (order.protocol, order.external_port)
        if isinstance(order, MapOrder):
            port = port or order.external_port
            end = self.now + lifetime if lifetime else float("inf")
            self.table[order.protocol, port] = order.internal_port, end
            outcome = Granted(port, lifetime, verified=not self.lists)
        elif isinstance(order, UnmapOrder):
            if self.table.get(place, (0, 0))[0] == order.internal_port:
                del self.table[place]
            outcome = Unmapped()
        else:
            internal, end = self.table.get(place, (0, 0.0))
            missing = internal != order.internal_port or end <= self.now
            left = None if missing else 0 if end == float("inf") else max(1, int(end - self.now))
            outcome = Inspected(left, missing=missing, words="seen" if not missing else "no such entry")
        self.finish(outcome)

    @precondition(lambda self: self.in_flight)
    @rule(remedy=REMEDIES)
    def refuse(self, remedy: Remedy) -> None:
        self.left = self.left or isinstance(self.in_flight[0], UnmapOrder)
        if isinstance(self.in_flight[0], InspectOrder):
            self.finish(Inspected(None, verified=False, words="not allowed"))
        else:
            self.finish(Declined(f"no: {remedy.value}", remedy))

    def finish(self, outcome) -> None:
        (order, lease), self.in_flight = self.in_flight, None
        self.book.answered(order, lease, outcome, self.now)
        self.drain()

    @rule(data=st.data())
    def forget_an_entry(self, data: st.DataObject) -> None:
        if self.table:
            del self.table[data.draw(st.sampled_from(sorted(self.table, key=str)))]

    @rule()
    def lose_the_gateway(self) -> None:
        if self.in_flight is not None:
            self.book.unanswered(*self.in_flight)
            self.in_flight = None
        self.gateway, self.left = False, True
        self.book.lose_all(self.now, "it went away")
        self.drain()

    @precondition(lambda self: not self.gateway)
    @rule(same=st.booleans())
    def find_a_gateway(self, same: bool) -> None:
        self.gateway = True
        if not same:
            self.table.clear()
        self.adopt()

    @rule()
    def crash_and_start_again(self) -> None:
        """``kill -9``: nothing but the journal survives."""
        self.restart_book()
        self.told.clear()
        self.proven.clear()
        self.groups.clear()
        self.gateway = True
        self.adopt()

    def adopt(self) -> None:
        rows = [(holding, None if not holding.lifetime else 60.0) for holding in self.journal.values()]
        self.book.adopt(rows, self.now)
        self.book.ask_all_again(self.now)
        self.drain()

    @precondition(lambda self: self.gateway and self.in_flight is None)
    @rule()
    def stop(self) -> None:
        """Nothing of ours stays behind, and the journal knows."""
        for lease in self.book.leases():
            self.book.release(lease, False, True)
        self.time_passes(11.0)
        self.the_gateway_answers_all_that_is_due([])
        assert self.book.cleared
        assert self.left or not self.journal
        self.groups.clear()

    @rule(seconds=st.sampled_from([0.5, 2.0, 11.0, 60.0, 400.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        if self.in_flight is None:
            self.now += seconds
            self.book.expire(self.now)
            self.drain()

    @precondition(lambda self: self.proven)
    @rule(data=st.data(), well=st.booleans())
    def word_from_outside(self, data: st.DataObject, well: bool) -> None:
        place = data.draw(st.sampled_from(sorted(self.proven, key=str)))
        tell = self.book.reached if well else self.book.unreachable
        tell(*place, "an echo", self.now)
        self.drain()

    def drain(self) -> None:
        for note in self.book.notes():
            if isinstance(note, Keep):
                self.journal[note.holding.key] = note.holding
            else:
                assert self.journal.pop(note.holding.key, None), "struck out, and never written down"
        for event in self.book.events():
            if isinstance(event, Released):
                continue
            place = event.protocol, event.internal_port
            if isinstance(event, MappingAdded):
                assert place not in self.told, "added twice"
                self.told[place] = event.external_port
            elif isinstance(event, MappingRemoved):
                assert self.told.pop(place) == event.external_port
                self.proven.discard(place)
            elif isinstance(event, MappingProven):
                assert place in self.told, "proven, and not there"
                self.proven.add(place)

    # What must hold

    @invariant()
    def subscribers_know_what_there_is(self) -> None:
        held = {
            (each.protocol, each.internal_port): each.external_port
            for each in self.book.snapshot(self.now)
            if each.external_port is not None
        }
        assert held == self.told

    @invariant()
    def a_set_is_all_or_nothing_and_keeps_its_rule(self) -> None:
        for group in self.groups:
            ports = [lease.external_port for lease in group.leases]
            assert len({port is None for port in ports}) == 1
            if ports[0] is not None and group.rule is SetRule.SAME_NUMBER:
                assert len(set(ports)) == 1
            if ports[0] is not None and group.rule is SetRule.PAIR:
                assert ports[0] % 2 == 0
                assert ports[1] == ports[0] + 1

    @invariant()
    def what_we_hold_is_in_the_journal(self) -> None:
        for lease in self.book.leases():
            if lease.held_port is not None and not lease.deleted:
                assert lease.key_at(lease.held_port) in self.journal

    @invariant()
    def no_two_of_ours_have_one_external_port(self) -> None:
        held = [(each.wanted.protocol, each.held_port) for each in self.book.leases() if each.held_port]
        assert len(held) == len(set(held))

    @invariant()
    def no_rung_without_its_cause(self) -> None:
        for each in self.book.snapshot(self.now):
            holding = {evidence.rung for evidence in each.evidence if evidence.holds}
            assert each.rung is Rung.REQUESTED or each.rung in holding
            if each.external_port is None:
                assert each.rung is Rung.REQUESTED
                assert each.state is not MappingState.ACCEPTED
            if not self.lists:
                assert Rung.LISTED not in holding
            assert all(evidence.words and evidence.at <= self.now for evidence in each.evidence)

    @invariant()
    def nothing_grows_without_end(self) -> None:
        leases = self.book.leases()
        assert sum(lease.admitted for lease in leases) <= BUDGET
        assert all(len(lease.history.attempts) <= MOST_ATTEMPTS for lease in leases)


TheBook.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTheBook = TheBook.TestCase
