"""A person at the command line, with two lines to the Internet, or with two ways to one gateway."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from ipaddress import IPv4Network

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ringthru.lab import FakeGateway, Quirks
from ringthru.nat.command import run
from ringthru.nat.everywhere import together
from ringthru.nat.place import Ground
from ringthru.nat.words import Exit
from ringthru.net.address import AddressRules
from ringthru.net.surroundings import Surroundings

from ..scenarios.waiting import eventually
from .conftest import WORKER, Said
from .interrupting import interrupt

RULES = AddressRules((IPv4Network("127.93.0.0/16"),))


def inside(number: int, host: int) -> str:
    return f"127.92.{16 * WORKER + number}.{host}"


def beyond(number: int) -> str:
    """What the gateway of that line has as its external address."""
    return f"127.93.{16 * WORKER + number}.1"


def line(number: int, host: int = 10) -> Surroundings:
    address, network = inside(number, host), IPv4Network(f"{inside(number, 0)}/24")
    return Surroundings(address, network, inside(number, 1), RULES, multicast=False)


class Town:
    """Types commands where ``lines`` are; with a journal of its own."""

    def __init__(self, store) -> None:
        self.store = store
        self.lines = {"dsl": line(1), "cable": line(2)}
        self.out = io.StringIO()
        self.linger = 0.05  # seconds that slower services are waited for

    async def __call__(self, words: str) -> Said:
        self.out, err = io.StringIO(), io.StringIO()
        ground = Ground(
            self.lines.__getitem__, linger=self.linger, survey=30.0, interfaces=lambda: list(self.lines)
        )
        argv = [*words.split(), "--every-interface", "--store", str(self.store)]
        code = await run(argv, ground, self.out, err)
        return Said(code, self.out.getvalue(), err.getvalue())


@pytest.fixture
def nat(tmp_path) -> Town:
    return Town(tmp_path / "nat.sqlite3")


@pytest.fixture
async def gateways() -> AsyncIterator[list[FakeGateway]]:
    async with AsyncExitStack() as stack:
        found = []
        for number in (1, 2):
            gateway = FakeGateway(inside(number, 1), beyond(number), clock=time.monotonic)
            await gateway.start()
            stack.push_async_callback(gateway.stop)
            found.append(gateway)
        yield found


def held(gateway):
    return sorted((m.protocol, m.external_port, str(m.internal)) for m in gateway.mappings())


def parts(said: Said) -> dict:
    return {each["interface"]: each for each in said.json["interfaces"]}


def section(words: str, name: str) -> str:
    """What was said of one line; whoever is done first speaks first."""
    after = words[words.index(f"{name}:\n") :]
    ends = [after.index(each) for each in ("dsl:\n", "cable:\n") if each in after and each != f"{name}:\n"]
    return after[: min(ends, default=len(after))]


class TestLooking:
    async def test_discover_shows_every_line_with_its_gateways(self, nat, gateways):
        said = await nat("discover")
        assert said.code == Exit.OK
        dsl, cable = section(said.out, "dsl"), section(said.out, "cable")
        assert (beyond(1) in dsl, beyond(2) in dsl) == (True, False)
        assert (beyond(1) in cable, beyond(2) in cable) == (False, True)

    async def test_a_line_without_a_gateway_is_told_and_the_others_are_shown(self, nat, gateways):
        nat.lines["umts"] = line(9)
        said = await nat("status --timeout 30 --json")
        assert said.code == Exit.PARTLY
        found = parts(said)
        assert [found[name]["exit"] for name in ("dsl", "cable", "umts")] == [0, 0, Exit.NO_GATEWAY]
        assert f"{inside(9, 1)} does not answer" in found["umts"]["error"]
        assert "umts: the default gateway" in said.err

    async def test_each_line_shows_what_is_remembered_of_it_and_each_table_its_entries(self, nat, gateways):
        nat.linger = 30.0  # for UPnP, which alone can list
        await nat("add 8080/tcp")
        found = parts(await nat("status --json"))
        for name, number in (("dsl", 1), ("cable", 2)):
            assert [each["gateway"] for each in found[name]["mappings"]] == [inside(number, 1)]
        tables = parts(await nat("list --json"))
        assert [[e["internal_client"] for e in tables[n]["entries"]] for n in ("dsl", "cable")] == [
            [inside(1, 10)],
            [inside(2, 10)],
        ]

    async def test_metrics_of_all_lines_are_one_text_for_prometheus(self, nat, gateways):
        await nat("add 8080/tcp")
        nat.lines["umts"] = line(9)
        said = await nat("status --metrics --timeout 30")
        assert said.code == Exit.PARTLY
        told = {each.name: each.samples for each in text_string_to_metric_families(said.out)}
        up = {each.labels["interface"]: each.value for each in told["ringthru_nat_gateway_up"]}
        assert up == {"dsl": 1.0, "cable": 1.0, "umts": 0.0}
        remembered = told["ringthru_nat_remembered"]
        assert sum(each.value for each in remembered if each.labels["interface"] == "dsl") == 1.0

    async def test_discover_waits_on_every_line_for_as_long_as_is_said(self, nat, gateways):
        found = parts(await nat("discover --wait 0.5 --json"))
        assert [found[name]["exit"] for name in ("dsl", "cable")] == [0, 0]

    async def test_no_line_at_all(self, nat):
        nat.lines = {}
        for words in ("status", "add 8080", "watch"):
            said = await nat(words)
            assert said.code == Exit.LOCAL
            assert "is this machine connected?" in said.err


class TestOpeningAndClosing:
    async def test_a_port_on_both_that_stays_and_is_deleted_on_both(self, nat, gateways):
        said = await nat("add 8080/tcp")
        assert said.code == Exit.OK
        assert f"{beyond(1)}:8080" in said.out
        assert f"{beyond(2)}:8080" in said.out
        assert "ringthru nat delete 8080/tcp --every-interface" in said.err
        assert [held(each) for each in gateways] == [
            [("tcp", 8080, f"{inside(1, 10)}:8080")],
            [("tcp", 8080, f"{inside(2, 10)}:8080")],
        ]
        deleted = await nat("delete 8080/tcp --json")
        assert deleted.code == Exit.OK
        assert [len(each["deleted"]) for each in parts(deleted).values()] == [1, 1]
        assert [held(each) for each in gateways] == [[], []]

    async def test_what_one_gateway_refuses_is_open_on_the_other(self, nat, gateways):
        gateways[0].quirks = Quirks(refuse=True)
        said = await nat("add 8080/tcp --json")
        assert said.code == Exit.PARTLY
        found = parts(said)
        assert (found["dsl"]["exit"], found["cable"]["exit"]) == (Exit.REFUSED, Exit.OK)
        assert found["cable"]["mappings"][0]["external_port"] == 8080

    async def test_on_the_first_that_grants_it(self, nat, gateways):
        gateways[0].quirks = Quirks(refuse=True)
        said = await nat("add 8080/tcp --first")
        assert said.code == Exit.OK
        assert "Not needed: it is open over cable." in said.out
        assert held(gateways[0]) == []
        assert len(held(gateways[1])) == 1

    async def test_two_ways_to_one_gateway_are_mapped_once(self, nat, gateways):
        nat.lines = {"cable": line(1, 10), "wifi": line(1, 11)}
        said = await nat("add 8080/tcp --json")
        assert said.code == Exit.OK
        assert held(gateways[0]) == [("tcp", 8080, f"{inside(1, 10)}:8080")]
        assert (parts(said)["wifi"]["state"], parts(said)["wifi"]["instead"]) == ("standing by", "cable")

    async def test_held_until_interrupted(self, nat, gateways):
        holding = asyncio.ensure_future(nat("add 8080/tcp --hold --json"))
        await eventually(lambda: held(gateways[0]) and held(gateways[1]))
        await interrupt(signal.SIGTERM)
        said = await holding
        first, state, *_ = [json.loads(each) for each in said.out.splitlines()]
        assert (first["held"], [each["interface"] for each in first["interfaces"]]) == (
            True,
            ["dsl", "cable"],
        )
        assert [each["mappings"][0]["external_port"] for each in state["interfaces"]] == [8080, 8080]
        assert [held(each) for each in gateways] == [[], []]

    async def test_watching_names_the_interface_of_each_event(self, nat, gateways):
        watching = asyncio.ensure_future(nat("watch"))
        await eventually(
            lambda: "dsl: gateway" in nat.out.getvalue() and "cable: gateway" in nat.out.getvalue()
        )
        await interrupt(signal.SIGTERM)
        assert (await watching).code == Exit.OK

    async def test_cleanup_takes_back_what_a_crash_left_on_both(self, nat, gateways, left_behind):
        await nat("add 8080/tcp")
        left_behind(nat.store)
        said = await nat("cleanup --json")
        assert said.code == Exit.OK
        assert [len(each["deleted"]) for each in parts(said).values()] == [1, 1]
        assert [each["left_alone"] for each in parts(said).values()] == [[], []]
        assert [held(each) for each in gateways] == [[], []]


@pytest.mark.parametrize(
    ("codes", "one"),
    [
        ([Exit.OK, Exit.OK], Exit.OK),
        ([Exit.OK, Exit.NO_GATEWAY], Exit.PARTLY),
        ([Exit.PARTLY, Exit.REFUSED], Exit.PARTLY),
        ([Exit.REFUSED, Exit.REFUSED], Exit.REFUSED),
        ([Exit.NO_GATEWAY, Exit.REFUSED], Exit.REFUSED),
    ],
)
def test_one_exit_status_for_all(codes, one):
    assert together(codes) is one
