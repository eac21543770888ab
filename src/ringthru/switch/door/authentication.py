"""The login desk: who proves to be which user of the directory.

Lives here: challenges, the check of credentials, the lines fail2ban reads, the screen before all of it.
Never here: what somebody may do afterwards, hashes, counts of failures (``protection``).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...net.address import Endpoint
from ...net.values import frozen
from ...sip import Authority, Credentials, Flow, MalformedMessage, Refusal, Request, Verdict
from ..configuration import Directory, User
from . import refusal_log
from .protection import Guard
from .stumblers import Stumblers

if TYPE_CHECKING:
    from ..profiles.profile import Profile

log = logging.getLogger(__name__)

CREDENTIALS = {"REGISTER": "Authorization"}  # for all else Proxy-Authorization (RFC 3261 §22)
# The words that fail2ban's filter for FreeSWITCH reads.
FAILURE = "SIP auth failure (%s) on sofia profile '%s' for [%s@%s] from ip %s"
CHALLENGE = "SIP auth challenge (%s) on sofia profile '%s' for [%s@%s] from ip %s"
UNKNOWN = "Can't find user [%s@%s] from %s"


@frozen
class Denied:
    """What to answer somebody who is not let in: a challenge, or 403 to one who guessed too often."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


class LoginDesk:
    """Challenges and checks, for registrations and calls of every profile."""

    def __init__(self, directory: Directory, guard: Guard) -> None:
        self.directory = directory
        self._guard = guard
        self._secret = secrets.token_bytes(32)
        self._stumblers = Stumblers()
        self._authorities: dict[str, Authority] = {}  # by profile
        # Hears of each refusal: profile, request, source, user name, and why.
        self.on_refusal: Callable[[Profile, Request, Endpoint, str, str], None] = lambda *_: None
        # Who may call without a password: trunks.
        self.lets_call: Callable[[Request, Flow], bool] = lambda request, flow: False

    def screen(self, profile: Profile, request: Request, flow: Flow, now: float) -> Refusal | None:
        """Judge a request before anything is remembered of it (``TransactionLayer``'s screen)."""
        if not self._guard.admits(flow.remote, request.get("User-Agent") or "", now):
            return Refusal()
        if request.method == "REGISTER" and not _wanted(profile, request):
            log.info("IP %s Rejected by user-agent-filter of %s", flow.remote.host, profile.name)
            return Refusal(403)
        if not self._must_prove(profile, request, flow) or request.get(_header(request)) is not None:
            return None
        denied = self._challenge(profile, request, flow.remote, now)
        return Refusal(denied.status, denied.headers)

    def authenticate(self, profile: Profile, request: Request, source: Endpoint, now: float) -> User | Denied:
        """The directory user a request proves to be, or what to answer instead."""
        realm = self._realm(profile, request)
        credentials = _credentials_for(realm, request)
        if credentials is None:
            return self._challenge(profile, request, source, now)
        domain = self._domain(profile, request)
        user = self.directory.find_user(domain, credentials.username)
        if profile.settings.registration.accept_blind_auth:
            return user or User.unknown(credentials.username, domain)
        verdict = self._authority(profile).verify(
            credentials,
            request.method,
            lambda name, realm_, algorithm: user.ha1(realm_, algorithm, name) if user else None,
            request.body,
            now,
        )
        if verdict is Verdict.ACCEPTED and user is not None:
            self._guard.succeeded(source.host)
            self._stumblers.answered(request.from_.uri.user or "", source.host)
            return user
        if verdict in (Verdict.STALE, Verdict.UNKNOWN_NONCE):
            return self._challenge(profile, request, source, now, stale=True)
        return self._refuse(profile, request, source, credentials, verdict, now)

    def forget(self, profile: str) -> None:
        """A profile's parameters are others now; who has a challenge of it gets a new one."""
        self._authorities.pop(profile, None)

    # --- saying no ----------------------------------------------------------------------------------

    def _refuse(
        self,
        profile: Profile,
        request: Request,
        source: Endpoint,
        credentials: Credentials,
        verdict: Verdict,
        now: float,
    ) -> Denied:
        """Log it in the words that fail2ban knows, count it, challenge again.

        Both only where the nonce was sent to that address: a forged datagram must get nobody banned.
        """
        who = (credentials.username, self._realm(profile, request))
        if not self._authority(profile).was_issued_to(credentials.nonce, source.host):
            log.info("%s of [%s@%s] from %s, on a nonce that went elsewhere", verdict.value, *who, source)
            return self._challenge(profile, request, source, now)
        if verdict is Verdict.UNKNOWN_USER:
            refusal_log.warn(log, UNKNOWN, *who, source.host)
        refusal_log.warn(log, FAILURE, request.method, profile.name, *who, source.host)
        self.on_refusal(profile, request, source, credentials.username, verdict.value)
        if self._guard.failed(source, "it guesses passwords", now):
            return Denied(403)
        return self._challenge(profile, request, source, now)

    def _challenge(
        self, profile: Profile, request: Request, source: Endpoint, now: float, *, stale: bool = False
    ) -> Denied:
        realm = self._realm(profile, request)
        settings = profile.settings.registration
        algorithms = settings.rfc8760_auth_algorithms
        if "MD5" in algorithms and len(algorithms) > 1 and self._needs_md5(profile, request, source):
            algorithms = ("MD5",)
        if settings.log_auth_failures and not stale:
            name = request.from_.uri.user or ""
            refusal_log.warn(log, CHALLENGE, request.method, profile.name, name, realm, source.host)
        authority = self._authority(profile)
        values = authority.challenges(realm, now, stale, algorithms, source.host)
        if request.method == "REGISTER":
            return Denied(401, tuple(("WWW-Authenticate", each) for each in values))
        return Denied(407, tuple(("Proxy-Authenticate", each) for each in values))

    def _needs_md5(self, profile: Profile, request: Request, source: Endpoint) -> bool:
        """Whether the stronger challenge could not be answered: by an ``a1-hash``, or by an old phone."""
        name = request.from_.uri.user or ""
        new = request.get(_header(request)) is None
        if new and self._stumblers.challenged(name, source.host, request.cseq.number):
            return True
        user = self.directory.find_user(self._domain(profile, request), name)
        return user is not None and not user.password

    # --- small questions ----------------------------------------------------------------------------

    def _must_prove(self, profile: Profile, request: Request, flow: Flow) -> bool:
        """Whether a request is of no use without credentials."""
        settings = profile.settings.registration
        if request.method == "REGISTER":
            open_ = settings.accept_blind_reg or bool(settings.apply_register_acl)
            return not open_ and not settings.disable_register
        if request.method not in ("INVITE", "MESSAGE", "SUBSCRIBE") or self.lets_call(request, flow):
            return False
        if request.method == "SUBSCRIBE":
            return profile.asks_subscribers(flow.remote)
        return profile.must_authenticate(flow.remote)

    def _authority(self, profile: Profile) -> Authority:
        authority = self._authorities.get(profile.name)
        if authority is None:
            settings = profile.settings.registration
            authority = self._authorities[profile.name] = Authority(
                self._secret, lifetime=settings.nonce_ttl, algorithms=settings.rfc8760_auth_algorithms
            )
        return authority

    def _realm(self, profile: Profile, request: Request) -> str:
        setting = profile.settings.challenge_realm
        if setting == "auto_from":
            setting = request.from_.uri.host
        elif setting == "auto_to":
            setting = request.to.uri.host
        return setting or self._domain(profile, request) or profile.local.host

    def _domain(self, profile: Profile, request: Request) -> str:
        return profile.settings.force_register_domain or request.from_.uri.host


def _wanted(profile: Profile, request: Request) -> bool:
    """Whether a phone is of a kind that may register (``user-agent-filter``)."""
    expression = profile.settings.registration.user_agent_filter
    return expression is None or expression.search(request.get("User-Agent") or "") is not None


def _header(request: Request) -> str:
    return CREDENTIALS.get(request.method, "Proxy-Authorization")


def _credentials_for(realm: str, request: Request) -> Credentials | None:
    """The credentials a request brings for our realm, among those for others; unreadable ones are none."""
    found = []
    for raw in request.get_all(_header(request)):
        try:
            found.append(Credentials.parse(raw))
        except MalformedMessage:
            continue
    return next((each for each in found if each.realm == realm), found[0] if found else None)
