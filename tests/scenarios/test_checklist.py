"""What users of FreeSWITCH check first, said to a whole switch: texts, the log, the gateway's table."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ringthru.console.logs import Logs
from ringthru.console.standard import standard_table

from .home import Home
from .socket_client import SECRET, SocketClient
from .waiting import eventually

Say = Callable[[Home, str], Awaitable[str]]
BOTH = frozenset({"natpmp", "upnp"})
ROWS = "port,proto,proto_num,sticky\n5060,tcp,1,0\n5060,udp,0,0\n5080,tcp,1,0\n5080,udp,0,0\n\n4 total.\n"


@pytest.fixture
def say(logs: Logs, caplog: pytest.LogCaptureFixture) -> Say:
    """A command's body from the table that every face uses; what is logged at INFO is kept."""
    caplog.set_level(logging.INFO, "ringthru")

    async def run(home: Home, line: str) -> str:
        return await standard_table(logs).run(home.switch, line)

    return run


async def started(found: Any, **options: Any) -> Home:
    home: Home = await found(**options)
    await home.switch.start()
    await home.mapped()
    return home


def levels(caplog: pytest.LogCaptureFixture, words: str) -> list[int]:
    """The levels of the lines that hold these words."""
    return [each.levelno for each in caplog.records if words in each.getMessage()]


class TestWhichGatewayIsFound:
    @pytest.mark.parametrize(
        ("protocols", "word", "kind"),
        [
            (frozenset({"natpmp"}), "NAT-PMP", "pmp"),
            (frozenset({"upnp"}), "UPNP", "upnp"),
            (BOTH, "NAT-PMP", "pmp"),
        ],
    )
    async def test_status_names_it_and_the_profiles_show_its_address(
        self, found: Any, say: Say, caplog: Any, protocols: frozenset[str], word: str, kind: str
    ) -> None:
        home = await started(found, protocols=protocols)
        address = home.outside_address
        assert await say(home, "nat_map status") == (
            f"Nat Type: {word}, ExtIP: {address}\nNAT port mapping enabled.\n{ROWS}"
        )
        assert levels(caplog, f"NAT detected type: {kind}, ExtIP: '{address}'") == [logging.INFO]
        for profile in ("internal", "external"):
            lines = (await say(home, f"sofia status profile {profile}")).splitlines()
            assert {f"Ext-RTP-IP       \t{address}", f"Ext-SIP-IP       \t{address}"} <= set(lines)
            assert "Auto-NAT         \ttrue" in lines
        told = {name: home.switch.variables[name] for name in ("nat_type", "nat_private_addr")}
        assert told == {"nat_type": kind, "nat_private_addr": home.address}

    async def test_which_ports_the_internet_reaches_is_said_once_for_each_profile(
        self, found: Any, say: Say, caplog: Any
    ) -> None:
        home = await started(found)
        assert await say(home, "nat_map republish") == "true"
        await home.mapped()
        may = {"internal": "try passwords", "external": "call what the dialplan's context public holds"}
        for name, port in (("internal", 5060), ("external", 5080)):
            words = f"Profile {name} is open to the Internet now: udp {port}, tcp {port} at "
            words += f"{home.outside_address}. Whoever finds it may {may[name]}"
            assert levels(caplog, words) == [logging.WARNING]

    async def test_none_is_no_error_and_the_profiles_stay_private(
        self, found: Any, say: Say, caplog: Any
    ) -> None:
        home: Home = await found(gateway=False)
        await home.switch.start()
        await eventually(lambda: levels(caplog, "No PMP or UPnP NAT devices detected!") == [logging.INFO])
        assert await say(home, "nat_map status") == (
            "Nat Type: UNKNOWN, ExtIP: \nNAT port mapping enabled.\n\n0 total.\n"
        )
        assert [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR] == []
        text = await say(home, "sofia status profile internal")
        assert "Ext-" not in text
        assert f"URL              \tsip:mod_sofia@{home.internal}" in text

    async def test_nonatmap_shows_the_address_and_maps_nothing(
        self, found: Any, say: Say, caplog: Any
    ) -> None:
        home: Home = await found(mapping=False)
        await home.switch.start()
        await home.switch_knows_the_gateway()
        text = f"Nat Type: NAT-PMP, ExtIP: {home.outside_address}\nNAT port mapping disabled.\n\n0 total.\n"
        assert await say(home, "nat_map status") == text
        assert await say(home, "nat_map add 4001 udp") == "false"
        assert levels(caplog, "NAT port mapping disabled")
        assert home.gateway is not None
        assert home.gateway.mappings() == ()

    async def test_mapping_is_switched_off_and_on(self, found: Any, say: Say) -> None:
        home = await started(found)
        off = await say(home, "nat_map mapping disable")
        assert off.splitlines()[1] == "NAT port mapping disabled."
        assert await say(home, "nat_map add 4001 udp") == "false"
        on = await say(home, "nat_map mapping enable")
        assert on.splitlines()[1] == "NAT port mapping enabled."
        await eventually(lambda: home.gateway is not None and len(home.gateway.mappings()) >= 4)

    async def test_auto_nat_asks_no_stun_server(self, found: Any, monkeypatch: Any) -> None:
        asked: list[bytes] = []
        monkeypatch.setattr(
            "ringthru.net.stun.encode_request", lambda transaction: asked.append(transaction) or b""
        )
        home = await started(found)
        await home.far_phone().invite("9196", home.reached_at("external")).answered()
        assert asked == []


class TestTheTable:
    async def test_the_same_port_twice_is_one_row_and_one_deletion_removes_it(
        self, found: Any, say: Say
    ) -> None:
        home = await started(found)
        assert home.gateway is not None
        on_gateway = lambda: [m for m in home.gateway.mappings() if m.internal.port == 4001]  # noqa: E731
        for _ in range(2):
            assert await say(home, "nat_map add 4001 udp") == "true"
        assert "4001,udp,0,0\n" in await say(home, "nat_map status")
        assert (await say(home, "nat_map status")).endswith("\n5 total.\n")
        assert len(on_gateway()) == 1
        assert await say(home, "nat_map delete 4001 udp") == "true"
        assert (await say(home, "nat_map status")).endswith("\n4 total.\n")
        assert on_gateway() == []

    @pytest.mark.parametrize("protocols", [frozenset({"natpmp"}), frozenset({"upnp"})])
    async def test_after_a_hundred_commands_at_once_it_is_what_the_gateway_has(
        self, found: Any, say: Say, caplog: Any, protocols: frozenset[str]
    ) -> None:
        home = await started(found, protocols=protocols)
        chance = random.Random(7)
        lines = [
            chance.choice(("add", "add", "del"))
            + f" {chance.randrange(4000, 4010)} {chance.choice(('udp', 'tcp'))}"
            for _ in range(90)
        ]
        lines += ["republish"] * 7 + ["reinit"] * 3
        chance.shuffle(lines)
        said = await asyncio.gather(*(say(home, f"nat_map {line}") for line in lines))
        assert all(isinstance(each, str) for each in said)

        async def table() -> set[tuple[int, str]]:
            shown = json.loads(await say(home, "show nat_map as json"))
            return {(int(row["port"]), row["proto"]) for row in shown["rows"]}

        def on_gateway() -> set[tuple[int, str]]:
            assert home.gateway is not None
            return {(m.internal.port, m.protocol) for m in home.gateway.mappings() if m.internal.port < 6000}

        rows = await table()
        assert {(5060, "udp"), (5060, "tcp"), (5080, "udp"), (5080, "tcp")} <= rows
        await eventually(lambda: on_gateway() == rows, "table and gateway differ")
        assert await table() == rows
        assert not any(each.exc_info for each in caplog.records)


class TestAnotherAddress:
    async def test_is_told_to_clients_of_the_event_socket_and_shown(
        self, served: Any, say: Say, caplog: Any
    ) -> None:
        home, event_socket = await served()
        client = await SocketClient.connect(event_socket.endpoint)
        await client.enter(SECRET)
        await client.ask("event plain TRAP")
        before, after = home.outside_address, home.place.host_outside(2)
        home.gateway.change_external_address(after)
        await home.switch.nat_reinit()
        told = await client.event("TRAP")
        assert told.get("condition") == "network-external-address-change"
        assert told.get("network-external-address-previous-v4") == before
        assert told.get("network-external-address-change-v4") == after
        await eventually(lambda: home.switch.snapshot().mapper.external_address == after)
        assert f"ExtIP: {after}\n" in await say(home, "nat_map status")


class TestReading:
    async def test_reloadacl(self, found: Any, say: Say) -> None:
        home = await started(found)
        assert await say(home, "reloadacl") == "+OK acl reloaded\n"

    async def test_an_empty_external_address_keeps_a_profile_private_and_serving(
        self, found: Any, say: Say, caplog: Any
    ) -> None:
        home: Home = await found(
            {
                "vars.xml": lambda text: text.replace(
                    'data="external_sip_ip=auto-nat"', 'data="external_sip_ip="'
                )
            }
        )
        await home.switch.start()
        assert "Invalid ext-sip-ip" in caplog.text
        assert (await home.lan_phone().options(home.internal)).status == 200
