"""The states of nesting, found by living through what befalls a chain of two gateways."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from ipaddress import IPv4Network

from draw_code import table
from draw_states import picture, record, state_table

from ringthru.lab import ManualClock
from ringthru.lab.virtual.chain import Chain
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.net.address import INTERNET
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.discovery.site import site_of
from ringthru.portmap.nesting import beyond_driver
from ringthru.portmap.nesting.nesting_driver import Nesting
from ringthru.portmap.values import Protocol, Wanted

BETWEEN, OUTER, PUBLIC = "10.0.0.2", "10.0.0.1", "11.0.113.1"
LONG = 900.0  # seconds until whatever happened is noticed and mended
LIFE = (
    ("the inner address is not public", BETWEEN),
    ("the inner address is another one", "10.0.0.3"),
    ("the inner address is public", "11.0.113.9"),
)
Row = tuple[str, str, str, str]


@cache
def nesting_rows() -> list[Row]:
    befell = [""]

    def state(nesting: Nesting) -> str:
        if not nesting.active:
            return "nothing is needed beyond"
        return "looking beyond" if nesting.outer is None else "chained"

    def live(answers: bool) -> None:
        clock = ManualClock()
        near = VirtualGateway(clock.read, external=BETWEEN)
        beyond = VirtualGateway(clock.read, OUTER, PUBLIC)
        if not answers:
            beyond.power_off()
        around = Surroundings("192.168.1.103", IPv4Network("192.168.1.0/24"), near.address, INTERNET)
        chain = Chain(near, beyond, site_of(around), clock=clock, by_hand=OUTER)
        chain.start()
        chain.want(Wanted(Protocol.UDP, 5060))
        for words, address in LIFE:
            befell[0] = words
            if near.external != address:
                near.change_external_address(address)
            chain.run(LONG)

    def lives() -> None:
        live(answers=True)
        live(answers=False)

    inputs: dict[str, Callable[..., str]] = {
        "near_changed": lambda *_: befell[0],
        "_beyond_changed": lambda *_: "a gateway answers there",
    }
    return record(Nesting, inputs, state, lives)


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
    "candidates": candidate_table,
    "nesting picture": lambda: picture(nesting_rows(), "nothing is needed beyond"),
    "nesting states": lambda: state_table(nesting_rows()),
}
