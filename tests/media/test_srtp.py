"""SRTP (RFC 3711) by libsrtp2: the RFCs' vectors, and what a leg makes of packets that prove nothing."""

from __future__ import annotations

import hashlib
import hmac
from itertools import chain

import pytest

from ringthru.media.codecs import PCMU
from ringthru.media.events import FirstPacket, Forged
from ringthru.media.libsrtp import SYSTEM, Library, Session, load, make_session
from ringthru.media.offer_answer import Negotiated
from ringthru.media.protecting import MOST_SOURCES, Protection
from ringthru.media.rtp import RtpPacket
from ringthru.media.sdes import SUITES, SrtpKeys
from ringthru.net.address import Endpoint

from .native import native_engine
from .test_differential import Pair

PEER, STRANGER = Endpoint("192.0.2.5", 4000), Endpoint("192.0.2.7", 4000)
CM = "AES_CM_128_HMAC_SHA1_80"


def libraries() -> list[Library]:
    """The one that is used, and the system's beside it, where there is one."""
    found = [load()]
    try:
        return [*found, Library(SYSTEM)]
    except OSError:
        return found


@pytest.fixture(params=libraries(), ids=lambda each: each.path.rpartition("/")[2])
def library(request) -> Library:
    return request.param


def octets(*parts: str) -> bytes:
    return bytes.fromhex("".join(parts))


class TestVectors:
    def test_the_key_derivation_and_keystream_of_rfc_3711(self, library):
        """Appendix B.3's master key and salt: the session key must be C61E7A93744F39EE10734AFE3FF7A087.

        The keystream of a packet is AES of its counter block under that key (§4.1.1), and shows here as what
        zeros are encrypted to.
        """
        master = octets("e1f97a0d3e018be0d64fa32c06de4139", "0ec675ad498afeebb6960b3aabe6")
        session_key = octets("c61e7a93744f39ee10734afe3ff7a087")
        salt = octets("30cbbc08863d8c85d49db34a9ae1")
        auth_key = octets("cebe321f6ff7716b6fd4ab49af256a156d38baa4")
        ssrc, index = 0xDEADBEEF, 1
        sent = RtpPacket(0, index, 160, ssrc, bytes(32), False).encode()
        made = Session(library, CM, master, inbound=False).protect(sent, rtcp=False)
        assert made is not None
        block = int.from_bytes(salt, "big") << 16 ^ ssrc << 64 ^ index << 16
        assert made[12:28] == aes_128(session_key, block.to_bytes(16, "big"))
        tag = hmac.new(auth_key, made[:-10] + bytes(4), hashlib.sha1).digest()[:10]
        assert made[-10:] == tag

    @pytest.mark.parametrize("suite", SUITES)
    def test_every_suite_is_here_and_undoes_what_it_did(self, library, suite):
        key = bytes(range(SUITES[suite].size))
        out, back = Session(library, suite, key, inbound=False), Session(library, suite, key, inbound=True)
        packet = RtpPacket(0, 7, 160, 5, bytes(160), False).encode()
        made = out.protect(packet, rtcp=False)
        assert made is not None
        assert len(made) - len(packet) == {"AEAD": 16, "AES_": SUITES[suite].tails[0]}[suite[:4]]
        assert back.unprotect(made, rtcp=False).data == packet


def aes_128(key: bytes, block: bytes) -> bytes:
    """AES of one block (FIPS 197), written for this test: slow, and nothing of libsrtp's."""
    box = sbox()
    words = [list(key[i : i + 4]) for i in range(0, 16, 4)]
    constant = 1
    for i in range(4, 44):
        word = list(words[i - 1])
        if i % 4 == 0:
            word = [box[each] for each in word[1:] + word[:1]]
            word[0] ^= constant
            constant = constant << 1 ^ (0x11B if constant & 0x80 else 0)
        words.append([a ^ b for a, b in zip(word, words[i - 4], strict=True)])
    keys = [list(chain(*words[i : i + 4])) for i in range(0, 44, 4)]
    state = [a ^ b for a, b in zip(block, keys[0], strict=True)]
    for number in range(1, 11):
        state = [box[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 10:
            state = list(chain(*(mixed(state[i : i + 4]) for i in range(0, 16, 4))))
        state = [a ^ b for a, b in zip(state, keys[number], strict=True)]
    return bytes(state)


def doubled(value: int) -> int:
    return value << 1 ^ (0x11B if value & 0x80 else 0)


def mixed(column: list[int]) -> list[int]:
    whole = column[0] ^ column[1] ^ column[2] ^ column[3]
    return [column[i] ^ whole ^ doubled(column[i] ^ column[(i + 1) % 4]) for i in range(4)]


def sbox() -> list[int]:
    box, p, q = [0] * 256, 1, 1
    while True:
        p = p ^ doubled(p)
        for shift in (1, 2, 4):
            q = (q ^ q << shift) & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        turned = [(q << n | q >> 8 - n) & 0xFF for n in range(5)]
        box[p] = turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63
        if p == 1:
            break
    box[0] = 0x63
    return box


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

    def __init__(self) -> None:
        super().__init__(77, 500, 9000)
        from ringthru.media.protecting import Sessions

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
