"""One leg at a media node, and the leg of our own engine behind it.

Lives here: where its audio goes at any moment, and in which order a node is told. Never here: nodes' health.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ringthru.net.address import Endpoint

from ...net.values import replace
from ..description.offer_answer import Negotiated
from ..errors import MediaError
from ..events import FirstPacket, MediaEvent, Moved, Timeout
from ..interface import Feed, Leg, Tap
from ..ng.driver import NoNode
from ..ng.statistics import Counters, counters_of
from ..rtp.report import LegReport
from ..sound.sounds import Sound
from .distant import DistantPorts, TapAtHome, agreed, alike, seen_from_home

if TYPE_CHECKING:
    from .rtpengine_driver import RtpengineEngine

log = logging.getLogger(__name__)

UNKNOWN: Final = "Unknown call-id"  # what a node says that was started anew


class FarmLeg:
    """See ``Leg``. ``distant`` is None for a leg that goes through no node."""

    def __init__(
        self,
        engine: RtpengineEngine,
        behind: Leg,
        distant: DistantPorts | None,
        timeouts: tuple[float, float],
    ) -> None:
        """``timeouts``: seconds of silence that are too many while the peer is on hold, and else."""
        self.behind = behind
        self.distant = distant
        self._engine = engine
        self._timeouts = timeouts
        self._agreed: Negotiated | None = None
        self._speak_first = True
        self._partner: FarmLeg | None = None
        self._blocks = [False, False]  # media, keys
        self._needed = False  # here, since it was bridged: something was said or pressed
        self._taps = 0  # that are open: what it hears must come by way of us
        self._telling = False  # the node is being told
        self._changed = False  # and must be told once more
        self._told_away: FarmLeg | None = None  # whose node ours sends to, as the node knows it
        self._lost = False
        self._closed = False
        self._counters: Counters | None = None
        self._heard_at = 0.0  # while away: when the counters last grew
        self._subscribers: list[Callable[[MediaEvent], None]] = []
        behind.subscribe(self._on_event)

    @property
    def name(self) -> str:
        return self.behind.name

    @property
    def local(self) -> Endpoint:
        ports = self.distant
        return Endpoint(ports.host, ports.rtp_port) if ports is not None else self.behind.local

    @property
    def away(self) -> bool:
        """Whether its audio goes from node to node, and not through here."""
        return self._told_away is not None

    # --- offer, answer, delete, query -----------------------------------------------------------------

    def connect(self, negotiated: Negotiated, *, speak_first: bool = True) -> None:
        self._agreed, self._speak_first = negotiated, speak_first
        self._meet()
        self._change()
        if self._partner is not None:
            self._partner._change()

    def _meet(self) -> None:
        """Have our own leg send to the node, or to the peer where there is none."""
        if self._agreed is not None:
            here = seen_from_home(self._agreed, self.distant.inner) if self.distant else self._agreed
            self.behind.connect(here, speak_first=self._speak_first)

    def report(self) -> LegReport:
        report, counters = self.behind.report(), self._counters
        if self.distant is not None and self._agreed is not None:
            report = replace(report, remote=self._agreed.remote_rtp)
        if counters is None:
            return report
        return replace(
            report,
            packets_received=max(report.packets_received, counters.packets_received),
            octets_received=max(report.octets_received, counters.octets_received),
            packets_sent=max(report.packets_sent, counters.packets_sent),
            octets_sent=max(report.octets_sent, counters.octets_sent),
        )

    def close(self) -> LegReport:
        if not self._closed:
            self.unbridge()
            self._closed = True
            if self.distant is not None:
                self._engine.let_go(self.distant)
        self.behind.close()
        return self.report()

    # --- where the peer's audio goes --------------------------------------------------------------------

    def bridge(self, other: Leg) -> None:
        if not isinstance(other, FarmLeg) or other is self or self._closed or other._closed:
            return
        for leg in (self, other):
            leg.unbridge()
        self._partner, other._partner = other, self
        self.behind.bridge(other.behind)
        for leg in (self, other):
            leg._needed = False
            leg._change()

    def unbridge(self) -> None:
        partner, self._partner = self._partner, None
        self.behind.unbridge()
        if partner is not None:
            partner._partner = None
            partner._change()
        self._change()

    def echo(self, on: bool = True) -> None:
        self.unbridge()
        self.behind.echo(on)

    def delay_echo(self, delay: float) -> None:
        self.unbridge()
        self.behind.delay_echo(delay)

    def block(self, *, media: bool | None = None, keys: bool | None = None) -> None:
        self._blocks = [
            was if now is None else now for was, now in zip(self._blocks, (media, keys), strict=True)
        ]
        self.behind.block(media=media, keys=keys)
        self._change_both()

    def play(self, sound: Sound) -> None:
        self._come_home()
        self.behind.play(sound)

    def feed(self) -> Feed:
        self._come_home()
        return self.behind.feed()

    def hush(self) -> None:
        self.behind.hush()

    def tap(self) -> Tap:
        tap = TapAtHome(self.behind.tap(), self._untap)
        self._taps += 1
        self._change_both()
        return tap

    def _untap(self) -> None:
        self._taps -= 1
        self._change_both()

    def press(self, key: str, milliseconds: int) -> bool:
        self._come_home()
        return self.behind.press(key, milliseconds)

    def _come_home(self) -> None:
        """Our own engine is needed: until the next bridge the audio passes here."""
        self._needed = True
        self._change_both()

    def _change_both(self) -> None:
        self._change()
        if self._partner is not None:
            self._partner._change()

    # --- events -------------------------------------------------------------------------------------------

    def subscribe(self, callback: Callable[[MediaEvent], None]) -> Callable[[], None]:
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def tell(self, event: MediaEvent) -> None:
        """Tell whoever subscribed; a listener that fails harms nobody."""
        for callback in list(self._subscribers):
            try:
                callback(event)
            except Exception:
                log.exception("%s: a listener failed on %s", self.name, event)

    def _on_event(self, event: MediaEvent) -> None:
        if isinstance(event, Timeout) and self.away:
            return  # nothing comes here, and that is right
        self.tell(event)

    # --- the node -----------------------------------------------------------------------------------------

    def lose_node(self) -> None:
        """Its node is gone: find another one."""
        self._lost = True
        self._change()

    def _inside(self) -> FarmLeg | None:
        """The leg whose node ours may send to; None: to our own engine."""
        other = self._partner
        if other is None or self.distant is None or other.distant is None or self._lost or other._lost:
            return None
        if self._agreed is None or other._agreed is None or not alike(self._agreed, other._agreed):
            return None
        if self._needed or other._needed or self._taps or other._taps or any(self._blocks + other._blocks):
            return None
        if self._agreed.telephone_event is not None and not self._engine.hears_keys:
            return None  # whoever waits for keys here would wait in vain
        return other

    def _change(self) -> None:
        """Something is otherwise now: tell the node, after what it is being told already."""
        self._changed = True
        if self.distant is not None and not self._telling and not self._closed:
            self._telling = True
            self._engine.spawn(self._tell_node(self.distant))

    async def _tell_node(self, ports: DistantPorts) -> None:
        try:
            while self._changed and not self._closed:
                self._changed = False
                if self._lost:
                    await self._move(ports)
                await self._agree(ports)
        except (NoNode, MediaError) as error:
            log.warning("%s: its media node does not do as told: %s", self.name, error)
        finally:
            self._telling = False

    async def _agree(self, ports: DistantPorts) -> None:
        if self._agreed is None:
            return
        other = self._inside()
        inside = other.distant.inner if other is not None and other.distant is not None else ports.at_home
        for command in agreed(ports.dialogue, self._agreed, inside):
            await self._engine.order(ports, command)
        self._told_away = other
        self._heard_at = time.monotonic()

    async def _move(self, ports: DistantPorts) -> None:
        """Take other ports; the peer needs an offer that names them."""
        self._told_away = None
        was = ports.node
        await self._engine.move(ports)
        self._lost = False
        if self._closed:
            self._engine.let_go(ports)
            return
        log.info("%s: its audio moved from media node %s to %s", self.name, was, ports.node)
        self._meet()
        self._change_both()
        self.tell(Moved())

    async def query(self) -> None:
        """Ask the node for the counters; silence that lasts is told."""
        ports = self.distant
        if ports is None:
            return
        try:
            answer = await self._engine.order(ports, ports.dialogue.query())
        except (NoNode, MediaError) as error:
            log.info("%s: no counters: %s", self.name, error)
            if UNKNOWN in str(error) and self.away:
                self.lose_node()  # it was started anew, and knows nothing of us
            return
        self._count(counters_of(answer), time.monotonic())

    def _count(self, counters: Counters, now: float) -> None:
        was, self._counters = self._counters, counters
        if was is None and counters.packets_received and self._agreed is not None:
            self.tell(FirstPacket(self._agreed.remote_rtp))
        if was is None or was.packets_received < counters.packets_received:
            self._heard_at = now
        elif self.away and now - self._heard_at >= self._silence_limit:
            self._heard_at = now
            self.tell(Timeout(self._silence_limit))

    @property
    def _silence_limit(self) -> float:
        return self._timeouts[self._agreed is not None and self._agreed.both_ways]
