"""The gateway reboots, loses its table, gets another address, while the switch is running."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ringthru.lab.gateway.quirks import Quirks
from ringthru.portmap import ExternalAddressChanged

from .home import PUBLIC, RING_1000, Home
from .phones import PhoneCall, hears_itself
from .waiting import eventually

PROTOCOLS = ["natpmp", "upnp"]


@pytest.fixture(params=PROTOCOLS)
async def home(found: Any, request: pytest.FixtureRequest) -> Home:
    made: Home = await found({PUBLIC: RING_1000}, protocols=frozenset({request.param}))
    await made.switch.start()
    await made.mapped()
    return made


async def echo_call(home: Home) -> PhoneCall:
    call = home.far_phone().invite("9196", home.reached_at("external"))
    await call.answered()
    await hears_itself(call)
    return call


def contact_host(call: PhoneCall, response: Any) -> str:
    assert response.contact is not None
    return str(response.contact.uri.host)


async def reboot(home: Home) -> None:
    """Not in its first seconds: a gateway that is lost so soon is not looked for again at once."""
    assert home.gateway is not None
    assert home.switch.mapper is not None
    home.switch.mapper._near.engine._life._found_at -= 60
    await home.gateway.reboot()
    assert home.gateway.mappings() == ()


class TestAReboot:
    async def test_republish_maps_everything_again(self, home: Home) -> None:
        assert home.gateway is not None
        gateway = home.gateway
        before = {(each.protocol, each.internal) for each in gateway.mappings()}
        await reboot(home)
        await home.switch.nat_republish()
        await eventually(
            lambda: {(each.protocol, each.internal) for each in gateway.mappings()} == before,
            "not all mapped again",
        )
        await echo_call(home)

    async def test_a_reinit_does_too(self, home: Home) -> None:
        assert home.gateway is not None
        gateway = home.gateway
        await reboot(home)
        await home.switch.nat_reinit()
        await home.mapped()
        await eventually(lambda: len(gateway.mappings()) == 8)
        await echo_call(home)

    async def test_a_call_in_progress_is_heard_again_after_it(self, home: Home) -> None:
        call = await echo_call(home)
        assert home.gateway is not None
        gateway = home.gateway
        await reboot(home)
        await home.switch.nat_republish()
        await eventually(lambda: len(gateway.mappings()) == 10, "the call's ports are missing")
        await hears_itself(call)

    async def test_a_reinit_keeps_the_idle_pool_to_its_size(self, home: Home) -> None:
        for _ in range(3):
            await home.switch.nat_reinit()
            await home.mapped()


class TestAnotherExternalAddress:
    async def test_new_calls_show_it(self, home: Home) -> None:
        assert home.gateway is not None
        before, after = home.outside_address, home.place.host_outside(2)
        events: list[object] = []
        assert home.switch.mapper is not None
        home.switch.mapper.subscribe(events.append)
        home.gateway.change_external_address(after)
        await self.noticed(home, after)
        await home.mapped()
        call = await echo_call(home)
        response = await call.answered()
        assert contact_host(call, response) == after
        assert before not in response.body.decode()
        assert home.switch.variables["nat_public_addr"] == after

    async def test_lan_calls_do_not_notice(self, home: Home) -> None:
        assert home.gateway is not None
        call = home.lan_phone().invite("9196", home.external)
        await call.answered()
        home.gateway.change_external_address(home.place.host_outside(2))
        await self.noticed(home, home.place.host_outside(2))
        await hears_itself(call)
        assert call.phone.requests == []

    async def test_a_standing_far_call_is_told_and_goes_on(self, home: Home) -> None:
        """Its address is frozen until a target refresh, which is what comes."""
        call = await echo_call(home)
        assert home.gateway is not None
        after = home.place.host_outside(2)
        home.gateway.change_external_address(after)
        await self.noticed(home, after)
        await eventually(lambda: call.phone.bodies("INVITE"), "no re-INVITE")
        offer = call.phone.requests[-1]
        assert offer.contact is not None
        assert offer.contact.uri.host == after
        assert after.encode() in offer.body
        (channel,) = home.switch.snapshot().channels
        assert channel.advertised.host == after
        assert channel.advertised_media is not None
        assert channel.advertised_media.host == after
        await home.switch.hang_up_all("")
        await call.over()
        bye = next(each for each in call.phone.heard if each.startswith(b"BYE"))
        assert after.encode() in bye

    async def test_a_gateway_that_is_gone_for_a_while_changes_nothing(self, home: Home) -> None:
        """No far peer is told a private address because the gateway does not answer."""
        call = await echo_call(home)
        profile = home.switch.calls.profiles["external"]
        home.switch._advertising._external_address(None)
        assert profile.external_address is None
        await asyncio.sleep(0)
        assert call.phone.bodies("INVITE") == []
        await hears_itself(call)

    async def test_an_address_that_is_not_public_is_taken_back(self, home: Home) -> None:
        """The provider put another NAT in front: what the gateway tells then reaches nobody."""
        assert home.gateway is not None
        home.gateway.quirks = Quirks(external_address="100.64.7.7")
        await home.switch.nat_reinit()
        await eventually(lambda: home.switch.calls.profiles["external"].external_address is None)
        seen = home.switch.calls.profiles["external"].seen_by(home.place.host_outside(50))
        assert seen.signalling == home.external

    @staticmethod
    async def noticed(home: Home, address: str) -> None:
        """Told by the operator to look again; the engine's own question comes once a minute."""
        await home.switch.nat_reinit()
        await eventually(
            lambda: home.switch.calls.profiles["external"].external_address == address, "not noticed"
        )


class TestNoticedByItself:
    async def test_nat_pmp_tells_with_the_next_answer(self, found: Any) -> None:
        """RFC 6886 §3.6: the epoch went back, so the gateway has lost its state or has a new address."""
        home: Home = await found()
        assert home.gateway is not None
        home.gateway.grow_older(100)  # so that there is something to go back from
        await home.switch.start()
        await home.mapped()
        events: list[object] = []
        assert home.switch.mapper is not None
        home.switch.mapper.subscribe(events.append)
        home.gateway.change_external_address(home.place.host_outside(2))
        await home.switch.nat_republish()
        await eventually(lambda: any(isinstance(each, ExternalAddressChanged) for each in events))
        await home.mapped()
        await echo_call(home)


class TestAGatewayThatGoesAway:
    async def test_lan_calls_go_on_and_a_stop_does_not_hang(self, home: Home) -> None:
        assert home.gateway is not None
        call = home.lan_phone().invite("9196", home.external)
        await call.answered()
        await home.gateway.stop()
        await hears_itself(call)
        async with asyncio.timeout(30):
            await home.switch.stop()


async def test_a_gateway_that_was_found_before_the_switch_began_is_advertised_all_the_same(
    found: Any,
) -> None:
    home: Home = await found(protocols=frozenset({"natpmp"}))
    assert home.gateway is not None
    assert home.switch.mapper is not None
    home.switch.mapper.start()
    await home.switch.mapper.verdict()
    await home.switch.start()
    await home.mapped()
    assert home.switch.snapshot().profiles[0].ext_sip_ip == home.outside_address
    await echo_call(home)
