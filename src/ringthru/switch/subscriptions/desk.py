"""The desk where phones subscribe to events, whatever they are about (RFC 6665 §4.2).

=====================  ==============================================================================
SUBSCRIBE              who asks proves it as for a call, or has registered from there; the package
                       says whether he may; the time he gets is bounded
NOTIFY                 at once, at each change, and at the end: one at a time for each subscription,
                       so that none overtakes; what changes meanwhile is told when it is answered
481, or no answer      ends it (``sip``), as do the time that ran out and a profile that stopped
=====================  ==============================================================================

Lives here: who is let in, how many, when somebody is told. Never here: what there is to tell (packages), the
dialog of a subscription (``sip``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Final

from ...sip import IncomingRequest, Request, Subscription
from ..door.authentication import Denied
from ..registrations.registrar import Registrar
from .watching import Package, Watch

if TYPE_CHECKING:
    from ..configuration import User
    from ..profiles.profile import Profile

log = logging.getLogger(__name__)

MOST: Final = 10_000  # subscriptions of the switch
MOST_OF_A_USER: Final = 500  # of all his phones: two desks with a hundred lamps, and more; the oldest goes
PARTING: Final = "probation;retry-after=10"  # what a stop says: come again in seconds (RFC 6665 §4.1.3)
GONE: Final = "rejected"  # … and what somebody is told whose user is gone
Group = dict[Subscription, None]  # a set in order: the oldest first


class Desk:
    """One switch's."""

    def __init__(self, registrar: Registrar) -> None:
        self._registrar = registrar
        self._watches: dict[Subscription, Watch] = {}
        self._by_subject: dict[tuple[str, Hashable], Group] = {}
        self._by_user: dict[str, Group] = {}

    @property
    def watches(self) -> Iterable[Watch]:
        """All of them, the oldest first."""
        return self._watches.values()

    def watched(self, package: str, subject: Hashable) -> list[Watch]:
        """Those of one subject."""
        return [self._watches[each] for each in self._by_subject.get((package, subject), ())]

    # --- SUBSCRIBE ----------------------------------------------------------------------------------

    def subscribe(self, profile: Profile, incoming: IncomingRequest, package: Package) -> None:
        """Answer a SUBSCRIBE, and tell what there is."""
        found = self._who(profile, incoming)
        if isinstance(found, Denied):
            profile.respond(incoming, found.status, headers=found.headers)
            return
        subscription = profile.agent.subscribed(incoming, profile.contact_user)
        watch = self._watches.get(subscription) or self._new(profile, incoming, package, subscription, *found)
        if watch is None:
            return
        if str(watch.user) != str(found[0]) or watch.package.name != package.name:
            profile.respond(incoming, 403)  # a dialog of somebody else, or about something else
            return
        expires = _granted(incoming.request, package)
        if expires is None:
            profile.respond(incoming, 423, headers=(("Min-Expires", str(package.shortest)),))
        elif subscription not in self._watches and not self._make_room(watch):
            profile.respond(incoming, 503, headers=(("Retry-After", "60"),))
        elif profile.act(lambda now: subscription.accept(incoming, expires, now)):
            self._keep(watch)
            watch.due = True
            self._tell(watch)

    def _new(
        self,
        profile: Profile,
        incoming: IncomingRequest,
        package: Package,
        subscription: Subscription,
        user: User,
        proven: bool,
    ) -> Watch | None:
        """A watch that begins; None: it may not, and he got his answer."""
        request = incoming.request
        subject = package.find(profile, request, user)
        if isinstance(subject, int):
            log.info("%s may not subscribe to %s of %s", user, package.name, request.to.uri)
            profile.respond(incoming, subject)
            return None
        entity = f"{request.to.uri.scheme}:{request.to.uri.user or ''}@{_bracketed(request.to.uri.host)}"
        return Watch(subscription, profile, package, subject, entity, user, proven)

    def _who(self, profile: Profile, incoming: IncomingRequest) -> tuple[User, bool] | Denied:
        """The user that asks, and whether he proved it: by his password, or, where none is asked for, by
        having registered from just there.
        """
        request, source, now = incoming.request, incoming.flow.remote, profile.now()
        if profile.asks_subscribers(source):
            user = self._registrar.authenticate(profile, request, source, now)
            blind = profile.settings.registration.accept_blind_auth
            return user if isinstance(user, Denied) else (user, not blind)
        domain = profile.settings.force_register_domain or request.from_.uri.host
        found = self._registrar.directory.find_user(domain, request.from_.uri.user or "")
        if found is None:
            return Denied(403)
        bindings = self._registrar.bindings(f"{found.id}@{found.domain}", "*", now)
        return (found, False) if any(each.source == source for each in bindings) else Denied(403)

    # --- how many -----------------------------------------------------------------------------------

    def _make_room(self, watch: Watch) -> bool:
        """Let the oldest go where one subject, or one user, has too many; False: the switch has."""
        subject = (watch.package.name, watch.subject)
        for group, most in (
            (self._by_subject.get(subject, {}), watch.package.most_watches),
            (self._by_user.get(watch.watcher, {}), MOST_OF_A_USER),
        ):
            for each in list(group)[: max(len(group) + 1 - most, 0)]:
                each.end()
                self._forget(each)
        return len(self._watches) < MOST

    def _keep(self, watch: Watch) -> None:
        subject = (watch.package.name, watch.subject)
        if subject not in self._by_subject:
            self._by_subject[subject] = {}
            watch.package.began(watch.subject)
        if watch.subscription not in self._watches:
            place = watch.subscription.flow.remote
            log.debug("%s at %s subscribes to %s of %s", watch.user, place, watch.package.name, watch.entity)
        self._watches[watch.subscription] = watch
        self._by_subject[subject][watch.subscription] = None
        self._by_user.setdefault(watch.watcher, {})[watch.subscription] = None

    def _forget(self, subscription: Subscription) -> None:
        watch = self._watches.pop(subscription, None)
        if watch is None:
            return
        subject = (watch.package.name, watch.subject)
        self._by_subject[subject].pop(subscription, None)
        self._by_user[watch.watcher].pop(subscription, None)
        if not self._by_user[watch.watcher]:
            del self._by_user[watch.watcher]
        if not self._by_subject[subject]:
            del self._by_subject[subject]
            watch.package.over(watch.subject)

    # --- NOTIFY -------------------------------------------------------------------------------------

    def changed(self, package: str, subject: Hashable) -> None:
        """Something is other than it was: tell who watches it, where it is other for them."""
        for watch in self.watched(package, subject):
            self._tell(watch)

    def repeat(self, which: Callable[[Watch], bool]) -> None:
        """Tell some how things are, though they were told before."""
        for watch in list(self._watches.values()):
            if which(watch):
                watch.due = True
                self._tell(watch)

    def answered(self, subscription: Subscription) -> None:
        """A NOTIFY was answered, or nobody will: what changed meanwhile may be told now."""
        if subscription.ended:
            self._forget(subscription)
        elif (watch := self._watches.get(subscription)) is not None:
            self._tell(watch)

    def _tell(self, watch: Watch, over: str = "") -> None:
        """Send a NOTIFY where there is news, unless one is under way; in any case where it is ``over``."""
        subscription, package, profile = watch.subscription, watch.package, watch.profile
        if not profile.running:
            subscription.end()
        elif (over or not subscription.waits) and (state := package.state(watch)) is not None:
            if state == watch.told and not watch.due and not over:
                return
            watch.version += 1
            body = package.write(watch, state)
            watch.told, watch.due = state, False
            profile.act(lambda now: subscription.notify(body, package.kind, now, over))
        if subscription.ended:
            self._forget(subscription)

    def expire(self, now: float) -> None:
        """Tell those whose time is over, and forget them."""
        for watch in list(self._watches.values()):
            subscription = watch.subscription
            if subscription.ended or not watch.profile.running:
                subscription.end()
                self._forget(subscription)
            elif subscription.expires_at <= now and not subscription.waits:
                watch.due = True
                self._tell(watch)
                if not subscription.ended:  # nobody knows what to tell him
                    subscription.end()
                    self._forget(subscription)

    def review(self) -> None:
        """Who is in the directory no more watches no more, and is told nothing but that."""
        directory = self._registrar.directory
        for watch in list(self._watches.values()):
            if watch.proven and directory.find_user(watch.user.domain, watch.user.id) is None:
                self._dismiss(watch)

    def _dismiss(self, watch: Watch) -> None:
        subscription = watch.subscription
        if watch.profile.running:
            watch.profile.act(lambda now: subscription.notify(b"", "", now, GONE))
        subscription.end()
        self._forget(subscription)

    def close(self, profile: Profile | None = None) -> None:
        """The switch, or one profile, stops: say so, else phones would come again when their time is over."""
        for watch in list(self._watches.values()):
            if profile in (None, watch.profile):
                self._tell(watch, PARTING)


def _granted(request: Request, package: Package) -> int | None:
    """Seconds that are granted; None: what is asked for is too short."""
    expires = package.usual if request.expires is None else min(request.expires, package.most)
    return None if 0 < expires < package.shortest else expires


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
