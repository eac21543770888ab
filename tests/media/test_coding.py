"""Legs of several codecs on every engine: what passes, what is transcoded, what is played, what is left."""

import asyncio
import os
import signal
from array import array
from collections.abc import AsyncIterator, Callable
from math import pi, sin

import pytest

from ringthru.media.coding.coders import decoder_of, encoder_of, installed, ulaw_of
from ringthru.media.description.codecs import G722, OPUS, PCMA, PCMU, Codec
from ringthru.media.description.offer_answer import Negotiated
from ringthru.media.engine import coding_driver
from ringthru.media.engine.coding_driver import CodingEngine
from ringthru.media.engine.twin_driver import TwinEngine
from ringthru.media.errors import EngineFull
from ringthru.media.events import KeyHeard, Said
from ringthru.media.rtp.packet import RtpPacket
from ringthru.media.sound.sounds import Sound
from ringthru.media.sound.tones import holds_tone, tone
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp

from .native import native_engine

HOST = "127.34.0.1"
PHONES = ("127.34.1.1", "127.34.1.2")
MISSING = "G.722 and Opus are not installed: pip install 'ringthru[codecs]', and Debian's libopus0"
pytestmark = pytest.mark.skipif(not {"G722", "OPUS"} <= installed(), reason=MISSING)


class Phone:
    """Says a tone in its codec, and hears."""

    def __init__(self, host: str, codec: Codec, events: int = 8000) -> None:
        self.codec = codec
        self.events = events
        self.heard: list[RtpPacket] = []
        self._rtp, self._rtcp = bind_udp(Endpoint(host, 0)), bind_udp(Endpoint(host, 0))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._rtp.fileno(), self._hear)
        self._said = 0

    def agreed(self) -> Negotiated:
        rtp, rtcp = (Endpoint(*sock.getsockname()) for sock in (self._rtp, self._rtcp))
        number = self.codec.payload_type
        return Negotiated(
            b"", self.codec, rtp, rtcp, 101, "sendrecv", 20, number, 101, event_rate=self.events
        )  # fmt: skip

    def _hear(self) -> None:
        packet = RtpPacket.decode(self._rtp.recv(2048))
        if packet.payload:
            self.heard.append(packet)

    async def hum(self, hertz: float, to: Endpoint) -> None:
        """For as long as nobody cancels it."""
        encoder, loop = encoder_of(self.codec, 8000), self._loop
        began, first = loop.time(), self._said
        while True:
            at = range(self._said * 160, self._said * 160 + 160)
            frame = encoder.encode(array("h", (int(8000 * sin(2 * pi * hertz * each / 8000)) for each in at)))
            self.send(self.codec.payload_type, frame, to)
            self._said += 1
            await asyncio.sleep(began + (self._said - first) * 0.02 - loop.time())

    def send(self, kind: int, payload: bytes, to: Endpoint) -> None:
        stamp = self._said * self.codec.clock_rate // 50
        self._rtp.sendto(RtpPacket(kind, self._said % 65536, stamp, 9, payload).encode(), to)

    def press(self, key: int, durations: tuple[int, ...], to: Endpoint) -> None:
        """The packets of one key, of which the longest are its end."""
        stamp = self._said * self.codec.clock_rate // 50
        for duration in durations:
            end = 0x80 if duration == max(durations) else 0
            payload = bytes((key, end | 10)) + duration.to_bytes(2, "big")
            self._rtp.sendto(RtpPacket(101, self._said, stamp, 9, payload).encode(), to)
            self._said += 1

    def events_heard(self) -> list[int]:
        """The durations in the packets of keys."""
        events = [each.payload for each in self.heard if each.payload_type == 101]
        return [int.from_bytes(each[2:4], "big") for each in events]

    def holds(self, hertz: float) -> bool:
        """Whether the last half second that was heard is this tone."""
        audio = [each for each in self.heard if each.payload_type == self.codec.payload_type]
        if len(audio) < 25:
            return False
        decoder = decoder_of(self.codec, 8000)
        return holds_tone([ulaw_of(decoder.decode(each.payload)) for each in audio][-20:], hertz)

    def close(self) -> None:
        self._loop.remove_reader(self._rtp.fileno())
        self._rtp.close()
        self._rtcp.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is so; the limit is reached by a broken build only."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(params=["python", "c"])
async def engine(request) -> AsyncIterator[CodingEngine]:
    made = CodingEngine((TwinEngine if request.param == "python" else native_engine())(20000, 20399))
    await made.start()
    yield made
    await made.close()


class Call:
    """Two phones and their legs."""

    def __init__(self, engine: CodingEngine, one: Codec, other: Codec, events: int = 8000) -> None:
        self.phones = [Phone(PHONES[0], one, events), Phone(PHONES[1], other)]
        self.legs = [engine.open(engine.reserve(HOST), name=each.codec.name) for each in self.phones]
        for leg, phone in zip(self.legs, self.phones, strict=True):
            leg.connect(phone.agreed())
        self.humming: list[asyncio.Task[None]] = []
        self.closed = False

    def hum(self) -> None:
        for phone, leg, hertz in zip(self.phones, self.legs, (440, 1004), strict=True):
            self.humming.append(asyncio.ensure_future(phone.hum(hertz, leg.local)))

    async def both_hear(self) -> None:
        for phone in self.phones:
            phone.heard.clear()
        await until(lambda: self.phones[0].holds(1004) and self.phones[1].holds(440))

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        for task in self.humming:
            task.cancel()
        for phone in self.phones:
            phone.close()
        for leg in self.legs:
            leg.close()


@pytest.fixture
def call(engine):
    made: list[Call] = []

    def begin(one: Codec, other: Codec, events: int = 8000) -> Call:
        made.append(Call(engine, one, other, events))
        return made[-1]

    yield begin
    for each in made:
        each.close()


class TestBridges:
    @pytest.mark.parametrize(("one", "other"), [(OPUS, PCMU), (G722, PCMA), (OPUS, G722)])
    async def test_two_codecs_hear_each_other(self, engine, call, one, other):
        made = call(one, other)
        made.legs[0].bridge(made.legs[1])
        made.hum()
        await made.both_hear()
        assert made.legs[0].joint is made.legs[1].joint is not None
        ways = made.legs[0].joint.counted()
        assert [packets > 20 and not broken for packets, broken, _ in ways] == [True, True]

    @pytest.mark.parametrize("codec", [OPUS, G722])
    async def test_one_codec_passes_untouched(self, engine, call, codec):
        made = call(codec, codec)
        made.legs[0].bridge(made.legs[1])
        made.hum()
        await made.both_hear()
        assert made.legs[0].joint is None
        assert not engine.joints

    async def test_a_codec_nobody_here_can_make_passes_too(self, engine, call):
        made = call(Codec("G729", 18), Codec("G729", 18))
        made.legs[0].bridge(made.legs[1])
        for _ in range(3):
            made.phones[0].send(18, b"ten octets", made.legs[0].local)
            made.phones[0]._said += 1
        await until(lambda: len(made.phones[1].heard) == 3)
        assert {each.payload for each in made.phones[1].heard} == {b"ten octets"}

    async def test_what_cannot_be_made_is_said(self, engine, call, caplog):
        made = call(Codec("G729", 18), PCMU)
        made.legs[0].bridge(made.legs[1])
        assert "G729 speaks G729 and PCMU speaks PCMU: nothing here makes one of the other" in caplog.text

    async def test_more_than_can_be_transcoded_is_refused(self, engine, call, monkeypatch):
        """And leaves nothing behind; what needs no transcoding goes on."""
        monkeypatch.setattr(coding_driver, "MOST", 1)
        monkeypatch.setattr(coding_driver, "PROCESSES", 1)
        first, second, plain = call(OPUS, PCMU), call(OPUS, G722), call(OPUS, OPUS)
        engine.admit()
        first.legs[0].bridge(first.legs[1])
        with pytest.raises(EngineFull, match="1 calls are transcoded already"):
            engine.admit()
        with pytest.raises(EngineFull, match="1 calls are transcoded already"):
            second.legs[0].bridge(second.legs[1])
        assert (len(engine.legs()), second.legs[0].joint) == (8, None)
        plain.legs[0].bridge(plain.legs[1])
        plain.hum()
        await plain.both_hear()
        first.legs[0].unbridge()
        second.legs[0].bridge(second.legs[1])
        second.hum()
        await second.both_hear()

    async def test_a_change_in_mid_call_that_cannot_be_transcoded_is_said(
        self, engine, call, monkeypatch, caplog
    ):
        monkeypatch.setattr(coding_driver, "MOST", 0)
        made = call(OPUS, OPUS)
        made.legs[0].bridge(made.legs[1])
        made.phones[0].codec = G722
        made.legs[0].connect(made.phones[0].agreed())
        assert "OPUS and OPUS do not hear each other any more: 0 calls are transcoded" in caplog.text

    async def test_a_codec_that_changes_in_mid_call(self, engine, call):
        """A re-INVITE: what was transcoded passes from then on, and the other way round."""
        made = call(OPUS, PCMU)
        made.legs[0].bridge(made.legs[1])
        made.hum()
        await made.both_hear()
        for codec in (PCMA, G722):
            made.humming.pop(0).cancel()
            made.phones[0].codec = codec
            made.legs[0].connect(made.phones[0].agreed())
            made.humming.insert(0, asyncio.ensure_future(made.phones[0].hum(440, made.legs[0].local)))
            await made.both_hear()
            assert (made.legs[0].joint is None) is (codec is PCMA)
        assert len(engine.joints) == 1

    async def test_keys_pass_in_each_sides_clock(self, engine, call):
        """RFC 4733 §2.1: 48000 Hz beside Opus, 8000 beside the others."""
        made = call(OPUS, PCMU, 48000)
        made.legs[0].bridge(made.legs[1])
        keys: list[object] = []
        made.legs[0].subscribe(keys.append)
        made.hum()
        await made.both_hear()
        made.humming.pop(0).cancel()
        made.phones[0].press(5, (960, 1920, 7680, 7680, 7680), made.legs[0].local)
        await until(lambda: KeyHeard("5", 160) in keys)
        await until(lambda: len(made.phones[1].events_heard()) >= 5)
        assert set(made.phones[1].events_heard()) == {160, 320, 1280}

    async def test_a_process_that_dies_costs_a_moment(self, engine, call):
        made = call(OPUS, PCMU)
        made.legs[0].bridge(made.legs[1])
        made.hum()
        await made.both_hear()
        os.kill(made.legs[0].joint.worker.link.process_number, signal.SIGKILL)
        await made.both_hear()
        before = made.legs[0].joint.worker
        await until(lambda: made.legs[0].joint.worker is before)
        await made.both_hear()

    async def test_nothing_is_left_behind(self, engine, call):
        for _ in range(3):
            made = call(OPUS, PCMU)
            made.legs[0].bridge(made.legs[1])
            assert len(engine.legs()) == 4
            made.legs[0].unbridge()
            assert len(engine.legs()) == 2
            made.legs[1].bridge(made.legs[0])
            made.close()
            assert (len(engine.legs()), engine.reserved(), engine.joints) == (0, 0, {})


class TestSounds:
    @pytest.mark.parametrize("codec", [OPUS, G722])
    async def test_a_sound_is_played_to_its_end(self, engine, call, codec):
        made = call(codec, PCMU)
        over: list[object] = []
        made.legs[0].subscribe(lambda event: over.append(event) if isinstance(event, Said) else None)
        made.legs[0].play(Sound(b"".join(tone(660, 0.8))))
        await until(lambda: made.phones[0].holds(660))
        await until(lambda: bool(over))

    async def test_in_the_codec_of_the_moment(self, engine, call):
        """The call changes its codec while music plays."""
        made = call(OPUS, PCMU)
        made.legs[0].play(Sound(b"".join(tone(660, 1.0)), times=0))
        await until(lambda: made.phones[0].holds(660))
        made.phones[0].codec = G722
        made.phones[0].heard.clear()
        made.legs[0].connect(made.phones[0].agreed())
        await until(lambda: made.phones[0].holds(660))

    @pytest.mark.parametrize("other", [OPUS, PCMU])
    async def test_music_while_the_other_side_holds(self, engine, call, other):
        """Whether their audio passes or is transcoded: what is played takes its place, and goes again."""
        made = call(OPUS, other)
        listener, holder = made.legs
        listener.bridge(holder)
        made.hum()
        await made.both_hear()
        holder.block(media=True)
        listener.play(Sound(b"".join(tone(660, 1.0)), times=0))
        made.phones[0].heard.clear()
        await until(lambda: made.phones[0].holds(660))
        listener.hush()
        holder.block(media=False)
        await made.both_hear()

    async def test_an_echo_of_any_codec(self, engine, call):
        made = call(OPUS, PCMU)
        made.legs[0].echo()
        made.hum()
        await until(lambda: made.phones[0].holds(440))
