"""How long ``discover`` waits, and for whom: no longer than anybody can still answer, and no shorter."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.wire import Wire
from ringthru.lab.virtual.world import World
from ringthru.nat.survey import SILENT, Survey
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.discovery.site import site_of
from ringthru.portmap.values import GatewayType

HOME = site_of(Surroundings("192.168.1.103", IPv4Network("192.168.1.0/24"), "192.168.1.1"))
PCP, NAT_PMP, UPNP = GatewayType.PCP, GatewayType.NAT_PMP, GatewayType.UPNP
SEARCHED = 2.8  # seconds: the second of four rounds at 0.2 s, and 2.6 s for the latest answer known to come


def surveyed(rows=(), protocols=("pcp", "natpmp", "upnp"), *, wait=None, wire=None, seed=0, **quirks):
    """A survey, run to its end in the virtual world; and the seconds that it took."""
    clock = ManualClock()
    gateway = VirtualGateway(
        clock.read, quirks=Quirks(rows=frozenset(rows), **quirks), protocols=protocols, announces=False
    )
    survey = Survey(HOME, 1900, lambda: 50000, wait)
    world = World(survey, gateway, clock=clock, wire=wire, seed=seed)
    began = clock.now
    world.call("start")
    world.run_until(lambda: not survey.waits_for, 60)
    return survey, clock.now - began


def kinds(survey):
    return {(each.service.type, each.service.gateway) for each in survey.seen}


def outcomes(survey):
    return {each.protocol: each.outcome for each in survey.outcomes(0.0)}


class TestHowLong:
    def test_where_everybody_answers_only_the_search_is_waited_for(self):
        survey, took = surveyed()
        assert took == pytest.approx(SEARCHED, abs=0.1)
        assert outcomes(survey) == {PCP: "answered", NAT_PMP: "answered", UPNP: "searched"}
        assert kinds(survey) == {(each, "192.168.1.1") for each in (PCP, NAT_PMP, UPNP)}

    def test_a_closed_port_is_an_answer(self):
        survey, took = surveyed(protocols=("upnp",))
        assert took == pytest.approx(SEARCHED, abs=0.1)
        assert outcomes(survey) == {PCP: "nobody listens", NAT_PMP: "nobody listens", UPNP: "searched"}

    def test_a_silent_port_is_asked_four_times_and_then_left(self):
        survey, took = surveyed(mute=True)
        assert took == pytest.approx(SILENT, abs=0.01)
        assert outcomes(survey) == {PCP: "silent", NAT_PMP: "silent", UPNP: "searched"}
        assert survey.seen == []

    def test_a_description_that_is_slow_to_come_is_waited_for(self):
        survey, took = surveyed(rows={"HT17"}, protocols=("upnp",))
        assert took > SEARCHED
        assert kinds(survey) == {(UPNP, "192.168.1.1")}

    def test_who_wants_to_wait_longer_asks_for_longer(self):
        survey, took = surveyed(mute=True, wait=9.0)
        assert took == pytest.approx(9.0, abs=1.0)
        assert survey.seen == []

    def test_cut_short_it_says_so(self):
        survey = Survey(HOME, 1900, lambda: 50000)
        assert outcomes(survey) == {PCP: "cut short", NAT_PMP: "cut short", UPNP: "cut short"}
        assert [each.after for each in survey.outcomes(99.0)] == [0.0, 0.0, 0.0]  # it had not begun


class TestNobodyIsMissed:
    @pytest.mark.parametrize(
        "row",
        ["SD19", "SD07", "SD04", "SD05", "SD06", "SD08", "SD10", "NP13", "HT01", "HT02"],
    )
    def test_one_that_answers_late_or_only_to_some_searches(self, row):
        speaks = ("natpmp",) if row == "NP13" else ("upnp",)
        survey, _ = surveyed(rows={row}, protocols=speaks)
        assert kinds(survey) == {(NAT_PMP if row == "NP13" else UPNP, "192.168.1.1")}

    def test_a_second_gateway_beside_ours(self):
        survey, took = surveyed(rows={"TO01"})
        assert {gateway for kind, gateway in kinds(survey) if kind is UPNP} == {"192.168.1.1", "192.168.1.2"}
        assert took == pytest.approx(SEARCHED, abs=0.1)

    @pytest.mark.parametrize("seed", range(20))
    def test_on_a_wire_that_loses_one_datagram_in_five(self, seed):
        wire = Wire(delay=0.005, jitter=0.2, loss=0.2)
        survey, _ = surveyed(rows={"TO01"}, wire=wire, seed=seed)
        found = kinds(survey)
        assert {(PCP, "192.168.1.1"), (NAT_PMP, "192.168.1.1")} & found
        assert {gateway for kind, gateway in found if kind is UPNP} == {"192.168.1.1", "192.168.1.2"}
