"""What SRTP costs: ``python -m bench.media.srtp``, the engine in C without its sockets.

A packet of 20 ms that is echoed: proven and protected again, by each suite, beside the same in plain RTP.
Processor time, the least of several turns that alternate; the packets are made ahead.
"""

from __future__ import annotations

import time

from ringthru.media import PCMU, Negotiated, RtpPacket
from ringthru.media.description.sdes import SUITES, SrtpKeys
from ringthru.media.engine import _native, native_values
from ringthru.media.leg.libsrtp import load, make_session
from ringthru.media.leg.protecting import Sessions
from ringthru.net.address import Endpoint

PACKETS, TURNS = 20_000, 7
PEER = Endpoint("192.0.2.5", 4000)


class Echo:
    """One leg, and what its peer sends."""

    def __init__(self, suite: str) -> None:
        """``suite``: empty, for plain RTP."""
        self.leg = _native.Leg(None, 1, -1, -1, 1, 1, 1, "us", 1, 4e9, 300.0, 1800.0)
        self.sessions = Sessions(make_session)
        size = SUITES[suite].size if suite else 0
        keys = SrtpKeys(suite, bytes([1]) * size, bytes([2]) * size) if suite else None
        self.peer = make_session(suite, keys.theirs, False) if keys is not None else None
        agreed = Negotiated(b"", PCMU, PEER, PEER, 101, "sendrecv", 20, 0, 101, mux=True, srtp=keys)
        self.leg.set_now(1000.0)
        if keys is not None:
            self.sessions.agree(keys)
            self.leg.secure(*native_values.secured_for_c(self.sessions, load().addresses))
        self.leg.connect(*native_values.agreed_for_c(agreed, 1), True)
        self.leg.echo(True)
        self.sequence = 0

    def packets(self) -> list[bytes]:
        out = []
        for _ in range(PACKETS):
            self.sequence += 1
            plain = RtpPacket(0, self.sequence % 65536, 160 * self.sequence, 5, bytes(160)).encode()
            made = plain if self.peer is None else self.peer.protect(plain, rtcp=False)
            assert made is not None
            out.append(made)
        return out

    def turn(self) -> float:
        """Seconds of processor time a packet."""
        packets, now = self.packets(), 1000.0 + self.sequence * 0.02
        began = time.process_time()
        for packet in packets:
            now += 0.02
            self.leg.receive(False, packet, PEER, now)
            self.leg.take_sent()
        return (time.process_time() - began) / PACKETS


def main() -> None:
    echoes = {name or "plain RTP": Echo(name) for name in ("", *load().suites)}
    least = dict.fromkeys(echoes, 1.0)
    for _ in range(TURNS):
        for name, echo in echoes.items():
            least[name] = min(least[name], echo.turn())
    plain = least["plain RTP"]
    print(f"{'an echoed packet of 20 ms':28} {'µs':>6} {'beyond plain':>13}")
    for name, seconds in least.items():
        print(f"{name:28} {seconds * 1e6:6.2f} {(seconds - plain) * 1e6:13.2f}")


if __name__ == "__main__":
    main()
