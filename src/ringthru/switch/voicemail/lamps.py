"""Message lamps: phones are told how many messages wait (RFC 3842), by NOTIFY.

=======================  ==========================================================================
a phone subscribes       SUBSCRIBE is answered, and each change told in that dialog
a phone is registered    it is told without having asked, at each change and when it registers:
                         ``send-message-query-on-register`` of its profile
=======================  ==========================================================================

A user's phones show his own box, or the one that ``MWI-Account`` of the directory names. What
they are told as Message-Account is our address as each of them reaches us (``reachability``).

Lives here: who is told, and who may ask. Never here: counts, SUBSCRIBE and its dialogs (``subscriptions``).
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ...sip import Binding
from ..registrations.nat import next_flow, request_uri
from .values import Box, Counts

if TYPE_CHECKING:
    from ...sip import Request
    from ..calls.book import Calls
    from ..configuration import User
    from ..profiles.profile import Profile
    from ..subscriptions.watching import Watch

log = logging.getLogger(__name__)

PACKAGE: Final = "message-summary"
KIND: Final = "application/simple-message-summary"
MOST_PHONES: Final = 20  # of one box, that are told without having asked
MOST_UNDER_WAY: Final = 500  # NOTIFYs that wait for an answer


def summary(counts: Counts, account: str) -> bytes:
    """The body of a NOTIFY (RFC 3842 §5.2)."""
    waiting = "yes" if counts.new else "no"
    lines = (f"Messages-Waiting: {waiting}", f"Message-Account: {account}", f"Voice-Message: {counts.voice}")
    return "".join(f"{each}\r\n" for each in lines).encode()


class Lamps:
    """One switch's, and the package of events by which phones subscribe to them (`Package`)."""

    name, kind = PACKAGE, KIND
    usual, most, shortest = 3600, 3600, 60  # seconds of a subscription
    most_watches = 20  # of one box

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._known: dict[Hashable, Counts | None] = {}  # of boxes that are watched; None: being counted
        self._under_way = 0

    # --- phones that subscribe ------------------------------------------------------------------------

    def find(self, profile: Profile, request: Request, user: User) -> Box | int:
        """The box that whoever asks may know of: his own."""
        box, asked = self._box_shown_to(user), request.to.uri.user or ""
        if box is None:
            return 404
        return box if asked in (user.id, user.number_alias, box.user) else 403

    def began(self, subject: Hashable) -> None:
        assert isinstance(subject, Box)
        self._known[subject] = None
        self._calls.spawn(self._count(subject))

    def over(self, subject: Hashable) -> None:
        self._known.pop(subject, None)

    async def _count(self, box: Box) -> None:
        try:
            counts = await self._calls.answering.voicemail.counts(box)
        except OSError as error:
            log.error("Nobody can be told of the messages of %s: %s", box, error)
            return
        if self._known.get(box, counts) is None:  # else somebody told of a change meanwhile
            self._known[box] = counts
            self._calls.subscriptions.desk.changed(PACKAGE, box)

    def state(self, watch: Watch) -> Counts | None:
        return self._known.get(watch.subject)

    def write(self, watch: Watch, state: object) -> bytes:
        assert isinstance(state, Counts)
        assert isinstance(watch.subject, Box)
        flow = watch.subscription.flow
        return summary(state, _account(watch.profile, watch.subject, flow.remote.host, flow.transport))

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
        desk = self._calls.subscriptions.desk
        told = {each.subscription.flow.remote for each in desk.watched(PACKAGE, box)}
        if box in self._known:
            self._known[box] = counts
            desk.changed(PACKAGE, box)
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
