"""A phone calls the echo test, from outside and from the LAN, and is shown the right addresses."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from ringthru.lab.gateway.quirks import Quirks
from ringthru.media import PCMU, make_offer
from ringthru.net.address import Endpoint
from ringthru.portmap import Protocol
from ringthru.sip import Response
from ringthru.switch.addresses.moving import follow_address

from .home import EXTERNAL, EXTERNAL_XML, PASSWORD, POOL, VARS, Edit, Home, Place, setting, variables
from .phones import Phone, PhoneCall, hears_itself
from .waiting import eventually


def shown(response: Response) -> tuple[str, str, str]:
    """Contact's host and port, and the addresses of o= and c=."""
    assert response.contact is not None
    uri = response.contact.uri
    lines = response.body.decode().splitlines()
    (origin,) = (line.split()[-1] for line in lines if line.startswith("o="))
    (connection,) = (line.split()[-1] for line in lines if line.startswith("c="))
    return str(Endpoint(uri.host, uri.port or 5060)), origin, connection


async def call_and_hear(phone: Phone, number: str, at: Endpoint, password: str | None = None) -> PhoneCall:
    call = phone.invite(number, at, password=password)
    await call.answered()
    await hears_itself(call)
    return call


class TestFromOutside:
    @pytest.mark.parametrize("number", ["9196", "9996"])
    async def test_a_stranger_hears_himself_on_the_external_profile(self, home: Home, number: str) -> None:
        phone = home.far_phone()
        call = await call_and_hear(phone, number, home.reached_at("external"))
        contact, origin, connection = shown(await call.answered())
        assert contact == f"{home.outside_address}:5080"
        assert origin == connection == home.outside_address
        assert home.private_prefix not in phone.text

    @pytest.mark.parametrize("number", ["9196", "9996"])
    async def test_a_user_far_from_home_calls_in_with_his_password(self, home: Home, number: str) -> None:
        phone = home.far_phone("1000")
        call = await call_and_hear(phone, number, home.reached_at("internal"), PASSWORD)
        assert shown(await call.answered()) == (
            f"{home.outside_address}:5060",
            home.outside_address,
            home.outside_address,
        )
        assert home.private_prefix not in phone.text

    async def test_the_audio_goes_through_mappings_of_the_gateway(self, home: Home) -> None:
        call = await call_and_hear(home.far_phone(), "9196", home.reached_at("external"))
        assert call.agreed is not None
        assert home.gateway is not None
        used = next(m for m in home.gateway.mappings() if m.external_port == call.agreed.remote_rtp.port)
        assert used.protocol == "udp"
        control = next(m for m in home.gateway.mappings() if m.external_port == used.external_port + 1)
        assert (control.protocol, control.internal.port) == ("udp", used.internal.port + 1)  # RTCP's
        assert used.packets_in >= 5
        assert used.packets_out >= 5

    async def test_one_port_for_both_where_the_caller_offers_it(self, home: Home) -> None:
        """RFC 5761: RTP and RTCP at the same mapped port."""
        phone = home.far_phone()
        audio = phone.new_audio()
        offer = make_offer(audio.address, (PCMU,), 1, 1, mux=True)
        call = phone.invite("9196", home.reached_at("external"), body=offer)
        call.audio, call.offer = audio, offer
        assert b"a=rtcp-mux" in (await call.answered()).body
        assert call.agreed is not None
        assert call.agreed.remote_rtcp == call.agreed.remote_rtp
        await hears_itself(call)
        assert home.gateway is not None
        assert call.agreed.remote_rtp.port in [each.external_port for each in home.gateway.mappings()]

    async def test_the_other_port_is_kept_for_who_changes_his_mind(self, home: Home) -> None:
        """A later offer, the caller's or ours, may be without it: reports then have a port of their own."""
        phone = home.far_phone()
        audio = phone.new_audio()
        offer = make_offer(audio.address, (PCMU,), 1, 1, mux=True)
        call = phone.invite("9196", home.reached_at("external"), body=offer)
        call.audio, call.offer = audio, offer
        assert b"a=rtcp-mux" in (await call.answered()).body
        assert b"a=rtcp-mux" not in (await call.hold("sendrecv")).body
        assert call.agreed is not None
        assert home.gateway is not None
        apart = call.agreed.remote_rtcp
        assert apart != call.agreed.remote_rtp
        assert apart.port in [each.external_port for each in home.gateway.mappings()]

    async def test_and_they_are_off_the_gateway_when_it_is_over(self, home: Home) -> None:
        call = await call_and_hear(home.far_phone(), "9196", home.reached_at("external"))
        assert call.agreed is not None
        port = call.agreed.remote_rtp.port
        used = lambda: [m for m in home.gateway.mappings() if m.external_port in (port, port + 1)]  # type: ignore[union-attr]  # noqa: E731
        assert len(used()) == 2
        call.hang_up()
        await home.quiet()
        await eventually(lambda: not used(), "the audio's mappings stay")

    async def test_via_of_our_own_requests_is_external(self, home: Home) -> None:
        phone = home.far_phone()
        call = await call_and_hear(phone, "9196", home.reached_at("external"))
        await home.switch.hang_up_all("")
        await call.over()
        bye = next(each for each in phone.heard if each.startswith(b"BYE"))
        assert f"Via: SIP/2.0/UDP {home.outside_address}:5080;" in bye.decode()
        assert home.private_prefix not in phone.text


class TestFromTheLan:
    async def test_a_phone_sees_private_addresses_only(self, home: Home) -> None:
        phone = home.lan_phone("1000")
        call = await call_and_hear(phone, "9196", home.internal, PASSWORD)
        assert shown(await call.answered()) == (f"{home.address}:5060", home.address, home.address)
        assert home.public_prefix not in phone.text

    async def test_its_call_maps_nothing(self, home: Home) -> None:
        assert home.gateway is not None
        before = [(each.protocol, each.internal, each.external_port) for each in home.gateway.mappings()]
        await call_and_hear(home.lan_phone("1000"), "9196", home.internal, PASSWORD)
        during = [(each.protocol, each.internal, each.external_port) for each in home.gateway.mappings()]
        assert sorted(during) == sorted(before)

    async def test_neither_does_one_that_calls_the_external_profile(self, home: Home) -> None:
        phone = home.lan_phone()
        call = await call_and_hear(phone, "9196", home.external)
        assert shown(await call.answered()) == (f"{home.address}:5080", home.address, home.address)
        assert home.public_prefix not in phone.text


def addresses(sip: str, rtp: str) -> dict[str, Edit]:
    return {VARS: variables(external_sip_ip=sip, external_rtp_ip=rtp)}


def without(*names: str) -> Edit:
    return lambda text: re.sub(rf' *<param name="({"|".join(names)})".*\n', "", text)


@pytest.fixture
def place(places: Callable[..., Place]) -> Place:
    return places()


class TestTheDecisionTable:
    """What real messages carry, row by row.

    OURS is our own address, FIXED the one written in the configuration (where the gateway really is), TOLD
    what the gateway says it has.
    """

    @pytest.mark.parametrize(
        ("row", "setting", "peer", "contact", "media"),
        [
            (1, None, "lan", "OURS", "OURS"),
            (1, None, "far", "OURS", "OURS"),
            (2, "auto-nat", "lan", "OURS", "OURS"),
            (2, "autonat:FIXED", "lan", "OURS", "OURS"),
            (3, "auto-nat", "far", "TOLD", "TOLD"),
            (3, "autonat:FIXED", "far", "FIXED", "FIXED"),
            (4, "FIXED", "lan", "FIXED", "OURS"),
            (5, "FIXED", "far", "FIXED", "FIXED"),
            (5, "auto", "far", "OURS", "OURS"),
            (6, "auto-nat", "loopback", "OURS", "OURS"),
            (6, "FIXED", "loopback", "FIXED", "OURS"),
        ],
    )
    async def test_contact_and_sdp(
        self, found: Any, place: Place, row: int, setting: str | None, peer: str, contact: str, media: str
    ) -> None:
        fixed, told = place.host_outside(1), place.host_outside(99)
        names = {"OURS": place.host_inside(103), "FIXED": fixed, "TOLD": told}
        edits: dict[str, Edit] = {EXTERNAL_XML: without("ext-sip-ip", "ext-rtp-ip")}
        if setting is not None:
            text = setting.replace("FIXED", fixed)
            edits = addresses(text, text)
        home: Home = await found(edits, place=place, quirks=Quirks(external_address=told))
        phone, at = await self._ready(home, peer, asks=setting in ("auto-nat", "autonat:FIXED"))
        response = await phone.invite("9196", at).answered()
        assert shown(response) == (f"{names[contact]}:5080", names[media], names[media])
        assert home.switch.calls.profiles["external"].seen_by(phone.address.host).row == row

    async def test_row_7_ext_rtp_ip_alone_changes_nothing_for_a_known_peer(
        self, found: Any, place: Place
    ) -> None:
        edits = {VARS: variables(external_rtp_ip=place.host_outside(1)), EXTERNAL_XML: without("ext-sip-ip")}
        home: Home = await found(edits, place=place)
        phone, at = await self._ready(home, "lan", asks=False)
        response = await phone.invite("9196", at).answered()
        assert shown(response) == (f"{home.address}:5080", home.address, home.address)

    @staticmethod
    async def _ready(home: Home, peer: str, asks: bool) -> tuple[Phone, Endpoint]:
        """A phone there, and where it reaches the external profile; by hand where nobody asked for it."""
        await home.switch.start()
        if peer == "lan":
            await home.switch_knows_the_gateway()
            return home.lan_phone(), home.external
        if peer == "loopback":
            await home.switch_knows_the_gateway()
            return home.phone_at("127.0.0.1"), home.external
        if asks:
            await home.mapped()
        else:
            assert await home.switch.nat_add(EXTERNAL, Protocol.UDP, sticky=False)
        return home.far_phone(), home.reached_at("external")


class TestSeveralAddressesForAudio:
    async def test_calls_take_them_in_turn(self, found: Any, place: Place) -> None:
        """``rtp-ip`` written twice, as FreeSWITCH has it: each near leg takes the next, and shows it."""
        first, second = place.host_inside(103), place.host_inside(104)
        several = f'<param name="rtp-ip" value="{first}"/><param name="rtp-ip" value="{second}"/>'
        both: Edit = lambda text: without("rtp-ip")(text).replace("</settings>", f"{several}</settings>")  # noqa: E731
        home: Home = await found({EXTERNAL_XML: both}, place=place)
        await home.switch.start()
        await home.mapped()
        seen = []
        for _ in range(3):
            call = home.lan_phone().invite("9196", home.external)
            response = await call.answered()
            await hears_itself(call)
            seen.append(shown(response))
        assert seen == [(str(home.external), each, each) for each in (first, second, first)]
        far = await home.far_phone().invite("9196", home.reached_at("external")).answered()
        assert shown(far)[1:] == (home.outside_address, home.outside_address)

    async def test_a_leg_stays_where_it_is_when_others_are_told_of_a_new_address(
        self, found: Any, place: Place
    ) -> None:
        second = place.host_inside(104)
        several = f'<param name="rtp-ip" value="{second}"/></settings>'
        home: Home = await found(
            {EXTERNAL_XML: lambda text: text.replace("</settings>", several)}, place=place
        )
        await home.switch.start()
        await home.mapped()
        phones = [home.lan_phone(), home.lan_phone()]
        calls = [phone.invite("9196", home.external) for phone in phones]
        for call in calls:
            await call.answered()
        assert follow_address(home.switch.calls) == []
        await hears_itself(calls[1])


class TestAnotherExternalPort:
    """The port is taken on the gateway: it grants another, and that is the one far peers are shown."""

    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    async def test_contact_carries_the_granted_port_and_the_call_works(
        self, found: Any, protocol: str
    ) -> None:
        home: Home = await found(
            protocols=frozenset({protocol}), quirks=Quirks(conflicts=frozenset({5060, 5080}))
        )
        await home.switch.start()
        await home.mapped()
        at = home.reached_at("external")
        assert at.port != EXTERNAL
        phone = home.far_phone()
        call = await call_and_hear(phone, "9196", at)
        assert shown(await call.answered())[0] == str(at)
        call.hang_up()
        await home.quiet()  # the BYE went to that Contact

    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    async def test_audio_uses_the_granted_ports_too(self, found: Any, protocol: str) -> None:
        taken = Quirks(conflicts=frozenset(range(16384, 32769)))
        home: Home = await found(protocols=frozenset({protocol}), quirks=taken)
        await home.switch.start()
        await home.mapped()
        call = await call_and_hear(home.far_phone(), "9196", home.reached_at("external"))
        assert call.agreed is not None
        assert call.agreed.remote_rtp.port not in range(16384, 32769)

    async def test_more_calls_at_once_than_pairs_were_ready_for(self, found: Any) -> None:
        """None waits for the gateway; who was told of a port too early is told of the right one."""
        taken = Quirks(conflicts=frozenset(range(16384, 32769)))
        home: Home = await found(protocols=frozenset({"upnp"}), quirks=taken)
        await home.switch.start()
        await home.mapped()
        at = home.reached_at("external")
        calls = [home.far_phone().invite("9196", at) for _ in range(6)]
        await asyncio.gather(*(each.answered() for each in calls))

        def ports() -> set[int]:
            return {call.agreed.remote_rtp.port for call in calls if call.agreed}

        await eventually(lambda: len(ports()) == 6 and not ports() & set(range(16384, 32769)))
        for call in calls:
            await hears_itself(call)

    async def test_a_lan_phone_sees_the_port_we_listen_on(self, found: Any) -> None:
        home: Home = await found(quirks=Quirks(conflicts=frozenset({5060, 5080})))
        await home.switch.start()
        await home.mapped()
        call = await call_and_hear(home.lan_phone(), "9196", home.external)
        assert shown(await call.answered())[0] == str(home.external)

    async def test_ext_sip_port_of_the_configuration_wins(self, found: Any) -> None:
        home: Home = await found({EXTERNAL_XML: setting("ext-sip-port", "15080")})
        await home.switch.start()
        await home.mapped()
        response = await home.far_phone().invite("9196", home.reached_at("external")).answered()
        assert shown(response)[0] == f"{home.outside_address}:15080"

    async def test_and_is_in_the_via_of_our_own_requests(self, found: Any) -> None:
        home: Home = await found({EXTERNAL_XML: setting("ext-sip-port", "15080")})
        await home.switch.start()
        await home.mapped()
        phone = home.far_phone()
        asked = asyncio.ensure_future(home.switch.originate(f"sofia/external/bob@{phone.address}", "&hangup"))
        rung = await phone.rung()
        rung.answer()
        invite = next(each for each in phone.heard if each.startswith(b"INVITE"))
        assert f"Via: SIP/2.0/UDP {home.outside_address}:15080;" in invite.decode()
        assert (await asked).startswith("+OK ")


class TestAGatewayThatMapsNoAudio:
    """Its table is full once the SIP ports are in: the call is answered, and relies on latching."""

    async def test_nor_is_one_of_a_gateway_that_hangs(self, found: Any) -> None:
        home: Home = await found(protocols=frozenset({"natpmp", "upnp"}))
        await home.switch.start()
        await home.mapped()
        assert home.gateway is not None
        home.gateway.quirks = Quirks(delay=3600)
        for _ in range(2 * POOL):  # those that were mapped before, and as many that are not
            await home.far_phone().invite("9196", home.reached_at("external")).answered()

    async def test_the_call_is_answered_without_waiting(self, found: Any, caplog: Any) -> None:
        home: Home = await found()
        await home.switch.start()
        await home.mapped()
        assert home.gateway is not None
        home.gateway.quirks = Quirks(refuse=True)
        for _ in range(POOL):  # the idle pairs go first
            call = home.far_phone().invite("9196", home.reached_at("external"))
            await call.answered()
        await eventually(lambda: "is not mapped" in caplog.text, "nothing is said of it")
