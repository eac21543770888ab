"""One binding of a registrar: which contact stands for which address-of-record (RFC 3261 §10.2, RFC 5626 §6).

Lives here: the value, what a registrar grants, what becomes of a REGISTER.
Never here: the rules by which bindings change (registration.py), or how a phone is reached through its NAT.
"""

from __future__ import annotations

from enum import Enum

from ...net.address import Endpoint
from ...net.values import frozen
from ..flow import Flow
from ..wire.grammar import write_parameters
from ..wire.uri import SipUri


@frozen
class Origin:
    """How a REGISTER came and who sent it: carried with its bindings, judged by the registrar's user."""

    flow: Flow
    profile: str = ""
    status: str = "UDP"  # the word in FreeSWITCH's ``Registered(…)``
    username: str = ""  # of the credentials
    realm: str = ""


@frozen
class Binding:
    """One contact of one address-of-record.

    ``expires_at`` and ``updated_at`` are instants of the caller's clock, in seconds; the phone was told
    ``margin`` seconds less. ``q`` is 0 to 1. ``instance`` and ``reg_id`` name one flow of one device
    (RFC 5626 §4.1); without them ``reg_id`` is 0. ``path`` are raw Path values, first hop first (RFC 3327).
    """

    aor: str
    contact: SipUri
    call_id: str
    cseq: int
    expires_at: float
    origin: Origin
    user_agent: str = ""
    q: float = 1.0
    updated_at: float = 0.0
    parameters: tuple[tuple[str, str | None], ...] = ()  # of the Contact header, as written
    path: tuple[str, ...] = ()
    instance: str = ""
    reg_id: int = 0
    margin: int = 0

    @property
    def source(self) -> Endpoint:
        """Where the REGISTER was seen to come from."""
        return self.origin.flow.remote

    def contact_header(self, now: float) -> str:
        """The Contact value that reports this binding, its remaining seconds in ``expires``."""
        left = max(0, round(self.expires_at - self.margin - now))
        kept = tuple(pair for pair in self.parameters if pair[0] != "expires")
        return f"<{self.contact}>{write_parameters(kept)};expires={left}"

    def is_same(self, other: Binding) -> bool:
        """Whether one takes the other's place: the same flow of a device, else the same URI (§19.1.4)."""
        if self.reg_id and other.reg_id:
            return (self.instance, self.reg_id) == (other.instance, other.reg_id)
        return self.contact == other.contact or self.contact.same_as(other.contact)


@frozen
class RegisterOutcome:
    """What to answer, and what changed. ``headers`` go into the response, Contact included."""

    status: int
    reason: str
    contacts: tuple[str, ...] = ()  # Contact values, all bindings of the address-of-record
    headers: tuple[tuple[str, str], ...] = ()  # further headers: Min-Expires, Path, Require
    added: tuple[Binding, ...] = ()
    refreshed: tuple[Binding, ...] = ()
    removed: tuple[Binding, ...] = ()
    gone: tuple[Binding, ...] = ()  # those removed, and those whose place a refreshed one took


class Keep(Enum):
    """Which older bindings of a user stay beside a new one: FreeSWITCH's ``multiple-registrations``."""

    EACH_CONTACT = "contact"
    EACH_CALL_ID = "true"  # a new contact under a known Call-ID takes the place of the old
    ONE = "false"


@frozen
class Terms:
    """What a registrar grants. All spans are seconds."""

    shortest: int = 60  # less is refused with 423, or lengthened to at_least
    default: int = 3600  # without any wish
    longest: int = 7200
    forced: int | None = None  # granted whatever was asked
    at_least: int = 0
    offset: int = 0  # added to what is granted, so that phones do not all come back at once
    margin: int = 0  # a binding lives on for so long after what its phone was told
    keep: Keep = Keep.EACH_CONTACT
    most: int | None = None  # contacts of one user; more are refused. None: the newest stay
