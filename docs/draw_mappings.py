"""The machines that keep mappings: lease, set, truth ladder, detection, dispatch, journal, nesting."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from functools import cache
from ipaddress import IPv4Network
from typing import Any

from draw_clients import timing
from draw_code import doc, table
from draw_states import OutOfPlace, explore, picture, record, state_table

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.world import World
from ringthru.net.address import Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.net.values import replace
from ringthru.portmap.discovery import detection, ssdp_search
from ringthru.portmap.discovery.detection import Detection
from ringthru.portmap.engine import in_use
from ringthru.portmap.engine.dispatch import Dispatch
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.gateway.orders import Declined, Granted, Inspected, MapOrder, Remedy, Unmapped
from ringthru.portmap.gateway.upnp_client import UpnpClient
from ringthru.portmap.mapping import budget, deletions, ladder, verification
from ringthru.portmap.mapping import timing as pauses
from ringthru.portmap.mapping.book import MappingBook
from ringthru.portmap.mapping.ladder import Ladder
from ringthru.portmap.mapping.lease import Lease
from ringthru.portmap.mapping.ledger import Ledger
from ringthru.portmap.mapping.peers import PeerBook
from ringthru.portmap.mapping.sets import SetRule
from ringthru.portmap.mapping.terms import Terms
from ringthru.portmap.memory.holding import GatewayIdentity, Holding, JournalEntry
from ringthru.portmap.memory.journal import Adoption, take_stock
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.nesting import beyond_driver
from ringthru.portmap.values import Family, GatewayType, MappingState, Protocol, Rung, Wanted, WantedPeer

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


# Detection and dispatch, watched in the virtual world


def make_world(protocols: tuple[str, ...], **quirks: Any) -> World:
    clock, seed = ManualClock(), 1
    ports = itertools.count(40000)
    gateways = [VirtualGateway(clock.read, quirks=Quirks(**quirks), protocols=protocols, seed=seed)]
    engine = Engine(
        Surroundings("192.168.1.103", IPv4Network("192.168.1.0/24"), "192.168.1.1"),
        pick_port=lambda: next(ports),
        log=lambda level, text: None,
        entropy=random.Random(seed).randbytes,
    )
    return World(engine, *gateways, clock=clock, host="192.168.1.103", seed=seed)


def live() -> None:
    """Lives of an engine: each protocol, no gateway, a refusal, a reboot, a gateway gone, a stop."""
    every = ("natpmp", "pcp", "upnp")
    for protocols in ((), ("natpmp",), ("pcp",), ("upnp",), every):
        world = make_world(protocols)
        world.call("want", SIP)
        world.call("want", SIP_TCP)
        world.call("start")
        world.run(60)
        world.gateways[0].reboot()
        world.run(1900)
        world.call("list_gateway", 10)
        world.run(30)
        world.gateways[0].power_off()
        world.run(120)
        world.gateways[0].power_on()
        world.call("stirred")
        world.run(120)
        world.call("reinit")
        world.run(30)
        world.call("stop")
        world.run(30)
    world = make_world(every, refuse=True)
    world.call("want", SIP)
    world.call("start")
    world.run(60)
    world.call("stop")
    world.run(10)


@cache
def detection_rows() -> list[tuple[str, str, str, str]]:
    def state(machine: Detection) -> str:
        if machine.searching:
            return "pause between rounds" if machine._next_round_at is not None else "round"
        return "looking for a witness" if machine.witnessing else "quiet"

    def judged(result: Any, *_: Any) -> str:
        return "a later round ends in vain" if result is None else f"`{type(result).__name__}`"

    inputs: dict[str, Callable[..., str]] = {
        "start": lambda *_: "start",
        "decide": judged,
        "handle_timeout": lambda *_: "time-out",
        "hurry": lambda *_: "something stirs",
        "look_for_witness": lambda *_: "the start is over",
        "witness": lambda result, *_: "its UPnP side answers" if result else "no witness yet",
        "stop": lambda *_: "stop",
        "stop_searching": lambda *_: "stop searching",
    }
    return record(Detection, inputs, state, live)


@cache
def dispatch_rows() -> list[tuple[str, str, str, str]]:
    def state(machine: Dispatch) -> str:
        if machine.gateway is None:
            return "no gateway"
        if machine.lost is not None:
            return "gateway lost"
        if machine.in_flight is None:
            return "nothing in flight"
        return f"{type(machine.in_flight[0]).__name__} in flight"

    inputs: dict[str, Callable[..., str]] = {
        "adopt": lambda *_: "a gateway is found",
        "advance": lambda *_: "answers come in, or something is due",
        "abandon": lambda *_: "stop",
        "forget": lambda *_: "the gateway is lost, or looked for again",
    }
    return record(Dispatch, inputs, state, live)


# The journal


@cache
def ledger_rows() -> list[tuple[str, str, str, str]]:
    asked = Holding(Family.IPV4, Protocol.UDP, "", 5060, 5060, 3600)
    granted = replace(asked, granted=True)

    def state(ledger: Ledger) -> str:
        held = ledger._kept.get(asked.key)
        if held is None:
            return "not in hand"
        if asked.key in ledger._doomed:
            return "to be deleted"
        return "granted" if held.granted else "asked for"

    def in_hand(ledger: Ledger) -> Ledger:
        if state(ledger) == "not in hand":
            raise OutOfPlace
        return ledger

    def wanted(ledger: Ledger) -> Ledger:
        if state(ledger) == "to be deleted":
            raise OutOfPlace
        return ledger

    def found(ledger: Ledger) -> None:
        if state(ledger) != "not in hand":
            raise OutOfPlace
        ledger.took_over(granted)

    def doomed(ledger: Ledger) -> None:
        in_hand(wanted(ledger)).doom(asked.key)

    inputs: dict[str, Callable[[Ledger], object]] = {
        "an order goes out": lambda ledger: wanted(ledger).keep(
            replace(asked, granted=state(ledger) == "granted")
        ),
        "an earlier run left it here": found,
        "the gateway grants it": lambda ledger: in_hand(wanted(ledger)).settled(granted),
        "nobody wants it any more": doomed,
        "it is deleted, refused or run out": lambda ledger: in_hand(ledger).forget(asked.key),
        "nobody can be asked, and it stays in the journal": lambda ledger: in_hand(ledger).leave(asked.key),
    }
    return explore(Ledger(), inputs, state, lambda ledger: [type(each).__name__ for each in ledger.notes()])


# UPnP's client


@cache
def upnp_rows() -> list[tuple[str, str, str, str]]:
    def state(client: UpnpClient) -> str:
        if client._steps is None:
            return "idle"
        return "carrying out an order" if client._steps.gi_code.co_name == "guarded" else "looking"

    inputs: dict[str, Callable[..., str]] = {
        "consider": lambda taken, *_: "a location to look at" if taken else "a location of no use",
        "submit": lambda *_: "an order",
        "receive_reply": lambda *_: "a reply",
        "abandon": lambda *_: "abandon",
        "begin": lambda *_: "a new detection",
        "use": lambda *_: "its service is chosen",
    }
    return record(UpnpClient, inputs, state, live)


CONDITIONS = ("its owner lives", "its lease has ended", "this gateway", "our address then is ours now")
MORE = ("made to stay (`kept`)", "the protocol it was made by is spoken")


def journal_table() -> str:
    """Where each entry of the journal goes; what makes no difference is left blank."""
    names = (*CONDITIONS, *MORE)
    places = {facts: _place(*facts) for facts in itertools.product((True, False), repeat=len(names))}
    rows = [(*(_yes(fact) for fact in facts), f"`{place}`") for facts, place in _decided(places, ())]
    return table(*names, "Goes to", rows=rows)


def _yes(fact: bool | None) -> str:
    return "" if fact is None else "yes" if fact else "no"


def _decided(
    places: dict[tuple[bool, ...], str], begun: tuple[bool, ...]
) -> list[tuple[tuple[Any, ...], str]]:
    """The fewest lines that tell all, deciding by one condition after the other."""
    fitting = {facts: place for facts, place in places.items() if facts[: len(begun)] == begun}
    length = len(next(iter(places)))
    if len(set(fitting.values())) == 1:
        return [((*begun, *[None] * (length - len(begun))), next(iter(fitting.values())))]
    yes, no = (_decided(places, (*begun, fact)) for fact in (True, False))
    if [(f[len(begun) + 1 :], p) for f, p in yes] == [(f[len(begun) + 1 :], p) for f, p in no]:
        return [((*begun, None, *facts[len(begun) + 1 :]), place) for facts, place in yes]
    return yes + no


def _place(living: bool, ended: bool, here: bool, same: bool, kept: bool, speaks: bool) -> str:
    holding = Holding(Family.IPV4, Protocol.UDP, "", 5060, 5060, 3600, granted=True)
    made_on = GatewayIdentity(GatewayType.PCP, "192.168.1.1" if here else "192.168.7.1", "")
    now_on = GatewayIdentity(GatewayType.PCP if speaks else GatewayType.NAT_PMP, "192.168.1.1", "")
    own = "192.168.1.103"
    entry = JournalEntry(holding, made_on, 0.0, kept, "somebody", own if same else "192.168.1.50")
    stock = take_stock(
        [entry],
        now_on,
        own_address=own,
        family=Family.IPV4,
        now=9000.0 if ended else 10.0,
        living={"somebody"} if living else (),
    )
    return next(name for name in Adoption.__match_args__ if getattr(stock, name))


# Nesting


def candidate_table() -> str:
    cases: dict[str, tuple[str, tuple[str, ...], str | None]] = {
        "a person named it": ("192.168.0.12", (), "192.168.0.200"),
        "a router on the way out answered": ("192.168.0.12", ("192.168.0.254",), None),
        "nothing is known": ("192.168.0.12", (), None),
        "carrier-grade NAT": ("100.64.3.4", (), None),
    }
    rows = [
        (words, external, ", ".join(beyond_driver.outer_candidates(external, hops, by_hand)))
        for words, (external, hops, by_hand) in cases.items()
    ]
    return table("When", "The inner gateway's external address", "Asked, all at once", rows=rows)


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
    "detection states": lambda: state_table(detection_rows()),
    "detection picture": lambda: picture(detection_rows(), "quiet"),
    "detection timing": lambda: timing(detection),
    "search timing": lambda: timing(ssdp_search),
    "dispatch states": lambda: state_table(dispatch_rows()),
    "dispatch order": lambda: doc(Dispatch._submit_next),
    "in use timing": lambda: timing(in_use),
    "journal": journal_table,
    "journal picture": lambda: picture(ledger_rows(), "not in hand"),
    "journal states": lambda: state_table(ledger_rows()),
    "upnp picture": lambda: picture(upnp_rows(), "idle"),
    "upnp states": lambda: state_table(upnp_rows(), idle=True),
    "journal timing": lambda: timing(deletions),
    "budget timing": lambda: timing(budget),
    "candidates": candidate_table,
    "adoption": lambda: doc(Adoption),
}
