"""Message lamps: phones are told how many messages wait (RFC 3842), by NOTIFY.

=======================  ==========================================================================
a phone subscribes       SUBSCRIBE is answered, and each change told in that dialog
a phone is registered    it is told without having asked, at each change and when it registers:
                         ``send-message-query-on-register`` of its profile
=======================  ==========================================================================

A user's phones show his own box, or the one that ``MWI-Account`` of the directory names. What
they are told as Message-Account is our address as each of them reaches us (``reachability``).

Lives here: who is told, and who may ask. Never here: counts, the dialog of a subscription (``sip``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ...sip import Binding, IncomingRequest, Subscription
from ..door.authentication import Denied
from ..registrations.nat import next_flow, request_uri
from .values import Box, Counts

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..configuration import User
    from ..profiles.profile import Profile

log = logging.getLogger(__name__)

PACKAGE: Final = "message-summary"
KIND: Final = "application/simple-message-summary"
USUAL: Final = 3600  # seconds of a subscription, and the most
SHORTEST: Final = 60
MOST: Final = 10_000  # subscriptions of the switch
MOST_OF_A_BOX: Final = 20  # the oldest goes
MOST_PHONES: Final = 20  # of one box, that are told without having asked
MOST_UNDER_WAY: Final = 500  # NOTIFYs that wait for an answer


def summary(counts: Counts, account: str) -> bytes:
    """The body of a NOTIFY (RFC 3842 §5.2)."""
    waiting = "yes" if counts.new else "no"
    lines = (f"Messages-Waiting: {waiting}", f"Message-Account: {account}", f"Voice-Message: {counts.voice}")
    return "".join(f"{each}\r\n" for each in lines).encode()


class Lamps:
    """One switch's."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._subscriptions: dict[Subscription, tuple[Profile, Box]] = {}  # oldest first
        self._under_way = 0

    # --- SUBSCRIBE ----------------------------------------------------------------------------------

    def subscribe(self, profile: Profile, incoming: IncomingRequest) -> None:
        """Answer a SUBSCRIBE, and tell what there is."""
        box = self._allowed(profile, incoming)
        if box is None:
            return
        wish = incoming.request.expires
        expires = USUAL if wish is None else min(wish, USUAL)
        if 0 < expires < SHORTEST:
            profile.respond(incoming, 423, headers=(("Min-Expires", str(SHORTEST)),))
            return
        subscription = profile.agent.subscribed(incoming, profile.contact_user)
        if subscription not in self._subscriptions and not self._make_room(box):
            profile.respond(incoming, 503, headers=(("Retry-After", "60"),))
            return
        if profile.act(lambda now: subscription.accept(incoming, expires, now)):
            self._subscriptions[subscription] = (profile, box)
            self._calls.spawn(self._tell_subscriber(subscription))

    def _allowed(self, profile: Profile, incoming: IncomingRequest) -> Box | None:
        """The box that whoever asks may know of; None: he got his answer."""
        user = self._who(profile, incoming)
        if isinstance(user, Denied):
            profile.respond(incoming, user.status, headers=user.headers)
            return None
        box = self._box_shown_to(user) if user is not None else None
        asked = incoming.request.to.uri.user or ""
        if user is None or box is None or asked not in (user.id, user.number_alias, box.user):
            log.info("%s may not know of messages for %s", incoming.flow.remote, asked)
            profile.respond(incoming, 403 if user is None or box is not None else 404)
            return None
        return box

    def _who(self, profile: Profile, incoming: IncomingRequest) -> User | Denied | None:
        """The user that asks: by his password, or, where none is asked for, by his registration."""
        request, source, now = incoming.request, incoming.flow.remote, profile.now()
        if profile.must_authenticate(source):
            return self._calls.registrar.authenticate(profile, request, source, now)
        domain = profile.settings.force_register_domain or request.to.uri.host
        user = self._calls.directory.find_user(domain, request.to.uri.user or "")
        if user is None:
            return None
        bindings = self._calls.registrar.bindings(f"{user.id}@{user.domain}", "*", now)
        return user if any(each.source == source for each in bindings) else None

    def _make_room(self, box: Box) -> bool:
        same = [each for each, (_, whose) in self._subscriptions.items() if whose == box]
        for each in same[: max(len(same) + 1 - MOST_OF_A_BOX, 0)]:
            each.end()
            del self._subscriptions[each]
        return len(self._subscriptions) < MOST

    async def _tell_subscriber(self, subscription: Subscription) -> None:
        profile, box = self._subscriptions.get(subscription, (None, None))
        if profile is None or box is None:
            return
        try:
            counts = await self._calls.answering.voicemail.counts(box)
        except OSError as error:
            log.error("Nobody can be told of the messages of %s: %s", box, error)
            return
        self._notify(subscription, profile, box, counts)

    def _notify(self, subscription: Subscription, profile: Profile, box: Box, counts: Counts) -> None:
        flow = subscription.flow
        body = summary(counts, _account(profile, box, flow.remote.host, flow.transport))
        if profile.running:
            profile.act(lambda now: subscription.notify(body, KIND, now))
        else:
            subscription.end()
        if subscription.ended:
            self._subscriptions.pop(subscription, None)

    def expire(self, now: float) -> None:
        """Tell those whose time is over, and forget them."""
        for subscription, (profile, box) in list(self._subscriptions.items()):
            if subscription.ended or not profile.running:
                del self._subscriptions[subscription]
            elif subscription.expires_at <= now:
                self._notify(subscription, profile, box, Counts())

    # --- phones that are registered -----------------------------------------------------------------

    def on_binding(self, what: str, binding: Binding) -> None:
        """A phone registered: its lamp may show something old."""
        profile = self._calls.profiles.get(binding.origin.profile)
        wish = (
            profile.settings.registration.send_message_query_on_register if profile is not None else "false"
        )
        if wish == "false" or (what == "refresh" and wish != "true"):
            return
        name, _, domain = binding.aor.partition("@")
        user = self._calls.directory.find_user(domain, name)
        box = self._box_shown_to(user) if user is not None else None
        if box is not None and not self._calls.answering.voicemail.never_used(box):
            self._calls.spawn(self._tell_newcomer(box, binding))

    async def _tell_newcomer(self, box: Box, binding: Binding) -> None:
        """Nothing is sent for a box that was never used: no lamp can be alight because of it."""
        voicemail = self._calls.answering.voicemail
        try:
            if await voicemail.was_used(box):
                await self._tell_phone(box, binding, await voicemail.counts(box))
        except OSError as error:
            log.error("Nobody can be told of the messages of %s: %s", box, error)

    def on_change(self, box: Box, counts: Counts) -> None:
        """A box has other messages now: tell who subscribed, and who is registered."""
        told = set()
        for subscription, (profile, whose) in list(self._subscriptions.items()):
            if whose == box:
                told.add(subscription.flow.remote)
                self._notify(subscription, profile, box, counts)
        others = [each for each in self._phones(box) if each.source not in told]
        for binding in others[:MOST_PHONES]:
            self._calls.spawn(self._tell_phone(box, binding, counts))

    def _phones(self, box: Box) -> Iterator[Binding]:
        for user in self._calls.directory.users():
            if self._box_shown_to(user) == box:
                yield from self._calls.registrar.bindings(f"{user.id}@{user.domain}", "*", _now(self._calls))

    async def _tell_phone(self, box: Box, binding: Binding, counts: Counts) -> None:
        """A NOTIFY that nobody asked for, which phones understand all the same."""
        profile = self._calls.profiles.get(binding.origin.profile)
        if profile is None or not profile.running or self._under_way >= MOST_UNDER_WAY:
            return
        transport = binding.origin.flow.transport
        body = summary(counts, _account(profile, box, binding.source.host, transport))
        rows = (
            ("Event", PACKAGE),
            ("Subscription-State", "terminated;reason=noresource"),
            ("Content-Type", KIND),
        )
        self._under_way += 1
        try:
            uri, flow = request_uri(binding), next_flow(binding)
            answer = await profile.ask_at("NOTIFY", uri, binding.path, flow, rows, body)
        finally:
            self._under_way -= 1
        log.debug("%s at %s: %s messages; %s", binding.aor, binding.contact, counts.voice, answer)

    def _box_shown_to(self, user: User) -> Box | None:
        """The box that a user's lamps show."""
        return self._calls.answering.voicemail.box_of(user.mwi_account)


def _account(profile: Profile, box: Box, peer: str, transport: str) -> str:
    """A box as a SIP URI, at the address where this peer sees us."""
    host = profile.seen_by(peer, transport).from_host
    return f"sip:{quote(box.user)}@{f'[{host}]' if ':' in host else host}"


def _now(calls: Calls) -> float:
    return next((each.now() for each in calls.profiles.values()), 0.0)
