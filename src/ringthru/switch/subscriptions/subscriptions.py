"""What a switch has for phones that subscribe, made when the first one does: the start is a budget.

Lives here: which package answers which SUBSCRIBE, and who hears of what happens. Never here: what they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...sip.agent.subscription import package_of
from ..events.names import PRESENCE_IN

if TYPE_CHECKING:
    from ...sip import Binding, IncomingRequest, Subscription
    from ..calls.book import Calls
    from ..calls.channel import Channel
    from ..profiles.profile import Profile
    from ..snapshots import SubscriptionSnapshot
    from .desk import Desk
    from .presence import Presence
    from .watching import Package


class Subscriptions:
    """One switch's."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._desk: Desk | None = None
        self._presence: Presence | None = None
        self._presence_count = 0  # of events PRESENCE_IN

    @property
    def desk(self) -> Desk:
        if self._desk is None:
            from .desk import Desk

            self._desk = Desk(self._calls.registrar)
        return self._desk

    @property
    def presence(self) -> Presence:
        if self._presence is None:
            from .presence import Presence

            self._presence = Presence(self._calls, self.desk)
        return self._presence

    def subscribe(self, profile: Profile, incoming: IncomingRequest) -> None:
        """Answer a SUBSCRIBE, and tell what there is; 489 where nobody knows of it (RFC 6665 §8.3.2)."""
        package = self._package(package_of(incoming.request))
        if package is None:
            profile.respond(incoming, 489)
        else:
            self.desk.subscribe(profile, incoming, package)

    def _package(self, name: str) -> Package | None:
        """What serves a package of events; the user agent lets only those of the profile come so far."""
        answering = self._calls.answering
        if name == answering.MESSAGES:
            return answering.lamps if answering.mailboxes else None
        return self.presence.packages.get(name)

    def rows(self, now: float) -> Iterator[SubscriptionSnapshot]:
        """Who watches what, the oldest first."""
        for watch in self._desk.watches if self._desk is not None else ():
            yield watch.snapshot(now)

    # --- what happens -------------------------------------------------------------------------------

    def answered(self, subscription: Subscription) -> None:
        """A NOTIFY was answered, or nobody will."""
        if self._desk is not None:
            self._desk.answered(subscription)

    def on_turn(self, channel: Channel) -> None:
        """A leg began, came further, or is over."""
        if self._presence is not None:
            self._presence.on_turn(channel)
        if PRESENCE_IN in self._calls.bus.wanted:
            self._tell_presence(channel)

    def _tell_presence(self, channel: Channel) -> None:
        """FreeSWITCH's event, for programs that keep lamps of their own."""
        from ..calls.channel_view import presence_id_of

        if whose := presence_id_of(channel):
            self._presence_count += 1
            headers = (
                ("proto", "any"),
                ("login", "mod_sofia"),
                ("from", whose),
                ("rpid", "unknown"),
                ("status", channel.phase.value.capitalize()),
                ("event_type", "presence"),
                ("alt_event_type", "dialog"),
                ("event_count", str(self._presence_count)),
            )
            channel.tell(PRESENCE_IN, *headers)

    def on_change(self, name: str) -> None:
        """A parking place, a conference or a user of that name is other than it was."""
        if self._presence is not None:
            self._presence.on_change(name)

    def on_binding(self, what: str, binding: Binding) -> None:
        """A phone registered, or does so no more: who watches its user is told, and itself of what it
        watches where its profile wants that (``presence-probe-on-register``).
        """
        if self._presence is None or what == "refresh":
            return
        profile = self._calls.profiles.get(binding.origin.profile)
        settings = profile.settings if profile is not None else None
        if what != "register" or settings is None or settings.send_presence_on_register:
            self._presence.on_change(binding.aor.partition("@")[0])
        if what == "register" and settings is not None and settings.presence_probe_on_register:
            self.desk.repeat(lambda watch: watch.watcher == binding.aor)

    def review(self) -> None:
        """The directory is another one now."""
        if self._desk is not None:
            self._desk.review()

    def expire(self, now: float) -> None:
        """Forget what ran out."""
        if self._desk is not None:
            self._desk.expire(now)

    def close(self, profile: Profile | None = None) -> None:
        """The switch, or one profile, stops."""
        if self._desk is not None:
            self._desk.close(profile)
