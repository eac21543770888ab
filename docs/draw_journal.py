"""What outlives the process (``memory/``): the journal, and what becomes of its entries."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

from draw_code import doc, table, timing
from draw_states import OutOfPlace, explore, picture, state_table

from ringthru.net.values import replace
from ringthru.portmap.mapping import deletions
from ringthru.portmap.mapping.ledger import Ledger
from ringthru.portmap.memory.holding import GatewayIdentity, Holding, JournalEntry
from ringthru.portmap.memory.journal import Adoption, take_stock
from ringthru.portmap.values import Family, GatewayType, Protocol

CONDITIONS = ("its owner lives", "its lease has ended", "this gateway", "our address then is ours now")
MORE = ("made to stay (`kept`)", "the protocol it was made by is spoken")


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


PARTS: dict[str, Callable[[], str]] = {
    "journal": journal_table,
    "journal picture": lambda: picture(ledger_rows(), "not in hand"),
    "journal states": lambda: state_table(ledger_rows()),
    "journal timing": lambda: timing(deletions),
    "adoption": lambda: doc(Adoption),
}
