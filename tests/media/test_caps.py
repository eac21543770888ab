"""What a peer, a file or a setting may make the media keep: caps that no other test reaches, one by one."""

from __future__ import annotations

import json
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from ringthru.media.coding.transcoding import AUDIO, LONGEST_WAIT, OneWay, Side
from ringthru.media.description import audio, sdp
from ringthru.media.description.audio import formats_of, ptime_of
from ringthru.media.description.codecs import PCMU, Codec
from ringthru.media.description.ice_sdp import MOST_CANDIDATES, is_mismatch
from ringthru.media.description.offer_answer import Negotiated
from ringthru.media.description.sdes import LARGEST_MKI, MOST_TEXT, Crypto
from ringthru.media.description.sdp import SessionDescription
from ringthru.media.description.securing import MANDATORY, MOST_LOOKED_AT, SecureMedia, chosen
from ringthru.media.devices.virtual import MOST_KEPT, Keeping
from ringthru.media.engine.twin_driver import TwinEngine
from ringthru.media.errors import EngineFull, LocalError, MalformedPacket, MalformedSdp
from ringthru.media.leg.outgoing import QUEUE_LIMIT
from ringthru.media.leg.playing import (
    FEED_LIMIT,
    LONGEST_DELAY,
    TAP_LIMIT,
    FedPlayer,
    LateEcho,
    PacketTap,
    cost,
)
from ringthru.media.leg.stream import MediaStream
from ringthru.media.ng.bencode import decode
from ringthru.media.ng.dtmf_log import LONGEST, MAX_SIZE, LoggedKey
from ringthru.media.ng.messages import MAX_COOKIE, Message, encode_message
from ringthru.media.ng.node import HEAVIEST, MAX_NODES, read_nodes
from ringthru.media.node import driver as node_driver
from ringthru.media.node import recording_driver
from ringthru.media.node.commands import LONGEST_KEY, MOST_LISTED, MOST_TIMES
from ringthru.media.node.recording_driver import Recordings
from ringthru.media.node.requests import MOST_WORDS, words
from ringthru.media.node.serving import MOST_OCTETS
from ringthru.media.quality.echo_probe import KEPT, EchoProbe
from ringthru.media.rtp.packet import MAX_DATAGRAM, RtpPacket
from ringthru.media.rtp.telephone_event import MAX_QUEUED
from ringthru.media.sound.mixing import SILENT_FRAME
from ringthru.media.sound.sounds import LONGEST_SILENCE, BadSound, silence_of
from ringthru.media.sound.tone_script import LONGEST_SCRIPT, LONGEST_TONE, MOST_LOOPS, MOST_TONES, read_tones
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp
from ringthru.net.values import replace

from .engine_phones import until
from .native import native_engine
from .node.test_calls import CONTROLLER, FakeEngine, Node, offer

PEER = Endpoint("192.0.2.5", 4000)
HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n"


def described(*lines: str, formats: str = "0") -> SessionDescription:
    text = HEAD + f"m=audio 4000 RTP/AVP {formats}\r\n" + "".join(f"{line}\r\n" for line in lines)
    return SessionDescription.parse(text.encode())


def agreed(remote: Endpoint = PEER, codec: Codec = PCMU, **more: Any) -> Negotiated:
    return Negotiated(b"", codec, remote, remote, 101, "sendrecv", 20, codec.payload_type, 101, **more)


@pytest.fixture
def stream() -> MediaStream:
    made = MediaStream(ssrc=1, sequence=1, timestamp=1, cname="us", uniform=lambda: 0.5)
    made.connect(agreed(), 0.0)
    return made


class TestDescriptions:
    def test_formats_and_their_parameters(self):
        numbers = list(range(128 - 30, 128)) + list(range(34, 34 + 30))
        lines = [f"a=rtpmap:{each} X{each}/8000" for each in numbers]
        found = formats_of(described(*lines, formats=" ".join(map(str, numbers))).media[0])
        assert len(found) == audio.MOST_FORMATS
        long = described("a=rtpmap:96 X/8000", "a=fmtp:96 " + "y" * 5000, formats="96")
        assert len(formats_of(long.media[0])[0].parameters) == audio.LONGEST_PARAMETERS

    def test_a_packets_length(self):
        lengths = [ptime_of(described(f"a=ptime:{each}").media[0]) for each in (10, 200, 201, 9, "x", 99999)]
        assert lengths == [10, audio.LONGEST_PTIME, 20, 20, 20, 20]

    def test_what_was_read_and_written_is_kept_so_far(self):
        assert audio._formats.cache_info().maxsize == audio.FORMATS_KEPT
        assert sdp.encode_attributes.cache_info().maxsize == sdp.TEXTS_KEPT

    def test_candidates(self):
        """The right one behind a thousand others is not looked for."""
        line = "a=candidate:1 1 UDP 1 198.51.100.1 9 typ host"
        right = "a=candidate:1 1 UDP 1 192.0.2.5 4000 typ host"
        near, far = ([line] * number + [right] for number in (MOST_CANDIDATES - 1, MOST_CANDIDATES))
        assert [is_mismatch(each, each.media[0]) for each in (described(*near), described(*far))] == [
            False,
            True,
        ]

    def test_keys_of_srtp(self):
        suite, key = "AES_CM_128_HMAC_SHA1_80", "A" * 40
        wanted = SecureMedia(MANDATORY, (suite,))
        noise, right = "a=crypto:1 NOBODYS inline:AAAA", f"a=crypto:2 {suite} inline:{key}"
        near, far = ([noise] * number + [right] for number in (MOST_LOOKED_AT - 1, MOST_LOOKED_AT))
        assert chosen(described(*near).media[0], wanted) is not None
        assert chosen(described(*far).media[0], wanted) is None
        assert Crypto.parse(f"1 {suite} inline:{key}|1:{LARGEST_MKI}").mki == LARGEST_MKI
        with pytest.raises(MalformedSdp, match="MKI"):
            Crypto.parse(f"1 {suite} inline:{key}|1:{LARGEST_MKI + 1}")
        with pytest.raises(MalformedSdp):
            Crypto.parse(f"1 {suite} inline:{key}" + " " * MOST_TEXT)


class TestPackets:
    def test_a_datagram_beyond_what_is_read(self, stream):
        largest = RtpPacket(0, 1, 0, 5, bytes(MAX_DATAGRAM - 12)).encode()
        stream.receive_rtp(largest, PEER, 0.0)
        stream.receive_rtp(largest + b"\0", PEER, 0.0)
        report = stream.report()
        assert (report.packets_received, report.dropped) == (1, 1)

    def test_what_nobody_fetches_for_sending(self, stream):
        stream.rtp_to_send()
        stream.set_sink(stream)
        for number in range(3 * QUEUE_LIMIT):
            stream.receive_rtp(RtpPacket(0, number, 0, 5, bytes(160)).encode(), PEER, number * 0.02)
        assert len(stream.rtp_to_send()) == QUEUE_LIMIT

    def test_keys_that_wait(self, stream):
        assert [stream.press("1", 100, 0.0) for _ in range(3 * MAX_QUEUED)].count(True) == MAX_QUEUED

    def test_a_tap_and_a_feed(self, stream):
        tap, feed = PacketTap(), FedPlayer(stream, 0.0)
        for number in range(TAP_LIMIT // 160):
            tap.keep("PCMU", RtpPacket(0, number, 0, 5, bytes(160)))
        kept = len(tap.read())
        assert kept == TAP_LIMIT // cost(bytes(160))
        assert tap.dropped == TAP_LIMIT // 160 - kept
        assert [feed.write(bytes(160), 160) for _ in range(1000)].count(True) == FEED_LIMIT // cost(
            bytes(160)
        )

    def test_a_late_echo(self, stream):
        echo = LateEcho(stream, 1e9, 0.0)
        for number in range(100_000):
            echo.pass_on(RtpPacket(0, number % 65536, 0, 5, b""), stream, 0.0)
        assert len(echo._held) == LONGEST_DELAY * 200
        assert echo._held[0][0] == LONGEST_DELAY

    def test_samples_that_wait_to_be_coded(self):
        """One packet of a quarter of a second, of which the rest makes no whole frame."""
        way = OneWay(Side(PCMU), Side(Codec("PCMA", 8), 60), 9)
        way.receive(RtpPacket(AUDIO, 1, 0, 5, bytes(MAX_DATAGRAM - 12)).encode())
        assert len(way._waiting) < LONGEST_WAIT * 8000

    def test_chirps_of_an_echo_test(self):
        probe = EchoProbe(lambda: 0.5, 1.0)
        for number in range(50 * 3600):
            probe.frame(number * 0.02)
        assert len(probe._said) == KEPT

    async def test_large_packets_on_their_way_from_the_process(self):
        """A recorded peer that sends the largest packets as fast as it can: no message becomes too large."""
        engine = TwinEngine(20000, 20399)
        await engine.start()
        leg, sock = engine.open(engine.reserve("127.34.9.1"), name="leg"), bind_udp(Endpoint("127.34.9.2", 0))
        leg.connect(agreed(Endpoint(*sock.getsockname())))
        tap, frames = leg.tap(), []
        for number in range(400):
            sock.sendto(RtpPacket(0, number, 0, 5, bytes(MAX_DATAGRAM - 12)).encode(), leg.local)

        def some() -> bool:
            frames.extend(tap.read())
            return len(frames) > 30

        await until(some)
        leg.press("1", 100)
        assert leg.report().packets_received > 30
        sock.close()
        await engine.close()


class TestEngines:
    async def test_a_description_as_long_as_it_may_be(self):
        """What it says goes to the engine's process; itself it stays here."""
        engine = TwinEngine(20000, 20399)
        await engine.start()
        leg, sock = engine.open(engine.reserve("127.34.9.1"), name="leg"), bind_udp(Endpoint("127.34.9.2", 0))
        leg.connect(replace(agreed(Endpoint(*sock.getsockname())), sdp=bytes(sdp.MAX_SIZE)))
        sock.sendto(RtpPacket(0, 1, 0, 5, bytes(160)).encode(), leg.local)
        await until(lambda: leg.report().packets_received == 1)
        sock.close()
        await engine.close()

    async def test_names_of_codecs(self):
        """Those that peers made up and nobody speaks any more are forgotten."""
        from ringthru.media.engine.native_driver import MOST_CODECS

        engine = native_engine()(20000, 20399)
        for number in range(5 * MOST_CODECS):
            engine.codec_number(f"X{number}")
        assert len(engine._codecs) <= MOST_CODECS
        await engine.close()

    async def test_a_busy_thread_takes_no_more(self, monkeypatch: pytest.MonkeyPatch):
        engine = native_engine()(20000, 20399)
        await engine.start()
        monkeypatch.setattr(engine, "_thread", lambda: SimpleNamespace(busy=lambda: 0.95))
        with pytest.raises(EngineFull, match="95% of its core"):
            engine.open(engine.reserve("127.34.9.1"), name="leg")
        monkeypatch.undo()
        await engine.close()

    async def test_taps_of_one_leg(self):
        engine = native_engine()(20000, 20399)
        await engine.start()
        leg = engine.open(engine.reserve("127.34.9.1"), name="leg")
        taps = []
        with pytest.raises(LocalError, match="as many taps already"):
            taps += [leg.tap() for _ in range(100)]
        await engine.close()


class TestSounds:
    def test_a_script_of_tones(self):
        with pytest.raises(BadSound, match="too long"):
            read_tones("1" * (LONGEST_SCRIPT + 1))
        with pytest.raises(BadSound, match="lasts 0 to"):
            read_tones(f"%({LONGEST_TONE + 1},0,440)")
        with pytest.raises(BadSound, match="1 to 18 frequencies"):
            read_tones("%(100,0," + ",".join(["440"] * (MOST_TONES + 1)) + ")")
        assert read_tones(f"%(100,0,{','.join(['440'] * MOST_TONES)})").seconds == 0.1
        assert read_tones("%(100,0,440);loops=9999999").times == MOST_LOOPS

    def test_silence(self):
        assert silence_of(10**9).seconds == LONGEST_SILENCE / 1000

    def test_a_recording_that_nobody_writes(self):
        keeping = Keeping()
        for _ in range(2 * MOST_KEPT // 160):
            keeping.write(SILENT_FRAME)
        assert len(keeping.take()) == MOST_KEPT


class TestNodes:
    """What a controller may make a media node keep, and a node us."""

    def test_integers(self):
        assert decode(b"i-9223372036854775808e") == -(1 << 63)
        with pytest.raises(MalformedPacket):
            decode(b"i" + b"9" * 21 + b"e")

    def test_cookies(self):
        assert Message.decode(encode_message("c" * MAX_COOKIE, {})).cookie == "c" * MAX_COOKIE
        with pytest.raises(MalformedPacket):
            Message.decode(encode_message("c" * (MAX_COOKIE + 1), {}))

    def test_lines_of_its_log(self):
        fields = {"callid": "c", "source_tag": "a", "event": 1, "duration": LONGEST}
        assert LoggedKey.decode(json.dumps(fields).encode()).milliseconds == LONGEST
        for spoilt in (fields | {"duration": LONGEST + 1}, fields | {"more": "x" * MAX_SIZE}):
            with pytest.raises(MalformedPacket):
                LoggedKey.decode(json.dumps(spoilt).encode())

    def test_how_many_of_them_and_how_heavy(self):
        assert len(read_nodes(" ".join(f"192.0.2.1:{each}" for each in range(1, MAX_NODES + 1)))) == MAX_NODES
        with pytest.raises(ValueError, match="256 nodes at most"):
            read_nodes(" ".join(f"192.0.2.1:{each}" for each in range(1, MAX_NODES + 2)))
        with pytest.raises(ValueError, match="weight"):
            read_nodes(f"192.0.2.1*{HEAVIEST + 1}")

    def test_words_of_a_list(self):
        for value in (b"x " * 1000, [b"x"] * 1000):
            assert len(words(Message("c", {"flags": value}), "flags")) == MOST_WORDS

    def test_names_in_an_answer(self):
        node = Node(FakeEngine(4 * MOST_LISTED), most=2 * MOST_LISTED)
        for number in range(MOST_LISTED + 5):
            assert node.ask(offer(f"call{number}")).succeeded
        listed = node.ask({"command": "list", "limit": 10**9}).body["calls"]
        assert isinstance(listed, list)
        assert len(listed) == MOST_LISTED

    def test_octets_of_answers_that_are_remembered(self):
        """Large ones are fewer."""
        node = Node(FakeEngine(1000), most=300)
        for number in range(250):
            node.ask(offer(f"{number:0250}"))
        answer = 0
        for number in range(300):
            request = encode_message(f"l{number}", {"command": "list", "limit": 240})
            answer = len(node.server.receive_datagram(request, CONTROLLER, node.now) or b"")
        assert answer > 60_000
        assert node.server._octets < MOST_OCTETS + answer

    def test_how_often_a_sound_and_how_long_a_key(self, monkeypatch: pytest.MonkeyPatch):
        node = Node()
        legs = node.up()
        sound = bytes.fromhex("52494646") + (36 + 16).to_bytes(4, "little") + b"WAVEfmt "
        sound += (16).to_bytes(4, "little") + bytes.fromhex("01000100401f0000803e000002001000") + b"data"
        sound += (16).to_bytes(4, "little") + bytes(16)
        played: list[Any] = []
        monkeypatch.setattr(node.calls, "play", lambda call, sides, sound: played.append(sound))
        request = {"command": "play media", "call-id": "call", "from-tag": "a", "blob": sound}
        assert node.ask(request | {"repeat-times": 10**9}).succeeded
        assert played[0].times == MOST_TIMES
        pressed: list[int] = []
        for leg in legs:
            monkeypatch.setattr(leg, "press", lambda key, milliseconds: pressed.append(milliseconds) or True)
        press = {"command": "play DTMF", "call-id": "call", "from-tag": "a", "code": "1"}
        assert node.ask(press | {"duration": 10**9}).succeeded
        assert pressed == [LONGEST_KEY]

    async def test_recordings_at_once(self, tmp_path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(recording_driver, "MOST", 2)
        recordings = Recordings(tmp_path)
        for name in "ab":
            recordings.begin(SimpleNamespace(call_id=name, sides=[]))  # type: ignore[arg-type]
        with pytest.raises(LocalError, match="2 calls are recorded already"):
            recordings.begin(SimpleNamespace(call_id="c", sides=[]))  # type: ignore[arg-type]
        await recordings.close()

    def test_octets_of_a_sound_by_file(self, tmp_path):
        """No more than so much is read, whatever the file says of itself."""
        with (tmp_path / "large.wav").open("wb") as file:
            file.truncate(2 * node_driver.LARGEST_SOUND)
        settings = SimpleNamespace(sounds=tmp_path)
        node = SimpleNamespace(_settings=settings)
        read = node_driver.NodeDriver.read_file(node, "large.wav")  # type: ignore[arg-type]
        assert len(read) == node_driver.LARGEST_SOUND


def test_gaps_that_are_repaired_are_short():
    """Of more than five packets in a row nothing is made (``MOST_REPAIRED``): the gap stays what it is."""
    from ringthru.media.coding.coders import installed
    from ringthru.media.description.codecs import OPUS

    from .test_transcoding import humming, through

    if "OPUS" not in installed():
        pytest.skip("OPUS is not installed: pip install 'ringthru[codecs]', and Debian's libopus0")
    packets = list(humming(OPUS, 440))
    del packets[20:26]
    out = through(OneWay(Side(OPUS), Side(PCMU), 9), packets)
    assert len(out) == 44
    assert max((b.timestamp - a.timestamp) % (1 << 32) for a, b in pairwise(out)) == 7 * 160
