"""A registrar's bindings as a pure machine (RFC 3261 §10.3).

Lives here: which contact stands for which address-of-record, since when, until when.
Never here: passwords, sockets, storage, or how a phone is reached through its NAT.
"""

from __future__ import annotations

from typing import Final

from ringthru.net.address import Endpoint

from ..net.values import frozen
from .errors import MalformedMessage
from .headers import NameAddr
from .message import Request, read_expires
from .uri import SipUri

MAX_CONTACTS: Final = 10  # per address-of-record
MAX_CONTACT: Final = 1024  # characters of one Contact
MAX_USER_AGENT: Final = 256  # characters kept
UNREADABLE_EXPIRES: Final = 3600  # seconds (§10.3 step 6)


@frozen
class Binding:
    """One contact of one address-of-record.

    ``expires_at`` and ``updated_at`` are instants of the caller's clock, in seconds; ``q`` is 0 to 1;
    ``source`` is where the REGISTER was seen to come from.
    """

    aor: str
    contact: SipUri
    call_id: str
    cseq: int
    expires_at: float
    source: Endpoint
    user_agent: str = ""
    q: float = 1.0
    updated_at: float = 0.0
    parameters: tuple[tuple[str, str | None], ...] = ()  # of the Contact header, as written
    transport: str = "UDP"  # by which the REGISTER came

    def contact_header(self, now: float) -> str:
        """The Contact value that reports this binding, its remaining seconds in ``expires``."""
        left = max(0, round(self.expires_at - now))
        kept = tuple(pair for pair in self.parameters if pair[0] != "expires")
        return str(NameAddr("", self.contact, (*kept, ("expires", str(left)))))


@frozen
class RegisterOutcome:
    """What to answer, and what changed. ``headers`` go into the response, Contact included."""

    status: int
    reason: str
    contacts: tuple[str, ...] = ()  # Contact values, all bindings of the address-of-record
    headers: tuple[tuple[str, str], ...] = ()  # further headers: Min-Expires
    added: tuple[Binding, ...] = ()
    refreshed: tuple[Binding, ...] = ()
    removed: tuple[Binding, ...] = ()


@frozen
class Limits:
    """How long a binding may live, in seconds."""

    shortest: int
    default: int
    longest: int


class _Refused(Exception):
    """A REGISTER that changes nothing."""

    def __init__(self, outcome: RegisterOutcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Bindings:
    """One registrar's bindings.

    At most ``max_contacts`` per address-of-record and ``max_aors`` of these; who may register what is
    the caller's to decide before process().
    """

    def __init__(self, *, max_contacts: int = MAX_CONTACTS, max_aors: int = 100_000) -> None:
        self._max_contacts = max_contacts
        self._max_aors = max_aors
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        self._timeout: float | None = None  # no binding runs out before; refreshes leave it too early

    def process(
        self,
        aor: str,
        request: Request,
        source: Endpoint,
        now: float,
        min_expires: int = 60,
        default_expires: int = 3600,
        max_expires: int = 7200,
        transport: str = "UDP",
    ) -> RegisterOutcome:
        """Apply one authorised REGISTER, wholly or not at all (§10.3 steps 6 to 8).

        ``aor`` is the canonical address-of-record the caller derived from To. Expiry bounds are
        seconds. Bindings of this address that have run out are dropped silently: call expire() first
        to hear of them.
        """
        before = self.lookup(aor, now)
        limits = Limits(min_expires, default_expires, max_expires)
        try:
            if request.contact_is_star:
                after = self._remove_all(request, before)
            else:
                after = self._merge(aor, request, source, transport, now, limits, before)
                after = self._make_room(aor, after)
        except _Refused as refused:
            return refused.outcome
        except MalformedMessage as error:
            return RegisterOutcome(400, str(error))
        self._keep(aor, after)
        return self._report(before, after, now)

    def lookup(self, aor: str, now: float) -> list[Binding]:
        """The living bindings, highest q first, then the newest."""
        living = [each for each in self._bindings.get(aor, ()) if each.expires_at > now]
        return sorted(living, key=lambda each: (-each.q, -each.updated_at))

    def aors(self) -> list[str]:
        """Every address-of-record that has a binding."""
        return list(self._bindings)

    def remove(self, aor: str, contact: SipUri) -> Binding | None:
        """Take one binding away, as an operator or a dead flow does; None when there is none."""
        found = _find(self._bindings.get(aor, ()), contact)
        if found is not None:
            self._keep(aor, [each for each in self._bindings[aor] if each is not found])
        return found

    def expire(self, now: float) -> list[Binding]:
        """Drop and return what has run out; call it when next_timeout() has come."""
        gone: list[Binding] = []
        for aor, bindings in list(self._bindings.items()):
            if dead := [each for each in bindings if each.expires_at <= now]:
                gone += dead
                self._keep(aor, [each for each in bindings if each.expires_at > now])
        left = (each.expires_at for group in self._bindings.values() for each in group)
        self._timeout = min(left, default=None)
        return gone

    def next_timeout(self) -> float | None:
        """When to call expire(), never too late, sometimes for nothing; None without bindings."""
        return self._timeout if self._bindings else None

    def _keep(self, aor: str, bindings: list[Binding]) -> None:
        if not bindings:
            self._bindings.pop(aor, None)
            return
        self._bindings[aor] = tuple(bindings)
        soonest = min(each.expires_at for each in bindings)
        if self._timeout is None or soonest < self._timeout:
            self._timeout = soonest

    def _make_room(self, aor: str, after: list[Binding]) -> list[Binding]:
        """Keep the newest: a phone that restarts with a new contact each time must not lock itself out."""
        if after and aor not in self._bindings and len(self._bindings) >= self._max_aors:
            raise _Refused(RegisterOutcome(503, "Registrar Full"))
        return sorted(after, key=lambda each: each.updated_at)[-self._max_contacts :]

    @staticmethod
    def _remove_all(request: Request, before: list[Binding]) -> list[Binding]:
        """``Contact: *`` (step 6): only with Expires 0, and only what is not newer than this request."""
        if request.expires != 0:
            raise _Refused(RegisterOutcome(400, "Contact * Needs Expires 0"))
        if any(_is_out_of_order(each, request) for each in before):
            raise _Refused(RegisterOutcome(500, "CSeq Out Of Order"))
        return []

    def _merge(
        self,
        aor: str,
        request: Request,
        source: Endpoint,
        transport: str,
        now: float,
        limits: Limits,
        before: list[Binding],
    ) -> list[Binding]:
        """Each contact in turn over a copy (step 7); nothing is kept before all have passed."""
        after = list(before)
        if len(request.contacts) > self._max_contacts:
            raise _Refused(RegisterOutcome(403, "Too Many Contacts"))
        for contact in request.contacts:
            if len(str(contact)) > MAX_CONTACT:
                raise _Refused(RegisterOutcome(400, "Contact Too Long"))
            lifetime = _lifetime(contact, request, limits)
            old = _find(after, contact.uri)
            if old is not None:
                if any(old is each for each in before) and _is_out_of_order(old, request):
                    raise _Refused(RegisterOutcome(500, "CSeq Out Of Order"))
                after.remove(old)
            if lifetime:
                after.append(_bind(aor, contact, request, source, transport, now, lifetime))
        return after

    @staticmethod
    def _report(before: list[Binding], after: list[Binding], now: float) -> RegisterOutcome:
        changed = [each for each in after if not any(each is old for old in before)]
        return RegisterOutcome(
            200,
            "OK",
            tuple(each.contact_header(now) for each in after),
            added=tuple(each for each in changed if _find(before, each.contact) is None),
            refreshed=tuple(each for each in changed if _find(before, each.contact) is not None),
            removed=tuple(each for each in before if _find(after, each.contact) is None),
        )


def _bind(
    aor: str,
    contact: NameAddr,
    request: Request,
    source: Endpoint,
    transport: str,
    now: float,
    lifetime: int,
) -> Binding:
    return Binding(
        aor,
        contact.uri,
        request.call_id,
        request.cseq.number,
        now + lifetime,
        source,
        (request.get("User-Agent") or "")[:MAX_USER_AGENT],
        _read_q(contact),
        now,
        contact.parameters,
        transport,
    )


def _find(bindings: list[Binding] | tuple[Binding, ...], contact: SipUri) -> Binding | None:
    """By the rules of §19.1.4, not by text."""
    return next((each for each in bindings if each.contact.same_as(contact)), None)


def _is_out_of_order(binding: Binding, request: Request) -> bool:
    """Step 7: within one Call-ID the CSeq must grow."""
    return binding.call_id == request.call_id and request.cseq.number <= binding.cseq


def _lifetime(contact: NameAddr, request: Request, limits: Limits) -> int:
    """Seconds granted (step 7): the parameter, else the header, else the default; 0 removes."""
    asked = contact.parameter("expires")
    if asked is None:
        header = request.get("Expires")
        asked_seconds = limits.default if header is None else request.expires
    else:
        asked_seconds = read_expires(asked)
    if asked_seconds is None:
        asked_seconds = UNREADABLE_EXPIRES
    if 0 < asked_seconds < limits.shortest:
        headers = (("Min-Expires", str(limits.shortest)),)
        raise _Refused(RegisterOutcome(423, "Interval Too Brief", headers=headers))
    return min(asked_seconds, limits.longest)


def _read_q(contact: NameAddr) -> float:
    """``q`` of the contact, 0 to 1; 1 when it has none or it is no number (§20.10)."""
    text = contact.parameter("q")
    if not text or len(text) > 5 or not text.isascii() or not text.replace(".", "", 1).isdigit():
        return 1.0
    return min(float(text), 1.0)
