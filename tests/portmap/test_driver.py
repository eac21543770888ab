"""The driver on real sockets, against a gateway of a few lines on 127/8 addresses of our own."""

import asyncio
import logging
import re
import socket
import struct
from ipaddress import IPv4Network

import pytest

from ringthru.net.address import AddressRules
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import (
    GatewayFound,
    GatewayType,
    LocalError,
    MappingAdded,
    MappingProven,
    MappingRemoved,
    MappingState,
    NoGateway,
    PortMapper,
    Protocol,
    Wanted,
)
from ringthru.portmap.memory.memory_driver import Memory
from ringthru.portmap.memory.store_driver import Store

US, GATEWAY = "127.61.0.10", "127.61.0.1"
PUBLIC = "127.62.0.1"
RULES = AddressRules((IPv4Network("127.62.0.0/16"),))
SIP = Wanted(Protocol.UDP, 25060)
PATIENCE = 30.0  # seconds until a test is taken to hang


class ScriptedGateway:
    """NAT-PMP and UPnP on ports the system gives; ``hung`` it takes everything and answers nothing."""

    def __init__(self, words, *, natpmp: bool, upnp: bool) -> None:
        self.words = words
        self.natpmp, self.upnp, self.hung = natpmp, upnp, False
        self.requests: list[str] = []  # what it was asked, in words
        self._asked = asyncio.Event()  # since somebody last looked
        self.peers: set[str] = set()
        self.natpmp_port = self.ssdp_port = 0
        self._sockets: list[socket.socket] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self.natpmp_port = self._bind(self._answer_natpmp if self.natpmp else None)
        self.ssdp_port = self._bind(self._answer_ssdp if self.upnp else None)
        self._server = await asyncio.start_server(self._answer_http, GATEWAY, 0)

    async def stop(self) -> None:
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()
        self._server.close()

    async def was_asked(self, enough) -> None:
        """Wait until the requests are such."""
        while not enough(self.requests):
            self._asked.clear()
            await soon(self._asked.wait())

    def _ask(self, what: str) -> None:
        self.requests.append(what)
        self._asked.set()

    def _bind(self, answer) -> int:
        """A port; closed again when nobody is to answer there."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((GATEWAY, 0))
        sock.setblocking(False)
        port = sock.getsockname()[1]
        if answer is None:
            sock.close()
            return port
        self._sockets.append(sock)

        def readable() -> None:
            datagram, source = sock.recvfrom(4096)
            self.peers.add(source[0])
            if not self.hung:
                for reply in answer(datagram):
                    sock.sendto(reply, source)

        asyncio.get_running_loop().add_reader(sock.fileno(), readable)
        return port

    def _answer_natpmp(self, request: bytes) -> list[bytes]:
        if request == b"\0\0":
            self._ask("address")
            return [struct.pack("!BBHI", 0, 128, 0, 9) + socket.inet_aton(PUBLIC)]
        _, opcode, internal, external, lifetime = struct.unpack("!BBxxHHI", request)
        self._ask(f"{'map' if lifetime else 'unmap'} {internal}")
        return [b"noise", struct.pack("!BBHIHHI", 0, 128 + opcode, 0, 9, internal, external, lifetime)]

    def _answer_ssdp(self, request: bytes) -> list[bytes]:
        port = self._server.sockets[0].getsockname()[1]
        return [b"noise", f"HTTP/1.1 200 OK\r\nLOCATION: http://{GATEWAY}:{port}/d.xml\r\n\r\n".encode()]

    async def _answer_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.read(65536)
        self.peers.add(writer.get_extra_info("peername")[0])
        action = re.search(rb'#(\w+)"', request)
        name = action[1].decode() if action else "description"
        self._ask(name)
        if self.hung:
            await reader.read()  # until the other side hangs up
        else:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + self._body(name))
        writer.close()

    def _body(self, name: str) -> bytes:
        if name == "description":
            return self.words.description()
        if name == "GetExternalIPAddress":
            return self.words.success(name, NewExternalIPAddress=PUBLIC).body
        if name == "GetSpecificPortMappingEntry":
            return self.words.entry(US, 25060).body
        return self.words.success(name).body


@pytest.fixture
async def house(words):
    """Makes a gateway and a mapper behind it; both are gone after the test."""
    made = []

    async def build(*, natpmp=False, upnp=False, **options):
        gateway = ScriptedGateway(words, natpmp=natpmp, upnp=upnp)
        await gateway.start()
        around = Surroundings(US, IPv4Network("127.61.0.0/24"), GATEWAY, RULES, multicast=False)
        ports = {"natpmp_port": gateway.natpmp_port, "ssdp_port": gateway.ssdp_port}
        mapper = PortMapper(around, log=lambda level, text: None, **ports, **options)
        made.append((mapper, gateway))
        return mapper, gateway

    yield build
    for mapper, gateway in made:
        await mapper.stop()
        await gateway.stop()


async def soon(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE)


class TestAWholeLife:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("natpmp", ["address", "map 25060", "unmap 25060"]),
            (
                "upnp",
                [
                    "description",
                    "GetExternalIPAddress",
                    "AddPortMapping",
                    "GetSpecificPortMappingEntry",  # the lease granted is read back
                    "GetSpecificPortMappingEntry",  # still ours?
                    "DeletePortMapping",
                ],
            ),
        ],
    )
    async def test_found_mapped_and_deleted_at_the_stop(self, house, kind, expected):
        mapper, gateway = await house(**{kind: True})
        events = []
        mapper.subscribe(events.append)
        mapper.start()
        mapping = mapper.want(SIP)
        assert await soon(mapping.settled())
        await gateway.was_asked(lambda requests: len(requests) >= len(expected) - 2)
        assert (mapping.state, mapping.external_port) == (MappingState.ACCEPTED, 25060)
        snapshot = mapper.snapshot()
        assert (snapshot.gateway, snapshot.external_address) == (GATEWAY, PUBLIC)
        await soon(mapper.stop())
        assert gateway.requests == expected
        assert gateway.peers == {US}  # the source is the InternalClient
        found = GatewayType.NAT_PMP if kind == "natpmp" else GatewayType.UPNP
        assert [each for each in events if not isinstance(each, MappingProven)] == [
            GatewayFound(found, GATEWAY, PUBLIC),
            MappingAdded(Protocol.UDP, 25060, 25060, False),
            MappingRemoved(Protocol.UDP, 25060, 25060, False),
        ]

    async def test_the_same_wish_is_the_same_mapping(self, house):
        mapper, _ = await house(natpmp=True)
        mapper.start()
        assert mapper.want(SIP) is mapper.want(Wanted(Protocol.UDP, 25060, label="again"))

    async def test_released_once_it_is_unknown(self, house):
        mapper, gateway = await house(natpmp=True)
        mapper.start()
        mapping = mapper.want(SIP)
        await soon(mapping.settled())
        assert await soon(mapper.release(mapping)) is True
        assert await soon(mapper.release(mapping)) is False
        assert await soon(mapping.settled()) is False
        assert gateway.requests[-1] == "unmap 25060"

    async def test_reinit_returns_with_a_verdict(self, house):
        mapper, _ = await house(natpmp=True)
        mapper.start()
        mapping = mapper.want(SIP)
        await soon(mapping.settled())
        await soon(mapper.reinit())
        assert mapper.snapshot().type is GatewayType.NAT_PMP
        assert await soon(mapping.settled())

    async def test_disabled_a_wish_settles_at_once_and_nothing_is_asked(self, house):
        mapper, gateway = await house(natpmp=True, mapping_enabled=False)
        mapper.start()
        mapping = mapper.want(SIP)
        assert await soon(mapping.settled()) is False
        assert (mapping.state, mapping.reason) == (MappingState.DISABLED, "NAT port mapping disabled")
        await soon(mapper.reinit())
        await soon(mapper.stop())
        assert set(gateway.requests) == {"address"}


class TestNoGateway:
    async def test_without_anybody_to_ask_the_verdict_is_immediate(self):
        around = Surroundings(US, IPv4Network("127.61.0.0/24"), None, RULES, multicast=False)
        mapper, events = PortMapper(around), []
        mapper.subscribe(events.append)
        mapping = mapper.want(SIP)
        mapper.start()
        assert events == [NoGateway()]
        assert await soon(mapping.settled()) is False
        assert mapping.state is MappingState.REQUESTED
        await soon(mapper.stop())

    async def test_an_address_that_is_not_ours_is_a_warning_not_a_crash(self, caplog):
        around = Surroundings("192.0.2.1", IPv4Network("192.0.2.0/24"), "192.0.2.254", RULES, multicast=False)
        mapper = PortMapper(around)
        with caplog.at_level(logging.WARNING):
            mapper.start()
        assert "no way to ask for a NAT gateway from 192.0.2.1" in caplog.text
        await soon(mapper.stop())


class TestTrouble:
    async def test_a_hung_gateway_does_not_hold_up_the_stop(self, house):
        """The stop ends by its own patience, while the gateway still holds the request open."""
        mapper, gateway = await house(upnp=True, stop_patience=0.05)
        mapper.start()
        await soon(mapper.want(SIP).settled())
        await gateway.was_asked(lambda requests: "GetSpecificPortMappingEntry" in requests)  # the first look
        gateway.hung = True
        released = asyncio.create_task(mapper.release(mapper.want(SIP)))
        await gateway.was_asked(lambda requests: requests.count("GetSpecificPortMappingEntry") == 2)
        await soon(mapper.stop())
        assert await soon(released) is False
        assert "DeletePortMapping" not in gateway.requests

    async def test_a_subscriber_that_fails_does_not_stop_the_engine(self, house, caplog):
        mapper, _ = await house(natpmp=True)
        seen = []
        mapper.subscribe(lambda event: 1 / 0)
        unsubscribe = mapper.subscribe(seen.append)
        mapper.start()
        assert await soon(mapper.want(SIP).settled())
        assert len(seen) == 2
        assert "a subscriber failed" in caplog.text
        unsubscribe()
        unsubscribe()

    async def test_everything_may_be_called_before_the_start_and_after_the_stop(self, house):
        mapper, _ = await house(natpmp=True)
        early = mapper.want(SIP)
        await mapper.republish()
        mapper.start()
        assert await soon(early.settled())
        await soon(mapper.stop())
        await soon(mapper.stop())
        with pytest.raises(LocalError, match="has been stopped"):
            mapper.want(Wanted(Protocol.UDP, 25080))
        assert await soon(early.settled()) is False
        assert await soon(mapper.release(early)) is False
        await soon(mapper.reinit())
        mapper.set_mapping_enabled(False)
        assert mapper.snapshot().type in (None, GatewayType.NAT_PMP)

    async def test_another_thread_is_refused_and_told_how_to_ask(self, house):
        mapper, _ = await house(natpmp=True)
        mapper.start()
        with pytest.raises(LocalError, match="run_coroutine_threadsafe"):
            await asyncio.to_thread(mapper.want, SIP)
        assert mapper.snapshot().mappings == ()

    async def test_the_store_may_be_named_by_a_string(self, house, tmp_path):
        mapper, _ = await house(natpmp=True, store=str(tmp_path / "journal"))
        mapper.start()
        assert await soon(mapper.want(SIP).settled())
        await soon(mapper.stop())
        assert (tmp_path / "journal").exists()


def test_without_a_loop_it_says_where_to_start_it():
    mapper = PortMapper(Surroundings(US, IPv4Network("127.61.0.0/24"), GATEWAY, RULES, multicast=False))
    early = mapper.want(SIP)
    with pytest.raises(LocalError, match="running event loop"):
        mapper.start()
    assert early.state is MappingState.REQUESTED


class Witness:
    """A tap that looks into the journal whenever a mapping is asked for."""

    def __init__(self, path) -> None:
        self.path = path
        self.seen = []

    def look(self) -> list:
        store = Store(self.path)
        found = [(each.holding.internal_port, each.holding.granted) for each in store.entries()]
        store.close()
        return found

    def pmp_out(self, datagram, now):
        if datagram[1] in (1, 2):
            self.seen.append(self.look())

    def http_out(self, number, ask, now):
        if b"#AddPortMapping" in ask.data:
            self.seen.append(self.look())

    def __getattr__(self, name):
        return lambda *heard: None


class TestTheJournal:
    """Nothing is sent before its note is written; that it was granted as asked may wait a turn."""

    @pytest.mark.parametrize("kind", ["natpmp", "upnp"])
    async def test_what_is_asked_for_is_written_down_before_and_what_is_granted_soon(
        self, house, tmp_path, kind
    ):
        tap = Witness(tmp_path / "journal")
        mapper, _ = await house(**{kind: True}, store=tap.path, tap=tap)
        mapper.start()
        assert await soon(mapper.want(SIP).settled())
        assert tap.seen == [[(25060, False)]]
        assert await soon(mapper.want(Wanted(Protocol.UDP, 25062)).settled())
        assert tap.seen[1] == [
            (25060, True),
            (25062, False),
        ]  # both in one transaction, before the second request
        for _ in range(3):
            await asyncio.sleep(0)
        assert tap.look() == [(25060, True), (25062, True)]

    async def test_what_was_granted_is_written_with_what_is_asked_for_next(
        self, house, tmp_path, monkeypatch
    ):
        mapper, _ = await house(upnp=True, store=tmp_path / "journal")
        mapper.start()
        written = []
        monkeypatch.setattr(Memory, "write", lambda self, notes, address: written.append(len(notes)))
        async with asyncio.timeout(PATIENCE):
            for port in (25060, 25062, 25064):
                assert await mapper.want(Wanted(Protocol.UDP, port)).settled()
        assert written[0] == 1  # the first request
        assert written[-1] == 2  # that the second was granted, with the third request

    async def test_who_ends_at_once_has_written_it_too(self, house, tmp_path):
        tap = Witness(tmp_path / "journal")
        mapper, _ = await house(natpmp=True, store=tap.path, tap=tap)
        mapper.start()
        assert await soon(mapper.want(SIP).settled())
        mapper.leave()
        assert tap.look() == [(25060, True)]
