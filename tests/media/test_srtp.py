"""SRTP (RFC 3711) by libsrtp2: what a leg makes of packets that prove nothing."""

from __future__ import annotations

from random import Random

import pytest

from ringthru.media.description.codecs import PCMU
from ringthru.media.description.offer_answer import Negotiated
from ringthru.media.description.sdes import SUITES, SrtpKeys
from ringthru.media.events import FirstPacket, Forged
from ringthru.media.leg.libsrtp import load, make_session
from ringthru.media.leg.playing import Recorder
from ringthru.media.leg.protecting import MOST_SOURCES, Protection
from ringthru.media.rtp.packet import RtpPacket
from ringthru.media.sound.sounds import Sound
from ringthru.net.address import Endpoint
from ringthru.net.values import replace

from .native import native_engine
from .test_differential import STEPS, Network, Pair, act, agreement

PEER, STRANGER = Endpoint("192.0.2.5", 4000), Endpoint("192.0.2.7", 4000)
CM = "AES_CM_128_HMAC_SHA1_80"


class Peer:
    """What the other side has of one key."""

    def __init__(self, keys: SrtpKeys) -> None:
        self.out = make_session(keys.suite, keys.theirs, False)
        self.back = make_session(keys.suite, keys.ours, True)

    def says(self, sequence: int, ssrc: int = 5) -> bytes:
        made = self.out.protect(
            RtpPacket(0, sequence, 160 * sequence, ssrc, bytes(160), False).encode(), rtcp=False
        )
        assert made is not None
        return made


def keys(number: int = 1, suite: str = CM, mki: int = 0) -> SrtpKeys:
    size = SUITES[suite].size
    return SrtpKeys(suite, bytes([number]) * size, bytes([number + 100]) * size, mki)


def agreed(srtp: SrtpKeys | None, mux: bool = False) -> Negotiated:
    return Negotiated(
        b"", PCMU, PEER, Endpoint(PEER.host, 4001), 101, "sendrecv", 20, 0, 101, mux=mux, srtp=srtp
    )


class Leg(Pair):
    """One leg in both engines, with SRTP."""

    def __init__(self, ssrc: int = 77) -> None:
        super().__init__(ssrc, 500, 9000)
        from ringthru.media.leg.protecting import Sessions

        self.sessions = Sessions(make_session)
        self.python.peer._make_session = make_session

    def connect(self, agreed: Negotiated, speak_first: bool, now: float) -> None:
        both(self)  # Python protects what it is asked for, and C at once
        unused = self.sessions.agree(agreed.srtp)
        self.c.set_now(now)
        self.c.secure(*self.values.secured_for_c(self.sessions, load().addresses))
        for each in unused:
            each.close()
        super().connect(agreed, speak_first, now)


@pytest.fixture
def leg() -> Leg:
    native_engine()
    return Leg()


def both(leg: Leg) -> list[tuple[bool, bytes]]:
    """What left, the same from both engines; and all else is the same."""
    left = [(False, each) for each in leg.python.rtp_to_send()]
    left += [(True, each) for each in leg.python.rtcp_to_send()]
    assert sorted(leg.c.take_sent(), key=lambda each: each[0]) == left
    leg.compare_counters()
    return left


def told(leg: Leg) -> list[object]:
    events = leg.python.events()
    assert [leg.values.event_of(each) for each in leg.c.take_events()] == events
    return list(events)


class TestBothEngines:
    def test_what_leaves_is_protected_and_what_comes_is_heard(self, leg):
        peer = Peer(keys())
        leg.connect(agreed(keys()), True, 1000.0)
        leg.echo(True)
        leg.receive(peer.says(1), PEER, False, 1000.1)
        sent = [peer.back.unprotect(each, rtcp=rtcp).data for rtcp, each in both(leg)]
        assert None not in sent
        assert len(sent) == 2  # the opening, and the echo
        leg.handle_timeout(1010.0)
        reports = [peer.back.unprotect(each, rtcp=True).data for rtcp, each in both(leg) if rtcp]
        assert len(reports) == 1
        assert reports[0] is not None
        assert reports[0][1] in (200, 201)

    def test_a_packet_without_proof_moves_nothing_and_is_told_of_once(self, leg):
        leg.connect(agreed(keys()), True, 1000.0)
        for number in range(30):
            leg.receive(Peer(keys(2)).says(number), STRANGER, False, 1000.0)
            leg.receive(RtpPacket(0, number, 0, 5, bytes(160), False).encode(), PEER, False, 1000.0)
        events = told(leg)
        assert events == [Forged(STRANGER)]
        assert leg.python.report().forged == leg.python.report().dropped == 60
        assert leg.python.rtp_target == PEER
        both(leg)

    def test_a_packet_that_came_before_is_not_heard_again(self, leg):
        """The replay list (§3.3.2), from whomever it comes."""
        peer = Peer(keys())
        leg.connect(agreed(keys()), True, 1000.0)
        packets = [peer.says(number) for number in range(200)]
        for packet in packets:
            leg.receive(packet, PEER, False, 1000.0)
        for packet in packets:
            leg.receive(packet, STRANGER, False, 1001.0)
        assert leg.python.report().packets_received == 200
        assert leg.python.report().forged == 0
        both(leg)

    def test_sequence_numbers_turn_over(self, leg):
        peer = Peer(keys())
        leg.connect(agreed(keys()), True, 1000.0)
        for number in range(65_400, 65_800):
            leg.receive(peer.says(number % 65_536), PEER, False, 1000.0)
        assert leg.python.report().packets_received == 400
        both(leg)

    def test_new_keys_in_mid_call_and_what_was_on_its_way(self, leg):
        old, new = Peer(keys()), Peer(keys(2))
        leg.connect(agreed(keys()), True, 1000.0)
        leg.receive(old.says(1), PEER, False, 1000.0)
        late = old.says(2)
        leg.connect(agreed(keys(2)), True, 1001.0)
        leg.receive(late, PEER, False, 1001.0)
        leg.receive(new.says(3), PEER, False, 1001.1)
        leg.receive(old.says(4), PEER, False, 1001.2)  # nobody uses that key any more
        assert leg.python.report().packets_received == 3
        assert leg.python.report().forged == 1
        both(leg)

    def test_after_a_hold_the_same_key_goes_on(self, leg):
        peer = Peer(keys())
        leg.connect(agreed(keys()), True, 1000.0)
        first = peer.says(1)
        leg.receive(first, PEER, False, 1000.0)
        leg.connect(agreed(keys()), True, 1001.0)
        leg.receive(first, PEER, False, 1001.0)  # known as one that came before
        leg.receive(peer.says(2), PEER, False, 1001.0)
        assert leg.python.report().packets_received == 2
        both(leg)

    def test_another_ssrc_is_heard_but_not_any_number_of_them(self, leg):
        peer = Peer(keys())
        leg.connect(agreed(keys()), True, 1000.0)
        for ssrc in range(2 * MOST_SOURCES):
            leg.receive(peer.says(1, ssrc), PEER, False, 1000.0)
        assert leg.python.report().packets_received == MOST_SOURCES
        both(leg)

    @pytest.mark.parametrize("suite", [CM, "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM"])
    def test_the_number_of_the_key_is_read_over(self, leg, suite):
        peer = Peer(keys(suite=suite))
        leg.connect(agreed(keys(suite=suite, mki=4)), True, 1000.0)
        packet = peer.says(1)
        place = len(packet) - SUITES[suite].tails[0]
        leg.receive(packet[:place] + b"\0\0\0\1" + packet[place:], PEER, False, 1000.0)
        assert leg.python.report().packets_received == 1
        both(leg)

    def test_cut_at_every_octet_and_then_whole(self, leg):
        peer = Peer(keys())
        leg.connect(agreed(keys(), mux=True), True, 1000.0)
        packet = peer.says(1)
        for size in range(len(packet)):
            leg.receive(packet[:size], PEER, False, 1000.0)
            leg.receive(packet[:size], PEER, True, 1000.0)
        leg.receive(packet, PEER, False, 1000.0)
        assert leg.python.report().packets_received == 1
        assert [type(each) for each in told(leg)][:1] == [Forged]
        both(leg)

    def test_back_to_plain_rtp(self, leg):
        leg.connect(agreed(keys()), True, 1000.0)
        leg.connect(agreed(None), True, 1001.0)
        leg.receive(RtpPacket(0, 1, 0, 5, bytes(160), False).encode(), PEER, False, 1001.0)
        assert FirstPacket(PEER) in told(leg)
        both(leg)


def test_one_number_is_never_protected_twice():
    """Two packets of one number under one key would show what both say (RFC 3711 §9.1)."""
    protection = Protection(make_session)
    protection.agree(keys())
    one = RtpPacket(0, 1, 0, 5, bytes(160), False).encode()
    other = RtpPacket(0, 1, 0, 5, bytes([7]) * 160, False).encode()
    assert protection.protect(one) is not None
    assert protection.protect(other) is None


class SecureNetwork(Network):
    """What may come from a peer with keys: protected, plain, by the key of before, damaged, twice."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.peers = [Peer(keys()), Peer(keys(2))]

    def packets(self, now: float) -> list[tuple[bytes, Endpoint, bool]]:
        out = []
        for datagram, source, rtcp in super().packets(now):
            way = self.random.randrange(14)
            peer = self.peers[self.random.random() < 0.3]
            made = None if way == 0 else peer.out.protect(datagram, rtcp=rtcp)
            data = bytearray(made or datagram)
            if way == 1 and data:
                data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
            out += [(bytes(data), source, rtcp)] * (1 + (way == 2))
        return out


@pytest.mark.parametrize("seed", range(8))
def test_both_engines_do_the_same_with_keys(seed):
    """The script of the differential test, with SRTP that begins, changes its keys and ends."""
    native_engine()
    random = Random(seed)
    legs, networks = [Leg(77), Leg(88)], [SecureNetwork(random), SecureNetwork(random)]
    legs[0].connect(agreement(random), True, now := 1000.0)
    for step in range(STEPS):
        now += 40.0 if random.randrange(300) == 0 else random.choice([0.0, 0.001, 0.01, 0.02, 0.1])
        leg, other = random.sample(legs, 2)
        if random.randrange(12) == 0:
            act(random, leg, other, now)
        if random.randrange(20) == 0:
            srtp = random.choice([keys(), keys(), keys(2), keys(mki=4), None])
            leg.connect(replace(agreement(random), srtp=srtp), True, now)
        for each in legs:
            each.compare()
        for datagram, source, rtcp in networks[legs.index(leg)].packets(now):
            leg.receive(datagram, source, rtcp, now)
            for each in legs:
                each.compare()  # Python protects what it is asked for, and C at once
        for each in legs:
            when = each.python.next_timeout()
            if when is not None and when <= now:
                each.handle_timeout(now)
                each.compare()
        if step % 100 == 0:
            for each in legs:
                each.compare_counters()
                each.read_tap()
    assert sum(each.python.report().packets_received for each in legs) > 100
    assert all(each.python.report().forged for each in legs)


class TestSoundsAndRecordings:
    def test_what_is_played_is_protected(self, leg):
        peer = Peer(keys())
        leg.connect(agreed(keys()), True, 1000.0)
        leg.receive(peer.says(1), PEER, False, 1000.0)
        both(leg)
        leg.play(Sound(bytes([0x11]) * 480), 1000.0)
        heard = []
        for number in range(4):
            leg.handle_timeout(1000.0 + 0.02 * number)
            heard += [peer.back.unprotect(each, rtcp=rtcp).data for rtcp, each in both(leg)]
        assert [RtpPacket.decode(each).payload for each in heard] == [bytes([0x11]) * 160] * 3

    def test_what_is_recorded_is_what_was_said(self, leg):
        peer = Peer(keys())
        leg.connect(agreed(keys()), True, 1000.0)
        leg.begin_tap()
        packets = [peer.says(number) for number in (1, 3, 2)]
        for packet in (*packets, Peer(keys(2)).says(4)):
            leg.receive(packet, PEER, False, 1000.0)
        recorder = Recorder(leg.tap)
        assert recorder.take() == bytes(480)
        assert recorder.late == 0
