"""A call through Kamailio, whose module ``rtpengine`` has a media node carry its audio; alone in a namespace.

``test_rtpengine`` runs it so; the last line it prints is what came of it, as JSON.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

from ringthru.media import SessionDescription
from ringthru.media.description.audio import endpoints_of

from .kamailio import MODULES
from .ng_story import description, until
from .rtpengine_story import HERE, VOICES, Peer, start

PROXY, CALLER, CALLEE = 5060, 5071, 5072
CONFIGURATION = """\
#!KAMAILIO
debug=2
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:5060
mpath="{modules}"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:2223")
request_route {{
  if (has_totag()) {{ loose_route(); if (is_method("BYE")) {{ rtpengine_delete(); }} t_relay(); exit; }}
  if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
  record_route();
  rtpengine_manage("replace-origin replace-session-connection ICE=remove rtcp-mux-demux");
  t_on_reply("ANSWER");
  t_relay();
}}
onreply_route[ANSWER] {{
  if (has_body("application/sdp")) {{ rtpengine_manage("replace-origin ICE=remove"); }}
}}
"""


class SipPeer:
    """Writes and reads SIP as text: one dialog, and no more of it than this story needs."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HERE, port))
        self.socket.settimeout(0.25)

    def send(self, first: str, headers: list[str], body: bytes = b"") -> None:
        kind = ["Content-Type: application/sdp"] if body else []
        head = "\r\n".join([first, *headers, *kind, f"Content-Length: {len(body)}", "", ""])
        self.socket.sendto(head.encode() + body, (HERE, PROXY))

    def request(
        self, method: str, serial: int, to: str, body: bytes = b"", routes: tuple[str, ...] = ()
    ) -> None:
        via = f"Via: SIP/2.0/UDP {HERE}:{self.port};branch=z9hG4bK{method}{serial}"
        names = ["From: <sip:a@a.example>;tag=from", f"To: {to}", "Call-ID: through-kamailio"]
        more = [f"CSeq: {serial} {method}", f"Contact: <sip:a@{HERE}:{self.port}>", "Max-Forwards: 9"]
        self.send(f"{method} sip:b@{HERE}:{CALLEE} SIP/2.0", [via, *routes, *names, *more], body)

    def receive(self, beginning: str) -> tuple[list[str], bytes]:
        """The header lines and the body of the next message that begins so."""
        for _ in range(240):
            try:
                head, _, body = self.socket.recv(65536).partition(b"\r\n\r\n")
            except TimeoutError:
                continue
            lines = head.decode().split("\r\n")
            if lines[0].startswith(beginning):
                return lines, body
        raise AssertionError(f"no {beginning} at {self.port}")

    def answer(self, request: list[str], body: bytes = b"") -> None:
        kept = [each for each in request if re.match("(Via|From|Call-ID|CSeq|Record-Route):", each)]
        to = next(each for each in request if each.startswith("To:"))
        to += "" if "tag=" in to else ";tag=to"
        self.send("SIP/2.0 200 OK", [*kept, to, f"Contact: <sip:b@{HERE}:{self.port}>"], body)


def call() -> dict[str, object]:
    caller, callee = SipPeer(CALLER), SipPeer(CALLEE)
    a, b = Peer(VOICES[0]), Peer(VOICES[1])
    caller.request("INVITE", 1, "<sip:b@b.example>", description(a, mux=True))
    invite, offer = callee.receive("INVITE")
    callee.answer(invite, description(b))
    ok, answer = caller.receive("SIP/2.0 200")
    to = next(each for each in ok if each.startswith("To:"))[4:]
    routes = tuple(each.replace("Record-Route", "Route") for each in ok if each.startswith("Record-Route"))
    caller.request("ACK", 1, to, routes=routes)
    offered, answered = SessionDescription.parse(offer), SessionDescription.parse(answer)
    b.target, a.target = (endpoints_of(each, each.media[0])[0] for each in (offered, answered))

    def speak() -> None:
        a.speak()
        b.speak()

    until(lambda: (b.voice, a.target[1]) in a.heard(), "the caller hears, through the node", speak)
    until(lambda: (a.voice, b.target[1]) in b.heard(), "the called one too", speak)
    caller.request("BYE", 2, to, routes=routes)
    callee.answer(callee.receive("BYE")[0])
    caller.receive("SIP/2.0 200")
    return {
        "through the node": all(20000 <= each[1] < 20100 for each in (a.target, b.target)),
        "demultiplexed": offered.media[0].attribute("rtcp-mux") is None,
        "but not for the caller": answered.media[0].attribute("rtcp-mux") is not None,
    }


def main(directory: Path, program: str) -> dict[str, object]:
    (directory / "kamailio.cfg").write_text(CONFIGURATION.format(modules=MODULES))
    node = start(0, directory, program=program)
    until(_node_answers, "the node is there")  # Kamailio leaves one aside that does not answer its first ping
    argv = ["kamailio", "-DD", "-E", "-f", str(directory / "kamailio.cfg"), "-m", "32", "-M", "8"]
    with (directory / "node-kamailio").open("wb") as log:
        proxy = subprocess.Popen([*argv, "-Y", str(directory)], stdout=log, stderr=log)
    try:
        up = SipPeer(5073)
        asked = lambda: up.request("OPTIONS", 1, "<sip:b@b.example>")  # noqa: E731
        asked()
        up.socket.settimeout(0.1)
        until(lambda: _answers(up), "Kamailio is there", asked)
        return call()
    finally:
        for process in (proxy, node):
            process.terminate()
            process.wait()


def _node_answers() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        asking.connect((HERE, 2223))
        try:
            asking.send(b"cookie d7:command4:pinge")
            return b"pong" in asking.recv(2048)
        except (TimeoutError, ConnectionRefusedError):
            return False


def _answers(peer: SipPeer) -> bool:
    try:
        return peer.socket.recv(65536).startswith(b"SIP/2.0 200")
    except (TimeoutError, ConnectionRefusedError):
        return False


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
