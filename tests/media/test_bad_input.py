"""What the network does to a leg at worst, over each engine: counted, and the rightful peer heard on."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from ringthru.media.rtp.packet import RtpPacket
from ringthru.media.rtp.rtcp import Goodbye, ReceiverReport, encode_compound
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp

from .engine_phones import HOST, Phone, leg, until

LARGEST = 65_507  # octets that one UDP datagram over IPv4 can have


@pytest.fixture
def stranger() -> Any:
    sock = bind_udp(Endpoint("127.30.9.9", 0))
    yield sock
    sock.close()


async def still_heard(phone: Phone, ours: Any, voice: int) -> None:
    """What it says comes back, and nothing else does."""
    before = len(phone.heard)
    frames = [bytes([voice, number]) * 80 for number in range(10)]
    for frame in frames:
        phone.say(frame, ours)
    assert [each.payload for each in (await phone.listen(before + 10))[before:]] == frames


@pytest.fixture
async def call(engine: Any, phones: list[Phone]) -> tuple[Phone, Any]:
    """One phone in an echo, which is latched."""
    ours = leg(engine, phones[0])
    ours.echo()
    await still_heard(phones[0], ours, 1)
    return phones[0], ours


async def test_datagrams_as_large_as_they_can_be(call: tuple[Phone, Any], stranger: socket.socket) -> None:
    phone, ours = call
    packet = RtpPacket(0, 500, 0, 9, bytes(LARGEST - 12)).encode()
    for sender in (phone.rtp, stranger):
        for port in (ours.local.port, ours.local.port + 1):
            before = ours.report().dropped
            sender.sendto(packet, (HOST, port))
            await until(lambda before=before: ours.report().dropped > before)  # type: ignore[misc]
    await still_heard(phone, ours, 2)


async def test_a_stranger_at_line_rate_with_the_peers_own_numbers(
    call: tuple[Phone, Any], stranger: socket.socket
) -> None:
    """He knows the SSRC and guesses the sequence: what counts is where it comes from."""
    phone, ours = call
    before = ours.report()
    for burst in range(3):  # an echo returns 50 packets at once
        for number in range(100):
            packet = RtpPacket(0, phone.sequence + number + 1, number * 160, 9, b"\x66" * 160)
            stranger.sendto(packet.encode(), ours.local)
        await still_heard(phone, ours, 10 + burst)
    assert all(0x66 not in each.payload for each in phone.heard)
    await until(lambda: ours.report().dropped > before.dropped + 100)
    report = ours.report()
    assert report.packets_received == before.packets_received + 30
    assert (report.lost, report.remote) == (0, before.remote)


async def test_a_goodbye_of_a_stranger_ends_nothing(call: tuple[Phone, Any], stranger: socket.socket) -> None:
    phone, ours = call
    goodbye = encode_compound([ReceiverReport(9, ()), Goodbye((9, ours.report().ssrc))])
    phone.rtcp.sendto(encode_compound([ReceiverReport(9, ())]), (HOST, ours.local.port + 1))
    before = ours.report().dropped
    for _ in range(20):
        stranger.sendto(goodbye, (HOST, ours.local.port + 1))
        stranger.sendto(goodbye, ours.local)
    await until(lambda: ours.report().dropped >= before + 20)
    await still_heard(phone, ours, 3)
    phone.rtcp.sendto(goodbye, (HOST, ours.local.port + 1))  # and his own ends no call either: SIP does
    await still_heard(phone, ours, 4)


async def test_a_peer_whose_source_is_our_own(call: tuple[Phone, Any]) -> None:
    """SSRCs collide (RFC 3550 §8.2): both go on, for a leg is known by its port."""
    phone, ours = call
    mine = ours.report().ssrc
    for number in range(20):
        packet = RtpPacket(0, 9000 + number, number * 160, mine, bytes([0x21, number]) * 80)
        phone.rtp.sendto(packet.encode(), ours.local)
    heard = (await phone.listen(30))[10:]
    assert [each.payload for each in heard] == [bytes([0x21, number]) * 80 for number in range(20)]
    assert ours.report().lost == 0


async def test_jumps_of_sequence_and_time(call: tuple[Phone, Any]) -> None:
    """Each begins the counting anew, and none is taken for thousands of losses."""
    phone, ours = call
    for jump in (1, 20_000, 40_000, 65_000, 3):
        for number in range(5):
            packet = RtpPacket(
                0, (jump + number) % 65536, jump << 16 | number, 9, bytes([0x31, jump % 251]) * 80
            )
            phone.rtp.sendto(packet.encode(), ours.local)
        await asyncio.sleep(0)
    heard = (await phone.listen(35))[10:]
    assert len(heard) == 25
    assert ours.report().lost < 3000
