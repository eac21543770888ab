"""Lamps: who is on the phone, what is parked, which conference has somebody in it; and who is there at all.

Two packages tell of it: ``dialog`` (RFC 4235), which lamps of desk phones want, and ``presence`` (RFC 3856),
which softphones want. Legs are counted while somebody watches, and not otherwise. What happens in one turn of
the loop is told once.

Lives here: what is watched, who may, how it is. Never here: XML (``dialog_info``, ``pidf``), SIP (``desk``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Final

from ...net.values import replace
from . import dialog_info, pidf
from .lines import Place, line_of, place_of
from .watched import CONFERENCE, PARK, Line, Watched
from .watching import Package, Watch, accepts, parameters_of

if TYPE_CHECKING:
    from ...sip import Request
    from ..calls.book import Calls
    from ..calls.channel import Channel
    from ..configuration import User
    from ..profiles.profile import Profile
    from .desk import Desk

MOST_LINES: Final = 10  # calls of one document: more do not change a lamp
DIALOG, PRESENCE = "dialog", "presence"
SHARED_LINES: Final = frozenset(("sla", "ma"))  # parameters of Event that ask for what is not served


class Presence:
    """What one switch's lamps show."""

    def __init__(self, calls: Calls, desk: Desk) -> None:
        self._calls = calls
        self._desk = desk
        both: tuple[Package, ...] = (DialogPackage(self), PresencePackage(self))
        self.packages = {each.name: each for each in both}
        self._watched: dict[str, dict[tuple[str, Watched], None]] = {}  # by name
        self._legs: dict[Place, dict[str, Channel]] = {}  # by UUID, while anything is watched
        self._place: dict[str, Place] = {}  # where a leg is among these
        self._dirty: dict[str, None] = {}  # names to be told of

    # --- what is watched ----------------------------------------------------------------------------

    def find(self, profile: Profile, request: Request, user: User) -> Watched | int:
        """Anything of one's own domain, by whatever name of ours the phone calls that."""
        uri = request.to.uri
        directory, settings = self._calls.directory, profile.settings
        host = uri.host.lower()
        other = settings.force_register_domain is None and host != user.domain.lower()
        if other and host not in settings.presence_hosts and not profile.is_own(host):
            return 403 if directory.domain(host) is not None else 404
        domain = directory.domain(user.domain)
        found = Watched.read(uri.decoded_user, domain) if domain is not None else None
        return found or 404

    def began(self, package: str, watched: Watched) -> None:
        if not self._watched:
            for channel in self._calls.channels.values():
                self._move(channel)
        self._watched.setdefault(watched.name, {})[package, watched] = None

    def over(self, package: str, watched: Watched) -> None:
        self._watched[watched.name].pop((package, watched), None)
        if not self._watched[watched.name]:
            del self._watched[watched.name]
        if not self._watched:
            self._legs.clear()
            self._place.clear()

    # --- what happens -------------------------------------------------------------------------------

    def on_turn(self, channel: Channel) -> None:
        """A leg began, came further, or is over."""
        if self._watched:
            before = self._place.get(channel.uuid)
            self._move(channel)
            for place in {before, self._place.get(channel.uuid)} - {None}:
                self.on_change(place[1] if place else "")

    def _move(self, channel: Channel) -> None:
        """Put a leg where it belongs now, or nowhere."""
        before, now = self._place.pop(channel.uuid, None), place_of(channel)
        if before is not None and before != now:
            legs = self._legs[before]
            del legs[channel.uuid]
            if not legs:
                del self._legs[before]
        if now is not None:
            self._legs.setdefault(now, {})[channel.uuid] = channel
            self._place[channel.uuid] = now

    def on_change(self, name: str) -> None:
        """Something of that name is other than it was: a place, a room, a user's phone or call."""
        name = name.lower()
        if name in self._watched and name not in self._dirty:
            if not self._dirty:
                asyncio.get_running_loop().call_soon(self._tell)
            self._dirty[name] = None

    def _tell(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for name in dirty:
            for package, watched in list(self._watched.get(name, ())):
                self._desk.changed(package, watched)

    # --- how it is ----------------------------------------------------------------------------------

    def lines(self, watched: Watched) -> tuple[Line, ...]:
        """Its calls, at most ``MOST_LINES``; the oldest first."""
        legs = self._legs.get((watched.domain, watched.name), {})
        own = [line_of(each, watched.name, self._calls.router.variable) for each in legs.values()]
        parked = self._parked(watched) if watched.may_be(PARK) else ()
        meeting = self._meeting(watched) if watched.may_be(CONFERENCE) else ()
        return (*own, *parked, *meeting)[:MOST_LINES]

    def _parked(self, watched: Watched) -> Iterator[Line]:
        """Who stands in a place of that name, or anywhere in a lot of that name; nobody is named.

        A lot ``house@example.org`` is of that domain alone.
        """
        for lot, slots in self._calls.answering.lots.rows():
            name, _, domain = lot.lower().partition("@")
            if domain in ("", watched.domain):
                whole = watched.kind == PARK and name == watched.name
                for slot, uuid in slots:
                    if whole or slot.lower() == watched.name:
                        yield Line(uuid, "confirmed", held=True, other_name=PARK, other_number=slot)

    def _meeting(self, watched: Watched) -> Iterator[Line]:
        for room in self._calls.conferences.rooms.values():
            name, _, domain = room.name.lower().partition("@")
            if name == watched.name and domain in ("", watched.domain) and room.members:
                yield Line(f"conf-{room.name}", "confirmed", other_name=CONFERENCE, other_number=room.name)

    def is_there(self, watched: Watched) -> bool:
        """Whether somebody can be called: a user where a phone of his is registered, all else always."""
        if not watched.address:
            return True
        now = asyncio.get_running_loop().time()
        return bool(self._calls.registrar.bindings(watched.address, "*", now))


class _Package:
    """What both packages share; spans are seconds.

    After a crash phones learn by their next SUBSCRIBE that theirs is gone (481): so that is soon.
    """

    name = kind = ""
    usual, most, shortest, most_watches = 600, 600, 60, 500

    def __init__(self, presence: Presence) -> None:
        self._presence = presence

    def find(self, profile: Profile, request: Request, user: User) -> Hashable | int:
        if not SHARED_LINES.isdisjoint(parameters_of(request)):
            return 489
        if not accepts(request, self.kind):
            return 406
        return self._presence.find(profile, request, user)

    def began(self, subject: Hashable) -> None:
        assert isinstance(subject, Watched)
        self._presence.began(self.name, subject)

    def over(self, subject: Hashable) -> None:
        assert isinstance(subject, Watched)
        self._presence.over(self.name, subject)

    def _lines(self, watch: Watch) -> tuple[Line, ...]:
        assert isinstance(watch.subject, Watched)
        return self._presence.lines(watch.subject)


class DialogPackage(_Package):
    """RFC 4235. Only who proved himself sees tags, with which calls are taken (§7)."""

    name = DIALOG
    kind = dialog_info.KIND

    def state(self, watch: Watch) -> object:
        lines = self._lines(watch)
        if watch.proven:
            return lines
        return tuple([replace(each, call_id="", local_tag="", remote_tag="") for each in lines])

    def write(self, watch: Watch, state: object) -> bytes:
        assert isinstance(state, tuple)
        before = watch.told if isinstance(watch.told, tuple) else ()
        return dialog_info.document(watch.entity, watch.version, state, before)


class PresencePackage(_Package):
    """RFC 3856. Nobody's other party is named."""

    name = PRESENCE
    kind = pidf.KIND

    def state(self, watch: Watch) -> object:
        lines = self._lines(watch)
        if any(each.state == "confirmed" and not each.held for each in lines):
            return pidf.TALKING
        if any(each.state == "early" for each in lines):
            return pidf.RINGING
        if lines:
            return pidf.HOLDING
        assert isinstance(watch.subject, Watched)
        return pidf.THERE if self._presence.is_there(watch.subject) else pidf.AWAY

    def write(self, watch: Watch, state: object) -> bytes:
        assert isinstance(state, pidf.Status)
        return pidf.document(watch.entity, state)
