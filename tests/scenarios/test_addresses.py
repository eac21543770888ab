"""The address a far peer sees, when somebody else has to tell it: STUN and DNS, beside everything else."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ringthru.switch.addresses import address_lookup, stun_pairs, stun_port

from ..sip.dns_server import DnsServer
from .home import EXTERNAL_XML, INTERNAL_XML, VARS, Home, Place, setting, variables
from .stun_server import StunServer
from .waiting import eventually


@pytest.fixture
async def server(places: Callable[[], Place]) -> AsyncIterator[StunServer]:
    made = StunServer(places().host_outside(53))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions are repeated after moments instead of minutes."""
    monkeypatch.setattr(address_lookup, "AGAIN", 0.05)
    monkeypatch.setattr(address_lookup, "RETRIES", (0.05,))
    monkeypatch.setattr(stun_port, "AGAIN", 0.05)
    monkeypatch.setattr(stun_pairs, "AGAIN", 0.05)


def shown(home: Home, profile: str = "external") -> tuple[str | None, str | None]:
    (row,) = [each for each in home.switch.snapshot().profiles if each.name == profile]
    return row.ext_sip_ip, row.ext_rtp_ip


class TestStun:
    async def home(self, found: Any, value: str, **options: Any) -> Home:
        edits = {VARS: variables(external_sip_ip=value, external_rtp_ip=value)}
        made: Home = await found(edits, gateway=False, nat=False, **options)
        await made.switch.start()
        return made

    async def test_the_address_comes_when_it_comes(self, found: Any, server: StunServer) -> None:
        home = await self.home(found, f"stun:{server.address}")
        assert shown(home) == (None, None)  # serving already
        outside = home.place.host_outside(9)
        server.says = outside
        await eventually(lambda: shown(home) == (outside, outside))
        assert f"the STUN server {server.address}" in await home.switch.explain(home.place.host_outside(60))

    async def test_both_profiles_ask_once(self, found: Any, server: StunServer) -> None:
        home = await self.home(found, f"stun:{server.address}")
        assert len(home.switch._lookups._tasks) == 1

    async def test_a_change_is_followed(self, found: Any, server: StunServer, caplog: Any) -> None:
        caplog.set_level(logging.INFO)
        home = await self.home(found, f"stun:{server.address}")
        for number in (9, 10):
            outside = server.says = home.place.host_outside(number)
            await eventually(lambda: shown(home) == (outside, outside))  # noqa: B023
        assert f"External ip address detected using STUN: {home.place.host_outside(10)}" in caplog.text

    async def test_the_port_is_that_of_the_sip_socket(self, found: Any, server: StunServer) -> None:
        """A NAT gave our 5080 another port: far peers are told that one, and the next where it changes."""
        server.ports, outside = {5080: 41000}, "{}"
        home = await self.home(found, f"stun:{server.address}")
        outside = server.says = home.place.host_outside(9)
        await eventually(lambda: shown(home) == (outside, outside))
        for port in (41000, 41001):
            server.ports[5080] = port
            await self.told(home, f"{outside}:{port}")
        said = await home.switch.explain(home.place.host_outside(60))
        assert f"because the port 41001 comes from the STUN server {server.address}" in said
        call = home.phone_at(home.place.host_outside(60)).invite("9196", home.external)
        contact = (await call.answered()).contact
        assert contact is not None
        assert str(contact.uri).endswith(f"@{outside}:41001")

    async def test_a_rescan_may_end_it(self, found: Any, server: StunServer) -> None:
        server.ports = {5080: 41000}
        home = await self.home(found, f"stun:{server.address}")
        server.says = home.place.host_outside(9)
        await self.told(home, f"{server.says}:41000")
        file = home.folder / "conf" / EXTERNAL_XML
        file.write_text(setting("ext-sip-ip", str(server.says))(file.read_text()))
        await home.switch.reload()
        assert await home.switch.rescan_profile("external")
        await self.told(home, f"{server.says}:5080")

    async def test_a_port_that_is_written_down_is_not_asked_for(self, found: Any, server: StunServer) -> None:
        server.ports, server.says = {5080: 41000}, "127.0.0.2"
        edits = {
            VARS: variables(external_sip_ip=f"stun:{server.address}", external_rtp_ip="auto"),
            EXTERNAL_XML: setting("ext-sip-port", "25080"),
        }
        home: Home = await found(edits, gateway=False, nat=False)
        server.says = home.place.host_outside(9)
        await home.switch.start()
        await self.told(home, f"{server.says}:25080")
        assert home.switch.calls.profiles["external"].transports._stun is None

    async def told(self, home: Home, endpoint: str) -> None:
        peer, profile = home.place.host_outside(60), home.switch.calls.profiles["external"]
        await eventually(lambda: str(profile.seen_by(peer).signalling) == endpoint, f"not {endpoint}")

    async def test_a_private_answer_is_none(self, found: Any, server: StunServer, caplog: Any) -> None:
        server.says = "192.168.1.5"
        home = await self.home(found, f"stun:{server.address}")
        await eventually(lambda: "no public address" in caplog.text)
        assert shown(home) == (None, None)

    async def test_silence_later_changes_nothing(
        self, found: Any, server: StunServer, monkeypatch: pytest.MonkeyPatch, caplog: Any
    ) -> None:
        monkeypatch.setattr("ringthru.net.stun.RTO", 0.001)
        outside = "{}"
        home = await self.home(found, f"autonat:stun:{server.address}")
        server.says = outside = home.place.host_outside(9)
        await eventually(lambda: shown(home) == (outside, outside))
        server.says = None
        await eventually(
            lambda: f"STUN Failed! {server.address} [Timeout]; {outside} still holds" in caplog.text
        )
        assert shown(home) == (outside, outside)

    async def test_the_words_of_vars_xml_are_a_question_too(self, found: Any, server: StunServer) -> None:
        """FreeSWITCH's own tree asks with stun-set; here the variable becomes the question."""
        line = f'<X-PRE-PROCESS cmd="stun-set" data="external_sip_ip=stun:{server.address}"/></include>'
        home: Home = await found(
            {VARS: lambda text: text.replace("</include>", line)}, gateway=False, nat=False
        )
        await home.switch.start()
        server.says = home.place.host_outside(9)
        await eventually(lambda: shown(home)[0] == server.says)

    async def test_it_stops_with_the_switch(self, found: Any, server: StunServer) -> None:
        home = await self.home(found, f"stun:{server.address}")
        await eventually(lambda: server.asked)
        await home.switch.stop()
        assert not home.switch._lookups._tasks


class TestStunForAudio:
    """``stun:`` in ext-rtp-ip: the ports in the SDP are those that the NAT gave to the RTP sockets."""

    async def home(self, found: Any, server: StunServer) -> tuple[Home, stun_pairs.StunPairs]:
        value = f"stun:{server.address}"
        edits = {VARS: variables(external_sip_ip=value, external_rtp_ip=value)}
        made: Home = await found(edits, gateway=False, nat=False)
        await made.switch.start()
        (pairs,) = made.switch.calls.ports.seen.values()  # one, though both profiles ask
        return made, pairs

    async def called(self, home: Home, host: str) -> tuple[int, int]:
        """The RTP port of a call to the echo: ours, and what the caller is told."""
        response = await home.phone_at(host).invite("9196", home.external).answered()
        told = re.search(rb"m=audio (\d+) ", response.body)
        assert told is not None
        (leg,) = home.switch.calls.ports._engine.legs()
        return leg.local.port, int(told[1])

    async def test_a_far_caller_is_told_the_port_that_the_server_saw(
        self, found: Any, server: StunServer
    ) -> None:
        server.shift = 1000
        home, pairs = await self.home(found, server)
        server.says = home.place.host_outside(9)
        await eventually(lambda: pairs.ready == stun_pairs.READY)
        ours, told = await self.called(home, home.place.host_outside(60))
        assert told == ours + 1000
        await eventually(lambda: pairs.ready == stun_pairs.READY)  # another one took its place

    async def test_a_call_never_waits_for_the_answer(self, found: Any, server: StunServer) -> None:
        home, pairs = await self.home(found, server)
        await eventually(lambda: server.asked)  # and mute
        assert pairs.ready == 0
        ours, told = await self.called(home, home.place.host_outside(60))
        assert told == ours

    async def test_a_near_caller_sees_the_port_itself(self, found: Any, server: StunServer) -> None:
        server.shift = 1000
        home, pairs = await self.home(found, server)
        server.says = home.place.host_outside(9)
        await eventually(lambda: pairs.ready)
        ours, told = await self.called(home, home.place.host_inside(60))
        assert told == ours

    async def test_nothing_is_left_of_it_at_the_end(self, found: Any, server: StunServer) -> None:
        home, _ = await self.home(found, server)
        engine = home.switch.calls.ports._engine
        assert engine.reserved() == stun_pairs.READY
        await home.switch.stop()
        assert engine.reserved() == 0


class TestNames:
    async def test_a_name_is_looked_up(self, found: Any) -> None:
        edits = {VARS: variables(external_sip_ip="host:localhost", external_rtp_ip="localhost")}
        home: Home = await found(edits, gateway=False, nat=False)
        await home.switch.start()
        await eventually(lambda: shown(home) == ("127.0.0.1", "127.0.0.1"))

    async def test_one_that_nobody_has(self, found: Any, caplog: pytest.LogCaptureFixture) -> None:
        edits = {VARS: variables(external_sip_ip="host:nobody.invalid", external_rtp_ip="")}
        home: Home = await found(edits, gateway=False, nat=False)
        await home.switch.start()
        await eventually(lambda: "nobody.invalid cannot be found" in caplog.text)
        assert shown(home) == (None, None)

    async def test_a_peer_by_its_name_is_judged_by_its_address(self, home: Home) -> None:
        said = await home.switch.explain("localhost")
        assert said.startswith("localhost is 127.0.0.1\n")
        assert "is in loopback.auto" in said
        assert "no address that we could find" in await home.switch.explain("nobody.invalid")


class TestWhoIsDialledByName:
    """FreeSWITCH takes every name for far; here the address behind it is judged."""

    async def test_sees_what_that_address_may_see(self, found: Any, places: Any) -> None:
        place = places()
        hosts = {"near.example": place.host_inside(60), "far.example": place.host_outside(60)}
        outside = place.host_outside(9)
        dns = DnsServer({(name, "A"): [host] for name, host in hosts.items()})
        asked_at = await dns.start(place.host_inside(53))
        values = {VARS: variables(external_sip_ip=f"autonat:{outside}", external_rtp_ip=f"autonat:{outside}")}
        home: Home = await found(values, place=place, gateway=False, nat=False, nameservers=(asked_at,))
        await home.switch.start()
        try:
            for name, own in (("near.example", home.address), ("far.example", outside)):
                phone = home.phone_at(hosts[name])
                url = f"sofia/external/sip:bob@{name}:{phone.address.port}"
                asked = asyncio.ensure_future(home.switch.originate(url, "&park"))
                request = (await phone.rung()).call.request
                assert request.contact is not None
                assert (request.contact.uri.host, request.via.host) == (own, own)
                assert f"c=IN IP4 {own}".encode() in request.body
                asked.cancel()
        finally:
            dns.stop()


class TestTheOneLineOfTheWikiPage:
    """<param name="ext-sip-ip" value="autonat:$${external_sip_ip}"/>, and nothing about the SDP."""

    async def test_gives_one_address_in_contact_and_sdp(self, found: Any, places: Any) -> None:
        place = places()

        def one_line(text: str) -> str:
            lines = [line for line in text.split("\n") if "ext-rtp-ip" not in line]
            return "\n".join(lines).replace(
                'value="$${external_sip_ip}"', 'value="autonat:$${external_sip_ip}"'
            )

        home: Home = await found(
            {VARS: variables(external_sip_ip=place.host_outside(9)), EXTERNAL_XML: one_line},
            place=place,
            gateway=False,
            nat=False,
        )
        await home.switch.start()
        call = home.phone_at(place.host_outside(60)).invite("9196", home.external)
        response = await call.answered()
        assert response.contact is not None
        assert response.contact.uri.host == place.host_outside(9)
        assert f"c=IN IP4 {place.host_outside(9)}".encode() in response.body


class TestExplain:
    async def test_rule_evidence_result(self, found: Any) -> None:
        home: Home = await found({INTERNAL_XML: setting("ext-sip-port", "15060")})
        await home.switch.start()
        await home.mapped()
        far, near = home.place.host_outside(60), home.place.host_inside(60)
        said = await home.switch.explain(far)
        assert f"internal: {far} sees {home.outside_address}:15060 in Via and Contact" in said
        assert "  by row 3 of the decision table: auto-nat is on, and the peer is far" in said
        assert f"  because the address {home.outside_address} comes from the gateway" in said
        assert "  because the port 15060 comes from ext-sip-port in the configuration" in said
        assert "  because the port 5080 comes from the gateway, which granted it for our port 5080" in said
        said = await home.switch.explain(near)
        assert f"internal: {near} sees {home.internal} in Via and Contact" in said
        assert f"  because {near} is in local-network-acl localnet.auto ({home.place.inside})" in said
