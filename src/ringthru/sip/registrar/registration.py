"""A registrar's bindings as a pure machine (RFC 3261 §10.3; RFC 3327 §5.3; RFC 5626 §6).

Lives here: how a REGISTER changes them, wholly or not at all, and when they run out.
Never here: passwords, sockets, storage, or how a phone is reached through its NAT.
"""

from __future__ import annotations

from typing import Final

from ...net.values import frozen
from ..errors import MalformedMessage
from ..wire.headers import NameAddr, read_expires
from ..wire.message import Request
from .binding import Binding, Keep, Origin, RegisterOutcome, Terms

MAX_CONTACTS: Final = 10  # per address-of-record
MAX_CONTACT: Final = 1024  # characters of one Contact
MAX_USER_AGENT: Final = 256  # characters kept
MAX_PATH: Final = 1024  # characters of all Path values of one REGISTER
MAX_INSTANCE: Final = 256  # characters
UNREADABLE_EXPIRES: Final = 3600  # seconds (§10.3 step 6)
USUAL: Final = Terms()


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
        self, aor: str, request: Request, origin: Origin, now: float, terms: Terms | None = None
    ) -> RegisterOutcome:
        """Apply one authorised REGISTER, wholly or not at all (§10.3 steps 6 to 8).

        ``aor`` is the canonical address-of-record the caller derived from To. Bindings of this address
        that have run out are dropped silently: call expire() first to hear of them.
        """
        before = self.lookup(aor, now)
        terms = terms or USUAL
        try:
            if request.contact_is_star:
                after = self._remove_all(request, before)
            else:
                new = _Incoming(aor, request, origin, now, terms)
                after = self._make_room(aor, self._merge(new, before), terms)
        except _Refused as refused:
            return refused.outcome
        except MalformedMessage as error:
            return RegisterOutcome(400, str(error))
        self._keep(aor, after)
        return _report(before, after, request, now)

    def restore(self, binding: Binding) -> None:
        """Put back a binding that was kept elsewhere, unless the phone has registered again since."""
        here = self._bindings.get(binding.aor, ())
        if len(self._bindings) < self._max_aors and not any(each.is_same(binding) for each in here):
            self._keep(binding.aor, [*here, binding][: self._max_contacts])

    def lookup(self, aor: str, now: float) -> list[Binding]:
        """The living bindings, highest q first, then the newest."""
        living = [each for each in self._bindings.get(aor, ()) if each.expires_at > now]
        if len(living) > 1:
            living.sort(key=lambda each: (-each.q, -each.updated_at))
        return living

    def aors(self) -> list[str]:
        """Every address-of-record that has a binding."""
        return list(self._bindings)

    def drop(self, binding: Binding) -> None:
        """Take one binding away, as an operator or a dead flow does."""
        here = self._bindings.get(binding.aor, ())
        self._keep(binding.aor, [each for each in here if not each.is_same(binding)])

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

    def _make_room(self, aor: str, after: list[Binding], terms: Terms) -> list[Binding]:
        """Keep the newest: a phone that restarts with a new contact each time must not lock itself out."""
        if after and aor not in self._bindings and len(self._bindings) >= self._max_aors:
            raise _Refused(RegisterOutcome(503, "Registrar Full"))
        if terms.most is not None and len(after) > terms.most:
            raise _Refused(RegisterOutcome(403, "Too Many Contacts"))
        if len(after) > 1:
            after.sort(key=lambda each: each.updated_at)
        return after[-self._max_contacts :]

    @staticmethod
    def _remove_all(request: Request, before: list[Binding]) -> list[Binding]:
        """``Contact: *`` (step 6): only with Expires 0, and only what is not newer than this request."""
        if request.expires != 0:
            raise _Refused(RegisterOutcome(400, "Contact * Needs Expires 0"))
        if any(_is_out_of_order(each, request) for each in before):
            raise _Refused(RegisterOutcome(500, "CSeq Out Of Order"))
        return []

    def _merge(self, new: _Incoming, before: list[Binding]) -> list[Binding]:
        """Each contact in turn over a copy (step 7); nothing is kept before all have passed."""
        after, request, contacts = list(before), new.request, new.request.contacts
        if len(contacts) > self._max_contacts:
            raise _Refused(RegisterOutcome(403, "Too Many Contacts"))
        for contact in contacts:
            lifetime = new.lifetime(contact)
            binding = new.binding(contact, lifetime)
            old = next((each for each in after if each.is_same(binding)), None)
            if old is not None:
                if _is_out_of_order(old, request) and any(old is each for each in before):
                    raise _Refused(RegisterOutcome(500, "CSeq Out Of Order"))
                after.remove(old)
            if lifetime:
                after = [each for each in after if not new.displaces(each)]
                after.append(binding)
        return after


@frozen
class _Incoming:
    """One REGISTER while it is applied."""

    aor: str
    request: Request
    origin: Origin
    now: float
    terms: Terms

    def binding(self, contact: NameAddr, lifetime: int) -> Binding:
        """What a Contact stands for."""
        request = self.request
        one = len(request.contacts) == 1
        if len(request.get("Contact") or "" if one else str(contact)) > MAX_CONTACT:
            raise _Refused(RegisterOutcome(400, "Contact Too Long"))
        instance, reg_id = _flow_of_device(contact, request) if contact.parameters else ("", 0)
        return Binding(
            self.aor,
            contact.uri,
            request.call_id,
            request.cseq.number,
            self.now + lifetime + self.terms.margin,
            self.origin,
            (request.get("User-Agent") or "")[:MAX_USER_AGENT],
            read_q(contact),
            self.now,
            contact.parameters,
            _read_path(request),
            instance,
            reg_id,
            self.terms.margin,
        )

    def lifetime(self, contact: NameAddr) -> int:
        """Seconds granted (step 7): the parameter, else the header, else the default; 0 removes."""
        terms, asked = self.terms, contact.parameter("expires")
        if asked is not None:
            wanted = read_expires(asked)
        else:
            wanted = terms.default if self.request.get("Expires") is None else self.request.expires
        if wanted is None:
            wanted = UNREADABLE_EXPIRES
        if not wanted:
            return 0
        if terms.forced is not None:
            return max(terms.forced + terms.offset, 1)
        wanted = max(wanted, terms.at_least)
        if wanted < terms.shortest:
            headers = (("Min-Expires", str(terms.shortest)),)
            raise _Refused(RegisterOutcome(423, "Interval Too Brief", headers=headers))
        return max(min(wanted, terms.longest) + terms.offset, 1)

    def displaces(self, older: Binding) -> bool:
        """Whether an older binding goes when this request's contact comes (``multiple-registrations``)."""
        if older.call_id == self.request.call_id and older.cseq == self.request.cseq.number:
            return False  # another contact of the same request
        match self.terms.keep:
            case Keep.ONE:
                return True
            case Keep.EACH_CALL_ID:
                return older.call_id == self.request.call_id
        return False


def _report(before: list[Binding], after: list[Binding], request: Request, now: float) -> RegisterOutcome:
    changed, gone = _not_among(before, after), _not_among(after, before)
    refreshed = [each for each in changed if _holds(gone, each)]
    return RegisterOutcome(
        200,
        "OK",
        tuple([each.contact_header(now) for each in after]),
        _extensions(request, changed),
        added=tuple([each for each in changed if each not in refreshed]),
        refreshed=tuple(refreshed),
        removed=tuple([each for each in gone if not _holds(changed, each)]),
        gone=tuple(gone),
    )


def _extensions(request: Request, changed: list[Binding]) -> tuple[tuple[str, str], ...]:
    """Path is told again (RFC 3327 §5.3), and that a flow was understood as one (RFC 5626 §6)."""
    path = _read_path(request)
    rows = [("Path", each) for each in path] if path and request.contacts else []
    if any(each.reg_id for each in changed):
        rows.append(("Require", "outbound"))
    return tuple(rows)


def _not_among(others: list[Binding], bindings: list[Binding]) -> list[Binding]:
    known = set(map(id, others))
    return [each for each in bindings if id(each) not in known]


def _holds(bindings: list[Binding], binding: Binding) -> bool:
    return any(each.is_same(binding) for each in bindings)


def _is_out_of_order(binding: Binding, request: Request) -> bool:
    """Step 7: within one Call-ID the CSeq must grow."""
    return binding.call_id == request.call_id and request.cseq.number <= binding.cseq


def _flow_of_device(contact: NameAddr, request: Request) -> tuple[str, int]:
    """``+sip.instance`` and ``reg-id`` where they name a flow (RFC 5626 §6); a reg_id of 0: they do not.

    The phone must understand outbound, and so must the first hop between, if there is one.
    """
    instance = (contact.parameter("+sip.instance") or "")[:MAX_INSTANCE]
    text = contact.parameter("reg-id") or ""
    if not instance or not text.isascii() or not text.isdigit() or len(text) > 9:
        return instance, 0
    if "outbound" not in (each.lower() for each in request.get_all("Supported")):
        return instance, 0
    if len(request.vias) > 1 and not _understands_outbound(_read_path(request)):
        return instance, 0
    if len(request.contacts) > 1:
        raise _Refused(RegisterOutcome(400, "One Contact With reg-id"))
    return instance, int(text)


def _understands_outbound(path: tuple[str, ...]) -> bool:
    return bool(path) and NameAddr.parse(path[-1]).uri.parameter("ob") is not None


def _read_path(request: Request) -> tuple[str, ...]:
    """The Path values as they came (RFC 3327 §5.3).

    Raises:
        MalformedMessage: one that is no address, or too many of them.
    """
    if request.get("Path") is None:
        return ()
    path = tuple(request.get_all("Path"))
    if sum(map(len, path)) > MAX_PATH:
        raise MalformedMessage("Path too long")
    for each in path:
        NameAddr.parse(each)
    return path


def read_q(contact: NameAddr) -> float:
    """``q`` of the contact, 0 to 1; 1 when it has none or it is no number (§20.10)."""
    text = contact.parameter("q")
    if not text or len(text) > 5 or not text.isascii() or not text.replace(".", "", 1).isdigit():
        return 1.0
    return min(float(text), 1.0)
