"""Floods of what nobody asked for: announcements, NOTIFYs, events, and connections that bring events."""

from __future__ import annotations

import asyncio

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.discovery.announcements import MOST_DEVICES, PAUSE, Announcements
from ringthru.portmap.drivers.gena_driver import MOST_CONNECTIONS, GenaServer
from ringthru.portmap.wire.gena import Notification

from ...scenarios.waiting import eventually

GATEWAY, STRANGER = "192.168.1.1", "192.168.1.66"
US, LOCAL_GATEWAY = "127.68.0.10", "127.68.0.1"
FLOOD = 100_000
MINUTE = 60.0  # that the whole flood takes
DEVICE = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"


class Listening:
    """What listens, while a flood comes in a minute; ``heard`` are the hints that came of it."""

    def __init__(self) -> None:
        self.logs: list[str] = []
        self.heard = 0
        self.machine = Announcements(lambda level, text: self.logs.append(text))
        self.machine.watch(GATEWAY)

    def at(self, number: int) -> float:
        now = number * MINUTE / FLOOD
        due = self.machine.next_timeout()
        if due is not None and due <= now:
            self.machine.handle_timeout(now)
        self.heard += len(self.machine.hints())
        return now

    def pmp(self, data: bytes, number: int, host: str = GATEWAY) -> None:
        self.machine.receive_pmp(data, Endpoint(host, 5351), self.at(number))

    def notify(self, number: int, kind: str, udn: str, *more: str, host: str = GATEWAY) -> None:
        lines = [
            "NOTIFY * HTTP/1.1",
            f"NT: {DEVICE}",
            f"NTS: ssdp:{kind}",
            f"USN: uuid:{udn}::{DEVICE}",
            *more,
        ]
        data = "\r\n".join((*lines, "", "")).encode()
        self.machine.receive_ssdp(data, Endpoint(host, 1900), self.at(number))

    def event(self, number: int, name: str, value: str) -> None:
        event = Notification("uuid:1", number, ((name, value),))
        self.machine.receive_event(event, self.at(number))


@pytest.fixture
def listening() -> Listening:
    return Listening()


def in_a_minute(kinds: int) -> int:
    """The most hints that a minute may bring."""
    return kinds * int(MINUTE / PAUSE + 1)


class TestAnnouncements:
    def test_forged_by_strangers(self, listening, flood):
        forged = bytes.fromhex("0080" + "0000" + "00000000" + "06060606")
        flood(lambda number: listening.pmp(forged, number, STRANGER), 32)
        assert listening.heard == 0
        assert listening.machine.counters() == {"spoofed": FLOOD}
        assert len(listening.logs) == 1

    def test_in_the_gateways_name_with_ever_other_epochs_and_addresses(self, listening, flood):
        def send(number: int) -> None:
            epoch, address = (number * 7919 % 100_003).to_bytes(4), number.to_bytes(4)
            natpmp = bytes.fromhex("00800000") + epoch + address
            pcp = bytes.fromhex("0280000000000000") + epoch + bytes(12)
            listening.pmp(pcp if number % 2 else natpmp, number)

        flood(send, 32)
        assert 0 < listening.heard <= in_a_minute(2)
        assert len(listening.logs) < 10

    def test_noise_in_the_gateways_name(self, listening, flood):
        flood(lambda number: listening.pmp(number.to_bytes(7), number), 32)
        assert listening.heard == 0
        assert listening.machine.counters()["malformed"] == FLOOD
        assert len(listening.logs) == 1


class TestNotifications:
    def test_ever_new_devices_at_ever_new_places(self, listening, flood):
        def send(number: int) -> None:
            place = f"LOCATION: http://{GATEWAY}:5000/{number}.xml"
            listening.notify(number, "alive", f"{number:032x}", place, f"BOOTID.UPNP.ORG: {number}")

        flood(send, 64)
        assert 0 < listening.heard <= in_a_minute(1)
        assert len(listening.machine._devices) == MOST_DEVICES

    def test_one_device_that_reboots_and_leaves_all_the_time(self, listening, flood):
        def send(number: int) -> None:
            kind = ("alive", "byebye", "alive", "update")[number % 4]
            place = f"LOCATION: http://{GATEWAY}:5000/{number}.xml"
            listening.notify(number, kind, "1", place, f"BOOTID.UPNP.ORG: {number}")

        flood(send, 64)
        assert 0 < listening.heard <= in_a_minute(3)
        assert len(listening.logs) < 10

    def test_of_strangers(self, listening, flood):
        flood(lambda number: listening.notify(number, "byebye", str(number), host=STRANGER), 32)
        assert listening.heard == 0
        assert listening.machine.counters() == {"others": FLOOD}
        assert listening.logs == []


class TestEvents:
    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("ExternalIPAddress", ("11.0.113.{}", "0.0.0.0")),
            ("PortMappingNumberOfEntries", ("{}", "0")),
            ("ConnectionStatus", ("Connected", "Disconnected{}")),
        ],
    )
    def test_of_what_changes_a_thousand_times_a_second(self, listening, flood, name, values):
        flood(lambda number: listening.event(number, name, values[number % 2].format(number % 251)), 64)
        assert 0 < listening.heard <= in_a_minute(2)

    async def test_connections_beyond_the_cap_are_hung_up_on_at_once(self, flood):
        """Four that say nothing hold all places; whoever comes then is let go unread."""
        server = GenaServer(US, lambda event: True)
        server.expect(LOCAL_GATEWAY)
        local = await server.open()
        assert local is not None
        held = [
            await asyncio.open_connection(*local, local_addr=(LOCAL_GATEWAY, 0))
            for _ in range(MOST_CONNECTIONS)
        ]
        await eventually(lambda: len(server._running) == MOST_CONNECTIONS)
        one_more = Connection()
        flood(lambda number: server._accept(asyncio.StreamReader(), one_more), 32)
        assert (server.refused, one_more.aborted) == (FLOOD, FLOOD)
        assert len(server._running) == MOST_CONNECTIONS
        for _, writer in held:
            writer.close()
        await server.close()


class Connection:
    """What asyncio hands over for a connection of the gateway's: a hundred thousand would test the kernel."""

    def __init__(self) -> None:
        self.aborted = 0
        self.transport = self

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return LOCAL_GATEWAY, 50000

    def abort(self) -> None:
        self.aborted += 1
