"""Every ng command, as a controller of its own gives them to a node: rtpengine or ours, told the same.

``test_rtpengine`` runs it in a namespace of its own; the last line it prints is what came of it, as JSON.
"""

from __future__ import annotations

import json
import socket
import sys
import time
import wave
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

from ringthru.media import MediaAddress, SessionDescription, tone
from ringthru.media.description.audio import endpoints_of
from ringthru.media.description.offer_answer import PCMA, PCMU, make_offer
from ringthru.media.ng.bencode import Writable
from ringthru.media.ng.dtmf_log import LoggedKey
from ringthru.media.ng.messages import Command, Dialogue, Message, encode_message, list_calls, ping
from ringthru.media.sound.g711 import decode

from .rtpengine_story import HERE, KEYS_AT, VOICES, Peer, start

PATIENCE = 30.0  # seconds; only a broken build needs them
WISHES: dict[str, Writable] = {"ICE": "remove", "replace": ["origin", "session connection"]}
VIDEO = b"m=video 40000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


class Controller:
    """Asks one node, and repeats what it does not answer."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0.25)
        self.serial = 0

    def ask(self, command: Command, cookie: str = "") -> Message:
        self.serial += 1
        datagram = encode_message(cookie or f"c{self.serial}", command)
        for _ in range(int(PATIENCE / 0.25)):
            self.socket.sendto(datagram, (HERE, 2223))
            try:
                return self._answer(datagram.partition(b" ")[0])
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.05)  # it is not there yet, and nothing tells when a foreign daemon is
        raise AssertionError(f"no answer to {command['command']}")

    def _answer(self, cookie: bytes) -> Message:
        """The answer to this command: of an earlier one, said twice, a second answer may come late."""
        while True:
            datagram = self.socket.recv(65536)
            if datagram.partition(b" ")[0] == cookie:
                return Message.decode(datagram)


def until(true: Callable[[], bool], what: str, step: Callable[[], None] = lambda: None) -> None:
    """Let time go by, in steps of a packet, until it is so."""
    for _ in range(int(PATIENCE / 0.02)):
        if true():
            print("it is so:", what, file=sys.stderr)
            return
        step()
        time.sleep(0.02)  # the pace of speech
    raise AssertionError(f"it is not so: {what}")


def sound() -> bytes:
    """A second of a tone as a WAV file."""
    whole, octets = BytesIO(), b"".join(tone(440, 1.0))
    with wave.open(whole, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = decode(octets, "PCMU")
        file.writeframes(b"".join(each.to_bytes(2, "little", signed=True) for each in samples))
    return whole.getvalue()


def description(peer: Peer, *, mux: bool = False, codecs: tuple[object, ...] = (PCMU, PCMA)) -> bytes:
    port = peer.socket.getsockname()[1]
    return make_offer(MediaAddress(HERE, port, port + 1), list(codecs), 7, 7, mux=mux)  # type: ignore[arg-type]


def place(answer: Message) -> tuple[str, int]:
    sdp = SessionDescription.parse(answer.octets("sdp"))
    return endpoints_of(sdp, sdp.media[0])[0]


Told = Iterator[tuple[str, object]]


class Story:
    """One call through a node, from its offer to its end; each chapter says what it found, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder  # of recordings
        self.keys = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.keys.bind(KEYS_AT)
        self.keys.settimeout(PATIENCE)
        self.ask, self.talk = Controller().ask, Dialogue("the call", "a-tag", "b-tag")
        self.a, self.b = Peer(VOICES[0]), Peer(VOICES[1])

    def tell(self) -> Told:
        chapters = (
            self.greeting,
            self.offer,
            self.answer,
            self.counters,
            self.key_presses,
            self.blocked_media,
            self.played,
            self.recorded,
            self.moved,
            self.end,
        )
        for chapter in chapters:
            yield from chapter()

    def speak(self) -> None:
        self.a.speak()
        self.b.speak()

    def until_heard(self, peer: Peer, voice: bytes, what: str) -> None:
        """Both speak until that one hears it."""
        until(lambda: any(payload == voice for payload, _ in peer.heard()), what, self.speak)

    def greeting(self) -> Told:
        yield "ping", self.ask(ping()).text("result")
        yield "nothing known", self.ask(self.talk.query()).reason

    def offer(self) -> Told:
        offer = {"command": "offer", "call-id": "the call", "from-tag": "a-tag", **WISHES}
        sdp = description(self.a, mux=True) + b"a=x-unknown:kept\r\n" + VIDEO
        offered = self.ask({**offer, "sdp": sdp}, cookie="same")
        again = self.ask({**offer, "sdp": sdp}, cookie="same")
        yield "repeated", again.octets("sdp") == offered.octets("sdp")
        passed = SessionDescription.parse(offered.octets("sdp"))
        audio = passed.media[0]
        yield "passed on", (audio.attribute("x-unknown"), audio.formats[:2], passed.origin.host)
        yield "mux is passed on", audio.attribute("rtcp-mux") is not None
        self.b.target = place(offered)

    def answer(self) -> Told:
        answered = self.ask(self.talk.answer(description(self.b, mux=True, codecs=(PCMU,)), **WISHES))
        audio = SessionDescription.parse(answered.octets("sdp")).media[0]
        yield "mux is answered", audio.attribute("rtcp-mux")
        self.a.target = place(answered)
        self.until_heard(self.a, self.b.voice, "a hears b")
        self.until_heard(self.b, self.a.voice, "b hears a")

    def counters(self) -> Told:
        calls = self.ask(list_calls()).body["calls"]
        yield "listed", [each.decode() for each in calls]  # type: ignore[union-attr]
        statistics = self.ask({"command": "statistics"}).body["statistics"]
        yield "sessions", statistics["currentstatistics"]["sessionsown"]  # type: ignore[index,call-overload]
        tag = self.ask(self.talk.query()).body["tags"]["a-tag"]  # type: ignore
        stats = tag["medias"][0]["streams"][0]["stats"]  # type: ignore
        yield "counted", stats["packets"] > 0 and stats["bytes"] == stats["packets"] * 172

    def key_presses(self) -> Told:
        self.a.press_five()
        told = LoggedKey.decode(self.keys.recv(4096))
        yield "key", (told.call_id, told.tag, told.key)
        self.ask(self.talk.block("DTMF", True))
        self.b.heard()
        self.a.press_five()
        self.until_heard(self.b, self.a.voice, "b hears a after the blocked key")
        yield "a blocked key", [payload for payload, _ in self.b.heard() if len(payload) == 4]
        self.ask(self.talk.block("DTMF", False))

    def blocked_media(self) -> Told:
        yield "media is blocked", self.ask(self.talk.block("media", True)).text("result")
        self.until_heard(self.a, self.b.voice, "a still hears b")
        self.b.heard()
        for _ in range(10):
            self.a.speak()
        until(
            lambda: any(payload == self.b.voice for payload, _ in self.a.heard()),
            "and time goes by",
            self.b.speak,
        )
        yield "blocked media", [payload for payload, _ in self.b.heard() if payload == self.a.voice]
        self.ask(self.talk.block("media", False))
        self.until_heard(self.b, self.a.voice, "b hears a again")

    def played(self) -> Told:
        played = self.ask(self.talk.play_media(sound()))
        yield "played", (played.text("result"), played.body["duration"])
        until(lambda: any(len(set(payload)) > 3 for payload, _ in self.a.heard()), "a hears the sound")
        yield "stopped", self.ask(self.talk.stop_media()).text("result")
        self.until_heard(self.a, self.b.voice, "and then b")

    def recorded(self) -> Told:
        yield "recorded", self.ask(self.talk.record(True)).text("result")
        for _ in range(50):
            self.speak()
            time.sleep(0.02)  # the pace of speech: a second of it is recorded
        yield "recorded no more", self.ask(self.talk.record(False)).text("result")
        files = self.folder.rglob
        until(lambda: any(each.stat().st_size for each in files("*") if each.is_file()), "there is a file")

    def moved(self) -> Told:
        back = self.talk.swapped()
        moved = self.ask(back.offer(description(self.b, codecs=(PCMU,)), **WISHES))
        self.ask(back.answer(description(self.a, codecs=(PCMU,)), **WISHES))
        yield "the same ports after a re-INVITE of b", place(moved) == tuple(self.a.target)
        self.until_heard(self.a, self.b.voice, "a hears b after it")

    def end(self) -> Told:
        yield "refused", self.ask({"command": "dance"}).text("result")
        yield "no description", self.ask(self.talk.offer(b"nonsense")).text("result")
        yield "deleted", self.ask(self.talk.delete()).text("result")
        yield "gone", self.ask(self.talk.query()).reason
        yield "gone twice", self.ask(self.talk.delete()).text("result")


def main(directory: Path, program: str) -> dict[str, object]:
    folder = directory / "recordings"
    folder.mkdir()
    folder.chmod(0o777)
    node = start(0, directory, f"--recording-dir={folder}", program=program)
    try:
        return dict(Story(folder).tell())
    finally:
        node.kill()
        node.wait()


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
