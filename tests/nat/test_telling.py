"""What the command line tells: status, events, steps, metrics; and what it says of words it does not know."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ringthru.nat.words import Exit
from ringthru.net.address import Endpoint

from ..scenarios.waiting import eventually
from .conftest import GATEWAY, US
from .interrupting import interrupt


class TestStatus:
    async def test_what_is_remembered_is_looked_up_in_the_gateways_table(self, start_gateway, nat):
        gateway = await start_gateway("upnp")
        await nat("add 25060")
        assert (await nat("status --json")).json["mappings"][0]["listed"] is True
        await gateway.reboot()
        gateway.hold("udp", 25070, Endpoint(US, 80), "somebody else")
        said = await nat("status")
        assert said.code == Exit.PARTLY
        assert "NO" in said.out

    async def test_LI06_an_empty_table_proves_nothing(self, start_gateway, nat):
        await start_gateway("upnp", rows=frozenset({"LI06"}))
        async with asyncio.timeout(60):  # what looking told is known at once
            added = await nat("add 25060 --timeout 3600")
        assert "table is empty, and it has never shown" in added.err
        said = await nat("status")
        assert said.code == Exit.PARTLY
        assert "cannot tell" in said.out
        assert "never show an entry" in said.err

    async def test_it_fits_a_terminal_where_all_is_on_one_gateway(self, start_gateway, nat):
        await start_gateway("upnp")
        await nat("add 25060 --label desk")
        table = (await nat("status")).out.partition("Remembered, on ")[2]
        assert table.startswith(f"{GATEWAY} by UPnP IGD:")
        assert max(map(len, table.splitlines())) <= 80

    async def test_carrier_grade_nat_is_named(self, start_gateway, nat):
        await start_gateway(external_address="100.64.3.4")
        said = await nat("status")
        assert said.code == Exit.PARTLY
        assert "carrier-grade NAT" in said.out


class TestExplain:
    async def test_it_says_how_far_it_got_and_leaves_nothing(self, start_gateway, nat):
        gateway = await start_gateway("upnp")
        said = await nat("explain 25060")
        assert "udp 25060" in said.out
        assert "is removed" in said.err
        assert gateway.mappings() == ()

    async def test_what_was_there_before_stays(self, start_gateway, nat):
        gateway = await start_gateway("upnp")
        await nat("add 25060")
        said = await nat("explain 25060")
        assert "stays" in said.err
        assert len(gateway.mappings()) == 1


class TestWatch:
    async def test_events_as_json_one_a_line(self, start_gateway, nat):
        await start_gateway()
        watching = asyncio.ensure_future(nat("watch --json"))
        await eventually(lambda: "GatewayFound" in nat.out.getvalue())
        await interrupt(signal.SIGINT)
        said = await watching
        events = [json.loads(line) for line in said.out.splitlines()]
        assert {"GatewayFound", "state"} <= {each["event"] for each in events}


class TestNotUnderstood:
    @pytest.mark.parametrize("line", ["add 5060 --lease -1", "add 70000", "open 5060", "delete"])
    async def test_as_json_it_is_an_object_too(self, nat, line, capsys):
        said = await nat(f"{line} --json")
        assert said.code == Exit.USAGE
        assert (said.json["command"], said.json["exit"]) == (None, Exit.USAGE)
        assert said.json["error"] in capsys.readouterr().err

    async def test_otherwise_standard_output_has_nothing(self, nat):
        assert (await nat("add 70000")).out == ""


class TestQuiet:
    async def test_only_the_result_remains(self, start_gateway, nat):
        await start_gateway()
        said = await nat("add 25060 --quiet")
        assert (said.code, said.err) == (Exit.OK, "")


class TestWhatAPersonMeets:
    async def test_a_journal_that_cannot_be_used_is_told_before_anything_is_mapped(
        self, start_gateway, nat, tmp_path
    ):
        gateway = await start_gateway()
        nat.store = tmp_path / "shopping.txt"
        nat.store.write_text("my shopping list\n" * 99)
        said = await nat("add 25060")
        assert said.code == Exit.LOCAL
        assert "cannot be used" in said.err
        assert gateway.mappings() == ()

    @pytest.mark.parametrize(
        ("wish", "hint"),
        [
            ("25060", "delete 25060/udp"),
            ("25060/both", "delete 25060\n"),
            ("25060 --set pair", "delete --range 25060-25061"),
        ],
    )
    async def test_the_hint_takes_back_all_of_it(self, start_gateway, nat, wish, hint):
        gateway = await start_gateway()
        said = await nat(f"add {wish}")
        assert hint in said.err
        await nat(hint.strip())
        assert gateway.mappings() == ()

    @pytest.mark.parametrize("command", ["status", "add 25060", "delete 25060", "list", "explain 25060"])
    async def test_interrupted_while_nobody_answers(self, nat, command):
        """Ctrl-C cancels the command, as ``asyncio.run`` does it."""
        waiting = asyncio.ensure_future(nat(f"{command} --json"))
        await asyncio.sleep(0)
        await eventually(lambda: len(asyncio.all_tasks()) > 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        told = json.loads(nat.out.getvalue())
        assert told == {"command": command.split()[0], "exit": 130, "error": "interrupted"}


class TestMetrics:
    async def test_status_as_prometheus_reads_it(self, start_gateway, nat):
        await start_gateway("upnp")
        await nat("add 25060")
        said = await nat("status --metrics")
        assert said.code == Exit.OK
        told = {each.name: each.samples for each in text_string_to_metric_families(said.out)}
        assert [each.value for each in told["ringthru_nat_gateway_up"]] == [1.0]
        remembered = {each.labels["table"]: each.value for each in told["ringthru_nat_remembered"]}
        assert remembered == {"listed": 1.0, "not listed": 0.0, "cannot tell": 0.0}
        assert "ringthru_nat_mapping_enabled" not in told  # it only looks

    async def test_without_a_gateway_it_is_down_and_the_status_says_so_too(self, nat):
        said = await nat("status --metrics --timeout 8")
        assert said.code == Exit.NO_GATEWAY
        told = {each.name: each.samples for each in text_string_to_metric_families(said.out)}
        assert [each.value for each in told["ringthru_nat_gateway_up"]] == [0.0]

    async def test_not_with_json(self, nat, capsys):
        assert (await nat("status --metrics --json")).code == Exit.USAGE
        assert "without --json" in capsys.readouterr().err
