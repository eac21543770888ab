"""What SRTP costs: rows of ``python -m bench media``, or ``python -m bench.media.srtp`` alone; no sockets.

A packet of 20 ms that is echoed: proven and protected again, by each suite, beside the same in plain RTP.
Processor time, the least of several turns that alternate; the packets are made ahead.
"""

from __future__ import annotations

import time

from ringthru.media import PCMU, Negotiated, RtpPacket
from ringthru.media.description.sdes import SUITES, SrtpKeys
from ringthru.media.engine import _native, native_values
from ringthru.media.leg.libsrtp import load, make_session, suites_here
from ringthru.media.leg.protecting import Sessions
from ringthru.net.address import Endpoint

from ..report import Row

PACKETS, TURNS = 20_000, 7
PLAIN = "plain RTP"
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

    def packets(self, count: int) -> list[bytes]:
        out = []
        for _ in range(count):
            self.sequence += 1
            plain = RtpPacket(0, self.sequence % 65536, 160 * self.sequence, 5, bytes(160)).encode()
            made = plain if self.peer is None else self.peer.protect(plain, rtcp=False)
            assert made is not None
            out.append(made)
        return out

    def turn(self, count: int) -> float:
        """Seconds of processor time a packet; each comes back, or something is broken."""
        packets, now, returned = self.packets(count), 1000.0 + self.sequence * 0.02, 0
        began = time.process_time()
        for packet in packets:
            now += 0.02
            self.leg.receive(False, packet, PEER, now)
            returned += len(self.leg.take_sent())
        took = (time.process_time() - began) / count
        assert returned >= count, f"{count} packets went in, {returned} came out"
        return took


def measure(packets: int = PACKETS, turns: int = TURNS) -> dict[str, float]:
    """Microseconds of an echoed packet, by suite, plain RTP first; the least of so many turns."""
    echoes = {name or PLAIN: Echo(name) for name in ("", *suites_here())}
    least = dict.fromkeys(echoes, 1.0)
    for _ in range(turns):
        for name, echo in echoes.items():
            least[name] = min(least[name], echo.turn(packets))
    return {name: seconds * 1e6 for name, seconds in least.items()}


def rows(packets: int = PACKETS, turns: int = TURNS) -> list[Row]:
    """What each suite adds to a packet that is proven, echoed and protected."""
    found = measure(packets, turns)
    plain = found.pop(PLAIN)
    return [
        Row("P10", f"engine in C, echo without sockets, {name}: beyond plain RTP", cost - plain, "µs/packet")
        for name, cost in found.items()
    ]


def main() -> None:
    found = measure()
    print(f"{'an echoed packet of 20 ms':28} {'µs':>6} {'beyond plain':>13}")
    for name, cost in found.items():
        print(f"{name:28} {cost:6.2f} {cost - found[PLAIN]:13.2f}")


if __name__ == "__main__":
    main()
