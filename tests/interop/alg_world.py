"""The scene of the "ACK timeout": two homes, the switch in one, and in the other a phone behind a SIP ALG.

pbx 192.168.1.103 ── gateway 11.0.113.1 ── inet ── 33.44.55.1 second ── phone 192.168.2.103
                                             └── 22.51.100.50 pub, a STUN server
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import ringthru
from ringthru.lab.gateway.renaming_alg import Renames
from ringthru.lab.namespaces.laboratory import (
    OTHER_LAN,
    PUB,
    PUB_ADDRESS,
    SECOND,
    SECOND_PBX,
    SECOND_PBX_ADDRESS,
    SECOND_WAN,
    WAN_ADDRESS,
    Laboratory,
)
from ringthru.lab.namespaces.netns import wait_for

from .phones import Baresip
from .switch_process import PASSWORD

RELAY_PORT = 5065
TO_THE_ALG = (
    f'add rule inet filter prerouting iifname "lan0" ip daddr {WAN_ADDRESS} udp dport 5060 '
    f"dnat ip to {OTHER_LAN}:{RELAY_PORT}\n"
)


def divert(laboratory: Laboratory) -> None:
    """From now on the phone's router leads SIP to its ALG, whether one runs or not."""
    laboratory.run(SECOND, ["nft", "-f", "-"], text=TO_THE_ALG)


@contextmanager
def alg(laboratory: Laboratory, renames: Renames, directory: Path) -> Iterator[None]:
    """The ALG of the phone's router, at work."""
    target = f"{WAN_ADDRESS}:5060"
    argv = ["-m", "ringthru.lab.alg_relay", f"{OTHER_LAN}:{RELAY_PORT}", SECOND_WAN, target, renames.value]
    output = directory / "alg.log"
    source = str(Path(ringthru.__file__).parents[1])
    process: subprocess.Popen[bytes] = laboratory.popen(
        SECOND, [sys.executable, *argv], output, {"PYTHONPATH": source}
    )
    try:
        wait_for(lambda: "relaying" in output.read_text(), 10, "the ALG")
        yield
    finally:
        laboratory.end(process)


@contextmanager
def stun_server(laboratory: Laboratory) -> Iterator[list[tuple[str, int]]]:
    """Answers Binding requests with where they came from (RFC 5389 §15.2); yields who asked."""
    asked: list[tuple[str, int]] = []
    with laboratory.udp_socket(PUB, PUB_ADDRESS, 3478, timeout=0.1) as opened:
        over = threading.Event()
        thread = threading.Thread(target=_answer, args=(opened, over, asked))
        thread.start()
        try:
            yield asked
        finally:
            over.set()
            thread.join()


def _answer(opened: socket.socket, over: threading.Event, asked: list[tuple[str, int]]) -> None:
    while not over.is_set():
        try:
            data, source = opened.recvfrom(2048)
        except TimeoutError:
            continue
        asked.append(source)
        cookie = int.from_bytes(data[4:8], "big")
        port = (source[1] ^ cookie >> 16).to_bytes(2, "big")
        address = (int(IPv4Address(source[0])) ^ cookie).to_bytes(4, "big")
        attribute = b"\x00\x20\x00\x08\x00\x01" + port + address
        opened.sendto(b"\x01\x01\x00\x0c" + data[4:20] + attribute, source)


@contextmanager
def registered_phone(laboratory: Laboratory, directory: Path, sounds: list[int]) -> Iterator[Baresip]:
    """A baresip in the other home that uses STUN, registered as 1000 at the switch's public address."""
    phone = Baresip(laboratory, SECOND_PBX, SECOND_PBX_ADDRESS, directory, modules=("stun.so",))
    account = (
        f"<sip:1000@{WAN_ADDRESS}:5060>;auth_user=1000;auth_pass={PASSWORD};regint=300"
        f";audio_codecs=PCMU/8000/1;medianat=stun;stunserver=stun:{PUB_ADDRESS}:3478"
    )
    try:
        phone.start(account, sounds)
        phone.wait_for_log("200 OK")
        yield phone
    finally:
        phone.stop()
