"""A packet takes the short way or the long one, and nobody outside can tell which."""

from __future__ import annotations

from random import Random

import pytest

from ringthru.media.description.codecs import PCMA, PCMU
from ringthru.media.description.offer_answer import Negotiated
from ringthru.media.leg.playing import PacketTap
from ringthru.media.leg.stream import MediaStream
from ringthru.media.rtp.packet import MAX_DATAGRAM, RtpPacket
from ringthru.net.address import Endpoint

from .test_ice import ICE, check

PEERS = (Endpoint("192.0.2.5", 4000), Endpoint("2001:db8::6", 4000))
STRANGER = Endpoint("192.0.2.7", 4000)


def agreed(peer: Endpoint, codec=PCMU, direction="sendrecv") -> Negotiated:
    rtcp = Endpoint(peer.host, peer.port + 1)
    return Negotiated(b"", codec, peer, rtcp, 101, direction, 20, codec.payload_type, 101, ice=ICE)


class Call:
    """Two legs, bridged; what is heard goes the short way where there is one, or never."""

    def __init__(self, short: bool, codecs=(PCMU, PCMU)) -> None:
        self.short = short
        self.carried = 0
        self.tap = PacketTap()
        self.buffer = bytearray(MAX_DATAGRAM + 1)
        self.legs = [
            MediaStream(ssrc=n, sequence=5, timestamp=70, cname="us", uniform=lambda: 0.5) for n in range(2)
        ]
        for leg, peer, codec in zip(self.legs, PEERS, codecs, strict=True):
            leg.connect(agreed(peer, codec), 0.0, speak_first=False)
        self.bridge()

    def bridge(self) -> None:
        self.legs[0].set_sink(self.legs[1])
        self.legs[1].set_sink(self.legs[0])

    def hear(self, number: int, datagram: bytes, now: float, source=None) -> list[object]:
        """All that this packet makes leave."""
        leg, source = self.legs[number], source or PEERS[number]
        self.buffer[: len(datagram)] = datagram
        system = source if "." in source.host else (*source, 0, 0)
        if self.short and leg.way is not None:
            target = leg.way.carry(self.buffer, len(datagram), tuple(system), now)
            if target is not None:
                self.carried += 1
                return [(bytes(self.buffer[: len(datagram)]), target)]
        leg.receive_rtp(datagram, source, now)
        return self.left()

    def left(self) -> list[object]:
        made: list[object] = []
        for leg in self.legs:
            made += [(each, leg.rtp_target) for each in leg.rtp_to_send()]
            made += [(each, leg.rtcp_target) for each in leg.rtcp_to_send()] + list(leg.events())
        return made


def audio(sequence: int, kind: int = 0, ssrc: int = 9) -> bytes:
    return RtpPacket(kind, sequence % 65536, sequence * 160 % (1 << 32), ssrc, bytes(160)).encode()


def talk(call: Call, first: int, count: int) -> list[object]:
    made = []
    for n in range(first, first + count):
        for number in range(2):
            made += call.hear(number, audio(n), n * 0.02)
    return made


@pytest.mark.parametrize("codecs", [(PCMU, PCMU), (PCMA, PCMA)])
def test_both_directions_of_a_call_go_the_short_way(codecs):
    call = Call(True, codecs)
    kind = codecs[0].payload_type
    for n in range(100):
        for number in range(2):
            call.hear(number, audio(n, kind), n * 0.02)
    assert call.carried >= 190


def test_two_laws_of_g711_go_the_short_way_too():
    call = Call(True, (PCMU, PCMA))
    for n in range(100):
        call.hear(0, audio(n), n * 0.02)
        call.hear(1, audio(n, 8), n * 0.02)
    assert call.carried >= 190


def changes(call: Call, now: float) -> list:
    """What may happen to a call, after which the next packet must be looked at anew."""
    one, two = call.legs
    return [
        lambda: one.connect(agreed(PEERS[0]), now),
        lambda: one.connect(agreed(PEERS[0], PCMA), now),
        lambda: two.connect(agreed(PEERS[1], direction="recvonly"), now),
        lambda: two.connect(agreed(PEERS[1], direction="sendonly"), now),
        lambda: two.connect(agreed(STRANGER), now),
        lambda: two.press("5", 100, now),
        lambda: one.block(media=True),
        lambda: one.set_sink(None),
        lambda: one.set_sink(one),
        lambda: two.set_sink(two),
        lambda: two.say(bytes(160), now),
        lambda: one.add_tap(call.tap),
        lambda: one.handle_timeout(now + 6),
        lambda: two.handle_timeout(now + 6),
        lambda: two.handle_timeout(now + 400),
        lambda: two.close(now),
        lambda: [two.press("5", 60, now), [two.handle_timeout(now + n / 50) for n in range(10)]],
        lambda: [two.press("56", 60, now), two.press("7", 60, now), two.handle_timeout(now + 0.3)],
        lambda: [two.handle_timeout(now + 0.2 + n / 100) for n in range(3)],
        lambda: two.receive_rtp(check(nominates=True), STRANGER, now),
        lambda: call.hear(0, audio(20, 101), now),
        lambda: call.hear(0, audio(27), now),
        lambda: call.hear(0, audio(18), now),
        lambda: call.hear(0, audio(21, ssrc=10), now),
        lambda: call.hear(0, audio(20)[:9], now),
        lambda: call.hear(0, bytes((0x80, 0)) + bytes(3), now),
        lambda: call.hear(0, audio(20) + bytes(MAX_DATAGRAM - 171), now),
        lambda: call.hear(0, audio(20), now, STRANGER),
        lambda: [call.hear(0, audio(20 + n), now + 1 + n, STRANGER) for n in range(12)],
    ]


@pytest.mark.parametrize("number", range(len(changes(Call(True), 0.0))))
def test_whatever_happens_between_two_packets_is_seen(number):
    calls = [Call(True), Call(False)]
    said = []
    for call in calls:
        made = talk(call, 0, 20)
        made += [changes(call, 0.4)[number]() and None, *call.left()]
        made += talk(call, 20, 20) + call.tap.read()
        said.append((made, [leg.report() for leg in call.legs], [leg.next_timeout() for leg in call.legs]))
    assert said[0] == said[1]
    assert calls[0].carried > 0


@pytest.mark.parametrize("seed", range(6))
def test_at_random(seed):
    said = []
    for short in (True, False):
        random, call, made, now = Random(seed), Call(short), [], 0.0
        numbers = [65_500, 100]
        for _ in range(1500):
            number = random.randrange(2)
            now += random.choice([0.0, 0.01, 0.02, 0.02, 0.3])
            numbers[number] += random.choice([1] * 20 + [0, 2, 3000, -1])
            made += call.hear(number, audio(numbers[number]), now)
            if random.randrange(25) == 0:
                made.append(random.choice(changes(call, now)[6:12])() and None)
            if random.randrange(25) == 0:
                call.bridge()
                call.legs[0].block(media=False)
            made += call.left()
        said.append((made, [leg.report() for leg in call.legs]))
        assert call.carried > 50 or not short
    assert said[0] == said[1]


def test_an_echo_is_bounded_on_the_short_way():
    call = Call(True)
    leg = call.legs[0]
    leg.set_sink(leg)
    made = [call.hear(0, audio(n), 1.0) for n in range(100)]
    assert call.carried >= 40
    assert sum(len(each) for each in made) < 60
