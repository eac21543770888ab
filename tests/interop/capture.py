"""What was on the wire: tcpdump in a namespace, and its file read back as UDP datagrams."""

from __future__ import annotations

import socket
import struct
import subprocess
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import NamedTuple

from ringthru.lab.namespaces.netns import wait_for
from ringthru.lab.namespaces.world import World

ETHERNET, IPV4, UDP = 14, 0x0800, 17
LAST = b"the last of this capture"
EVERYBODY = ("255.255.255.255", 9)  # on a link of the laboratory


class Datagram(NamedTuple):
    at: float  # seconds since the epoch
    source: tuple[str, int]
    destination: tuple[str, int]
    payload: bytes


class Rtp(NamedTuple):
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


class Capture:
    """tcpdump on a namespace's ``eth0``; it listens when the constructor returns."""

    def __init__(self, laboratory: World, role: str, directory: Path) -> None:
        self.path = directory / f"{role}.pcap"
        self._laboratory = laboratory
        self._role = role
        log = directory / f"{role}.tcpdump"
        argv = ["tcpdump", "-i", "eth0", "-n", "-U", "--immediate-mode", "-Z", "root", "-s", "0"]
        self._process: subprocess.Popen[bytes] = laboratory.popen(
            role, [*argv, "-w", str(self.path), "udp"], log
        )
        wait_for(lambda: b"listening on" in log.read_bytes(), 5, "tcpdump")

    def stop(self) -> list[Datagram]:
        """All of it: tcpdump sees a last datagram first, for it ends without reading what it has not read."""
        if self._process.poll() is None and self._laboratory.call_in(self._role, _say_the_last):
            wait_for(lambda: LAST in self.path.read_bytes(), 5, "the last datagram in the capture")
        self._laboratory.end(self._process)
        return self.so_far()

    def so_far(self) -> list[Datagram]:
        whole = read_pcap(self.path.read_bytes()) if self.path.exists() else ()
        return [each for each in whole if each.payload != LAST]


def _say_the_last() -> bool:
    """Whether it went out; a line that is down takes nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        try:
            return opened.sendto(LAST, EVERYBODY) == len(LAST)
        except OSError:
            return False


def read_pcap(octets: bytes) -> Iterator[Datagram]:
    """The unfragmented IPv4 UDP datagrams of a little-endian pcap file of Ethernet frames."""
    at = 24
    while at + 16 <= len(octets):
        seconds, fraction, length, _ = struct.unpack_from("<IIII", octets, at)
        frame = octets[at + 16 : at + 16 + length]
        at += 16 + length
        if len(frame) < length or frame[12:14] != IPV4.to_bytes(2) or frame[ETHERNET + 9] != UDP:
            continue
        begin = ETHERNET + (frame[ETHERNET] & 0x0F) * 4
        source, destination = (str(IPv4Address(frame[ETHERNET + n : ETHERNET + n + 4])) for n in (12, 16))
        ports = struct.unpack_from("!HHH", frame, begin)
        yield Datagram(
            seconds + fraction / 1e6,
            (source, ports[0]),
            (destination, ports[1]),
            frame[begin + 8 : begin + ports[2]],
        )


def write_pcap(path: Path, payloads: Iterable[bytes], every: float = 0.02) -> None:
    """UDP datagrams with these payloads, one each 20 ms; whose they are does not matter to who plays them."""
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for number, payload in enumerate(payloads):
        size = 28 + len(payload)
        address = IPv4Address("192.0.2.1").packed
        head = struct.pack("!BBHHHBBH", 0x45, 0, size, number & 0xFFFF, 0, 64, UDP, 0) + 2 * address
        frame = bytes(12) + IPV4.to_bytes(2) + head
        frame += struct.pack("!HHHH", 6000, 6000, 8 + len(payload), 0) + payload
        at = round(number * every * 1e6)
        out += struct.pack("<IIII", at // 1_000_000, at % 1_000_000, len(frame), len(frame)) + frame
    path.write_bytes(out)


def sip_texts(datagrams: Iterable[Datagram]) -> list[tuple[Datagram, str]]:
    """Those that are SIP messages, with their text."""
    return [(d, d.payload.decode("utf-8", "replace")) for d in datagrams if b"SIP/2.0" in d.payload[:400]]


def rtp_packets(datagrams: Iterable[Datagram], kinds: tuple[int, ...] = (0, 8)) -> list[tuple[Datagram, Rtp]]:
    """Those that are RTP of an audio type (0 PCMU, 8 PCMA), in order of arrival."""
    found = []
    for datagram in datagrams:
        octets = datagram.payload
        if len(octets) > 12 and octets[0] >> 6 == 2 and octets[1] & 0x7F in kinds:
            sequence, timestamp, ssrc = struct.unpack_from("!HII", octets, 2)
            begin = 12 + 4 * (octets[0] & 0x0F)
            found.append((datagram, Rtp(octets[1] & 0x7F, sequence, timestamp, ssrc, octets[begin:])))
    return found


def in_order(packets: Iterable[Rtp]) -> bytes:
    """The payloads of one stream by their sequence numbers, which begin anywhere and go round."""
    came = list(packets)
    first = came[0].sequence - 100 if came else 0
    came.sort(key=lambda rtp: (rtp.sequence - first) & 0xFFFF)
    return b"".join(rtp.payload for rtp in came)
