"""The calls of a media node: their two sides, from the first offer to the end.

==========  ============================================  ====================================
state       comes by                                      audio
==========  ============================================  ====================================
offered     an offer; both legs have their ports          none
up          an answer                                     passes, both ways
over        delete, silence on both sides, or an offer    none: the ports are free
            that nobody answered in five minutes
==========  ============================================  ====================================

A call has two sides. An answer under another tag than the last (a fork) takes the second side's place, and
so does an offer with another ``to-tag``.
Lives here: this book. Never here: bytes of ng, sockets, clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ...net.values import record
from ..description.ice_sdp import IceAnswers
from ..errors import LocalError
from ..events import MediaEvent, Said, Timeout
from ..interface import Engine
from ..rtp.telephone_event import KeyHeard
from ..sound.sounds import Sound
from .requests import Wishes
from .rewriting import rewrite
from .sides import Described, Interface, Side, agree, answered_place, chosen_codec, described, offered_place

UNANSWERED_FOR: Final = 300.0  # seconds; no phone rings longer
LOOK_EVERY: Final = 5.0  # seconds between looks at what is due
LONGEST_DELAY: Final = 60.0  # seconds that a delete may wait


class UnknownCall(LocalError):
    """There is no call of that name and tag; the text is rtpengine's."""


class TooManyCalls(LocalError):
    """``max-sessions`` calls are here already; the text is rtpengine's."""


@record
class NodeCall:
    """One call; ``sides[0]`` began it. Times are of the machine's clock."""

    call_id: str
    sides: tuple[Side, Side]
    created_at: float
    told_at: float
    up: bool = False
    ends_at: float | None = None

    def side(self, tag: str) -> Side:
        """The side of a tag; the first where none is named.

        Raises:
            UnknownCall: nobody has that tag.
        """
        for side in self.sides:
            if side.tag == tag:
                return side
        if not tag:
            return self.sides[0]
        raise UnknownCall("Unknown call-id")

    def other(self, side: Side) -> Side:
        return self.sides[side is self.sides[0]]


class Calls:
    """All calls of a node; whatever opens or connects legs is done by ``engine`` at once."""

    def __init__(
        self,
        engine: Engine,
        interfaces: Sequence[Interface],
        *,
        secret: Callable[[int], str],
        most: int,
        timeout: float,
        on_key: Callable[[NodeCall, Side, KeyHeard], None],
        on_begin: Callable[[NodeCall], None] = lambda call: None,
        on_end: Callable[[NodeCall], None] = lambda call: None,
    ) -> None:
        """``secret`` is for ICE (see ``IceAnswers``); ``timeout`` seconds of silence on both sides end
        a call, and ``most`` are taken at once.
        """
        self._engine = engine
        self._interfaces = {each.name: each for each in reversed(interfaces)}
        self._first = interfaces[0]
        self._secret = secret
        self._most = most
        self._timeout = timeout
        self._on_key = on_key
        self._on_begin, self._on_end = on_begin, on_end
        self._calls: dict[str, NodeCall] = {}
        self._look_at: float | None = None
        self.managed = self.timed_out = self.refused = 0  # since the start

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._calls

    def names(self, limit: int) -> list[str]:
        return list(self._calls)[: max(limit, 0)]

    def find(self, call_id: str) -> NodeCall:
        """Raises UnknownCall."""
        call = self._calls.get(call_id)
        if call is None:
            raise UnknownCall("Unknown call-id")
        return call

    def offer(
        self, call_id: str, from_tag: str, to_tag: str, sdp: bytes, wishes: Wishes, now: float
    ) -> bytes:
        """The description of the from side for the to side.

        Raises:
            TooManyCalls, EngineFull, NoFreePorts: there is no room.
            MalformedSdp, NoCommonCodec: it cannot be carried.
        """
        said = described(sdp)
        call = self._calls.get(call_id) or self._begin(call_id, from_tag, wishes, now)
        call.told_at, call.ends_at = now, None
        offerer = self._known(call, from_tag)
        to = call.other(offerer)
        if to_tag:
            to.tag = to_tag
        self._hear(offerer, said, wishes)
        place = offered_place(to, offerer, wishes)
        return rewrite(sdp, said.stream, place, origin="origin" in wishes.replace)

    def answer(
        self, call_id: str, from_tag: str, to_tag: str, sdp: bytes, wishes: Wishes, now: float
    ) -> bytes:
        """The description of the to side for the from side; audio passes from here on.

        Raises:
            UnknownCall: nobody offered.
            MalformedSdp, NoCommonCodec: it cannot be carried.
        """
        call = self.find(call_id)
        offerer = call.side(from_tag)
        if offerer.said is None:
            raise UnknownCall("Unknown call-id")
        said = described(sdp)
        answerer = call.other(offerer)
        answerer.tag = to_tag or answerer.tag
        call.told_at = now
        self._hear(answerer, said, wishes)
        place = answered_place(offerer, answerer, wishes)
        self._connect(call, offerer, answerer)
        return rewrite(sdp, said.stream, place, origin="origin" in wishes.replace)

    def delete(self, call_id: str, delay: float, now: float) -> NodeCall:
        """End a call, at once or ``delay`` seconds from now (60 at most); its legs can still be read.

        Raises:
            UnknownCall: there is none.
        """
        call = self.find(call_id)
        if delay > 0:
            call.ends_at = now + min(delay, LONGEST_DELAY)
            self._arm(call.ends_at)
        else:
            self._end(call)
        return call

    def block(self, call: NodeCall, sides: Sequence[Side], *, media: bool | None, keys: bool | None) -> None:
        """Keep what these sides say from the other, or do so no more; None leaves it as it is."""
        for side in sides:
            if media is not None:
                side.blocks_media = media
            side.leg.block(media=side.blocks_media or call.other(side).hears_file, keys=keys)

    def play(self, call: NodeCall, sides: Sequence[Side], sound: Sound) -> None:
        """Say a sound to these sides; what the other says is not heard there meanwhile."""
        for side in sides:
            side.hears_file = True
            self.block(call, [call.other(side)], media=None, keys=None)
            side.leg.play(sound)

    def stop_playing(self, call: NodeCall, side: Side) -> None:
        """Let the other side be heard again."""
        side.hears_file = False
        side.leg.hush()
        self.block(call, [call.other(side)], media=None, keys=None)

    def close(self) -> None:
        for call in list(self._calls.values()):
            self._end(call)

    # Time

    def next_timeout(self) -> float | None:
        return self._look_at if self._calls else None

    def handle_timeout(self, now: float) -> None:
        if self._look_at is None or now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        for call in list(self._calls.values()):
            unanswered = not call.up and now - call.told_at >= UNANSWERED_FOR
            silent = call.up and all(side.quiet for side in call.sides)
            self.timed_out += unanswered or silent
            if unanswered or silent or (call.ends_at is not None and now >= call.ends_at):
                self._end(call)

    def _arm(self, when: float) -> None:
        self._look_at = when if self._look_at is None else min(self._look_at, when)

    # Within

    def _begin(self, call_id: str, from_tag: str, wishes: Wishes, now: float) -> NodeCall:
        if len(self._calls) >= self._most:
            self.refused += 1
            raise TooManyCalls("Parallel session limit reached")
        first = self._open(call_id, from_tag, wishes.direction[0])
        try:
            second = self._open(call_id, "", wishes.direction[1])
        except LocalError:
            first.leg.close()
            raise
        call = NodeCall(call_id, (first, second), now, now)
        for side in call.sides:
            side.leg.subscribe(lambda event, side=side: self._on_event(call, side, event))  # type: ignore[misc]
        self._calls[call_id] = call
        self.managed += 1
        self._arm(now + LOOK_EVERY)
        self._on_begin(call)
        return call

    def _open(self, call_id: str, tag: str, direction: str) -> Side:
        interface = self._interfaces.get(direction, self._first)
        ports = self._engine.reserve(interface.host)
        try:
            leg = self._engine.open(ports, name=f"{call_id} {tag}", rtp_timeout=self._timeout)
        except LocalError:
            self._engine.release(ports)
            raise
        return Side(tag, interface, ports, leg, IceAnswers(self._secret))

    def _known(self, call: NodeCall, tag: str) -> Side:
        """The side that offers: by its tag, else the one without, else the second under a new tag."""
        for side in call.sides:
            if side.tag == tag:
                return side
        call.sides[1].tag = tag
        return call.sides[1]

    def _hear(self, side: Side, said: Described, wishes: Wishes) -> None:
        side.said = said
        seen = "sip-source-address" in wishes.flags
        side.remote = wishes.received_from if seen else ""

    def _connect(self, call: NodeCall, offerer: Side, answerer: Side) -> None:
        codec = chosen_codec(offerer, answerer)
        pairs = [(offerer, agree(offerer, answerer, codec)), (answerer, agree(answerer, offerer, codec))]
        for side, negotiated in pairs:
            side.quiet_at, side.codec = None, codec
            side.leg.connect(negotiated)
        if not call.up:
            call.up = True
            offerer.leg.bridge(answerer.leg)

    def _on_event(self, call: NodeCall, side: Side, event: MediaEvent) -> None:
        if isinstance(event, KeyHeard):
            self._on_key(call, side, event)
        elif isinstance(event, Timeout):
            side.quiet_at = side.leg.report().packets_received
        elif isinstance(event, Said):
            self.stop_playing(call, side)

    def _end(self, call: NodeCall) -> None:
        if self._calls.pop(call.call_id, None) is None:
            return
        for side in call.sides:
            side.leg.close()
        self._on_end(call)
