"""Who may register as whom, on which terms, and how the phone is taken to be reached.

Lives here: one REGISTER judged, and its answer's headers.
Never here: digest checks (``authentication``), bindings, NAT rules (``nat``).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ...net.acl import AccessList, matches
from ...net.address import Endpoint
from ...net.values import frozen
from ...sip import IncomingRequest, Keep, Origin, RegisterOutcome, Terms
from ..configuration import RegistrationSettings, User
from ..door.authentication import Denied, LoginDesk
from .nat import status_of

if TYPE_CHECKING:
    from ..profiles.profile import Profile

log = logging.getLogger(__name__)

SHORTEST, USUAL = 60, 3600  # seconds: refused below, and granted without any wish
TLSHACK, TLSHACK_EXPIRES = "TLSHACK", 30  # FreeSWITCH's way with TLS phones that cannot be reached otherwise
KEEP: Final = {"contact": Keep.EACH_CONTACT, "true": Keep.EACH_CALL_ID, "call-id": Keep.EACH_CALL_ID}
SUPPORTED: Final = ("Supported", "path, outbound")
NO: Final = ("false", "no", "off", "0")


@frozen
class Admitted:
    """A REGISTER that may change bindings: whose, on which terms, and how it came."""

    aor: str
    settings: RegistrationSettings
    origin: Origin

    def terms(self) -> Terms:
        """What the settings grant."""
        settings = self.settings
        deviation, longest = settings.sip_expires_max_deviation, settings.sip_force_expires_max
        return Terms(
            shortest=min(SHORTEST, longest),
            default=min(USUAL, longest),
            longest=longest,
            forced=TLSHACK_EXPIRES if self.origin.status == TLSHACK else settings.sip_force_expires,
            at_least=min(settings.sip_force_expires_min, longest),
            offset=random.randint(-deviation, deviation) if deviation else 0,
            margin=settings.sip_expires_late_margin,
            keep=KEEP.get(settings.multiple_registrations, Keep.ONE),
            most=settings.max_registrations_per_extension or None,
        )

    def headers(self, outcome: RegisterOutcome) -> Sequence[tuple[str, str]]:
        """What goes into the answer."""
        contacts: Iterable[str] = outcome.contacts
        if self.settings.ndlb_received_in_nat_reg_contact and self.origin.status.endswith("-NAT"):
            contacts = (f'{each};received="{self.origin.flow.remote}"' for each in contacts)
        return [*outcome.headers, *(("Contact", each) for each in contacts), SUPPORTED]


class Admission:
    """Judges REGISTERs."""

    def __init__(self, desk: LoginDesk, lists: Mapping[str, AccessList]) -> None:
        self._desk = desk
        self._lists = lists

    def admit(self, profile: Profile, incoming: IncomingRequest, now: float) -> Admitted | Denied:
        """Who may register as whom; or the refusal."""
        request, settings = incoming.request, profile.settings.registration
        if settings.disable_register:
            return Denied(403)
        source = incoming.flow.remote
        for acl in settings.apply_register_acl:
            if not matches(self._lists, acl, *source):
                log.warning('IP %s Rejected by register acl "%s"', source.host, acl)
                return Denied(403)
        blind = settings.accept_blind_reg or bool(settings.apply_register_acl)
        wanted = request.to.uri.user or ""
        domain = settings.force_register_db_domain or profile.settings.force_register_domain
        domain = domain or (request.to.uri if blind else request.from_.uri).host
        if blind:
            claimed = self._desk.directory.find_user(domain, wanted)
            return self._admitted(profile, incoming, claimed, f"{wanted}@{domain}")
        user = self._desk.authenticate(profile, request, incoming.flow.remote, now)
        if isinstance(user, Denied):
            return user
        if not self._may_register(user, wanted, settings, incoming.flow.remote):
            return Denied(403)
        other = None if user.id == wanted else self._desk.directory.find_user(domain, wanted)
        return self._admitted(profile, incoming, user, f"{other.id if other else user.id}@{domain}")

    def _may_register(
        self, user: User, wanted: str, settings: RegistrationSettings, source: Endpoint
    ) -> bool:
        """The user's ``auth-acl`` and ``sip-allow-register``, and that it is himself."""
        acl = user.params.get("auth-acl", "")
        if acl and not any(matches(self._lists, each.strip(), *source) for each in acl.split(",")):
            log.warning("IP %s Rejected by user acl [%s] of %s", source.host, acl, user)
            return False
        if user.params.get("sip-allow-register", "true").strip().lower() in NO:
            log.warning("%s may not register: sip-allow-register is false (from ip %s)", user, source.host)
            return False
        if user.id != wanted and settings.inbound_reg_force_matching_username:
            log.warning("%s may not register as %s (from ip %s)", user.id, wanted, source.host)
            return False
        return True

    def _admitted(self, profile: Profile, incoming: IncomingRequest, user: User | None, aor: str) -> Admitted:
        settings = profile.settings.registration
        status, reason = status_of(incoming.request, incoming.flow, profile.nat_rules(), user)
        if reason:
            log.debug("Setting NAT mode based on %s", reason)
        name, _, realm = aor.partition("@")
        if user is not None:
            name, realm = user.id, user.domain
            settings = settings.for_user(user.params, user.variables)
        return Admitted(aor, settings, Origin(incoming.flow, profile.name, status, name, realm))
