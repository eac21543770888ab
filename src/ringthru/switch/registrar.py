"""The registrar: phones prove who they are, and say where they are reached.

Lives here: digest checks against the directory, bindings, and the address a binding is reached at.
Never here: sockets, the dialplan.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..net.acl import AccessList
from ..net.address import Endpoint, same_host
from ..net.levels import NOTICE
from ..net.values import replace
from ..sip import Authority, Binding, Bindings, IncomingRequest, MalformedMessage, Request, SipUri, Verdict
from ..sip.authentication import Credentials
from .configuration import Directory, User
from .dialstring import harmless
from .snapshots import RegistrationSnapshot, RegistrationState

if TYPE_CHECKING:
    from .profile import Profile

log = logging.getLogger(__name__)


class Registrar:
    """Bindings of every profile, and the digest check that calls use too."""

    def __init__(self, directory: Directory, authority: Authority, lists: Mapping[str, AccessList]) -> None:
        self.directory = directory
        self._authority = authority
        self.lists = lists
        self._bindings = Bindings()
        self._profiles: dict[str, str] = {}  # address-of-record → profile through which it registered

    # --- who is it? ---------------------------------------------------------------------------------

    def authenticate(self, profile: Profile, request: Request, source: Endpoint, now: float) -> User | str:
        """The directory user a request proves to be, or the challenge to send back.

        ``Authorization`` for REGISTER, ``Proxy-Authorization`` for everything else (RFC 3261 §22).
        """
        realm = self._realm(profile, request)
        credentials = _credentials_for(realm, request)
        if credentials is None:
            return self._authority.challenge(realm, now)
        who = f"({request.method}) on sofia profile '{profile.name}'"
        user = self.directory.find_user(self._domain(profile, request), credentials.username)
        verdict = self._authority.verify(
            credentials,
            request.method,
            lambda name, realm_, algorithm: user.ha1(realm_, algorithm) if user else None,
            request.body,
            now,
        )
        if verdict is Verdict.ACCEPTED and user is not None:
            return user
        if verdict is Verdict.UNKNOWN_USER:
            log.warning("Can't find user [%s@%s] from %s", credentials.username, realm, source.host)
        if verdict is not Verdict.STALE:
            log.warning(
                "SIP auth failure %s for [%s@%s] from ip %s", who, credentials.username, realm, source.host
            )
        return self._authority.challenge(realm, now, stale=verdict is Verdict.STALE)

    def _realm(self, profile: Profile, request: Request) -> str:
        setting = profile.settings.challenge_realm
        hosts = {"auto_from": request.from_.uri.host, "auto_to": request.to.uri.host}
        return hosts.get(setting, setting) or self._domain(profile, request) or profile.local.host

    def _domain(self, profile: Profile, request: Request) -> str:
        return profile.settings.force_register_domain or request.from_.uri.host

    # --- where is it? -------------------------------------------------------------------------------

    def register(self, profile: Profile, incoming: IncomingRequest, now: float) -> None:
        """Answer a REGISTER (RFC 3261 §10.3)."""
        request, source = incoming.request, incoming.flow.remote
        user = self.authenticate(profile, request, source, now)
        if isinstance(user, str):
            profile.respond(incoming, 401, headers=(("WWW-Authenticate", user),))
            return
        if user.id != (request.to.uri.user or ""):
            log.warning("%s may not register as %s (from ip %s)", user.id, request.to.uri.user, source.host)
            profile.respond(incoming, 403)
            return
        address_of_record = f"{user.id}@{self._domain(profile, request)}"
        outcome = self._bindings.process(
            address_of_record, request, source, now, transport=incoming.flow.transport
        )
        self._profiles[address_of_record] = profile.name
        headers = [*outcome.headers, *(("Contact", each) for each in outcome.contacts)]
        profile.respond(incoming, outcome.status, reason=outcome.reason, headers=headers)
        for binding in outcome.added:
            log.log(NOTICE, "Registered %s at %s from %s", address_of_record, binding.contact, source)
        for binding in outcome.removed:
            log.log(NOTICE, "Unregistered %s at %s", address_of_record, binding.contact)
        if not self._bindings.lookup(address_of_record, now):
            self._profiles.pop(address_of_record, None)

    def contacts(self, address_of_record: str, profile: str, now: float) -> list[str]:
        """Dial strings of a user's bindings, best first; ``profile`` may be ``*``.

        A phone that named an address it was not heard from gets ``fs_path``, where it *was* heard from; and
        so does every phone that keeps a connection to us, which is the way to it.
        """
        home = self._profiles.get(address_of_record)
        if home is None or profile not in ("*", home):
            return []
        return [
            f"sofia/{home}/{self._reachable_uri(binding)}"
            for binding in self._bindings.lookup(address_of_record, now)
        ]

    def _reachable_uri(self, binding: Binding) -> str:
        contact = _harmless(binding.contact)
        nat = ";fs_nat=yes" if behind_nat(binding) else ""
        if not nat and binding.transport == "UDP":
            return str(contact)
        over = "" if binding.transport == "UDP" else f";transport={binding.transport.lower()}"
        path = quote(f"sip:{contact.user or ''}@{binding.source}{over}", safe="")
        return f"{contact}{nat};fs_path={path}"

    # --- housekeeping -------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """Forget what ran out."""
        for binding in self._bindings.expire(now):
            log.log(NOTICE, "Registration of %s at %s expired", binding.aor, binding.contact)
            if not self._bindings.lookup(binding.aor, now):
                self._profiles.pop(binding.aor, None)

    def snapshot(self, now: float) -> tuple[RegistrationSnapshot, ...]:
        return tuple(
            self._row(binding, now)
            for address_of_record in sorted(self._profiles)
            for binding in self._bindings.lookup(address_of_record, now)
        )

    def _row(self, binding: Binding, now: float) -> RegistrationSnapshot:
        user, _, domain = binding.aor.partition("@")
        return RegistrationSnapshot(
            call_id=binding.call_id,
            user=binding.aor,
            contact=f'"{user}" <{self._reachable_uri(binding)}>',
            agent=binding.user_agent,
            state=RegistrationState(binding.transport + ("-NAT" if behind_nat(binding) else "")),
            expires_in=max(binding.expires_at - now, 0.0),
            source=binding.source,
            auth_user=user,
            auth_realm=domain,
            profile=self._profiles[binding.aor],
        )


def _credentials_for(realm: str, request: Request) -> Credentials | None:
    """The credentials a request brings for our realm, among those for others; unreadable ones are none."""
    header = "Authorization" if request.method == "REGISTER" else "Proxy-Authorization"
    found = []
    for raw in request.get_all(header):
        try:
            found.append(Credentials.parse(raw))
        except MalformedMessage:
            continue
    return next((each for each in found if each.realm == realm), found[0] if found else None)


def _harmless(contact: SipUri) -> SipUri:
    """A Contact fit for a dial string: it rings whom it names, and nobody besides."""
    parameters = tuple(
        (harmless(name), None if value is None else harmless(value)) for name, value in contact.parameters
    )
    return replace(
        contact,
        user=None if contact.user is None else harmless(contact.user),
        password=None if contact.password is None else harmless(contact.password),
        parameters=parameters,
        headers=harmless(contact.headers),
    )


def behind_nat(binding: Binding) -> bool:
    """Whether the phone was heard from elsewhere than its Contact says.

    A connection comes from a port that nobody listens at; there the address alone tells.
    """
    contact = binding.contact
    if not same_host(contact.host, binding.source.host):
        return True
    return binding.transport == "UDP" and binding.source.port != (contact.port or 5060)
