"""Hearing announcements on real sockets: multicast in a namespace of its own, unicast on 127/8."""

from __future__ import annotations

import asyncio
import socket

from ringthru.net.address import Endpoint
from ringthru.portmap.drivers.hearing_driver import Hearing

US, GATEWAY = "127.66.0.10", "127.66.0.1"
PATIENCE = 30.0


class Ears:
    """What a ``Hearing`` heard, in order."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[tuple[str, bytes, Endpoint]] = asyncio.Queue()

    def announcement(self, data: bytes, source: Endpoint) -> None:
        self._heard.put_nowait(("announcement", data, source))

    def notify(self, data: bytes, source: Endpoint) -> None:
        self._heard.put_nowait(("notify", data, source))

    async def next(self) -> tuple[str, bytes, Endpoint]:
        async with asyncio.timeout(PATIENCE):
            return await self._heard.get()


def speaker(address: str, index: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    if ":" in address:
        sock.bind((address, 0, 0, index))
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    else:
        sock.bind((address, 0))
        if not address.startswith("127."):
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    return sock


class TestUnicast:
    """A loopback laboratory has no multicast: it is listened on the address itself."""

    def hearing(self, ears: Ears, announcement_port: int = 0) -> Hearing:
        return Hearing(
            US,
            ears.announcement,
            ears.notify,
            multicast=False,
            announcement_port=announcement_port,
            ssdp_port=0,
        )

    async def test_each_port_leads_to_its_own_ear_with_the_source(self):
        ears = Ears()
        hearing = self.hearing(ears)
        assert hearing.heard_at == ()
        hearing.open()
        hearing.open()
        first, second = hearing.heard_at
        with speaker(GATEWAY) as gateway:
            source = Endpoint(*gateway.getsockname())
            gateway.sendto(b"one", first)
            assert await ears.next() == ("announcement", b"one", source)
            gateway.sendto(b"two", second)
            assert await ears.next() == ("notify", b"two", source)
        hearing.close()
        assert hearing.heard_at == ()

    async def test_a_busy_port_is_no_error_and_the_other_is_heard(self, caplog):
        ears = Ears()
        with speaker(US) as busy:
            port = busy.getsockname()[1]
            hearing = self.hearing(ears, port)
            with caplog.at_level("DEBUG"):
                hearing.open()
            assert len(hearing.heard_at) == 1
            assert [f"127.66.0.10:{port} are not heard" in each for each in caplog.messages] == [True]
        hearing.close()

    async def test_a_listener_may_close_it_from_within(self):
        heard = asyncio.Event()
        hearing = Hearing(
            US,
            lambda *_: (hearing.close(), heard.set()),
            lambda *_: None,
            multicast=False,
            announcement_port=0,
            ssdp_port=0,
        )
        hearing.open()
        with speaker(GATEWAY) as gateway:
            for _ in range(3):
                gateway.sendto(b"x", hearing.heard_at[0])
            async with asyncio.timeout(PATIENCE):
                await heard.wait()

    async def test_an_address_that_is_not_ours_opens_nothing(self):
        hearing = Hearing("11.0.113.77", lambda *_: None, lambda *_: None, multicast=False)
        hearing.open()
        assert hearing.heard_at == ()


class TestMulticast:
    """In a namespace with two links, of which we listen on the first."""

    LINKS = (
        "link add one type veth peer name two",
        "link set one addrgenmode none",
        "link set two addrgenmode none",
        "link set one up",
        "link set two up",
        "address add 192.168.1.5/24 dev one",
        "address add 192.168.2.5/24 dev two",
        "address add fe80::5/64 dev one nodad",
    )

    def test_both_groups_are_heard_on_our_link_only_beside_other_listeners(self, namespace):
        namespace.ip(*self.LINKS)

        async def listen() -> None:
            ears = Ears()
            other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("", 5350))  # another program's, joined on the other link
            membership = socket.inet_aton("224.0.0.1") + socket.inet_aton("192.168.2.5")
            other.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            hearing = Hearing("192.168.1.5", ears.announcement, ears.notify)
            hearing.open()
            assert hearing.heard_at == (Endpoint("224.0.0.1", 5350), Endpoint("239.255.255.250", 1900))
            with other, speaker("192.168.1.5") as here, speaker("192.168.2.5") as elsewhere:
                elsewhere.sendto(b"other link", ("224.0.0.1", 5350))
                here.sendto(b"announcement", ("224.0.0.1", 5350))
                source = Endpoint("192.168.1.5", here.getsockname()[1])
                assert await ears.next() == ("announcement", b"announcement", source)
                here.sendto(b"unicast", ("192.168.1.5", 1900))
                here.sendto(b"NOTIFY", ("239.255.255.250", 1900))
                assert await ears.next() == ("notify", b"NOTIFY", source)
            hearing.close()

        namespace.call(lambda: asyncio.run(listen()))

    def test_ipv6_sources_bear_the_zone_that_gateways_are_written_with(self, namespace):
        namespace.ip(*self.LINKS)

        async def listen() -> None:
            index = socket.if_nametoindex("one")
            ears = Ears()
            hearing = Hearing("fe80::5", ears.announcement, ears.notify, interface=("one", index))
            hearing.open()
            with speaker("fe80::5", index) as gateway:
                source = Endpoint("fe80::5%one", gateway.getsockname()[1])
                gateway.sendto(b"announcement", ("ff02::1", 5350, 0, index))
                assert await ears.next() == ("announcement", b"announcement", source)
                gateway.sendto(b"NOTIFY", ("ff02::c", 1900, 0, index))
                assert await ears.next() == ("notify", b"NOTIFY", source)
            hearing.close()

        namespace.call(lambda: asyncio.run(listen()))

    def test_without_the_link_nothing_is_opened_and_nothing_raised(self, namespace):
        async def listen() -> None:
            for hearing in (
                Hearing("192.168.1.5", lambda *_: None, lambda *_: None),
                Hearing("fe80::5", lambda *_: None, lambda *_: None, interface=("one", 77)),
            ):
                hearing.open()
                assert hearing.heard_at == ()

        namespace.call(lambda: asyncio.run(listen()))
