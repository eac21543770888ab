"""What the switch asks of a media engine, whichever it is: one process's, one machine's, or a farm's.

The verbs are those of rtpengine's ng protocol, but for offer and answer: descriptions are written by
``offer_answer``, and the engine is told what came of them (``docs/internals/media-engine.md`` has the table).
No method waits for a network, and none blocks for longer than a packet takes. What comes from the network is
never raised: it is counted, or told by an event.

Lives here: the contract. Never here: an engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from ringthru.net.address import Endpoint

from .description.offer_answer import MediaAddress, Negotiated
from .events import MediaEvent
from .rtp.frames import Frame
from .rtp.report import LegReport
from .sound.sounds import Sound

if TYPE_CHECKING:
    from .ng.node import NodeSnapshot


class Ports(Protocol):
    """Two ports that a leg will have: RTP on an even one, RTCP on the next."""

    @property
    def host(self) -> str: ...

    @property
    def rtp_port(self) -> int: ...

    @property
    def rtcp_port(self) -> int: ...


class Tap(Protocol):
    """Keeps what a leg hears, beside what becomes of it otherwise; when full, the newest is dropped."""

    @property
    def dropped(self) -> int:
        """Frames that nobody fetched in time."""
        ...

    def read(self) -> list[Frame]:
        """What came since the last time; to be called at least every few seconds."""
        ...

    def close(self) -> None:
        """Keep no more; what was kept can still be read. Harmless twice."""
        ...


class Feed(Protocol):
    """Frames that a leg says one after another, each when the one before is over."""

    def write(self, frame: bytes, samples: int) -> bool:
        """Add a payload of the agreed codec and its length in samples; False: it is full (nearly 7 s)."""
        ...

    def finish(self) -> None:
        """Nothing more will come: a ``Said`` tells when the last frame was sent."""
        ...


class Leg(Protocol):
    """One side of a call."""

    @property
    def name(self) -> str:
        """For the logs."""
        ...

    @property
    def local(self) -> Endpoint:
        """Where its RTP arrives, as this machine sees it."""
        ...

    # offer, answer, delete, query

    def connect(self, negotiated: Negotiated, *, speak_first: bool = True) -> None:
        """Send to and hear the peer of this agreement; a new one starts the learning of its address anew.

        Without ``speak_first`` nothing is sent before the peer was heard.
        """
        ...

    def report(self) -> LegReport:
        """The counters as they are, also after ``close``."""
        ...

    def close(self) -> LegReport:
        """Say BYE, close the sockets, free the ports; harmless twice."""
        ...

    # join, echo: where what the peer says goes to

    def bridge(self, other: Leg) -> None:
        """Let two legs of one engine hear each other; ends echo and earlier bridges of both.

        Raises:
            EngineFull: they speak different codecs, and no more calls can be transcoded; both are parted.
        """
        ...

    def unbridge(self) -> None:
        """Part from the other leg; both fall silent."""
        ...

    def echo(self, on: bool = True) -> None:
        """Return to the peer what it says; ends a bridge."""
        ...

    def delay_echo(self, delay: float) -> None:
        """Return to the peer what it says, ``delay`` seconds later (60 at most); ends a bridge."""
        ...

    def block(self, *, media: bool | None = None, keys: bool | None = None) -> None:
        """Keep the peer's audio, or its RTP events, from the other leg; None leaves that as it is."""
        ...

    # play, tone, stop, record

    def play(self, sound: Sound) -> None:
        """Say a sound or a tone; a ``Said`` event tells of its end. Before ``connect`` nobody hears it.

        Only for codecs that the engine makes (``Codes``); others are fed.
        """
        ...

    def feed(self) -> Feed:
        """Say frames that are written little by little; ``Hungry`` asks for more."""
        ...

    def hush(self) -> None:
        """Say no more by ourselves; no ``Said`` follows."""
        ...

    def tap(self) -> Tap:
        """Keep what the peer says from now on."""
        ...

    # DTMF

    def press(self, key: str, milliseconds: int) -> bool:
        """Send one key as an RTP event (RFC 4733); False when the peer did not agree to events."""
        ...

    # events

    def subscribe(self, callback: Callable[[MediaEvent], None]) -> Callable[[], None]:
        """Call ``callback`` with each event from now on, in the event loop; the result ends it."""
        ...


class Engine(Protocol):
    """Has the RTP ports and all legs; belongs to one running event loop."""

    @property
    def name(self) -> str:
        """``c``, ``python`` …; what the parameter ``media-engine`` calls it."""
        ...

    def legs(self) -> Sequence[Leg]:
        """Those that are open."""
        ...

    def reserved(self) -> int:
        """Pairs of ports held without a leg."""
        ...

    def reserve(self, host: str) -> Ports:
        """Two ports on an address of the engine's, open from now on.

        Raises:
            NoFreePorts: the range is used up, or the system refuses; the text says which.
        """
        ...

    def release(self, ports: Ports) -> None:
        """Let go of ports that no leg has; doing it twice is harmless."""
        ...

    def open(self, ports: Ports, *, name: str, rtp_timeout: float = ..., hold_timeout: float = ...) -> Leg:
        """A leg on reserved ports, which it owns from then on.

        ``rtp_timeout`` is how many seconds of silence make a ``Timeout`` event, ``hold_timeout`` of a
        call on hold.

        Raises:
            EngineFull: no room for another leg; whoever calls is answered 503.
            LocalError: the ports are not reserved here.
        """
        ...

    async def start(self) -> None:
        """Be ready for legs. ``open`` does it too, where it was not done before."""
        ...

    async def close(self) -> None:
        """Close all legs and let go of all ports."""
        ...


class Codes:
    """What an engine has beside, which makes codecs of one another, and sounds in them."""

    coders: frozenset[str]  # their names; an engine without this has those of G.711

    def admit(self) -> None:
        """See whether one more call can be transcoded.

        Raises:
            EngineFull: no; whoever calls is answered 503.
        """
        raise NotImplementedError


class PlacedPorts:
    """Ports on another machine, which says itself what peers shall be told.

    No protocol but a class: each leg asks whether it has such, and to find out whether something follows a
    protocol takes Python as long as to read a message.
    """

    __slots__ = ()

    outer: MediaAddress  # where peers send; it changes before a ``Moved``

    @property
    def host(self) -> str:
        raise NotImplementedError

    @property
    def rtp_port(self) -> int:
        raise NotImplementedError

    @property
    def rtcp_port(self) -> int:
        raise NotImplementedError


class Elsewhere:
    """What an engine has beside, whose legs may be on other machines."""

    async def place(self, host: str, call: str) -> PlacedPorts | None:
        """Ports on the machine that this call belongs to; None: none has room, use ``reserve``.

        ``host`` is the address of ours which that machine sends to. The one method that waits for a
        network: three quarters of a second at most for each machine that does not answer.
        """
        raise NotImplementedError

    def nodes(self) -> list[NodeSnapshot]:
        """The machines as the console shows them."""
        raise NotImplementedError
