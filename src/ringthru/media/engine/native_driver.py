"""The media engine in C, as the switch sees it: sockets are made here, and packets moved in its thread.

Lives here: what crosses the border, in both directions. Never here: a rule about media.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from binascii import b2a_base64
from collections.abc import Sequence
from struct import Struct
from typing import Final

from ringthru.net.address import Endpoint

from ..description.offer_answer import Negotiated
from ..description.sdes import SrtpKeys
from ..errors import EngineFull
from ..interface import Leg, Ports
from ..leg.libsrtp import load, make_session
from ..leg.protecting import Session, Sessions
from ..leg.stream import HOLD_TIMEOUT, RTP_TIMEOUT
from ..rtp.ice import IceResponder
from ..rtp.report import LegReport
from ..rtp.statistics import NTP_UNIX_OFFSET
from ..rtp.telephone_event import KEYS
from ..sound.sounds import Sound
from . import _native
from .native_sound import NativeFeed, NativeTap
from .native_sources import is_stale
from .native_values import CHECK, agreed_for_c, event_of, report_of, secured_for_c
from .pair_driver import PortPair, send_all
from .ports_driver import HasPorts
from .telling import Listened

if is_stale(getattr(_native, "SOURCES", "")):  # now, and not at some call with "takes N arguments"
    raise ImportError("it was built from other sources than lie here; rebuild it: pip install -e .")

log = logging.getLogger(__name__)

CAPACITY: Final = 3000  # legs; what one core bears, 50 packets a second each
MOST_BUSY: Final = 0.9  # of that core: beyond it packets are late, and then lost
RANDOM: Final = Struct("!IIHQ12s")  # what a stream begins with
KNOWN_CODECS: Final = {"PCMU": 1, "PCMA": 2}  # what C calls them; others get the numbers after
MOST_CODECS: Final = 100  # names that are kept
LAST_NUMBER: Final = 255  # an octet in C


class NativeEngine(HasPorts):
    """The engine whose thread is C; see ``Engine``."""

    name = "c"

    def __init__(self, first_port: int = 16384, last_port: int = 32768, capacity: int = CAPACITY) -> None:
        """``capacity`` is how many legs there may be at once."""
        self._capacity = capacity
        super().__init__(first_port, last_port)
        self._legs: dict[int, NativeLeg] = {}
        self._serial = 0
        self._native: _native.Loop | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._codecs = dict(KNOWN_CODECS)

    def legs(self) -> Sequence[NativeLeg]:
        return tuple(self._legs.values())

    def open(
        self, ports: Ports, *, name: str, rtp_timeout: float = RTP_TIMEOUT, hold_timeout: float = HOLD_TIMEOUT
    ) -> NativeLeg:
        """A leg on a reserved pair, which it owns from then on.

        Raises:
            EngineFull: there are ``capacity`` legs already, or its thread has no time for another.
            LocalError: the pair is not reserved here.
        """
        thread = self._thread()
        if len(self._legs) >= self._capacity:
            raise EngineFull(f"the media engine has {len(self._legs)} legs and takes no more")
        if (busy := thread.busy()) > MOST_BUSY:
            raise EngineFull(f"the media engine uses {busy:.0%} of its core and takes no more legs")
        pair = self._ports.hand_over(ports)
        self._serial += 1
        leg = NativeLeg(self, thread, pair, name, self._serial, rtp_timeout, hold_timeout)
        self._legs[self._serial] = leg
        return leg

    async def start(self) -> None:
        """Be ready for legs."""
        self._thread()

    async def close(self) -> None:
        """Close all legs and pairs, and end the thread."""
        for leg in list(self._legs.values()):
            leg.close()
        self._ports.close()
        if self._native is not None and self._loop is not None:
            self._loop.remove_reader(self._native.told())
            self._native.close()
        self._native = self._loop = None

    # For the legs

    def codec_number(self, name: str) -> int:
        """What C calls a codec: a number for each name. Of those that peers made up the unused ones go."""
        if name not in self._codecs:
            if len(self._codecs) >= MOST_CODECS:
                used = {leg.agreed.codec.name for leg in self._legs.values() if leg.agreed is not None}
                self._codecs = {
                    each: number
                    for each, number in self._codecs.items()
                    if each in used or each in KNOWN_CODECS
                }
            taken = set(self._codecs.values())
            free = (each for each in range(1, LAST_NUMBER) if each not in taken)
            self._codecs[name] = next(free, LAST_NUMBER)
        return self._codecs[name]

    def codec_name(self, number: int) -> str:
        return next((name for name, known in self._codecs.items() if known == number), "")

    def forget(self, number: int, pair: PortPair) -> None:
        self._legs.pop(number, None)
        self._ports.give_back(pair)

    def _thread(self) -> _native.Loop:
        if self._native is None:
            self._native = _native.Loop()
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._native.told(), self._on_told)
        return self._native

    def _on_told(self) -> None:
        if self._native is None:
            return
        for number, told in self._native.drain():
            leg = self._legs.get(number)
            if leg is None:
                continue
            if told[0] == CHECK:
                leg.check(rtcp=told[2], source=Endpoint(*told[-1]))
            else:
                leg.tell(event_of(told), leg.agreed)


class NativeLeg(Listened):
    """One side of a call in the engine's thread; see ``Leg``."""

    def __init__(
        self,
        engine: NativeEngine,
        thread: _native.Loop,
        pair: PortPair,
        name: str,
        number: int,
        rtp_timeout: float,
        hold_timeout: float,
    ) -> None:
        super().__init__(name)
        self.local = Endpoint(pair.host, pair.rtp_port)
        self._engine = engine
        self._pair = pair
        self._number = number
        self.agreed: Negotiated | None = None
        self._responder: IceResponder | None = None
        self._sessions: Sessions | None = None  # of SRTP, from the first agreement on it on
        self._blocked = [False, False]
        self._closed = False
        ssrc, timestamp, sequence, seed, cname = RANDOM.unpack(os.urandom(RANDOM.size))
        rtp, rtcp = pair.sockets
        self.native = _native.Leg(
            thread,
            number,
            rtp.fileno(),
            rtcp.fileno(),
            ssrc=ssrc,
            sequence=sequence & 0x7FFF,  # the lower half, so that it cannot wrap at once
            timestamp=timestamp,
            cname=b2a_base64(cname, newline=False).decode(),  # 96 random bits (RFC 7022 §4.2)
            seed=seed,
            ntp_offset=time.time() - time.monotonic() + NTP_UNIX_OFFSET,
            rtp_timeout=rtp_timeout,
            hold_timeout=hold_timeout,
        )

    def connect(self, negotiated: Negotiated, *, speak_first: bool = True) -> None:
        if not self._closed:
            if self._responder is None or self._responder.ice != negotiated.ice:
                self._responder = IceResponder(negotiated.ice) if negotiated.ice else None
            self.agreed = negotiated
            self._secure(negotiated.srtp)
            codec = self._engine.codec_number(negotiated.codec.name)
            self.native.connect(*agreed_for_c(negotiated, codec), speak_first)

    def _secure(self, keys: SrtpKeys | None) -> None:
        """Hand C the sessions in force; those that no longer are, are closed when C has let go of them."""
        if keys is None and self._sessions is None:
            return
        self._sessions = self._sessions or Sessions(make_session)
        unused: list[Session] = self._sessions.agree(keys)
        self.native.secure(*secured_for_c(self._sessions, load().addresses))
        for each in unused:
            each.close()

    def check(self, *, rtcp: bool, source: Endpoint) -> None:
        """Answer a connectivity check of the peer's: C has no HMAC, and checks are rare."""
        datagram = self.native.take_check()
        if self._responder is None or self._closed:
            return
        reply = self._responder.receive(datagram, source, time.monotonic(), rtcp=rtcp)
        if reply is not None:
            send_all(self._pair.sockets[rtcp], [reply.datagram], source)
            if reply.nominated:
                self.native.nominate(rtcp, *source)

    def press(self, key: str, milliseconds: int) -> bool:
        event = KEYS.find(key.upper()) if len(key) == 1 else -1
        return event >= 0 and not self._closed and self.native.press(event, milliseconds)

    def echo(self, on: bool = True) -> None:
        if not self._closed:
            self.native.echo(on)

    def delay_echo(self, delay: float) -> None:
        if not self._closed:
            self.native.delay_echo(delay)

    def bridge(self, other: Leg) -> None:
        if isinstance(other, NativeLeg) and other is not self and not (self._closed or other._closed):
            self.native.bridge(other.native)

    def unbridge(self) -> None:
        if not self._closed:
            self.native.unbridge()

    def block(self, *, media: bool | None = None, keys: bool | None = None) -> None:
        for place, wish in enumerate((media, keys)):
            self._blocked[place] = self._blocked[place] if wish is None else wish
        if not self._closed:
            self.native.block(*self._blocked)

    def play(self, sound: Sound) -> None:
        if self.agreed is not None and not self._closed:
            self.native.play(sound.ulaw, sound.times, sound.start)

    def feed(self) -> NativeFeed:
        if self.agreed is not None and not self._closed:
            self.native.feed()
        return NativeFeed(self)

    def hush(self) -> None:
        if not self._closed:
            self.native.hush()

    def tap(self) -> NativeTap:
        return NativeTap(self, self._engine)

    def report(self) -> LegReport:
        return report_of(self.native.report())

    def close(self) -> LegReport:
        if not self._closed:
            self._closed = True
            self.native.close()
            if self._sessions is not None:
                for each in self._sessions.agree(None):
                    each.close()
            self.agreed = None  # with its keys
            self._engine.forget(self._number, self._pair)
        return self.report()
