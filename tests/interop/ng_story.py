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


def tell(folder: Path) -> Iterator[tuple[str, object]]:
    keys = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    keys.bind(KEYS_AT)
    keys.settimeout(PATIENCE)
    ask, talk = Controller().ask, Dialogue("the call", "a-tag", "b-tag")
    a, b = Peer(VOICES[0]), Peer(VOICES[1])
    yield "ping", ask(ping()).text("result")
    yield "nothing known", ask(talk.query()).reason

    offer = {"command": "offer", "call-id": "the call", "from-tag": "a-tag", **WISHES}
    sdp = description(a, mux=True) + b"a=x-unknown:kept\r\n" + VIDEO
    offered = ask({**offer, "sdp": sdp}, cookie="same")
    again = ask({**offer, "sdp": sdp}, cookie="same")
    yield "repeated", again.octets("sdp") == offered.octets("sdp")
    passed = SessionDescription.parse(offered.octets("sdp"))
    yield (
        "passed on",
        (passed.media[0].attribute("x-unknown"), passed.media[0].formats[:2], passed.origin.host),
    )
    yield "mux is passed on", passed.media[0].attribute("rtcp-mux") is not None
    b.target = place(offered)
    answered = ask(talk.answer(description(b, mux=True, codecs=(PCMU,)), **WISHES))
    yield "mux is answered", SessionDescription.parse(answered.octets("sdp")).media[0].attribute("rtcp-mux")
    a.target = place(answered)

    def speak() -> None:
        a.speak()
        b.speak()

    def hears(peer: Peer, *voices: bytes) -> Callable[[], bool]:
        return lambda: any(payload in voices for payload, _ in peer.heard())

    until(hears(a, b.voice), "a hears b", speak)
    until(hears(b, a.voice), "b hears a", speak)
    yield "listed", [each.decode() for each in ask(list_calls()).body["calls"]]  # type: ignore[union-attr]
    statistics = ask({"command": "statistics"}).body["statistics"]
    yield "sessions", statistics["currentstatistics"]["sessionsown"]  # type: ignore[index,call-overload]
    stats = ask(talk.query()).body["tags"]["a-tag"]["medias"][0]["streams"][0]["stats"]  # type: ignore
    yield "counted", stats["packets"] > 0 and stats["bytes"] == stats["packets"] * 172

    a.press_five()
    told = LoggedKey.decode(keys.recv(4096))
    yield "key", (told.call_id, told.tag, told.key)
    ask(talk.block("DTMF", True))
    b.heard()
    a.press_five()
    until(hears(b, a.voice), "b hears a after the blocked key", speak)
    yield "a blocked key", [payload for payload, _ in b.heard() if len(payload) == 4]
    ask(talk.block("DTMF", False))

    yield "media is blocked", ask(talk.block("media", True)).text("result")
    until(hears(a, b.voice), "a still hears b", speak)
    b.heard()
    for _ in range(10):
        a.speak()
    until(hears(a, b.voice), "and time goes by", b.speak)
    yield "blocked media", [payload for payload, _ in b.heard() if payload == a.voice]
    ask(talk.block("media", False))
    until(hears(b, a.voice), "b hears a again", speak)

    played = ask(talk.play_media(sound()))
    yield "played", (played.text("result"), played.body["duration"])
    until(lambda: any(len(set(payload)) > 3 for payload, _ in a.heard()), "a hears the sound")
    yield "stopped", ask(talk.stop_media()).text("result")
    until(hears(a, b.voice), "and then b", speak)

    yield "recorded", ask(talk.record(True)).text("result")
    for _ in range(50):
        speak()
        time.sleep(0.02)  # the pace of speech: a second of it is recorded
    yield "recorded no more", ask(talk.record(False)).text("result")
    until(lambda: any(each.stat().st_size for each in folder.rglob("*") if each.is_file()), "there is a file")

    moved = ask(talk.swapped().offer(description(b, codecs=(PCMU,)), **WISHES))
    ask(talk.swapped().answer(description(a, codecs=(PCMU,)), **WISHES))
    yield "the same ports after a re-INVITE of b", place(moved) == tuple(a.target)
    until(hears(a, b.voice), "a hears b after it", speak)
    yield "refused", ask({"command": "dance"}).text("result")
    yield "no description", ask(talk.offer(b"nonsense")).text("result")
    yield "deleted", ask(talk.delete()).text("result")
    yield "gone", ask(talk.query()).reason
    yield "gone twice", ask(talk.delete()).text("result")


def main(directory: Path, program: str) -> dict[str, object]:
    folder = directory / "recordings"
    folder.mkdir()
    folder.chmod(0o777)
    node = start(0, directory, f"--recording-dir={folder}", program=program)
    try:
        return dict(tell(folder))
    finally:
        node.kill()
        node.wait()


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
