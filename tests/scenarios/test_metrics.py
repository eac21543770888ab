"""What Prometheus reads of a running switch, by Prometheus' own parser."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ringthru.lab.gateway.quirks import Quirks
from ringthru.portmap import Protocol
from ringthru.portmap.metrics import METRICS, PREFIX
from ringthru.switch.configuration.metrics_settings import MetricsSettings
from ringthru.switch.metrics import EXPORTER, OURS, switch_metrics
from ringthru.switch.state import default_tree
from ringthru.web.http import LONGEST_HEAD
from ringthru.web.metrics_driver import MOST_READERS, MetricsPage

from .home import EXTERNAL_XML, PASSWORD, Home
from .phones import hears_itself
from .waiting import eventually

EVERYBODY = ("127.0.0.0/8",)
DASHBOARD = Path(__file__).parents[2] / "docs" / "guide" / "grafana-dashboard.json"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    return {
        (each.name, tuple(sorted(each.labels.items()))): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def of(home: Home) -> Samples:
    return samples(switch_metrics(home.switch.snapshot(), 97.5))


async def ask(page: MetricsPage, request: bytes) -> tuple[str, bytes]:
    """The status line, and the body; both empty when the connection was only closed."""
    assert page.endpoint is not None
    reader, writer = await asyncio.open_connection(*page.endpoint)
    writer.write(request)
    try:
        whole = await reader.read()
    except ConnectionResetError:
        whole = b""
    writer.close()
    head, _, body = whole.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode(), body


@pytest.fixture
async def page(home: Home) -> AsyncIterator[MetricsPage]:
    async with AsyncExitStack() as stack:
        settings = MetricsSettings(home.address, 0, EVERYBODY)
        page = MetricsPage(settings, home.switch.allows, lambda: switch_metrics(home.switch.snapshot(), 97.5))
        await page.start()
        stack.push_async_callback(page.stop)
        yield page


class TestValues:
    async def test_a_call_to_the_echo_is_one_session_and_one_call(self, home: Home) -> None:
        before = of(home)
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        now = of(home)
        assert [before["freeswitch_current_calls", ()], now["freeswitch_current_calls", ()]] == [0, 1]
        assert now["freeswitch_sessions_total", ()] == before["freeswitch_sessions_total", ()] + 1
        assert now["freeswitch_up", ()] == 1
        assert now["freeswitch_max_sessions", ()] == 1000
        assert now["freeswitch_current_idle_cpu", ()] == 97.5
        assert now["ringthru_calls_total", (("direction", "inbound"), ("profile", "external"))] == 1

    async def test_how_calls_in_progress_sound(self, home: Home) -> None:
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        way = (("direction", "in"),)
        assert ("ringthru_rtp_mos_worst", way) not in of(home)  # nothing was heard yet, which is not bad
        await hears_itself(call, 30)
        now = of(home)
        assert 4 < now["ringthru_rtp_mos_worst", way] <= now["ringthru_rtp_mos_mean", way] < 4.5
        assert now["ringthru_poor_legs", way] == 0

    async def test_two_legs_that_talk_are_one_call(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"))
        (await callee.rung()).answer()
        await call.answered()
        await home.both_ways()
        now = of(home)
        assert (now["freeswitch_current_sessions", ()], now["freeswitch_current_calls", ()]) == (2, 1)
        assert now["ringthru_registrations", (("profile", "internal"), ("state", "UDP"))] == 1

    async def test_the_nat_is_told_beside_it(self, home: Home) -> None:
        now = of(home)
        assert now["ringthru_nat_gateway_up", (("hop", "0"),)] == 1
        assert now["ringthru_nat_external_address_usable", ()] == 1
        assert sum(value for (name, _), value in now.items() if name == "ringthru_nat_mappings") == 8


class TestThePage:
    async def test_it_is_served_as_prometheus_wants_it(self, home: Home, page: MetricsPage) -> None:
        status, body = await ask(page, b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
        assert status == "HTTP/1.1 200 OK"
        assert samples(body.decode()).keys() == of(home).keys()

    @pytest.mark.parametrize(
        ("request_bytes", "status"),
        [
            (b"GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
            (b"GET /metrics?x=1 HTTP/1.0\r\n\r\n", "200 OK"),
            (b"HEAD /metrics HTTP/1.1\r\n\r\n", "200 OK"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
            (b"nonsense\r\n\r\n", "400 Bad Request"),
            (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", "400 Bad Request"),
        ],
    )
    async def test_each_request_has_its_answer(
        self, page: MetricsPage, request_bytes: bytes, status: str
    ) -> None:
        assert (await ask(page, request_bytes))[0] == f"HTTP/1.1 {status}"

    async def test_an_endless_request_is_cut_off(self, page: MetricsPage) -> None:
        assert await ask(page, b"GET /" + b"x" * (LONGEST_HEAD * 2)) == ("", b"")

    async def test_more_than_so_many_at_once_are_sent_away(self, page: MetricsPage) -> None:
        assert page.endpoint is not None
        idle = [await asyncio.open_connection(*page.endpoint) for _ in range(MOST_READERS)]
        await eventually(lambda: page.server.open == MOST_READERS, "they are not counted")
        assert (await ask(page, b"GET /metrics HTTP/1.1\r\n\r\n"))[0] == ""
        for _, writer in idle:
            writer.close()
        await eventually(lambda: page.server.open == 0, "a connection is left")
        assert (await ask(page, b"GET /metrics HTTP/1.1\r\n\r\n"))[0] == "HTTP/1.1 200 OK"

    async def test_only_this_machine_may_ask_unless_a_list_says_more(self, home: Home) -> None:
        page = MetricsPage(
            MetricsSettings(home.address, 0, ("192.0.2.0/24",)), home.switch.allows, lambda: ""
        )
        await page.start()
        assert await ask(page, b"GET /metrics HTTP/1.1\r\n\r\n") == ("", b"")
        await page.stop()

    async def test_a_port_that_is_taken_is_said(
        self, home: Home, page: MetricsPage, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert page.endpoint is not None
        second = MetricsPage(
            MetricsSettings(home.address, page.endpoint.port), home.switch.allows, lambda: ""
        )
        await second.start()
        assert second.endpoint is None
        assert "No metrics: " in caplog.text

    async def test_the_tree_that_we_ship_asks_for_loopback_alone(self, home: Home) -> None:
        assert MetricsSettings.read(home.switch.tree) == MetricsSettings(
            "127.0.0.1", 9282, ("loopback.auto",)
        )
        assert (default_tree() / "autoload_configs" / "metrics.conf.xml").exists()


TRUNK = (
    '<gateways><gateway name="itsp"><param name="proxy" value="192.0.2.7"/><param name="username" value="u"/>'
    '<param name="password" value="p"/><param name="register" value="false"/></gateway>'
)
RATES = ("rate(", "increase(")


async def test_every_query_of_the_dashboard_is_answered_with_the_labels_that_it_names(found: Any) -> None:
    """By a switch with a phone, a provider and a call; counters that stand still are there as well."""
    home = await found({EXTERNAL_XML: lambda text: text.replace("<gateways>", TRUNK)})
    await home.switch.start()
    await home.mapped()
    phone = await home.registered_phone()
    call = phone.invite("9196", home.internal, password=PASSWORD)
    await call.answered()
    await hears_itself(call, 30)
    home.gateway.quirks = Quirks(refuse=True)
    assert not await home.switch.nat_add(4001, Protocol.UDP, False)
    await eventually(lambda: any(name == "ringthru_nat_counted_total" for name, _ in of(home)))
    there: dict[str, list[set[str]]] = {}
    for name, labels in of(home):
        there.setdefault(name, []).append({label for label, _ in labels})
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            (name,) = re.findall(r"\b(?:freeswitch|ringthru)_\w+", target["expr"])
            summed = re.search(r"by \(([^)]*)\)", target["expr"])
            wanted = set(re.split(r",\s*", summed[1])) if summed else set()
            wanted |= set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
            assert name in there, f"{panel['title']}: {name} is not on the page"
            assert all(wanted <= labels for labels in there[name]), (panel["title"], name, wanted)
            assert name.endswith("_total") or not any(each in target["expr"] for each in RATES)


def test_the_dashboard_names_no_metric_that_is_not_there() -> None:
    text = DASHBOARD.read_text()
    panels = json.loads(text)["panels"]
    named = {
        name
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r"\b(?:freeswitch|ringthru)_\w+", target["expr"])
    }
    known = {
        *(f"freeswitch_{name}" for name in EXPORTER),
        *(f"ringthru_{name}" for name in OURS),
        *(f"{PREFIX}{name}" for name in METRICS),
    }
    assert named
    assert named <= known, named - known
    assert len({panel["id"] for panel in panels}) == len(panels)
