"""The machines that keep mappings (``mapping/``): lease, flow, set, truth ladder."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from draw_code import table, timing
from draw_states import OutOfPlace, explore, picture, state_table

from ringthru.net.address import Endpoint
from ringthru.portmap.gateway.orders import Declined, Granted, Inspected, MapOrder, Remedy, Unmapped
from ringthru.portmap.mapping import budget, ladder, verification
from ringthru.portmap.mapping import timing as pauses
from ringthru.portmap.mapping.book import MappingBook
from ringthru.portmap.mapping.ladder import Ladder
from ringthru.portmap.mapping.lease import Lease
from ringthru.portmap.mapping.peers import PeerBook
from ringthru.portmap.mapping.sets import SetRule
from ringthru.portmap.mapping.terms import Terms
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.values import MappingState, Protocol, Rung, Wanted, WantedPeer

NOW = 1000.0
SIP, SIP_TCP = Wanted(Protocol.UDP, 5060), Wanted(Protocol.TCP, 5060)
FLOW = WantedPeer(Protocol.UDP, 5060, Endpoint("8.8.8.8", 5060))
BUSY = Declined("the port is taken", Remedy.ANOTHER_PORT)
FORBIDDEN = Declined("not allowed", Remedy.PERMISSION)
FULL = Declined("the budget is taken", Remedy.ROOM)


def terms() -> Terms:
    return Terms(3600, lambda: 40000, lambda: 0.5, lambda: bytes(12), GatewayProfile())


# One lease


@cache
def lease_rows() -> list[tuple[str, str, str, str]]:
    def state(lease: Lease) -> str:
        waits = ", waits for room" if lease.waiting else ""
        return f"{lease.state.value}{waits}{', deleted for its renewal' if lease.deleted else ''}"

    def held(lease: Lease) -> Lease:
        if lease.held_port is None:
            raise OutOfPlace
        return lease

    def asked(lease: Lease) -> Lease:
        asks = lease.admitted and not lease.waiting and lease.state is not MappingState.DISABLED
        if lease.due_at is None or not asks:
            raise OutOfPlace
        return lease

    def new(lease: Lease) -> Lease:
        if lease.admitted or lease.state is MappingState.DISABLED:
            raise OutOfPlace
        return lease

    inputs: dict[str, Callable[[Any], object]] = {
        "room in the budget": lambda lease: new(lease).admit(NOW),
        "no room in the budget": lambda lease: new(lease).refuse(FULL, None),
        "granted": lambda lease: asked(lease).granted(Granted(5060, 3600), NOW),
        "refused: the port is taken": lambda lease: asked(lease).declined(BUSY, NOW),
        "refused: no permission": lambda lease: asked(lease).declined(FORBIDDEN, NOW),
        "deleted for its renewal": lambda lease: held(lease).removed(True, NOW),
        "its lease ended, or the gateway is lost": lambda lease: held(lease).lose(NOW, "gone"),
        "mapping switched off": lambda lease: lease.disable(),
        "mapping switched on": lambda lease: lease.enable(NOW),
    }

    def detail(lease: Lease) -> object:
        return lease.held_port, lease.admitted, lease._ports_tried, lease.due_at is None, lease.waiting

    return explore(Lease(SIP, terms(), NOW), inputs, state, lambda lease: (), detail)


# A flow, in its book


class FlowDesk:
    """A book with one flow, whose gateway answers as the input says."""

    def __init__(self) -> None:
        self.book = PeerBook(
            3600, lambda level, text: None, True, random=lambda: 0.5, nonce=lambda: bytes(12), most=8
        )
        self.peer = self.book.want(FLOW, None, NOW)

    def answer(self, outcome: Any) -> None:
        order = self.book.next_order(NOW)
        if order is None:
            raise OutOfPlace
        self.book.answered(order, outcome, NOW)
        self.book.notes()

    def ask(self) -> None:
        self.book.ask_all_again(NOW)

    def end(self) -> None:
        if self.peer.expires_at is None:
            raise OutOfPlace
        self.book.expire(NOW + 7200)
        self.book.ask_all_again(NOW)


@cache
def flow_rows() -> list[tuple[str, str, str, str]]:
    def state(desk: FlowDesk) -> str:
        return f"{desk.peer.state.value}{'' if desk.peer.due_at is not None else ', not asked again'}"

    inputs: dict[str, Callable[[Any], object]] = {
        "kept": lambda desk: desk.answer(Granted(5060, 3600, external_address="8.8.4.4")),
        "kept elsewhere": lambda desk: desk.answer(Granted(6060, 3600, external_address="8.8.4.4")),
        "refused": lambda desk: desk.answer(FORBIDDEN),
        "no request for it": lambda desk: desk.answer(Declined("no PEER", Remedy.NOTHING)),
        "its time is over": lambda desk: desk.end(),
        "asked again: due, another gateway or address": lambda desk: desk.ask(),
        "the gateway is lost": lambda desk: desk.book.lose_all(NOW, "gone"),
        "mapping switched off": lambda desk: desk.book.set_enabled(False, NOW),
        "mapping switched on": lambda desk: desk.book.set_enabled(True, NOW),
    }

    def detail(desk: FlowDesk) -> object:
        peer = desk.peer
        return peer.external, peer.due_at is not None and peer.due_at <= NOW, desk.book.enabled

    def said(desk: FlowDesk) -> list[str]:
        return [type(event).__name__ for event in desk.book.events()]

    return explore(FlowDesk(), inputs, state, said, detail)


# A set, in the book that answers for it


class Desk:
    """A book with one set, and a gateway that answers as the input says; deletions are always agreed to."""

    def __init__(self) -> None:
        self.now = NOW
        self.book = MappingBook(3600, lambda: 40000, lambda level, text: None, True)
        self.book.use_profile(GatewayProfile(), reads_back=False)
        self.group = self.book.want_set((SIP, SIP_TCP), SetRule.SAME_NUMBER, self.now)

    def answer(self, outcome: Callable[[MapOrder], Any]) -> None:
        work = self.book.next_mapping(self.now)
        while work is not None and not isinstance(work[0], MapOrder):
            self.book.answered(*work, Inspected(None, verified=False, words="no list"), self.now)
            work = self.book.next_mapping(self.now)
        if work is None:
            raise OutOfPlace
        order, lease = work
        self.book.answered(order, lease, outcome(order), self.now)
        self.tidy()

    def tidy(self) -> None:
        deletion = self.book.next_deletion()
        while deletion is not None:
            self.book.answered(*deletion, Unmapped(), self.now)
            deletion = self.book.next_deletion()
        self.book.events()
        self.book.notes()

    def wait(self) -> None:
        """Until a refused member is to be asked again."""
        if self.book.next_mapping(self.now) is not None or self.group.whole:
            raise OutOfPlace
        self.now = max(self.now, self.book.next_due() or self.now)

    def lose(self) -> None:
        self.book.lose_all(self.now, "the gateway is lost")
        self.tidy()


@cache
def set_rows() -> list[tuple[str, str, str, str]]:
    def state(desk: Desk) -> str:
        group = desk.group
        holds = sum(lease.held_port is not None for lease in group.leases)
        return "whole" if group.whole else f"{group.state.value}; {holds} of {len(group.leases)} held"

    inputs: dict[str, Callable[[Any], object]] = {
        "a member is granted": lambda desk: desk.answer(lambda order: Granted(order.external_port, 3600)),
        "a member gets another number": lambda desk: desk.answer(lambda order: Granted(7777, 3600)),
        "a member's number is taken": lambda desk: desk.answer(lambda order: BUSY),
        "a member is refused": lambda desk: desk.answer(lambda order: FORBIDDEN),
        "the pause is over": lambda desk: desk.wait(),
        "the gateway is lost": lambda desk: desk.lose(),
    }

    def detail(desk: Desk) -> object:
        group = desk.group
        members = tuple((each.held_port, each.waiting, each.port) for each in group.leases)
        return group._numbers_tried, group._asked_twice, members, desk.book.next_mapping(desk.now) is None

    return explore(Desk(), inputs, state, lambda desk: (), detail)


# The truth ladder


@cache
def ladder_rows() -> list[tuple[str, str, str, str]]:
    def state(machine: Ladder) -> str:
        listed = machine.holds(Rung.LISTED)
        unknown = machine.rung is Rung.ACCEPTED and listed is None and len(machine.evidence) > 2
        gone = ", not listed" if listed is False else ""
        return f"{machine.rung.value}{', cannot be verified' if unknown else gone}"

    def granted(machine: Ladder) -> Ladder:
        if not machine.holds(Rung.ACCEPTED):
            raise OutOfPlace
        return machine

    inputs: dict[str, Callable[[Any], object]] = {
        "granted anew": lambda m: m.accepted("yes", NOW, anew=True),
        "renewed": lambda m: granted(m).accepted("yes", NOW, anew=False),
        "seen in the gateway's table": lambda m: granted(m).listed("seen", NOW, None, 0.0),
        "not in the table": lambda m: granted(m).unlisted("no", NOW),
        "looking told nothing": lambda m: granted(m).unverifiable("no list", NOW),
        "somebody came through": lambda m: granted(m).reached("a call", NOW),
        "nobody came through": lambda m: granted(m).unreached("a probe", NOW),
        "the gateway lost its state": lambda m: granted(m).doubted(NOW),
        "not granted any more": lambda m: granted(m).lost("gone", NOW),
    }
    machine = Ladder()
    machine.requested("wanted", NOW)
    return explore(
        machine, inputs, state, lambda m: (), lambda m: tuple((e.rung, e.holds) for e in m.evidence)
    )


def schedule_table() -> str:
    """When a mapping is read back after it was made, by a ladder that is asked each time it is due."""
    machine, rows = Ladder(), []
    machine.accepted("yes", 0.0, anew=True)
    for number in range(1, 8):
        at = machine.check_at
        assert at is not None
        rows.append((str(number), f"{at:g} s"))
        machine.listed("seen", at, None, 0.0)
    return table("Look", "After it was made", rows=rows)


def refusal_table() -> str:
    rows = []
    for remedy in Remedy:
        waits = pauses.Pauses()
        shown = [f"{waits.after(remedy, 0.0):g}" for _ in range(8)]
        rows.append((f"`{remedy.name}`", remedy.value, ", ".join(shown)))
    return table("Remedy", "What may help", "Seconds until it is asked again, refusal by refusal", rows=rows)


PARTS: dict[str, Callable[[], str]] = {
    "lease states": lambda: state_table(lease_rows()),
    "lease picture": lambda: picture(lease_rows(), MappingState.REQUESTED.value),
    "lease timing": lambda: timing(pauses),
    "refusals": refusal_table,
    "flow states": lambda: state_table(flow_rows()),
    "flow picture": lambda: picture(flow_rows(), flow_rows()[0][0]),
    "set states": lambda: state_table(set_rows()),
    "set picture": lambda: picture(set_rows(), set_rows()[0][0]),
    "ladder states": lambda: state_table(ladder_rows()),
    "ladder picture": lambda: picture(ladder_rows(), Rung.REQUESTED.value),
    "ladder timing": lambda: timing(ladder),
    "schedule": schedule_table,
    "verification timing": lambda: timing(verification),
    "budget timing": lambda: timing(budget),
}
