"""A call through two real media nodes, rtpengines or ours, one of which is killed in its midst.

``test_rtpengine`` runs it in a namespace of its own; the last line it prints is what came of it, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ringthru.media import PCMU, KeyHeard, MediaAddress, Moved, OfferAnswer, SessionDescription, choose_engine
from ringthru.media.description.offer_answer import make_offer
from ringthru.media.engine.distant import DistantPorts
from ringthru.media.engine.distant_leg_driver import FarmLeg
from ringthru.media.engine.rtpengine_driver import RtpengineEngine
from ringthru.media.ng.node import read_nodes
from ringthru.media.sound.g711 import G711
from ringthru.net.address import Endpoint

HERE = "127.0.0.1"
KEYS_AT = Endpoint(HERE, 2299)
VOICES = (b"\xaa" * 160, b"\x55" * 160)
PATIENCE = 30.0  # seconds; only a broken build needs them


PROGRAMS = {  # a node by its command line: Debian's daemon in user space, and ours
    "rtpengine": [
        *("rtpengine", "--foreground", "--log-stderr", "--table=-1", "--config-file=none", "--num-threads=1")
    ],
    "ringthru": [sys.executable, "-m", "ringthru", "media-node"],
}


def start(number: int, directory: Path, *more: str, program: str = "rtpengine") -> subprocess.Popen[bytes]:
    """A node; its ng port is 2223 and on, by number."""
    first = 20000 + 1000 * number
    argv = [*PROGRAMS[program], f"--interface={HERE}", f"--listen-ng={HERE}:{2223 + number}"]
    argv += [f"--port-min={first}", f"--port-max={first + 99}", f"--dtmf-log-dest={KEYS_AT}", *more]
    with (directory / f"node{number}").open("wb") as log:
        return subprocess.Popen(argv, stdout=log, stderr=log)


class Peer:
    """A phone's audio: it speaks one octet, and knows what it hears."""

    def __init__(self, voice: bytes) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind((HERE, 0))
        self.voice = voice
        self.sequence = self.stamp = 0
        self.target = (HERE, 9)

    def speak(self, payload_type: int = 0, payload: bytes = b"") -> None:
        self.sequence += 1
        header = bytes((0x80, payload_type)) + self.sequence.to_bytes(2, "big")
        at = self.stamp if payload else self.sequence * 160
        stamp = at.to_bytes(4, "big") + self.voice[:4]
        self.socket.sendto(header + stamp + (payload or self.voice), self.target)

    def press_five(self) -> None:
        """One event: all its packets have the timestamp of its beginning (RFC 4733 §2.2.1)."""
        self.stamp = self.sequence * 160
        for end, duration in ((0, 400), (0x80, 800), (0x80, 800), (0x80, 800)):
            self.speak(101, bytes((5, end | 10)) + duration.to_bytes(2, "big"))

    def heard(self) -> list[tuple[bytes, int]]:
        """Payload and source port of all that came."""
        came = []
        while True:
            try:
                data, source = self.socket.recvfrom(2048)
            except OSError:
                return came
            came.append((data[12:], source[1]))

    def connect(self, leg: FarmLeg, ports: DistantPorts) -> None:
        """What an offer of ours and this phone's answer make; it sends where the offer says."""
        book = OfferAnswer(1)
        book.offer(ports.outer, [PCMU])
        port = self.socket.getsockname()[1]
        answer = make_offer(MediaAddress(HERE, port, port + 1), [PCMU], 1, 1)
        self.target = (ports.outer.host, ports.outer.rtp_port)
        leg.connect(book.read_answer(SessionDescription.parse(answer)))


async def until(true: Callable[[], bool], what: str, step: Callable[[], None] = lambda: None) -> None:
    """Let time go by, in steps, until it is so."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            step()
            await asyncio.sleep(0.02)  # the pace of speech
    print("it is so:", what, file=sys.stderr)


async def tell(directory: Path, program: str, full: bool) -> dict[str, object]:
    more = ["--max-sessions=1"] if full else []
    nodes = [start(number, directory, *more, program=program) for number in (0, 1)]
    nodes_named = read_nodes(f"{HERE}:2223 {HERE}:2224")
    chosen = choose_engine("rtpengine", 30000, 30099, nodes_named, KEYS_AT, G711)
    engine, why = chosen.engine, chosen.why
    assert isinstance(engine, RtpengineEngine)
    await engine.start()
    try:
        await until(lambda: all(each.state == "up" for each in engine.nodes()), "both nodes are up")
        return await fill(engine) if full else {"why": why, **await call(engine, nodes)}
    finally:
        await engine.close()
        for node in nodes:
            node.kill()
            node.wait()


async def fill(engine: RtpengineEngine) -> dict[str, object]:
    """Three legs of one call, for two nodes that take one each."""
    placed = [await engine.place(HERE, "one call") for _ in range(3)]
    legs = [engine.open(ports, name="a leg") for ports in placed if ports is not None]
    first = placed[0]
    assert first is not None
    legs[0].close()
    again = None
    async with asyncio.timeout(PATIENCE):
        while again is None:  # until the node has heard of the end
            again = await engine.place(HERE, "one call")
    result = {
        "first two": sorted(ports.node.address.port for ports in placed[:2] if ports is not None),
        "third": placed[2],
        "after one is gone": again.node == first.node,
        "was full": any(each.full for each in engine.nodes()),
    }
    engine.release(again)
    return result


async def call(engine: RtpengineEngine, nodes: list[subprocess.Popen[bytes]]) -> dict[str, object]:
    peers = [Peer(voice) for voice in VOICES]
    ports, legs, events = [], [], []
    for number, peer in enumerate(peers):
        placed = await engine.place(HERE, "one call")
        assert placed is not None
        leg = engine.open(placed, name=f"leg {number}")
        leg.subscribe(lambda event, number=number: events.append((number, event)))  # type: ignore[misc]
        peer.connect(leg, placed)
        ports.append(placed)
        legs.append(leg)
    assert ports[0].node == ports[1].node, "both legs of a call have one node"

    def speak() -> None:
        for peer in peers:
            peer.speak()

    def both_hear() -> bool:
        return all(
            (other.voice, peer.target[1]) in peer.heard()  # from the port that the offer named
            for peer, other in zip(peers, reversed(peers), strict=True)
        )

    legs[0].echo()
    await until(lambda: any(payload == VOICES[0] for payload, _ in peers[0].heard()), "an echo", speak)
    tap = legs[0].tap()  # begun before they are joined, as a recording may be
    legs[0].bridge(legs[1])
    await until(lambda: any(each.payload == VOICES[0] for each in tap.read()), "it is heard here", speak)
    tapped_away = any(leg.away for leg in legs)
    tap.close()
    await until(lambda: all(leg.away for leg in legs), "the nodes send to one another")
    await until(both_hear, "both hear each other", speak)
    passed_here = [leg.behind.report().packets_received for leg in legs]
    for _ in range(10):
        speak()
    await legs[0].query()
    await until(lambda: len(peers[0].heard()) >= 5, "they go on", speak)
    aside = [leg.behind.report().packets_received for leg in legs] == passed_here
    peers[0].press_five()
    await until(lambda: any(isinstance(event, KeyHeard) for _, event in events), "the key is logged")
    keys = [(number, event.key) for number, event in events if isinstance(event, KeyHeard)]

    victim = ports[0].node
    nodes[victim.address.port - 2223].kill()
    moved = lambda: {number for number, event in events if isinstance(event, Moved)}  # noqa: E731
    await until(lambda: moved() == {0, 1}, "both legs moved")
    for peer, leg, place in zip(peers, legs, ports, strict=True):
        peer.connect(leg, place)  # what the new offers bring
    await until(lambda: all(leg.away for leg in legs), "the nodes send to one another again")
    await until(both_hear, "both hear each other again", speak)
    await legs[0].query()
    result = {
        "tapped away": tapped_away,
        "aside": aside,
        "keys": keys,
        "moved": ports[0].node != victim and ports[1].node == ports[0].node,
        "received": legs[0].report().packets_received,
        "states": sorted(each.state for each in engine.nodes()),
        "legs at nodes": sum(each.calls for each in engine.nodes()),
    }
    for leg in legs:
        leg.close()
    return result


if __name__ == "__main__":
    print(json.dumps(asyncio.run(tell(Path(sys.argv[1]), sys.argv[2], sys.argv[3:] == ["full"]))))
