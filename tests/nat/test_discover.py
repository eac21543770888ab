"""``discover`` at the command line: who answers, who does not, and what each is good for."""

from __future__ import annotations

import pytest

from ringthru.nat.words import Exit

from .conftest import GATEWAY, OUTSIDE


class TestDiscover:
    @pytest.mark.parametrize(("protocol", "name"), [("natpmp", "NAT-PMP"), ("upnp", "UPnP IGD")])
    async def test_the_gateway_its_protocol_and_the_external_address(
        self, start_gateway, nat, protocol, name
    ):
        await start_gateway(protocol)
        said = await nat("discover")
        assert said.code == Exit.OK
        assert name in said.out
        assert OUTSIDE in said.out
        assert "ms" in said.out

    async def test_nothing_is_mapped(self, start_gateway, nat):
        gateway = await start_gateway()
        await nat("discover")
        assert gateway.mappings() == ()

    async def test_as_json(self, start_gateway, nat):
        await start_gateway("natpmp")
        told = (await nat("discover --json")).json
        assert (told["command"], told["exit"]) == ("discover", 0)
        assert [(each["protocol"], each["gateway"], each["in_use"]) for each in told["services"]] == [
            ("pmp", GATEWAY, True)
        ]
        assert told["services"][0]["answered_after"] < 30
        assert (told["external"]["address"], told["external"]["usable"]) == (OUTSIDE, True)

    async def test_it_says_whom_it_waited_for(self, start_gateway, nat):
        await start_gateway("natpmp")
        nat.survey = 2.0  # a search by UPnP takes longer
        said = await nat("discover")
        assert "Waited" in said.err
        assert "NAT-PMP answered after" in said.err
        assert "--wait" in said.err
        waited = (await nat("discover --json")).json["waited"]
        assert {each["protocol"]: each["outcome"] for each in waited["probes"]}["pmp"] == "answered"
        assert waited["seconds"] > 0

    async def test_whoever_wants_to_wait_waits(self, start_gateway, nat):
        await start_gateway("natpmp")
        assert (await nat("discover --wait 1 --json")).json["waited"]["seconds"] >= 1

    @pytest.mark.parametrize(
        ("line", "more"), [("discover --wait 5", "--wait 60"), ("status --timeout 5", "--timeout 60")]
    )
    async def test_one_that_is_too_slow_is_not_said_to_be_silent(self, start_gateway, nat, line, more):
        """As the WGT624: four seconds for each answer."""
        await start_gateway("upnp", delay=3.0)
        said = await nat(line)
        assert said.code == Exit.NO_GATEWAY
        assert "answers by UPnP" in said.err
        assert f"{more} waits longer" in said.err

    async def test_without_a_gateway_it_says_so_and_ends_with_1(self, nat):
        said = await nat("discover --timeout 0.3")
        assert said.code == Exit.NO_GATEWAY
        assert GATEWAY in said.err
        assert "Traceback" not in said.err

    async def test_without_a_gateway_json_has_the_error(self, nat):
        told = (await nat("discover --timeout 0.3 --json")).json
        assert told["exit"] == 1
        assert "does not answer" in told["error"]


class TestDiscoverEverything:
    async def test_every_service_of_a_gateway_and_which_is_used_first(self, start_gateway, nat):
        await start_gateway("pcp", "natpmp", "upnp")
        told = (await nat("discover --json")).json
        assert [(each["protocol"], each["in_use"]) for each in told["services"]] == [
            ("pcp", True),
            ("pmp", False),
            ("upnp", False),
        ]
        assert told["external"]["address"] == OUTSIDE

    async def test_one_that_answers_and_forbids_is_shown_with_why(self, start_gateway, nat):
        await start_gateway("natpmp", refuse=True)
        told = (await nat("discover --json")).json
        assert told["services"][0]["protocol"] == "pmp"
