"""NAT-PMP as RFC 6886 wants it spoken, on a clock moved by hand."""

import asyncio
import socket
import struct

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.drivers.udp_driver import UdpPort
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.gateway.natpmp_client import NatPmpClient
from ringthru.portmap.gateway.orders import (
    AddressOrder,
    AddressTold,
    Declined,
    EntryOrder,
    EpochReset,
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    NoEntry,
    Remedy,
    Silent,
    UnmapOrder,
    Unmapped,
)
from ringthru.portmap.values import LONGEST_LIFETIME, Protocol

UNMAP = UnmapOrder(Protocol.UDP, 5060, 5060)
MAP = MapOrder(Protocol.UDP, 5060, 5060, 3600, "sip")


def address(epoch: int = 100, result: int = 0, told: str = "203.0.113.9") -> bytes:
    return struct.pack("!BBHI4s", 0, 128, result, epoch, socket.inet_aton(told))


def mapping(
    internal: int = 5060, external: int = 5060, lifetime: int = 3600, epoch: int = 100, opcode: int = 1
):
    return struct.pack("!BBHIHHI", 0, 128 + opcode, 0, epoch, internal, external, lifetime)


def refusal(result: int, opcode: int = 1) -> bytes:
    return struct.pack("!BBHI", 0, 128 + opcode, result, 100)


def request(opcode: int, internal: int, external: int, lifetime: int) -> bytes:
    return struct.pack("!BBxxHHI", 0, opcode, internal, external, lifetime)


def outcome(client: NatPmpClient, order: object, answer: bytes, now: float = 0.0) -> object:
    """What comes of an order that is answered at once."""
    client.submit(order, now)
    client.receive_datagram(answer, now + 0.01)
    (event,) = client.events()
    return event


@pytest.fixture
def client() -> NatPmpClient:
    return NatPmpClient()


class TestSilence:
    """§3.1: 250 ms, doubling, nine attempts, then give up."""

    def test_nine_attempts_then_the_gateway_is_taken_for_mute(self, client):
        client.submit(AddressOrder(), 0.0)
        sent_at = [0.0] * len(client.datagrams_to_send())
        while (now := client.next_timeout()) is not None:
            client.handle_timeout(now)
            sent_at += [now] * len(client.datagrams_to_send())
        assert sent_at == [0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 31.75, 63.75]
        assert client.events() == [Silent("no answer to 9 NAT-PMP requests")]

    def test_a_closed_port_ends_it_at_once(self, client):
        client.submit(AddressOrder(), 0.0)
        client.refused(0.001)
        assert client.events() == [Silent("the gateway does not speak NAT-PMP (port closed)")]
        assert client.next_timeout() is None

    def test_an_early_wake_up_sends_nothing(self, client):
        client.submit(AddressOrder(), 0.0)
        client.datagrams_to_send()
        client.handle_timeout(0.2)
        assert client.datagrams_to_send() == []


class TestAnswers:
    def test_the_address(self, client):
        assert outcome(client, AddressOrder(), address()) == AddressTold("203.0.113.9")
        assert client.next_timeout() is None

    def test_another_port_and_a_shorter_life_than_asked(self, client):
        assert outcome(client, MAP, mapping(external=50000, lifetime=60)) == Granted(50000, 60)

    def test_no_life_is_so_long_that_renewals_end(self, client):
        assert outcome(client, MAP, mapping(lifetime=2**32 - 1)) == Granted(5060, LONGEST_LIFETIME)

    def test_a_deletion(self, client):
        client.submit(UNMAP, 0.0)
        assert client.datagrams_to_send() == [request(1, 5060, 0, 0)]
        client.receive_datagram(mapping(external=0, lifetime=0), 0.01)
        assert client.events() == [Unmapped()]

    def test_no_address_yet_is_an_answer_too(self, client):
        assert outcome(client, AddressOrder(), address(result=3)) == AddressTold("")

    def test_unsupported_version_in_eight_bytes(self, client):
        assert outcome(client, AddressOrder(), bytes((0, 0, 0, 1, 0, 0, 0, 0))) == Declined(
            "the gateway does not speak NAT-PMP version 0", Remedy.ANOTHER_SERVICE
        )

    @pytest.mark.parametrize(
        "answer", [mapping(internal=5080), mapping(opcode=2), address()], ids=["port", "protocol", "address"]
    )
    def test_the_answer_to_another_request_is_not_ours(self, client, answer):
        client.submit(MAP, 0.0)
        client.receive_datagram(answer, 0.01)
        assert client.events() == []
        assert client.counters() == {"late answers": 1}

    def test_a_late_duplicate_is_ignored(self, client):
        outcome(client, AddressOrder(), address())
        client.receive_datagram(address(), 0.02)
        assert client.events() == []

    def test_nonsense_leaves_the_exchange_running(self, client):
        client.submit(AddressOrder(), 0.0)
        with pytest.raises(MalformedMessage):
            client.receive_datagram(b"\x02noise", 0.01)
        client.receive_datagram(address(), 0.02)
        assert client.events() == [AddressTold("203.0.113.9")]


class TestWhatItHasNoRequestFor:
    """Said at once, and nothing is sent."""

    def test_reading_back_is_no_failure(self, client):
        client.submit(InspectOrder(Protocol.UDP, 5060, 5060), 0.0)
        (told,) = client.events()
        assert isinstance(told, Inspected)
        assert not told.verified
        assert not told.missing

    def test_the_table_cannot_be_read(self, client):
        client.submit(EntryOrder(0), 0.0)
        (told,) = client.events()
        assert isinstance(told, NoEntry)

    @pytest.mark.parametrize(
        "order",
        [
            MapOrder(Protocol.UDP, 5060, 5060, 3600, "sip", allow_from=("203.0.113.0/24",)),
            MapOrder(Protocol.UDP, 5060, 5060, 3600, "sip", internal_client="192.168.1.9"),
            UnmapOrder(Protocol.UDP, 5060, 5060, internal_client="192.168.1.9"),
        ],
        ids=["certain networks", "another machine", "another machine's deletion"],
    )
    def test_what_would_be_more_than_asked_is_not_asked(self, client, order):
        client.submit(order, 0.0)
        (told,) = client.events()
        assert isinstance(told, Declined)
        assert client.datagrams_to_send() == []


class TestNothingGranted:
    """A MAP answered with zeros is a late answer to a deletion; only if it stays so, a refusal."""

    def test_the_late_answer_to_a_deletion_does_not_end_a_new_mapping(self, client):
        client.submit(UNMAP, 0.0)
        client.submit(MAP, 0.1)
        client.receive_datagram(mapping(external=0, lifetime=0), 0.12)
        assert client.events() == []
        client.receive_datagram(mapping(), 0.13)
        assert client.events() == [Granted(5060, 3600)]

    @pytest.mark.parametrize("nothing", [{"external": 0}, {"lifetime": 0}], ids=["port 0", "lifetime 0"])
    def test_a_gateway_that_never_grants_anything_has_refused(self, client, nothing):
        client.submit(MAP, 0.0)
        while (now := client.next_timeout()) is not None:
            client.receive_datagram(mapping(**nothing), now)
            client.handle_timeout(now)
        (told,) = client.events()
        assert isinstance(told, Declined)
        assert now is None or now < 4


class TestDeletion:
    """§3.4: the answer to a deletion has a lifetime of zero."""

    def test_a_late_grant_is_not_the_answer(self, client):
        client.submit(MAP, 0.0)
        client.submit(UNMAP, 0.1)
        client.receive_datagram(mapping(), 0.11)
        assert client.events() == []
        client.receive_datagram(mapping(external=0, lifetime=0), 0.12)
        assert client.events() == [Unmapped()]

    def test_it_is_asked_again_when_only_a_late_grant_came(self, client):
        client.submit(UNMAP, 0.0)
        client.receive_datagram(mapping(), 0.01)
        client.datagrams_to_send()
        client.handle_timeout(0.25)
        assert client.datagrams_to_send() == [request(1, 5060, 0, 0)]

    def test_a_gateway_that_names_the_port_it_deleted_is_understood(self, client):
        assert outcome(client, UNMAP, mapping(external=5060, lifetime=0)) == Unmapped()

    def test_one_that_granted_and_fell_silent_has_refused_within_four_seconds(self, client):
        client.submit(UNMAP, 0.0)
        client.receive_datagram(mapping(), 0.01)
        for now in (0.25, 0.75, 1.75, 3.75):
            assert client.next_timeout() == now
            client.handle_timeout(now)
        (told,) = client.events()
        assert isinstance(told, Declined)


class TestQuirksOfGateways:
    """The rows of the quirk catalogue that a client can meet."""

    def test_np01_a_closed_port_is_told_at_once_and_may_open_later(self, client):
        client.submit(AddressOrder(), 0.0)
        client.refused(0.001)
        assert isinstance(client.events()[0], Silent)
        assert outcome(client, AddressOrder(), address(), 60.0) == AddressTold("203.0.113.9")

    def test_np03_another_external_port_is_a_result_not_a_failure(self, client):
        assert outcome(client, MAP, mapping(external=50000)) == Granted(50000, 3600)

    def test_np04_external_port_0_is_never_suggested(self, client):
        client.submit(MapOrder(Protocol.UDP, 5060, 0, 3600, "sip"), 0.0)
        assert client.datagrams_to_send() == [request(1, 5060, 5060, 3600)]

    @pytest.mark.parametrize("echoed", [0, 41234], ids=["0", "the external port"])
    def test_np05_an_answer_that_does_not_name_our_port_is_taken_and_counted(self, client, echoed):
        """ProtonVPN: the external port, or 0, where the internal one should be."""
        assert outcome(client, MAP, mapping(internal=echoed, external=41234)) == Granted(41234, 3600)
        assert client.counters() == {"answers that do not name our internal port": 1}

    def test_np05_the_late_answer_about_a_port_asked_for_before_is_not_taken_for_that(self, client):
        client.submit(MapOrder(Protocol.UDP, 5080, 5080, 3600, "sip"), 0.0)
        client.submit(MAP, 0.1)
        client.receive_datagram(mapping(internal=5080, external=5080), 0.2)
        assert client.events() == []

    def test_np06_sixty_seconds_whatever_is_asked(self, client):
        assert outcome(client, MAP, mapping(lifetime=60)) == Granted(5060, 60)

    def test_np07_a_renewal_proves_no_more_than_the_first_grant(self, client):
        """The mapping may be dead all the same: a grant says what the gateway said, and no more."""
        first = outcome(client, MAP, mapping(epoch=100))
        assert outcome(client, MAP, mapping(epoch=1900), 1800.0) == first

    @pytest.mark.parametrize(
        ("result", "remedy"),
        [(2, Remedy.PERMISSION), (3, Remedy.LATER), (4, Remedy.ROOM), (5, Remedy.ANOTHER_SERVICE)],
    )
    def test_np09_each_result_code_has_its_words_and_its_remedy(self, client, result, remedy):
        told = outcome(client, MAP, refusal(result))
        assert isinstance(told, Declined)
        assert told.remedy is remedy
        assert told.reason

    def test_np09_not_authorized_names_the_switch(self, client):
        told = outcome(client, MAP, refusal(2))
        assert "Selbständige Portfreigaben" in told.reason

    @pytest.mark.parametrize("told", ["0.0.0.0", "255.255.255.255", "127.0.0.1", "0.1.2.3"])
    def test_np10_an_impossible_address_is_unknown(self, client, told):
        assert outcome(client, AddressOrder(), address(told=told)) == AddressTold("")

    async def test_np12_an_answer_from_another_address_is_not_seen(self):
        """The socket is connected to the gateway (RFC 6886 §3.1)."""
        loop = asyncio.get_running_loop()
        received: asyncio.Queue[bytes] = asyncio.Queue()
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gateway,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        ):
            gateway.bind(("127.0.0.1", 0))
            gateway.setblocking(False)
            stranger.bind(("127.0.0.2", gateway.getsockname()[1]))
            peer = Endpoint(*gateway.getsockname())
            port = UdpPort("127.0.0.1", lambda data, _: received.put_nowait(data), lambda: None, peer)
            try:
                port.send(b"who are you?")
                _, client = await loop.sock_recvfrom(gateway, 100)
                stranger.sendto(b"the stranger", client)
                gateway.sendto(b"the gateway", client)
                assert await received.get() == b"the gateway"
                assert received.empty()
            finally:
                port.close()

    def test_np13_an_answer_to_the_third_try_is_in_time(self, client):
        client.submit(AddressOrder(), 0.0)
        client.handle_timeout(0.25)
        client.handle_timeout(0.75)
        client.receive_datagram(address(), 0.76)
        assert client.events() == [AddressTold("203.0.113.9")]

    def test_np16_an_announcement_out_of_the_blue_changes_nothing(self, client):
        outcome(client, AddressOrder(), address(epoch=1000))
        client.receive_datagram(address(epoch=0, told="203.0.113.99"), 30.0)
        assert client.events() == []
        assert outcome(client, AddressOrder(), address(epoch=1060), 60.0) == AddressTold("203.0.113.9")

    def test_np17_a_deletion_answered_with_a_lifetime_is_believed_the_second_time(self, client):
        """Once it may be the late answer to an earlier request."""
        client.submit(UNMAP, 0.0)
        client.receive_datagram(mapping(), 0.01)
        assert client.events() == []
        client.handle_timeout(0.25)
        client.receive_datagram(mapping(), 0.26)
        assert client.events() == [Unmapped()]

    def test_np18_each_protocol_is_told_its_own_external_port(self, client):
        """Whether a pair that differs will do is for those to say who want the pair."""
        tcp = MapOrder(Protocol.TCP, 5060, 5060, 3600, "sip")
        assert outcome(client, MAP, mapping(external=50000)) == Granted(50000, 3600)
        assert outcome(client, tcp, mapping(external=50001, opcode=2)) == Granted(50001, 3600)
        again = MapOrder(Protocol.TCP, 5060, 50000, 3600, "sip")
        client.datagrams_to_send()
        client.submit(again, 1.0)
        assert client.datagrams_to_send() == [request(2, 5060, 50000, 3600)]

    def test_np19_nothing_but_answers_to_the_gateway_itself_is_sent(self, client):
        """Datagrams have no destination here: the socket's one peer is the gateway, never a group."""
        client.submit(AddressOrder(), 0.0)
        assert client.datagrams_to_send() == [bytes(2)]


class TestEpoch:
    """§3.6; the rule itself is tested with EpochWatch."""

    def answers(self, client, *pairs):
        events = []
        for epoch, now in pairs:
            client.submit(AddressOrder(), now)
            client.receive_datagram(address(epoch), now)
            events.append(EpochReset() in client.events())
        return events

    @pytest.mark.parametrize(
        ("epochs", "resets"),
        [((1000, 5), True), ((1000, 1000), True), ((1000, 1060), False), ((1000, 9000), False)],
        ids=["jumps back", "stands still", "goes on", "runs fast"],
    )
    def test_np15_the_epoch_of_an_answer_is_watched(self, client, epochs, resets):
        assert self.answers(client, (epochs[0], 0.0), (epochs[1], 60.0)) == [False, resets]

    def test_the_reset_is_told_before_the_outcome(self, client):
        outcome(client, AddressOrder(), address(1000))
        client.submit(AddressOrder(), 60.0)
        client.receive_datagram(address(5), 60.0)
        assert client.events() == [EpochReset(), AddressTold("203.0.113.9")]
