"""Phones over TCP and TLS, over IPv6, and peers that are dialled by name."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ringthru.console.sofia import status_text
from ringthru.console.sofia_profiles import profile_text
from ringthru.console.sofia_questions import sofia_dig
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp
from ringthru.sip import CallEnded, SipUri
from ringthru.sip.transport.tls import TlsSettings
from ringthru.sip.transport.tls_driver import TlsContexts
from ringthru.switch.profiles.certificates import own_certificate
from ringthru.switch.snapshots import RegistrationState

from ..sip.dns_server import DnsServer
from .home import INTERNAL, INTERNAL_XML, PASSWORD, POOL, PUBLIC, RING_1000, Home, build, setting
from .phones import hear_each_other, hears_itself
from .stream_phone import StreamPhone
from .waiting import eventually

TLS_PORT = 5061
WITH_TLS = [setting("tls", "true"), setting("tls-sip-port", str(TLS_PORT))]
SIX = [setting("sip-ip", "::1"), setting("sip-port", "auto")]


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> TlsContexts:
    """A phone's TLS, that believes everybody."""
    file = own_certificate(tmp_path_factory.mktemp("phone"), ["phone.example"])
    return TlsContexts(TlsSettings(file, verify_out=False))


@pytest.fixture
async def home(found: Callable[..., Any]) -> Home:
    made: Home = await found({PUBLIC: RING_1000, INTERNAL_XML: WITH_TLS})
    await made.switch.start()
    await made.mapped(5 + POOL)
    return made


Open = Callable[..., Any]


@pytest.fixture
async def phone_over(contexts: TlsContexts) -> AsyncIterator[Open]:
    """``await phone_over(home, "TCP")``: a phone on the LAN."""
    phones: list[StreamPhone] = []

    async def open_one(home: Home, transport: str, user: str = "1000", host: str = "") -> StreamPhone:
        host = host or home.place.host_inside(home._next_host())
        phones.append(await StreamPhone(user, host, transport).open(contexts))
        return phones[-1]

    yield open_one
    for phone in phones:
        phone.close()


def port_of(home: Home, transport: str) -> Endpoint:
    return Endpoint(home.address, TLS_PORT if transport == "TLS" else INTERNAL)


async def registered(home: Home, phone: StreamPhone) -> None:
    response = await phone.register(
        port_of(home, phone.transport),
        PASSWORD,
        contact=f"<sip:{phone.user}@{phone.address};transport={phone.transport.lower()}>",
    )
    assert response.status == 200, response.reason


async def originated(home: Home, phone: StreamPhone, url: str) -> Any:
    asked = asyncio.ensure_future(home.switch.originate(url, "&echo"))
    rung = await phone.rung()
    rung.answer()
    assert (await asked).startswith("+OK")
    return rung


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
class TestAPhoneOnAConnection:
    async def test_it_calls_and_is_called_over_the_one_it_made(
        self, home: Home, phone_over: Open, transport: str
    ) -> None:
        phone = await phone_over(home, transport)
        await registered(home, phone)
        (row,) = home.switch.snapshot().registrations
        assert row.state is RegistrationState[transport]
        call = phone.invite("9196", port_of(home, transport), password=PASSWORD)
        await call.answered()
        await hears_itself(call)
        call.hang_up()
        rung = await originated(home, phone, "user/1000")
        await hears_itself(rung)
        rung.hang_up()
        await home.quiet()
        assert phone.connections == 1

    async def test_its_address_and_ours_name_the_transport(
        self, home: Home, phone_over: Open, transport: str
    ) -> None:
        phone = await phone_over(home, transport)
        call = phone.invite("9196", port_of(home, transport), password=PASSWORD)
        answer = await call.answered()
        assert str(answer.contact.uri).endswith(
            f"@{port_of(home, transport)};transport={transport.lower()}"
        ) or (str(answer.contact.uri).endswith(f"@{home.address};transport=tcp"))
        await registered(home, phone)
        await originated(home, phone, "user/1000")
        (invite,) = [each for each in phone.heard if each.startswith(b"INVITE ")]
        assert f"Via: SIP/2.0/{transport} {home.address}".encode() in invite

    async def test_when_its_connection_is_gone_its_contact_is_tried(
        self, found: Open, phone_over: Open, transport: str
    ) -> None:
        home = await found(
            {INTERNAL_XML: [*WITH_TLS, setting("tls-verify-policy", "none")]}, nat=False, gateway=False
        )
        await home.switch.start()
        phone = await phone_over(home, transport)
        await registered(home, phone)
        phone.hang_up_the_line()
        profile = home.switch.calls.profiles["internal"]
        await eventually(lambda: not len(profile.transports._driver.connections))
        rung = await originated(home, phone, "user/1000")
        await hears_itself(rung)

    async def test_and_behind_a_nat_the_call_fails_at_once(
        self, home: Home, phone_over: Open, transport: str
    ) -> None:
        phone = await phone_over(home, transport)
        contact = f"<sip:1000@{home.place.elsewhere}:5060;transport={transport.lower()}>"
        await phone.register(port_of(home, transport), PASSWORD, contact=contact)
        (row,) = home.switch.snapshot().registrations
        assert row.state is RegistrationState[f"{transport}_NAT"]
        rung = await originated(home, phone, "user/1000")
        rung.hang_up()
        await rung.over()
        phone.hang_up_the_line()
        profile = home.switch.calls.profiles["internal"]
        await eventually(lambda: not len(profile.transports._driver.connections))
        assert await home.switch.originate("user/1000", "&echo") == "-ERR DESTINATION_OUT_OF_ORDER"

    async def test_a_call_from_it_is_bridged_to_one_over_udp(
        self, home: Home, phone_over: Open, transport: str
    ) -> None:
        called = await home.registered_phone("1001")
        phone = await phone_over(home, transport)
        await registered(home, phone)
        call = phone.invite("1001", port_of(home, transport), password=PASSWORD)
        rung = await called.rung()
        rung.answer()
        await call.answered()
        await hear_each_other(call, rung)
        rung.hang_up()
        assert isinstance(await call.over(), CallEnded)
        await home.quiet()


class TestTheGateway:
    async def test_each_transport_has_its_mapping(self, home: Home) -> None:
        assert home.gateway is not None
        rows = {(m.protocol, m.internal.port) for m in home.gateway.mappings() if m.internal.port < 6000}
        assert rows == {("udp", 5060), ("tcp", 5060), ("udp", 5080), ("tcp", 5080), ("tcp", TLS_PORT)}

    async def test_a_far_phone_sees_the_port_that_its_transport_was_granted(self, found: Open) -> None:
        """Another machine holds the gateway's port 5060; UDP and TCP get others, each its own."""
        home: Home = await found({INTERNAL_XML: WITH_TLS})
        neighbour = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        neighbour.bind((home.place.host_inside(77), 0))
        neighbour.sendto(struct.pack("!BBHHHI", 0, 2, 0, 5060, 5060, 7200), (home.place.host_inside(1), 5351))
        neighbour.close()
        gateway = home.gateway
        assert gateway is not None
        await eventually(gateway.mappings)
        await home.switch.start()
        await home.mapped(5 + POOL)
        granted = {
            row.protocol: row.external_port
            for row in gateway.mappings()
            if row.internal == (home.address, INTERNAL)
        }
        assert 5060 not in granted.values()
        profile, outside = home.switch.calls.profiles["internal"], home.outside_address
        far = home.place.host_outside(9)
        assert profile.seen_by(far, "UDP").signalling == (outside, granted["udp"])
        assert profile.seen_by(far, "TCP").signalling == (outside, granted["tcp"])
        assert f"over TLS it sees {outside}:{TLS_PORT}\n" in await home.switch.explain(far)
        assert profile.seen_by(far, "TLS").signalling == (outside, TLS_PORT)
        assert profile.seen_by(home.place.host_inside(9), "TLS").signalling == (home.address, TLS_PORT)

    async def test_a_stranger_calls_through_it_over_tcp(self, home: Home, contexts: TlsContexts) -> None:
        """What the gateway carries in is answered, and what the phone sees of us is the outside alone."""
        reader, writer = await asyncio.open_connection(home.outside_address, 5080)
        address = home.outside_address
        writer.write(
            f"OPTIONS sip:{address}:5080;transport=tcp SIP/2.0\r\n"
            "Via: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bK1;rport\r\n"
            f"From: <sip:far@192.0.2.7>;tag=a\r\nTo: <sip:{address}>\r\nCall-ID: far\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode()
        )
        async with asyncio.timeout(30):
            answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"SIP/2.0 200 ")
        writer.close()


class TestWhatUsersSee:
    async def test_sofia_status(self, home: Home) -> None:
        snapshot = home.switch.snapshot()
        internal = next(each for each in snapshot.profiles if each.name == "internal")
        text = profile_text(internal)
        at = f"mod_sofia@{home.address}"
        assert f"\nURL              \tsip:{at}:5060\n" in text
        assert f"\nBIND-URL         \tsip:{at}:5060;transport=udp,tcp\n" in text
        assert f"\nTLS-URL          \tsip:{at}:{TLS_PORT}\n" in text
        assert f"\nTLS-BIND-URL     \tsips:{at}:{TLS_PORT};transport=tls\n" in text
        assert re.search(rf"sip:{at}:{TLS_PORT}\tRUNNING \(0\) \(TLS\)\n", status_text(snapshot))

    async def test_a_certificate_is_made_once_and_kept_private(self, home: Home) -> None:
        file = home.folder / "db" / "tls" / "agent.pem"
        assert file.stat().st_mode & 0o077 == 0
        text = file.read_text()
        assert "BEGIN CERTIFICATE" in text
        assert "PRIVATE KEY" in text
        assert own_certificate(file.parent, ["other"]) == file
        assert file.read_text() == text
        assert [each.name for each in file.parent.iterdir()] == ["agent.pem"]

    async def test_tls_alone(self, found: Open, phone_over: Open) -> None:
        home = await found({INTERNAL_XML: [*WITH_TLS, setting("tls-only", "true")]}, nat=False, gateway=False)
        await home.switch.start()
        (internal,) = [each for each in home.switch.snapshot().profiles if each.name == "internal"]
        assert (internal.url, internal.bind_url) == (None, None)
        phone = await phone_over(home, "TLS")
        await registered(home, phone)
        bind_udp(home.internal).close()  # free

    async def test_bind_params_leave_a_transport_out(self, found: Open) -> None:
        home = await found(
            {INTERNAL_XML: [setting("bind-params", "transport=udp")]}, nat=False, gateway=False
        )
        await home.switch.start()
        (internal,) = [each for each in home.switch.snapshot().profiles if each.name == "internal"]
        assert internal.bind_url == f"sip:mod_sofia@{home.address}:5060;transport=udp"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*home.internal)

    async def test_a_certificate_that_cannot_be_used(
        self, found: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "agent.pem").write_text("nothing")
        bad = [*WITH_TLS, setting("tls-cert-dir", str(tmp_path))]
        home = await found({INTERNAL_XML: bad}, nat=False, gateway=False)
        caplog.set_level(logging.ERROR)
        await home.switch.start()
        assert "Profile internal goes without TLS: TLS cannot use" in caplog.text
        assert home.switch.calls.profiles["internal"].running


@pytest.mark.usefixtures("ipv6")
class TestIpv6:
    """There is one ::1 for everybody on a machine, so the ports are any that are free."""

    @pytest.fixture
    async def home(self, found: Open) -> Home:
        six = [*WITH_TLS, *SIX, setting("tls-sip-port", "auto")]
        made: Home = await found({INTERNAL_XML: six}, nat=False, gateway=False)
        await made.switch.start()
        return made

    @pytest.mark.parametrize("transport", ["UDP", "TCP", "TLS"])
    async def test_echo_and_a_call_to_the_phone(self, home: Home, phone_over: Open, transport: str) -> None:
        phone = await phone_over(home, transport, host="::1")
        at = home.switch.calls.profiles["internal"].transports.local(transport)
        contact = f"<sip:1000@{phone.address};transport={transport.lower()}>"
        assert (await phone.register(at, PASSWORD, domain=home.address, contact=contact)).status == 200
        call = phone.invite("9196", at, password=PASSWORD)
        answer = await call.answered()
        assert answer.contact.uri.host == "::1"
        assert b"c=IN IP6 ::1\r\n" in answer.body
        await hears_itself(call)
        call.hang_up()
        rung = await originated(home, phone, "user/1000")
        await hears_itself(rung)
        rung.hang_up()

    async def test_the_gateways_address_is_not_for_it(self, found: Open) -> None:
        home = await found({INTERNAL_XML: SIX})
        await home.switch.start()
        await home.mapped(2 + POOL)
        (internal,) = [each for each in home.switch.snapshot().profiles if each.name == "internal"]
        assert re.fullmatch(r"sip:mod_sofia@\[::1\]:\d+", internal.url)
        assert internal.ext_sip_ip is None


class TestDialledByName:
    async def test_srv_leads_to_the_second_when_the_first_is_gone(
        self, places: Open, tmp_path: Path, phone_over: Open
    ) -> None:
        place = places()
        zone = {
            ("_sip._tcp.callee.example", "SRV"): [
                "1 0 9 gone.callee.example.",
                "2 0 {port} here.callee.example.",
            ],
            ("gone.callee.example", "A"): [place.host_inside(99)],
            ("here.callee.example", "A"): [place.host_inside(60)],
        }
        dns = DnsServer(zone)
        home = await build(
            place,
            tmp_path,
            {},
            gateway=False,
            nat=False,
            nameservers=(await dns.start(place.host_inside(53)),),
        )
        try:
            await home.switch.start()
            phone = await phone_over(home, "TCP", host=place.host_inside(60))
            services = zone["_sip._tcp.callee.example", "SRV"]
            services[1] = services[1].format(port=phone.address.port)
            url = "sofia/external/bob@callee.example;transport=tcp"
            rung = await originated(home, phone, url)
            await hears_itself(rung)
            assert rung.call.request.request_uri == SipUri.parse("sip:bob@callee.example;transport=tcp")
            assert await sofia_dig(home.switch, "sip:callee.example;transport=tcp") == (
                "Preference\t    Weight\t Transport\t      Port\t   Address\n" + "=" * 80 + "\n"
                f"         1\t     1.000\t       tcp\t         9\t{place.host_inside(99)}\n"
                f"         2\t     1.000\t       tcp\t{phone.address.port:>10}\t{phone.address.host}\n"
            )
            said = await sofia_dig(home.switch, "nobody.example")
            assert said.endswith("\n-ERR: nobody.example: not found\n")
            assert await home.switch.originate("sofia/external/x@nobody.example", "&echo") == (
                "-ERR DESTINATION_OUT_OF_ORDER"
            )
        finally:
            dns.stop()
            await home.close()
