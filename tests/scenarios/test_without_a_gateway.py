"""No gateway, a mute one, one that hangs, or none wanted: SIP answers at once."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest

from ringthru.lab.datagrams import Datagrams
from ringthru.lab.gateway.quirks import Quirks
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp
from ringthru.portmap import GatewayType

from .home import EXTERNAL_XML, Home, setting
from .phones import hears_itself
from .waiting import eventually

BOTH = frozenset({"natpmp", "upnp"})


class Listening:
    """Somebody at the gateway's address who notes each datagram; an ``answer`` may say something."""

    def __init__(self, host: str, answers: dict[bytes, bytes] | None = None) -> None:
        self.heard: list[bytes] = []
        self._answers = answers or {}
        self._sockets = [self._open(Endpoint(host, port)) for port in (5351, 1900)]

    def _open(self, local: Endpoint) -> Datagrams:
        def note(data: bytes, source: Endpoint) -> None:
            self.heard.append(data)
            if data[:2] in self._answers:
                sock.send(self._answers[data[:2]], source)

        sock = Datagrams(bind_udp(local), note)
        return sock

    def close(self) -> None:
        for each in self._sockets:
            each.close()


def verdict_known(home: Home) -> bool:
    snapshot = home.switch.snapshot().mapper
    return snapshot is not None and snapshot.verdict_known


class TestServingDoesNotWait:
    @pytest.mark.parametrize("quirks", [Quirks(mute=True), Quirks(delay=3600), Quirks(garbage=True)])
    async def test_sip_answers_before_there_is_a_verdict(self, found: Any, quirks: Quirks) -> None:
        home: Home = await found(protocols=BOTH, quirks=quirks)
        await home.switch.start()
        assert (await home.lan_phone().options(home.external)).status == 200
        assert not verdict_known(home)
        call = home.lan_phone().invite("9196", home.external)
        await call.answered()
        await hears_itself(call)

    async def test_nor_where_nothing_listens(self, found: Any) -> None:
        home: Home = await found(gateway=False)
        await home.switch.start()
        assert (await home.lan_phone().options(home.internal)).status == 200

    async def test_a_hanging_gateway_does_not_hold_up_a_stop(self, found: Any) -> None:
        home: Home = await found(protocols=BOTH, quirks=Quirks(delay=3600))
        await home.switch.start()
        async with asyncio.timeout(30):
            await home.switch.stop()


class TestNonat:
    async def test_not_one_packet_goes_to_the_gateway(self, found: Any) -> None:
        home: Home = await found(gateway=False, nat=False)
        gateway = Listening(home.place.host_inside(1))
        try:
            await home.switch.start()
            call = home.lan_phone().invite("9196", home.external)
            await call.answered()
            await hears_itself(call)
            await home.switch.nat_reinit()
            await home.switch.nat_republish()
            await home.switch.stop()
        finally:
            gateway.close()
        assert gateway.heard == []
        assert home.switch.mapper is None


class TestNonatmap:
    """Detection, and nothing else: not one request to map or unmap."""

    async def test_the_gateway_is_asked_for_its_address_only(self, found: Any) -> None:
        home: Home = await found(gateway=False, mapping=False)
        address = bytes(int(each) for each in home.place.host_outside(1).split("."))
        told = b"\x00\x80\x00\x00\x00\x00\x00\x05" + address
        gateway = Listening(home.place.host_inside(1), {b"\x00\x00": told})
        try:
            await home.switch.start()
            await eventually(lambda: verdict_known(home))
            snapshot = home.switch.snapshot().mapper
            assert snapshot is not None
            assert snapshot.type is GatewayType.NAT_PMP
            assert snapshot.external_address == home.place.host_outside(1)
            await home.switch.nat_republish()
            await home.lan_phone().invite("9196", home.external).answered()
            await home.switch.stop()
        finally:
            gateway.close()
        asked = {each[:2] for each in gateway.heard if not each.startswith(b"M-SEARCH")}
        assert asked == {b"\x00\x00", b"\x02\x00"}  # NAT-PMP's address request, PCP's ANNOUNCE: no mapping

    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    async def test_the_address_is_advertised_all_the_same(self, found: Any, protocol: str) -> None:
        """Whoever forwards the ports by hand wants the calls to come in."""
        home: Home = await found(mapping=False, protocols=frozenset({protocol}))
        await home.switch.start()
        await home.switch_knows_the_gateway()
        far = home.switch.calls.profiles["external"].seen_by(home.place.host_outside(50))
        assert far.signalling == (home.outside_address, 5080)
        assert home.gateway is not None
        assert home.gateway.mappings() == ()

    async def test_what_others_mapped_stays(self, found: Any) -> None:
        """Our own ports, forwarded by somebody else: not ours to delete."""
        home: Home = await found(mapping=False)
        assert home.gateway is not None
        phone = home.lan_phone()  # any other host of the LAN
        for port in (5060, 5080):
            request = struct.pack("!BBHHHI", 0, 1, 0, port, port, 3600)
            phone.send(request, Endpoint(home.gateway.inside, 5351))
        gateway = home.gateway
        await eventually(lambda: len(gateway.mappings()) == 2)
        await home.switch.start()
        await home.switch_knows_the_gateway()
        await home.switch.stop()
        assert [each.internal.host for each in gateway.mappings()] == [phone.address.host] * 2

    async def test_it_can_be_switched_on_and_off_while_running(self, found: Any) -> None:
        home: Home = await found(mapping=False)
        await home.switch.start()
        await home.switch_knows_the_gateway()
        home.switch.nat_set_mapping(True)
        assert home.gateway is not None
        gateway = home.gateway
        await eventually(lambda: len(gateway.mappings()) == 8, "SIP ports and the idle pool")
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        await hears_itself(call)


class TestAGatewayThatComesLater:
    async def test_everything_is_mapped_when_it_does(self, found: Any) -> None:
        """After a power cut the switch is up before the gateway."""
        home: Home = await found(quirks=Quirks(mute=True))
        await home.switch.start()
        assert (await home.lan_phone().options(home.internal)).status == 200
        assert home.gateway is not None
        home.gateway.quirks = Quirks()
        await home.switch.nat_reinit()
        await home.mapped()
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        await hears_itself(call)


class TestAFarPeer:
    """He is shown a private address, and the log says what to do about it."""

    TEXT = "Nat detected but no external address configured"

    async def called_twice(self, home: Home, host: str) -> None:
        await home.switch.start()
        phone = home.phone_at(host, "stranger")
        for _ in range(2):
            call = phone.invite("9196", home.external)
            await call.answered()
            call.hang_up()
        await home.quiet()

    async def test_is_told_of_once_with_what_to_do(self, found: Any, caplog: Any) -> None:
        home: Home = await found(gateway=False)
        far = home.place.host_outside(7)
        await self.called_twice(home, far)
        (line,) = [each.getMessage() for each in caplog.records if self.TEXT in each.getMessage()]
        assert f"profile external shows {far} our private {home.external}" in line
        assert "ext-sip-ip and ext-rtp-ip" in line
        assert f"nat_map explain {far}" in line

    async def test_not_one_of_our_own_network(self, found: Any, caplog: Any) -> None:
        home: Home = await found(gateway=False)
        await self.called_twice(home, home.place.host_inside(77))
        assert self.TEXT not in caplog.text

    async def test_not_where_an_address_is_set(self, found: Any, caplog: Any) -> None:
        home: Home = await found({EXTERNAL_XML: setting("ext-sip-ip", "auto")}, gateway=False)
        await self.called_twice(home, home.place.host_outside(7))
        assert self.TEXT not in caplog.text
