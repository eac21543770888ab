"""The engine in C against the one in Python: the same packets at the same times, and both do the same.

A script is random and seeded: a call with loss, reordering, duplicates, a stranger, a NAT that moves, keys,
RTCP and noise, while the switch holds, bridges, echoes, plays, feeds and records. After every step the
packets that left, the events and the time of the next one must be equal, and at the end the counters.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from ringthru.media.description.codecs import G722, OPUS, PCMA, PCMU
from ringthru.media.description.offer_answer import Negotiated
from ringthru.media.leg.playing import FedPlayer, LateEcho, PacketTap, Player
from ringthru.media.leg.stream import MediaStream
from ringthru.media.rtp.frames import Frame
from ringthru.media.rtp.packet import RtpPacket
from ringthru.media.rtp.rtcp import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    encode_compound,
)
from ringthru.media.rtp.statistics import to_ntp
from ringthru.media.rtp.telephone_event import KEYS, TelephoneEvent
from ringthru.media.sound.sounds import Sound
from ringthru.net.address import Endpoint

from .native import native_engine

PEER, NAT, STRANGER = (Endpoint(f"192.0.2.{n}", 4000) for n in (5, 6, 7))
PEER6 = Endpoint("2001:db8::5", 4000)
NTP_OFFSET = 3_900_000_000.25
CODECS = {"PCMU": 1, "PCMA": 2, "G722": 3, "OPUS": 4}
STEPS = 1500


class Uniform:
    """SplitMix64, as the engine in C has it."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def __call__(self) -> float:
        self._state = (self._state + 0x9E3779B97F4A7C15) % (1 << 64)
        mixed = self._state
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 % (1 << 64)
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB % (1 << 64)
        return ((mixed ^ mixed >> 31) >> 11) / (1 << 53)


class Pair:
    """One leg, twice."""

    def __init__(self, ssrc: int, sequence: int, timestamp: int) -> None:
        from ringthru.media.engine import _native, native_values

        self.values = native_values
        self.c = _native.Leg(
            None, ssrc, -1, -1, ssrc, sequence, timestamp, "us", ssrc, NTP_OFFSET, 300.0, 1800.0
        )
        self.python = MediaStream(
            ssrc=ssrc,
            sequence=sequence,
            timestamp=timestamp,
            cname="us",
            uniform=Uniform(ssrc),
            ntp_offset=NTP_OFFSET,
        )
        self.other: Pair | None = None
        self.left: list[bytes] = []  # RTP, in order
        self.feed: FedPlayer | None = None
        self.tap: PacketTap | None = None
        self.place = -1

    def connect(self, agreed: Negotiated, speak_first: bool, now: float) -> None:
        self.python.connect(agreed, now, speak_first=speak_first)
        self.c.set_now(now)
        self.c.connect(*self.values.agreed_for_c(agreed, CODECS[agreed.codec.name]), speak_first)

    def receive(self, datagram: bytes, source: Endpoint, rtcp: bool, now: float) -> None:
        buffer = bytearray(datagram) + bytes(12)
        way, sink = None if rtcp else self.python.way, self.other or self
        if way is not None and (target := way.carry(buffer, len(datagram), source, now)) is not None:
            assert target == sink.python.rtp_target
            sink.left += [*sink.python.rtp_to_send(), bytes(buffer[: len(datagram)])]
        else:
            (self.python.receive_rtcp if rtcp else self.python.receive_rtp)(datagram, source, now)
        if self.other is not None:
            self.other.c.set_now(now)
        self.c.receive(rtcp, datagram, source, now)

    def press(self, key: str, milliseconds: int, now: float) -> None:
        self.c.set_now(now)
        assert self.python.press(key, milliseconds, now) == self.c.press(KEYS.index(key), milliseconds)

    def silent(self) -> None:
        self.python.set_speaker(None)
        self.feed = None

    def part(self) -> None:
        other, self.other = self.other, None
        if other is not None:
            other.other = None
            for each in (self, other):
                each.python.set_sink(None)
        self.c.unbridge()

    def echo(self, on: bool) -> None:
        self.part()
        self.silent()
        self.python.set_sink(self.python if on else None)
        self.c.echo(on)

    def delay_echo(self, delay: float, now: float) -> None:
        self.part()
        self.silent()
        late = LateEcho(self.python, delay, now)
        self.python.set_sink(late)
        self.python.set_speaker(late)
        self.c.set_now(now)
        self.c.delay_echo(delay)

    def bridge(self, other: Pair) -> None:
        for each in (self, other):
            each.part()
        for one, two in ((self, other), (other, self)):
            one.silent()
            one.python.set_sink(two.python)
            one.other = two
        self.c.bridge(other.c)

    def play(self, sound: Sound, now: float) -> None:
        agreed = self.python.negotiated
        if agreed is None or agreed.codec not in (PCMU, PCMA):
            return
        self.silent()
        frames = sound.frames(agreed.codec.name, agreed.codec.clock_rate // 50)
        self.python.set_speaker(Player(self.python, frames, now))
        self.c.set_now(now)
        self.c.play(sound.ulaw, sound.times, sound.start)

    def begin_feed(self, now: float) -> None:
        self.silent()
        self.feed = FedPlayer(self.python, now)
        self.python.set_speaker(self.feed)
        self.c.set_now(now)
        self.c.feed()

    def write(self, frame: bytes, samples: int) -> None:
        if self.feed is not None and self.feed.due is not None:
            assert self.feed.write(frame, samples) == self.c.write(frame, samples)

    def finish(self) -> None:
        if self.feed is not None:
            self.feed.finish()
            self.c.finish()

    def block(self, media: bool, keys: bool) -> None:
        self.python.block(media=media, keys=keys)
        self.c.block(media, keys)

    def begin_tap(self) -> None:
        if self.tap is None:
            self.tap = PacketTap(self.python.remove_tap)
            self.python.add_tap(self.tap)
            self.place = self.c.open_tap()

    def read_tap(self) -> None:
        if self.tap is not None:
            names = {number: name for name, number in CODECS.items()}
            assert self.tap.read() == [
                Frame(names[c], n, stamp, p) for c, n, stamp, p in self.c.read_tap(self.place)
            ]
            assert self.tap.dropped == self.c.tap_dropped(self.place)

    def compare(self) -> None:
        left = [(False, each) for each in self.left + self.python.rtp_to_send()]
        self.left.clear()
        left += [(True, each) for each in self.python.rtcp_to_send()]
        assert sorted(self.c.take_sent(), key=lambda each: each[0]) == left
        told = [self.values.event_of(each) for each in self.c.take_events()]
        assert told == self.python.events()
        when = self.python.next_timeout()
        assert self.c.next_timeout() == when

    def handle_timeout(self, now: float) -> None:
        self.python.handle_timeout(now)
        self.c.handle_timeout(now)

    def compare_counters(self) -> None:
        assert self.values.report_of(self.c.report()) == self.python.report()


class Network:
    """What may come from one peer, in any order."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.sequence = random.randrange(1 << 16)
        self.timestamp = random.randrange(1 << 32)
        self.ssrc = 5
        self.at = PEER
        self.held: list[bytes] = []

    def packets(self, now: float) -> list[tuple[bytes, Endpoint, bool]]:
        kind = self.random.randrange(40)
        source = self.random.choice([self.at] * 12 + [PEER, NAT, STRANGER, PEER6])
        if kind == 0:
            return [(self.random.randbytes(self.random.randrange(80)), source, self.random.random() < 0.3)]
        if kind == 1:
            self.at = self.random.choice([PEER, NAT, NAT, STRANGER])
        if kind == 2:
            self.ssrc = self.random.choice([5, 6])
        if kind == 3:
            self.sequence += self.random.choice([5, 90, 2990, 3010, 30000, -50, -110])
        if kind in (4, 5):
            return [(self.compound(now), source, self.random.random() < 0.8)]
        if kind == 6:
            return [(packet, source, False) for packet in self.key()]
        return [(packet, source, False) for packet in self.audio(kind)]

    def rtp(self, payload_type: int, payload: bytes, timestamp: int, marker: bool = False) -> bytes:
        self.sequence = (self.sequence + 1) % (1 << 16)
        return RtpPacket(
            payload_type, self.sequence, timestamp % (1 << 32), self.ssrc, payload, marker
        ).encode()

    def audio(self, kind: int) -> list[bytes]:
        self.timestamp += 160
        payload_type = {7: 13, 8: 19, 9: 97, 10: 8}.get(kind, 0)
        size = 160 if kind < 30 else self.random.randrange(400)
        made = self.rtp(payload_type, self.random.randbytes(size), self.timestamp)
        if kind == 11:
            return []  # lost
        if kind == 12:
            return [made, made]
        if kind == 13:
            self.held.append(made)
            return []
        if kind == 14:
            made = bytes((made[0] | self.random.choice([0x10, 0x20, 0x33]),)) + made[1:]
        if kind == 15:
            made = made[: self.random.randrange(len(made))]
        if kind == 16:
            made += bytes(2048)
        late, self.held = self.held, []
        return [made, *late]

    def key(self) -> list[bytes]:
        began, event = self.timestamp, self.random.randrange(18)
        packets = []
        for length in range(1, self.random.randrange(2, 6)):
            payload = TelephoneEvent(event, False, 10, length * 160).encode()
            packets.append(self.rtp(101, payload, began, length == 1))
        last = TelephoneEvent(event, True, 10, 1000).encode()
        packets += [self.rtp(101, last, began) for _ in range(self.random.randrange(4))]
        self.timestamp += 1600
        return [each for each in packets if self.random.random() < 0.8]

    def compound(self, now: float) -> bytes:
        about = self.random.choice([77, 88, 99])
        middle = to_ntp(now + NTP_OFFSET - 0.1) >> 16 & 0xFFFFFFFF
        last_sr = self.random.choice([0, middle, self.random.randrange(1 << 32)])
        lost = self.random.randrange(-50, 50)
        blocks = (ReportBlock(about, 3, lost, 9, 2, last_sr, self.random.randrange(9000)),)
        ntp, source = to_ntp(now + NTP_OFFSET), self.random.choice([5, 6])
        first: Any = SenderReport(source, ntp, 1, 2, 3, blocks)
        if self.random.random() < 0.5:
            first = ReceiverReport(source, blocks * self.random.randrange(3))
        made = encode_compound([first, SourceDescription(source, "peer"), Goodbye((source,))])
        if self.random.random() < 0.2:
            place = self.random.randrange(len(made))
            made = made[:place] + bytes((made[place] ^ 1 << self.random.randrange(8),)) + made[place + 1 :]
        return made


def agreement(random: Random) -> Negotiated:
    codec = random.choice([PCMU, PCMU, PCMU, PCMA, G722, OPUS])
    events = random.choice([101, 101, None])
    remote = random.choice([PEER] * 6 + [NAT, PEER6, Endpoint("0.0.0.0", 4000)])
    direction = random.choice(["sendrecv"] * 5 + ["sendonly", "recvonly", "inactive"])
    return Negotiated(
        b"",
        codec,
        remote,
        remote if random.random() < 0.2 else Endpoint(remote.host, remote.port + 1),
        events,
        direction,
        random.choice([20, 20, 30, 200]),
        codec.payload_type,
        events,
        mux=random.random() < 0.2,
        event_rate=random.choice([8000, 8000, 48000]),
        learns_after=random.choice([10, 10, 1, 3, 25]),
    )


def act(random: Random, leg: Pair, other: Pair, now: float) -> None:
    """Something that the switch may ask for."""
    sound = Sound(random.randbytes(random.randrange(900)), random.choice([0, 1, 2]), random.randrange(900))
    choices = [
        lambda: leg.connect(agreement(random), random.random() < 0.8, now),
        lambda: leg.press(random.choice(KEYS), random.randrange(400), now),
        lambda: leg.echo(random.random() < 0.8),
        lambda: leg.delay_echo(random.random() * 2, now),
        lambda: leg.bridge(other),
        lambda: leg.bridge(other),
        leg.part,
        lambda: leg.play(sound, now),
        lambda: leg.begin_feed(now),
        lambda: [leg.write(random.randbytes(random.randrange(200)), 160) for _ in range(30)],
        leg.finish,
        lambda: leg.block(random.random() < 0.3, random.random() < 0.3),
        leg.begin_tap,
        leg.read_tap,
    ]
    random.choice(choices)()


@pytest.mark.parametrize("seed", range(12))
def test_both_engines_do_the_same(seed):
    native_engine()
    random = Random(seed)
    legs = [Pair(77, 500, 9000), Pair(88, 65_530, (1 << 32) - 300)]
    networks = [Network(random), Network(random)]
    now = 1000.0
    legs[0].connect(agreement(random), True, now)
    for step in range(STEPS):
        now += 40.0 if random.randrange(300) == 0 else random.choice([0.0, 0.001, 0.01, 0.02, 0.1])
        number = random.randrange(2)
        if random.randrange(12) == 0:
            act(random, legs[number], legs[1 - number], now)
            for each in legs:
                each.compare()
        for datagram, source, rtcp in networks[number].packets(now):
            legs[number].receive(datagram, source, rtcp, now)
        for each in legs:
            each.compare()
        for each in legs:
            when = each.python.next_timeout()
            if when is not None and when <= now:
                each.handle_timeout(now)
                each.compare()
        if step % 100 == 0:
            for each in legs:
                each.compare_counters()
                each.read_tap()
    for each in legs:
        each.compare_counters()
