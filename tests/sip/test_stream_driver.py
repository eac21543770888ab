"""TCP and TLS on loopback: calls, connections reused both ways, and peers who mean harm."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import ssl
import struct

import pytest

from ringthru.net.address import Endpoint
from ringthru.net.sockets import PortInUse, bind_udp, listen_tcp
from ringthru.sip import (
    CallEnded,
    CallState,
    Flow,
    IncomingCall,
    RequestReceived,
    ResponseReceived,
    SipDriver,
    UserAgent,
)
from ringthru.sip.transport.connections import ConnectionLimits
from ringthru.sip.transport.driver import TlsListener
from ringthru.sip.transport.tls import TlsSettings
from ringthru.sip.transport.tls_driver import TlsContexts
from ringthru.sip.wire.message import Request
from ringthru.switch.profiles.certificates import own_certificate

ALICE, BOB = "127.40.5.11", "127.40.5.12"
MINUTE = 60.0  # only a broken build waits so long
OPTIONS = (
    b"OPTIONS sip:bob@127.40.5.12 SIP/2.0\r\nVia: SIP/2.0/TCP 127.40.5.11;branch=z9hG4bK%d;rport\r\n"
    b"From: <sip:a@127.40.5.11>;tag=a\r\nTo: <sip:bob@127.40.5.12>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\n"
    b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory) -> TlsContexts:
    """A certificate that both sides show, and both believe."""
    file = own_certificate(tmp_path_factory.mktemp("tls"), ["bob.example", ALICE, BOB])
    return TlsContexts(TlsSettings(file, authorities=file))


class Phone:
    """An agent on real sockets."""

    def __init__(self, host: str, limits: ConnectionLimits | None = None) -> None:
        self.host = host
        self.seen: list = []
        self.answers = False
        self.ended = asyncio.Event()
        self.trace: list[tuple[str, str, Endpoint]] = []
        self.limits = limits
        self.agent = UserAgent(
            seen_by=lambda flow: self.driver.locals.get(flow.transport, flow.local),
            token=lambda: secrets.token_hex(8),
            user_agent="Phone",
            streams=True,
        )

    async def open(self, tls: TlsContexts | None = None, transports=("UDP", "TCP")) -> Phone:
        self.driver = await SipDriver.open(
            Endpoint(self.host, 0),
            self.agent,
            self.on_event,
            transports=transports,
            tls=TlsListener(Endpoint(self.host, 0), tls) if tls else None,
            trace=lambda way, data, flow: self.trace.append((way, data.split(b" ")[0].decode(), flow.remote)),
            limits=self.limits,
        )
        return self

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def on_event(self, event) -> None:
        self.seen.append(event)
        if isinstance(event, IncomingCall) and self.answers:
            event.call.answer(self.now, b"v=0\r\n")
        if isinstance(event, RequestReceived):
            self.agent.respond(event.incoming, 200, self.now)
        if isinstance(event, CallEnded):
            self.ended.set()
        self.driver.pump()

    def flow(self, transport: str, to: Endpoint, name: str = "") -> Flow:
        return Flow(transport, self.driver.locals[transport], to, name=name)

    def dial(self, flow: Flow, size: int = 0):
        call = self.agent.invite(
            f"sip:bob@{flow.remote}",
            flow,
            self.now,
            from_uri="sip:alice@\x01",
            contact_user="alice",
            body=b"v=0\r\n" + b"a" * size,
        )
        self.driver.pump()
        return call

    def ask(self, flow: Flow) -> None:
        self.agent.request(Request("OPTIONS", f"sip:bob@{flow.remote}"), flow, self.now)
        self.driver.pump()

    def answers_to(self) -> list[int]:
        return [event.response.status for event in self.seen if isinstance(event, ResponseReceived)]


@pytest.fixture
async def alice(contexts):
    phone = await Phone(ALICE).open(contexts)
    yield phone
    phone.driver.close()
    assert phone.driver.failures == 0


@pytest.fixture
async def bob(contexts):
    phone = await Phone(BOB, ConnectionLimits(per_source=60, unproven_per_source=20)).open(contexts)
    phone.answers = True
    yield phone
    phone.driver.close()
    assert phone.driver.failures == 0


async def soon(condition) -> None:
    async with asyncio.timeout(MINUTE):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
async def test_a_call_uses_one_connection_for_both_ways(alice, bob, transport):
    call = alice.dial(alice.flow(transport, bob.driver.locals[transport]))
    await soon(lambda: call.state is CallState.CONFIRMED)
    theirs = next(event.call for event in bob.seen if isinstance(event, IncomingCall))
    await soon(lambda: theirs.state is CallState.CONFIRMED)
    theirs.hang_up(bob.now)
    bob.driver.pump()
    await soon(alice.ended.is_set)
    assert len(alice.driver.connections) == len(bob.driver.connections) == 1
    assert {remote for _, _, remote in alice.trace} == {bob.driver.locals[transport]}
    contact = theirs.request.contact.uri
    assert contact.parameter("transport") == transport.lower()
    assert (contact.host, contact.port) == alice.driver.locals[transport]


async def test_udp_and_tcp_share_a_port(alice):
    assert alice.driver.locals["UDP"] == alice.driver.locals["TCP"]
    assert alice.driver.locals["TLS"].port != alice.driver.locals["TCP"].port


async def test_a_request_too_large_for_udp_goes_by_tcp(alice, bob):
    call = alice.dial(alice.flow("UDP", bob.driver.locals["UDP"]), size=3000)
    await soon(lambda: call.state is CallState.CONFIRMED)
    assert call.flow.transport == "TCP"


async def test_and_by_udp_after_all_where_tcp_is_refused(alice):
    bob = await Phone(BOB).open(transports=("UDP",))
    bob.answers = True
    call = alice.dial(alice.flow("UDP", bob.driver.local), size=3000)
    await soon(lambda: call.state is CallState.CONFIRMED)
    assert call.flow.transport == "UDP"
    bob.driver.close()


async def test_a_refused_connection_is_503_at_once(alice):
    nowhere = Endpoint(BOB, 9)
    alice.dial(alice.flow("TCP", nowhere))
    alice.ask(alice.flow("TCP", nowhere))
    await soon(lambda: len(alice.seen) == 2)
    assert {type(each).__name__ for each in alice.seen} == {"CallFailed", "ResponseReceived"}
    assert alice.answers_to() == [503]
    assert len(alice.driver.connections) == 0


async def test_a_transport_that_is_not_served_is_503(bob):
    alice = await Phone(ALICE).open(transports=("UDP",))
    alice.agent.request(
        Request("OPTIONS", "sip:bob@x"), Flow("TCP", alice.driver.local, bob.driver.local), alice.now
    )
    alice.driver.pump()
    assert alice.answers_to() == [503]
    alice.driver.close()


async def test_a_peer_that_goes_away_fails_what_waits_for_it(alice):
    async def rude(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    server = await asyncio.start_server(rude, BOB, 0)
    alice.ask(alice.flow("TCP", Endpoint(*server.sockets[0].getsockname())))
    await soon(lambda: alice.answers_to() == [503])
    server.close()


async def test_an_answer_whose_connection_is_gone_goes_to_the_sent_by(alice, bob):
    """RFC 3261 §18.2.2."""
    bob.answers = False
    caller = await Caller.connect(bob.driver.locals["TCP"])
    listening = alice.driver.locals["TCP"].port
    caller.writer.write(INVITE % listening)
    await soon(lambda: any(isinstance(each, IncomingCall) for each in bob.seen))
    caller.close()
    await soon(lambda: len(bob.driver.connections) == 0)
    next(each.call for each in bob.seen if isinstance(each, IncomingCall)).reject(bob.now, 486)
    bob.driver.pump()
    await soon(lambda: ("recv", "SIP/2.0") in [(way, word) for way, word, _ in alice.trace])


INVITE = (
    b"INVITE sip:bob@127.40.5.12 SIP/2.0\r\nVia: SIP/2.0/TCP 127.40.5.11:%d;branch=z9hG4bKinvite\r\n"
    b"From: <sip:a@127.40.5.11>;tag=a\r\nTo: <sip:bob@127.40.5.12>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
    b"Contact: <sip:a@127.40.5.11>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


class Caller:
    """A bare connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, to: Endpoint, tls: ssl.SSLContext | None = None) -> Caller:
        return cls(*await asyncio.open_connection(*to, local_addr=(ALICE, 0), ssl=tls))

    async def status(self) -> int:
        async with asyncio.timeout(MINUTE):
            return int((await self.reader.readuntil(b"\r\n\r\n")).split()[1])

    async def ended(self) -> bytes:
        async with asyncio.timeout(MINUTE):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    def close(self) -> None:
        self.writer.transport.abort()


class TestFraming:
    async def test_many_requests_in_one_segment_and_one_in_many(self, bob):
        caller = await Caller.connect(bob.driver.locals["TCP"])
        caller.writer.write(b"".join(OPTIONS % (number, number) for number in range(50)))
        assert [await caller.status() for _ in range(50)] == [200] * 50
        for octet in OPTIONS % (99, 99):
            caller.writer.write(bytes([octet]))
            await caller.writer.drain()
        assert await caller.status() == 200
        caller.close()

    async def test_a_ping_is_answered(self, bob):
        caller = await Caller.connect(bob.driver.locals["TCP"])
        caller.writer.write(b"\r\n\r\n")
        assert await caller.reader.readexactly(2) == b"\r\n"
        caller.close()


class TestHarm:
    async def still_serves(self, bob: Phone) -> None:
        caller = await Caller.connect(bob.driver.locals["TCP"])
        number = secrets.randbelow(10**9)
        caller.writer.write(OPTIONS % (number, number))
        assert await caller.status() == 200
        caller.close()

    async def test_a_giant_length_is_513_and_the_end(self, bob):
        caller = await Caller.connect(bob.driver.locals["TCP"])
        caller.writer.write((OPTIONS % (1, 1)).replace(b"Length: 0", b"Length: 4000000000"))
        assert await caller.status() == 513
        assert await caller.ended() == b""
        await self.still_serves(bob)

    async def test_a_length_that_is_no_number_is_400_and_the_end(self, bob):
        caller = await Caller.connect(bob.driver.locals["TCP"])
        caller.writer.write((OPTIONS % (1, 1)).replace(b"Length: 0", b"Length: zero"))
        assert await caller.status() == 400
        assert await caller.ended() == b""

    @pytest.mark.parametrize(
        "noise", [b"\xff" * 200_000, b"GET / HTTP/1.1\r\n" * 9000], ids=["bytes", "http"]
    )
    async def test_noise_ends_the_connection(self, bob, noise):
        caller = await Caller.connect(bob.driver.locals["TCP"])
        caller.writer.write(noise)
        await caller.ended()
        await self.still_serves(bob)

    async def test_noise_on_the_tls_port(self, bob):
        caller = await Caller.connect(bob.driver.locals["TLS"])
        caller.writer.write(OPTIONS % (1, 1))
        await caller.ended()
        await soon(lambda: len(bob.driver.connections) == 0)
        await self.still_serves(bob)

    async def test_those_who_come_and_say_nothing_are_counted(self, bob):
        """Twenty may; the next are turned away at the door, and one who leaves makes room."""
        for transport in ("TCP", "TLS"):
            silent = [await Caller.connect(bob.driver.locals[transport]) for _ in range(20)]
            await soon(lambda: len(bob.driver.connections) == 20)
            turned_away = await Caller.connect(bob.driver.locals[transport])
            assert await turned_away.ended() == b""
            for caller in silent:
                caller.close()
            await soon(lambda: len(bob.driver.connections) == 0)
            await self.still_serves(bob)
            await soon(lambda: len(bob.driver.connections) == 0)

    async def test_a_flood_of_connections_leaves_room_for_others(self, bob):
        """2,000 attempts of one address: never more than the cap, and another address is served meanwhile."""
        most = 0
        for _ in range(20):
            socks = []
            for _ in range(100):
                sock = socket.socket()
                sock.setblocking(False)
                sock.bind(("127.40.5.66", 0))
                sock.connect_ex(bob.driver.locals["TCP"])
                socks.append(sock)
            for _ in range(100):
                await asyncio.sleep(0)
                most = max(most, len(bob.driver.connections))
            for sock in socks:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()
        assert most <= 20
        assert bob.driver.connections.refused
        await self.still_serves(bob)
        await soon(lambda: len(bob.driver.connections) == 0)

    async def test_who_does_not_read_is_cut_off(self, bob):
        """Answers pile up to a bound, then the connection is gone: nobody's memory is ours to lose."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind((ALICE, 0))
        sock.connect(bob.driver.locals["TCP"])
        sock.setblocking(False)
        loop, number = asyncio.get_running_loop(), 0
        async with asyncio.timeout(MINUTE):
            while True:
                number += 1
                try:
                    await loop.sock_sendall(sock, OPTIONS % (number, number))
                except (ConnectionResetError, BrokenPipeError):
                    break
                await asyncio.sleep(0)
        sock.close()
        await soon(lambda: len(bob.driver.connections) == 0)
        await self.still_serves(bob)


class TestDawdling:
    """The driver wakes the machine in time; the times themselves are the machine's, and shortened here."""

    @pytest.fixture(autouse=True)
    def short(self, monkeypatch):
        monkeypatch.setattr("ringthru.sip.transport.connection.FIRST_MESSAGE", 0.05)
        monkeypatch.setattr("ringthru.sip.transport.connection.WHOLE_MESSAGE", 0.05)
        monkeypatch.setattr("ringthru.sip.transport.stream_driver.HANDSHAKE_PATIENCE", 0.05)
        monkeypatch.setattr("ringthru.sip.transport.stream_driver.CONNECT_PATIENCE", 0.05)

    @pytest.mark.parametrize(
        "said", [b"", b"OPTIONS sip:", OPTIONS % (1, 1) + b"OPT"], ids=["nothing", "half", "more"]
    )
    async def test_a_message_that_does_not_end(self, bob, said):
        caller = await Caller.connect(bob.driver.locals["TCP"])
        caller.writer.write(said)
        await caller.ended()
        await soon(lambda: len(bob.driver.connections) == 0)

    async def test_a_handshake_that_does_not_begin(self, bob):
        caller = await Caller.connect(bob.driver.locals["TLS"])
        assert await caller.ended() == b""
        await soon(lambda: len(bob.driver.connections) == 0)

    async def test_a_peer_that_does_not_take_the_connection(self, alice):
        """A full backlog swallows every further SYN, as a firewall does."""
        deaf = socket.socket()
        deaf.bind((BOB, 0))
        deaf.listen(0)
        at = Endpoint(*deaf.getsockname())
        waiting = [socket.socket() for _ in range(2)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(at)
        alice.ask(alice.flow("TCP", at))
        await soon(lambda: alice.answers_to() == [503])
        assert "no connection in" in alice.seen[0].response.reason
        for sock in (deaf, *waiting):
            sock.close()

    async def test_a_peer_that_does_not_shake_hands(self, alice):
        mute = socket.socket()
        mute.bind((BOB, 0))
        mute.listen()
        alice.ask(alice.flow("TLS", Endpoint(*mute.getsockname())))
        await soon(lambda: alice.answers_to() == [503])
        mute.close()


class TestPorts:
    async def test_a_tcp_port_in_use_is_said_and_nothing_stays_open(self):
        other = listen_tcp(Endpoint(BOB, 0))
        at = Endpoint(*other.getsockname())
        phone = Phone(BOB)
        with pytest.raises(PortInUse, match=rf"TCP port {BOB}:{at.port} is already in use by .*\(pid \d+\)"):
            await SipDriver.open(at, phone.agent, phone.on_event, transports=("UDP", "TCP"))
        await asyncio.sleep(0)  # asyncio lets go of a closed transport's port in the loop's next round
        bind_udp(at).close()
        other.close()

    async def test_everything_is_given_back(self, contexts):
        before = len(os.listdir("/proc/self/fd"))
        bob = await Phone(BOB).open(contexts)
        callers = [await Caller.connect(bob.driver.locals["TCP"]) for _ in range(5)]
        bob.agent.request(Request("OPTIONS", "sip:x@y"), bob.flow("TCP", Endpoint(ALICE, 9)), bob.now)
        bob.driver.pump()
        bob.driver.close()
        for caller in callers:
            await caller.ended()
            caller.close()
        await soon(lambda: len(os.listdir("/proc/self/fd")) == before)


class TestIdentity:
    """RFC 5922: who answers must bear the name that was called."""

    async def ask(self, bob: Phone, settings: TlsSettings, name: str) -> Phone:
        alice = await Phone(ALICE).open(TlsContexts(settings))
        alice.ask(alice.flow("TLS", bob.driver.locals["TLS"], name))
        await soon(alice.answers_to)
        alice.driver.close()
        return alice

    @pytest.mark.parametrize(
        ("name", "verify", "status"),
        [
            ("bob.example", True, 200),
            ("BOB.example.", True, 200),
            ("", True, 200),  # the address itself is in the certificate
            ("mallory.example", True, 503),
            ("mallory.example", False, 200),
        ],
    )
    async def test_the_name(self, bob, contexts, name, verify, status):
        file = contexts.settings.certificate
        settings = TlsSettings(file, authorities=file, verify_out=verify)
        assert (await self.ask(bob, settings, name)).answers_to() == [status]

    async def test_a_certificate_nobody_signed(self, bob, contexts, tmp_path):
        other = own_certificate(tmp_path, ["somebody.else"])
        settings = TlsSettings(contexts.settings.certificate, authorities=other)
        alice = await self.ask(bob, settings, "bob.example")
        assert alice.answers_to() == [503]
        (event,) = alice.seen
        assert "certificate" in event.response.reason.lower()

    async def test_a_client_without_the_name_we_want(self, alice, contexts):
        file = contexts.settings.certificate
        strict = TlsSettings(file, authorities=file, verify_in=True, subjects_in=("office.example",))
        bob = await Phone(BOB).open(TlsContexts(strict))
        alice.ask(alice.flow("TLS", bob.driver.locals["TLS"], "bob.example"))
        await soon(alice.answers_to)
        assert alice.answers_to() == [503]
        assert bob.seen == []
        bob.driver.close()

    async def test_a_renewed_certificate_is_shown_from_then_on(self, tmp_path, caplog):
        """Certificates of public authorities last weeks; a switch runs for years."""
        file = own_certificate(tmp_path / "old", ["old.example"])
        bob = await Phone(BOB).open(TlsContexts(TlsSettings(file)))
        at, seen = bob.driver.locals["TLS"], []
        for renewal in (None, "nonsense", own_certificate(tmp_path / "new", ["new.example"]).read_text()):
            if renewal is not None:
                (tmp_path / "beside").write_text(renewal)
                (tmp_path / "beside").replace(file)
            blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
            caller = await Caller.connect(at, blind)
            seen.append(caller.writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
            caller.close()
        assert seen[0] == seen[1] != seen[2]
        assert "the certificate in use stays" in caplog.text
        bob.driver.close()

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
    async def test_old_tls_is_refused(self, bob):
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await Caller.connect(bob.driver.locals["TLS"], old)


@pytest.mark.usefixtures("ipv6")
class TestIpv6:
    @pytest.mark.parametrize("transport", ["UDP", "TCP", "TLS"])
    async def test_a_call_over_the_other_family(self, contexts, transport):
        alice, bob = [await Phone("::1").open(contexts) for _ in range(2)]
        bob.answers = True
        call = alice.dial(alice.flow(transport, bob.driver.locals[transport], "bob.example"))
        await soon(lambda: call.state is CallState.CONFIRMED)
        via = call.request.via
        assert via.host == "\x00"
        theirs = next(event.call for event in bob.seen if isinstance(event, IncomingCall))
        assert theirs.request.via.host == "::1"
        assert theirs.request.via.received == "::1"
        assert theirs.request.contact.uri.host == "::1"
        call.hang_up(alice.now)
        alice.driver.pump()
        await soon(bob.ended.is_set)
        for phone in (alice, bob):
            phone.driver.close()
