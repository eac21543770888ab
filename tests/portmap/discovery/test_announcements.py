"""What a gateway says unasked: whom we believe, what is news, and how often it becomes a question."""

from __future__ import annotations

import struct
import sys
from ipaddress import IPv4Address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.portmap.discovery.announcements import MOST_DEVICES, PAUSE, Announcements, Hint, HintKind
from ringthru.portmap.wire.gena import Notification

GATEWAY = "192.168.1.1"
PMP = Endpoint(GATEWAY, 5351)
SSDP = Endpoint(GATEWAY, 1900)
NEIGHBOUR = Endpoint("192.168.1.66", 5351)
IGD = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
UDN = "uuid:31474a74-0fe8-4f0d-9d1c-0123456789ab"
PLACE = "http://192.168.1.1:5000/rootDesc.xml"


def natpmp(epoch: int = 0, address: str = "11.0.113.1", result: int = 0) -> bytes:
    return struct.pack("!BBHI4s", 0, 0x80, result, epoch, IPv4Address(address).packed)


def pcp(epoch: int = 0, opcode: int = 0, result: int = 0) -> bytes:
    return struct.pack("!BBxBII12x", 2, 0x80 | opcode, result, 0, epoch)


def notify(nts: str = "ssdp:alive", target: str = IGD, location: str = PLACE, **headers: object) -> bytes:
    lines = ["NOTIFY * HTTP/1.1", "HOST: 239.255.255.250:1900", f"NT: {target}", f"NTS: {nts}"]
    lines.append(f"USN: {headers.pop('udn', UDN)}::{target}")
    lines += [f"LOCATION: {location}"] if location else []
    lines += [f"{name.upper()}.UPNP.ORG: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def event(**values: str) -> Notification:
    return Notification("uuid:1", 1, tuple(values.items()))


class Listener(Announcements):
    """One that watches the gateway and remembers what it logged."""

    def __init__(self) -> None:
        self.logged: list[str] = []
        super().__init__(lambda level, text: self.logged.append(text))
        self.watch(GATEWAY)

    def kinds(self) -> list[HintKind]:
        return [hint.kind for hint in self.hints()]


@pytest.fixture
def heard() -> Listener:
    return Listener()


class TestAnnouncementsOfNatPmpAndPcp:
    """RFC 6886 §3.2.1, RFC 6887 §14.1: to 224.0.0.1 and ff02::1, port 5350."""

    def test_an_announced_address_is_asked_for_at_once(self, heard):
        heard.receive_pmp(natpmp(epoch=3), PMP, 100.0)
        words = "NAT-PMP announcement: external address 11.0.113.1, epoch 3"
        assert heard.hints() == [Hint(HintKind.ANNOUNCED, words)]
        assert heard.hints() == []

    def test_a_pcp_announcement(self, heard):
        heard.receive_pmp(pcp(epoch=7), PMP, 100.0)
        assert heard.hints() == [Hint(HintKind.ANNOUNCED, "PCP announcement: epoch 7")]

    def test_both_protocols_announcing_one_reboot_are_one_hint(self, heard):
        heard.receive_pmp(natpmp(), PMP, 100.0)
        heard.receive_pmp(pcp(), PMP, 100.01)
        assert heard.kinds() == [HintKind.ANNOUNCED]
        assert heard.next_timeout() is None

    @pytest.mark.parametrize(
        "data", [natpmp(address="0.0.0.0"), natpmp(result=3)], ids=["0.0.0.0", "result 3"]
    )
    def test_a_gateway_that_lost_its_line_says_so(self, heard, data):
        heard.receive_pmp(data, PMP, 100.0)
        assert heard.kinds() == [HintKind.OFFLINE]

    def test_the_new_address_soon_after_the_loss_of_the_line_does_not_wait(self, heard):
        """A PPPoE redial: nothing, then another address seconds later."""
        heard.receive_pmp(natpmp(address="0.0.0.0"), PMP, 100.0)
        heard.receive_pmp(natpmp(address="11.0.113.2"), PMP, 103.0)
        assert heard.kinds() == [HintKind.OFFLINE, HintKind.ANNOUNCED]

    def test_a_gateway_on_ipv6_is_known_by_its_link_local_address_and_zone(self, heard):
        heard.watch("fe80::1%eth0")
        heard.receive_pmp(pcp(), Endpoint("fe80::1%eth1", 5351), 100.0)
        assert heard.kinds() == []
        heard.receive_pmp(pcp(), Endpoint("fe80:0::1%eth0", 5351), 100.0)
        assert heard.kinds() == [HintKind.ANNOUNCED]


class TestPace:
    """NP16: at most one hint each ten seconds and kind, and no news is lost by that."""

    def test_the_ten_repetitions_of_one_announcement(self, heard):
        """RFC 6886 §3.2.1: ten times, 250 ms apart, then doubling; the epoch goes on meanwhile."""
        sent_at = [0.0, *(0.25 * (2**n - 1) for n in range(1, 10))]
        told = []
        for at in sent_at:
            heard.receive_pmp(natpmp(epoch=int(at)), PMP, 1000.0 + at)
            told += [at for _ in heard.hints()]
        assert told == [0.0, 15.75, 31.75, 63.75, 127.75]
        assert all(later - earlier >= PAUSE for earlier, later in pairwise(told))
        assert heard.counters() == {"hints": 5, "repeated": 5}

    def test_news_within_ten_seconds_is_told_when_they_are_over(self, heard):
        heard.receive_pmp(natpmp(address="11.0.113.1"), PMP, 100.0)
        heard.receive_pmp(natpmp(address="11.0.113.2"), PMP, 101.0)
        heard.receive_pmp(natpmp(address="11.0.113.3"), PMP, 102.0)
        assert len(heard.hints()) == 1
        assert heard.next_timeout() == 110.0
        heard.handle_timeout(109.9)
        assert heard.hints() == []
        heard.handle_timeout(110.0)
        assert [hint.words for hint in heard.hints()] == [
            "NAT-PMP announcement: external address 11.0.113.3, epoch 0"
        ]
        assert heard.next_timeout() is None

    def test_a_line_that_flaps_each_second_is_asked_about_each_ten(self, heard):
        told = 0
        for second in range(100):
            heard.receive_pmp(natpmp(address=f"11.0.113.{second % 7 + 1}"), PMP, float(second))
            heard.handle_timeout(float(second))
            told += len(heard.hints())
        assert told == 10

    def test_another_gateway_starts_afresh(self, heard):
        heard.receive_pmp(natpmp(), PMP, 100.0)
        heard.receive_pmp(natpmp(address="11.0.113.9"), PMP, 101.0)
        heard.watch("192.168.1.254")
        assert heard.hints() == []
        assert heard.next_timeout() is None
        heard.receive_pmp(natpmp(), Endpoint("192.168.1.254", 5351), 102.0)
        assert heard.kinds() == [HintKind.ANNOUNCED]


class TestNotBelieved:
    """NP16, PC14: whatever else is on the LAN."""

    @pytest.mark.parametrize("data", [natpmp(), pcp(), b"noise"])
    def test_others_than_the_gateway_are_counted_and_logged_once(self, heard, data):
        for _ in range(50):
            heard.receive_pmp(data, NEIGHBOUR, 100.0)
        assert heard.hints() == []
        assert heard.counters() == {"spoofed": 50}
        assert len(heard.logged) == 1
        assert "192.168.1.66" in heard.logged[0]

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\0",
            natpmp()[:-1],
            pcp()[:-4],
            pcp() + b"\0",
            pcp(opcode=1),
            pcp(result=3),
            b"\3" + pcp()[1:],
            struct.pack("!BBHIHHI", 0, 0x81, 0, 1, 5060, 5060, 60),
        ],
    )
    def test_nonsense_of_the_gateway(self, heard, data):
        for _ in range(3):
            heard.receive_pmp(data, PMP, 100.0)
        assert heard.hints() == []
        assert heard.counters() == {"malformed": 3}
        assert len(heard.logged) == 1

    def test_nobody_is_believed_while_nobody_is_watched(self, heard):
        heard.watch(None)
        heard.receive_pmp(natpmp(), PMP, 100.0)
        heard.receive_ssdp(notify(), SSDP, 100.0)
        assert heard.hints() == []

    def test_a_flood_costs_a_count(self, heard):
        """A thousand forged announcements a second, each with another epoch, address and place."""
        sizes = []
        for number in range(20_000):
            now = number / 1000
            heard.receive_pmp(natpmp(number * 7919, f"11.0.{number // 256 % 256}.{number % 256}"), PMP, now)
            forged = notify(location=f"http://{GATEWAY}:5000/{number}", udn=f"uuid:{number}", bootid=number)
            heard.receive_ssdp(forged, SSDP, now)
            heard.receive_pmp(natpmp(), NEIGHBOUR, now)
            heard.handle_timeout(now)
            if number % 5000 == 4999:
                sizes.append(sum(sys.getsizeof(each) for each in vars(heard).values()))
        assert sizes == sizes[:1] * 4
        assert len(heard._devices) <= MOST_DEVICES
        assert len(heard.hints()) == 4  # two kinds, at 0 and at 10 s
        assert len(heard.logged) == 1
        assert heard.counters()["spoofed"] == 20_000

    @given(st.binary(max_size=80), st.booleans())
    def test_no_bytes_raise(self, data, gateway):
        heard = Listener()
        source = PMP if gateway else NEIGHBOUR
        heard.receive_pmp(data, source, 1.0)
        heard.receive_ssdp(data, source, 1.0)
        heard.receive_ssdp(b"NOTIFY * HTTP/1.1\r\n" + data, source, 1.0)

    def test_a_notify_cut_anywhere_raises_nothing(self):
        whole = notify(bootid=1, configid=2)
        for length in range(len(whole)):
            Listener().receive_ssdp(whole[:length], SSDP, 1.0)


class TestSsdp:
    """UPnP Device Architecture 1.1 §1.2."""

    def alive(self, heard: Listener, now: float, **headers: object) -> list[Hint]:
        heard.receive_ssdp(notify(**headers), SSDP, now)
        return heard.hints()

    def test_a_gateway_that_appears(self, heard):
        hints = self.alive(heard, 100.0, bootid=1)
        assert hints == [Hint(HintKind.ALIVE, "SSDP: a gateway announces itself", PLACE)]

    def test_the_same_again_is_no_news_however_late(self, heard):
        assert len(self.alive(heard, 100.0, bootid=1, configid=1)) == 1
        for now in (100.1, 101.0, 1000.0, 1900.0):
            assert self.alive(heard, now, bootid=1, configid=1) == []

    def test_another_boot_id_is_a_reboot(self, heard):
        self.alive(heard, 100.0, bootid=7)
        moved = PLACE.replace("5000", "41234")  # SD18
        hints = self.alive(heard, 500.0, bootid=8, location=moved)
        assert hints == [Hint(HintKind.REBOOTED, "SSDP: BOOTID is 8, it was 7", moved)]

    def test_an_update_announces_a_boot_id_that_is_no_reboot(self, heard):
        """§1.2.4: it got another interface."""
        self.alive(heard, 100.0, bootid=7)
        assert self.alive(heard, 500.0, nts="ssdp:update", bootid=7, nextbootid=8) == []
        assert self.alive(heard, 501.0, bootid=8) == []

    def test_another_place_of_the_description(self, heard):
        """SD18, of a gateway that knows no BOOTID."""
        self.alive(heard, 100.0)
        moved = PLACE.replace("5000", "41234")
        assert [hint.location for hint in self.alive(heard, 500.0, location=moved)] == [moved]
        assert self.alive(heard, 900.0) == []  # two addresses of one device, told in turns

    def test_another_configuration(self, heard):
        self.alive(heard, 100.0, bootid=1, configid=3)
        assert [hint.words for hint in self.alive(heard, 500.0, bootid=1, configid=4)] == [
            "SSDP: CONFIGID is 4"
        ]

    def test_byebye_and_back(self, heard):
        self.alive(heard, 100.0)
        heard.receive_ssdp(notify("ssdp:byebye", location=""), SSDP, 500.0)
        assert heard.kinds() == [HintKind.GONE]
        assert len(self.alive(heard, 520.0)) == 1

    def test_the_burst_of_a_whole_gateway_is_one_hint(self, heard):
        """A root device, two embedded ones and their services, each told three times."""
        targets = [IGD, *(IGD.replace("InternetGateway", each) for each in ("WAN", "WANConnection"))]
        for number in range(9):
            heard.receive_ssdp(notify(target=targets[number % 3], udn=f"uuid:{number % 3}"), SSDP, 100.0)
        assert heard.kinds() == [HintKind.ALIVE]
        assert heard.next_timeout() is None

    @pytest.mark.parametrize(
        "data",
        [
            notify(target="urn:schemas-upnp-org:device:MediaServer:1"),
            notify("ssdp:byebye", target="urn:schemas-wifialliance-org:device:WFADevice:1"),
            b'M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\nST: ssdp:all\r\n\r\n',
        ],
    )
    def test_what_does_not_concern_the_gateway(self, heard, data):
        heard.receive_ssdp(data, SSDP, 100.0)
        assert heard.hints() == []
        assert heard.counters() == {"others": 1}
        assert heard.logged == []

    def test_a_root_device_concerns_us_when_it_is_the_one_in_use(self, heard):
        heard.watch(GATEWAY, UDN)
        heard.receive_ssdp(notify("ssdp:byebye", target="upnp:rootdevice", location=""), SSDP, 100.0)
        assert heard.kinds() == [HintKind.GONE]

    def test_a_place_on_another_host_becomes_the_gateways_own(self, heard):
        """SD03, SD21."""
        hints = self.alive(heard, 100.0, location="http://169.254.169.254:5000/latest")
        assert [hint.location for hint in hints] == ["http://192.168.1.1:5000/latest"]

    @pytest.mark.parametrize(
        "place", ["file:///etc/passwd", "https://192.168.1.1/", "http://192.168.1.1:22/"]
    )
    def test_an_impossible_place_is_refused(self, heard, place):
        assert self.alive(heard, 100.0, location=place) == []
        assert heard.counters() == {"malformed": 1}


class TestEvents:
    """UPnP Device Architecture 1.1 §4.3, of a WANIPConnection."""

    def test_the_first_values_are_no_news(self, heard):
        first = event(
            ExternalIPAddress="11.0.113.1", PortMappingNumberOfEntries="4", ConnectionStatus="Connected"
        )
        heard.receive_event(first, 100.0)
        assert heard.hints() == []

    def test_another_external_address(self, heard):
        heard.receive_event(event(ExternalIPAddress="11.0.113.1"), 100.0)
        heard.receive_event(event(ExternalIPAddress="11.0.113.1"), 101.0)
        assert heard.hints() == []
        heard.receive_event(event(ExternalIPAddress="11.0.113.2"), 102.0)
        assert heard.hints() == [Hint(HintKind.ADDRESS, "event: external address 11.0.113.2")]

    def test_the_line_down_and_up_again(self, heard):
        """What miniupnpd sends when the WAN address changes, 5 ms apart."""
        heard.receive_event(event(ExternalIPAddress="11.0.113.1", ConnectionStatus="Connected"), 100.0)
        heard.receive_event(event(ExternalIPAddress="0.0.0.0", ConnectionStatus="Disconnected"), 200.0)
        heard.receive_event(event(ExternalIPAddress="11.0.113.2", ConnectionStatus="Connected"), 200.005)
        assert heard.kinds() == [HintKind.OFFLINE, HintKind.ADDRESS]

    def test_a_line_that_comes_back_with_the_same_address_is_asked_as_well(self, heard):
        heard.receive_event(event(ConnectionStatus="Disconnected"), 100.0)
        heard.receive_event(event(ConnectionStatus="Connected"), 130.0)
        assert heard.kinds() == [HintKind.OFFLINE, HintKind.ADDRESS]

    def test_fewer_mappings_than_before(self, heard):
        for entries in ("4", "5", "5", "2"):
            heard.receive_event(event(PortMappingNumberOfEntries=entries), 100.0)
        assert heard.hints() == [Hint(HintKind.FEWER, "event: 2 mappings, 5 before")]

    def test_a_gateway_that_always_counts_none(self, heard):
        """LI03."""
        for _ in range(3):
            heard.receive_event(event(PortMappingNumberOfEntries="0"), 100.0)
        assert heard.hints() == []

    @pytest.mark.parametrize("value", ["", "x", "-1", "9" * 40])
    def test_values_that_make_no_sense(self, heard, value):
        heard.receive_event(event(PortMappingNumberOfEntries=value, SystemUpdateID=value), 100.0)
        assert heard.hints() == []
