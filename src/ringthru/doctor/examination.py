"""What the checks look at: one frozen picture of the machine, the switch, and its neighbours.

Lives here: the values. Never here: gathering them (``examining_driver``, ``host_driver``), judging them.
"""

from __future__ import annotations

from ..net.values import frozen
from ..switch.calls.post_mortem import Mishap as Mishap
from ..switch.snapshots import SwitchSnapshot


@frozen
class NetworkCard:
    """One interface that has an address; ``kind`` is ordinary, bridge, veth or tunnel."""

    name: str
    addresses: tuple[str, ...]
    kind: str
    leads_out: bool  # a default route goes over it


@frozen
class WantedPort:
    """A port that must be ours, and who has it."""

    protocol: str  # udp or tcp
    host: str
    port: int
    purpose: str  # "profile internal", in words
    served: bool = True  # a running switch must have it
    holder: str | None = None  # ``name (pid N)``; None: the system does not say, or nobody has it
    taken: bool = False
    by_us: bool = False  # the running switch has it itself


@frozen
class HostFacts:
    """This machine, read from /proc; None where that cannot be read."""

    cards: tuple[NetworkCard, ...] = ()
    own_address: str = "127.0.0.1"  # what we listen on and show on the LAN
    gateway: str | None = None  # of the default route
    ports: tuple[WantedPort, ...] = ()
    rtp_range: tuple[int, int] = (16384, 32768)
    ephemeral: tuple[int, int] | None = None  # what the kernel hands to other programs
    reserved: tuple[tuple[int, int], ...] = ()  # of those, kept back (ip_local_reserved_ports)
    helpers: tuple[str, ...] | None = ()  # modules of the kernel that rewrite SIP


@frozen
class OpenPort:
    """One transport of a profile, inside and outside."""

    transport: str
    inside: int
    outside: int
    granted: bool  # the gateway lets it in

    @property
    def protocol(self) -> str:
        """What carries it."""
        return "udp" if self.transport == "UDP" else "tcp"


@frozen
class Shown:
    """What one example of a peer is shown by a profile, and why."""

    peer: str
    where: str  # on the LAN, on the Internet
    result: str
    reasons: tuple[str, ...]
    address: str  # of Via and Contact
    is_public: bool


@frozen
class ProfileFacts:
    """What the checks want of a profile beyond its snapshot."""

    name: str
    asks_mapping: bool
    mapped: bool
    kept_closed: bool  # by the guard, for weak passwords
    auth_calls: bool
    limits_callers: bool  # an access list lets in whom it names, and nobody else
    blind: bool  # registers or takes calls with any password
    context: str
    tls: bool
    leads_on: tuple[str, ...] = ()  # extensions of that context by which a stranger gets further than a sound
    ports: tuple[OpenPort, ...] = ()
    shown: tuple[Shown, ...] = ()
    address_source: str = ""  # where the external address comes from, in words
    external_address: str | None = None

    @property
    def open_ports(self) -> tuple[str, ...]:
        return tuple(f"{each.transport} {each.outside}" for each in self.ports if each.granted)


@frozen
class SecurityFacts:
    """Secrets and doors; no secret itself."""

    weak: tuple[tuple[str, str], ...] = ()  # user@domain, and what is wrong with the password
    shared: tuple[tuple[str, ...], ...] = ()  # users who have one password together
    users: int = 0
    event_socket: str | None = None  # where it listens, None: nowhere
    event_socket_local: bool = True
    event_socket_known: bool = False  # the password is FreeSWITCH's, which everybody knows


@frozen
class Examination:
    """Everything at one moment. ``switch`` None: none runs, and only the machine was looked at."""

    host: HostFacts = HostFacts()
    switch: SwitchSnapshot | None = None
    profiles: tuple[ProfileFacts, ...] = ()
    security: SecurityFacts = SecurityFacts()
    calls: tuple[Mishap, ...] = ()  # that went wrong lately, the latest last
    gateway_restarted: float | None = None  # seconds since it lost its state; None: not while we ran

    def profile(self, name: str) -> ProfileFacts | None:
        return next((each for each in self.profiles if each.name == name), None)
