"""Keys as RTP events: the payload, keys heard under loss, keys pressed (RFC 4733)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.errors import MalformedPacket
from ringthru.media.rtp.telephone_event import (
    KEYS,
    KeyHeard,
    KeyListener,
    KeyPresser,
    TelephoneEvent,
    at_another_rate,
)
from ringthru.net.values import replace

from .one_leg import AGREED, rtp, sent, stream


def event(key: str, duration: int, end: bool = False) -> bytes:
    return TelephoneEvent(KEYS.index(key), end, 10, duration).encode()


class TestPayload:
    def test_of_the_rfc(self):
        """RFC 4733 §5.1: the "1" with volume 7, duration 400, not ended."""
        assert TelephoneEvent(1, False, 7, 400).encode() == bytes((1, 7, 0x01, 0x90))
        assert TelephoneEvent.decode(bytes((1, 0x87, 0x01, 0x90))) == TelephoneEvent(1, True, 7, 400)

    @given(st.binary(max_size=12))
    def test_noise(self, data):
        if len(data) < 4:
            with pytest.raises(MalformedPacket):
                TelephoneEvent.decode(data)
        else:
            TelephoneEvent.decode(data)

    @given(st.integers(0, 255), st.booleans(), st.integers(0, 63), st.integers(0, 65535))
    def test_there_and_back(self, number, end, volume, duration):
        made = TelephoneEvent(number, end, volume, duration)
        assert TelephoneEvent.decode(made.encode()) == made


class TestHearing:
    def packets(self, key: str, at: int) -> list[tuple[bytes, int]]:
        pressed = [(event(key, 160 * each), at) for each in range(1, 7)]
        return pressed + [(event(key, 1120, True), at)] * 3

    def heard(self, packets) -> list[KeyHeard]:
        listener = KeyListener()
        return [key for each in packets if (key := listener.hear(*each)) is not None]

    def test_one_key_of_nine_packets(self):
        assert self.heard(self.packets("5", 800)) == [KeyHeard("5", 140)]

    def test_the_same_key_twice_is_two(self):
        assert self.heard(self.packets("5", 800) + self.packets("5", 4000)) == [KeyHeard("5", 140)] * 2

    @pytest.mark.parametrize("kept", [range(9), [0], [8], [0, 8], [3, 4], [6, 7, 8], range(6)])
    def test_whatever_arrives_of_it_is_one_key(self, kept):
        """§2.6.1: a lost end is made up for by the next key."""
        some = [self.packets("#", 800)[index] for index in kept]
        assert [each.key for each in self.heard(some + self.packets("1", 8000))] == ["#", "1"]

    def test_late_copies_are_not_another_key(self):
        one, other = self.packets("1", 800), self.packets("2", 4000)
        assert [each.key for each in self.heard(one + other + one[-2:] + other[-1:])] == ["1", "2"]

    def test_the_timestamp_wraps(self):
        assert len(self.heard(self.packets("1", 2**32 - 100) + self.packets("2", 300))) == 2

    def test_flash_is_no_key(self):
        assert self.heard([(TelephoneEvent(16, True, 10, 800).encode(), 5)]) == []

    @given(st.lists(st.tuples(st.binary(max_size=6), st.integers(0, 2**32 - 1))))
    def test_noise(self, packets):
        for key in self.heard(packets):
            assert key.key in KEYS


class TestPressing:
    def run(self, presser: KeyPresser, seconds: float = 3.0) -> list[tuple[float, TelephoneEvent, bool]]:
        out = []
        while (at := presser.next_at()) is not None and at <= seconds:
            out += [(round(at, 3), TelephoneEvent.decode(p.payload), p.first) for p in presser.due(at)]
        return out

    def test_a_key_of_100_ms(self):
        presser = KeyPresser()
        assert presser.press("7", 100, 0.0)
        packets = self.run(presser)
        assert [each[0] for each in packets] == [0.0, 0.02, 0.04, 0.06, 0.08, 0.08, 0.08]
        assert [each[1].duration for each in packets] == [160, 320, 480, 640, 800, 800, 800]
        assert [each[1].end for each in packets] == [False] * 4 + [True] * 3
        assert [each[2] for each in packets] == [True] + [False] * 6
        assert not presser.pressing

    def test_keys_wait_for_one_another(self):
        presser = KeyPresser()
        for key in "12":
            presser.press(key, 60, 0.0)
        packets = self.run(presser)
        begins = [(at, each.key) for at, each, first in packets if first]
        assert begins == [(0.0, "1"), (0.09, "2")]

    def test_what_is_no_key_and_what_is_too_much(self):
        presser = KeyPresser()
        assert not presser.press("x", 100, 0.0)
        assert not presser.press("12", 100, 0.0)
        assert not presser.press("", 100, 0.0)
        assert [presser.press("1", 100, 0.0) for _ in range(70)].count(True) == 64

    def test_what_is_pressed_is_heard(self):
        presser, listener = KeyPresser(), KeyListener()
        for key in KEYS:
            presser.press(key, 60, 0.0)
        number, heard = 0, []
        for _, packet, first in self.run(presser, 10.0):
            number += first
            if (key := listener.hear(packet.encode(), number * 1000)) is not None:
                heard.append(key)
        assert "".join(each.key for each in heard) == KEYS
        assert {each.milliseconds for each in heard} == {60}


class TestInAStream:
    def test_a_key_is_sent_with_one_timestamp_and_told_at_the_other_end(self):
        ours, theirs = stream(), stream(ssrc=5)
        ours.rtp_to_send()
        assert ours.press("9", 100, 1.0)
        now, packets = 1.0, []
        while now < 1.3:
            packets += sent(ours)
            now += 0.02
            ours.handle_timeout(now)
        keys = [each for each in packets if each.payload_type == 101]
        assert len(keys) == 7
        assert len({each.timestamp for each in keys}) == 1
        assert [each.marker for each in keys] == [True] + [False] * 6
        numbers = [each.sequence for each in keys]
        assert numbers == list(range(numbers[0], numbers[0] + 7))
        for each in keys:
            theirs.receive_rtp(each.encode(), AGREED.remote_rtp, now)
        assert [e for e in theirs.events() if isinstance(e, KeyHeard)] == [KeyHeard("9", 100)]

    def test_audio_gives_way_while_a_key_is_down(self):
        ours, source = stream(), stream(ssrc=9)
        source.set_sink(ours)
        ours.rtp_to_send()
        ours.press("1", 100, 1.0)
        for number in range(10, 14):
            source.receive_rtp(rtp(number), AGREED.remote_rtp, 1.0)
        assert {each.payload_type for each in sent(ours)} == {101}

    def test_without_an_agreement_nothing_is_pressed(self):
        ours = stream(replace(AGREED, telephone_event=None))
        assert not ours.press("1", 100, 0.0)
        assert not stream(None).press("1", 100, 0.0)


class TestOtherClocks:
    """RFC 4733 §2.1: events count in the clock of the audio beside them, 48000 Hz with Opus."""

    def test_a_key_is_heard_in_milliseconds(self):
        last = TelephoneEvent(5, True, 10, 7680).encode()
        assert KeyListener().hear(last, 1000, 48000) == KeyHeard("5", 160)

    def test_a_key_is_pressed_in_that_clock(self):
        presser = KeyPresser()
        presser.press("5", 160, 0.0)
        (first,) = presser.due(0.0, 48000)
        assert TelephoneEvent.decode(first.payload).duration == 960

    def test_a_long_key_ends_where_the_field_does(self):
        presser = KeyPresser()
        presser.press("5", 8000, 0.0)
        presser.due(0.0, 48000)
        last = presser.due(8.0, 48000)[-1]
        assert TelephoneEvent.decode(last.payload).duration == 0xFFFF

    def test_passed_on_between_two_clocks(self):
        wide = TelephoneEvent(5, True, 10, 7680).encode()
        assert TelephoneEvent.decode(at_another_rate(wide, 48000, 8000)).duration == 1280
        assert at_another_rate(b"\x01", 48000, 8000) == b"\x01"
