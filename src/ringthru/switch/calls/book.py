"""The book of channels: who is in a call, and how a leg begins and ends.

Lives here: making legs, their place in the book, the tasks that run for them.
Never here: calling somebody (``inviting``), what SIP says (``signalling``), what the dialplan says
(``routing``).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import TYPE_CHECKING, Any, TypeVar

from ...media import Engine, MediaError
from ...sip import Call, Direction, Request
from ..answering.answering import Answering
from ..audio.leg_ports import LegPorts
from ..audio.sound_files import SoundSources
from ..conference.book import Conferences
from ..configuration import Dialplan, Directory
from ..configuration.phone_settings import PhoneSettings
from ..dialing import leg_variables
from ..dialing.dialing import Dialer
from ..dialing.dialstring import harmless
from ..dialing.identity import caller_of, headers_kept
from ..dialplan.meta_keys import MetaKeys
from ..dialplan.ordering import AppOrder, Orders
from ..dialplan.routing import Router
from ..dialplan.shelf import Shelf
from ..registrations.registrar import Registrar
from ..subscriptions.subscriptions import Subscriptions
from ..transfers.deflecting import Deflections
from ..transfers.transfer import Transfers
from ..words import random_uuid
from .caller import Caller
from .causes import HangupCause
from .channel import Channel
from .messages import Messages
from .mishaps import Mishaps
from .pace import Pace, Peak

if TYPE_CHECKING:
    from pathlib import Path

    from ..cdr.recent import RecentCalls
    from ..cdr.records import CallRecords
    from ..dialplan.database import Database
    from ..events.bus import EventBus
    from ..phone.phone import ConsolePhone
    from ..profiles.profile import Profile
    from ..trunks.book import TrunkBook

log = logging.getLogger(__name__)

AnyChannel = TypeVar("AnyChannel", bound=Channel)
SocketApplication = Callable[[Channel, str], Awaitable[None]]

PARTING = 2.0  # seconds that a stop waits for tasks to see that their channels are gone


class Calls:
    """Every leg in progress."""

    def __init__(
        self,
        *,
        profiles: dict[str, Profile],
        engine: Engine,
        dialplan: Dialplan,
        directory: Directory,
        registrar: Registrar,
        variables: MutableMapping[str, str],
        max_channels: int,
        max_per_second: int,
        bus: EventBus,
    ) -> None:
        self.bus = bus
        self.registrar = registrar
        self.router = Router(self, dialplan, variables)
        self.dialer = Dialer(self, directory)
        self.transfers = Transfers(self)
        self.deflections = Deflections()
        self.messages = Messages(self)
        self.shelf = Shelf()
        self.sounds = SoundSources(variables)
        self.conferences = Conferences(self.sounds, bus)
        self.answering = Answering(self)
        self.subscriptions = Subscriptions(self)
        self.conferences.on_change = self.subscriptions.on_change
        self._meta_keys = MetaKeys(lambda leg, name, data: self.order(leg, AppOrder(name, data)))
        self.phone_settings = PhoneSettings()
        self._phone: ConsolePhone | None = None
        self.database_file: Path | None = None  # of what `db` and `group` keep; None: gone with the switch
        self.opened_database: Database | None = None  # once somebody asked for it
        self.trunks: TrunkBook | None = None  # SIP providers, where there are any
        self.records: CallRecords | None = None  # of calls that are over, where somebody wants them
        self.mishaps = Mishaps()
        self._recent: RecentCalls | None = None  # once a leg has ended
        self.sockets: SocketApplication | None = None  # `socket` of the dialplan, where somebody serves it
        self.tell_undelivered: Callable[[Profile, Request], None] = lambda profile, request: None
        self.profiles = profiles
        self.channels: dict[str, Channel] = {}
        self.started = 0
        self.peak = Peak()
        self.pace = Pace(max_per_second)
        self._by_call: dict[Call, Channel] = {}
        self._held: Counter[str] = Counter()  # callers' addresses, and how many legs each holds
        self.max_channels = max_channels
        self.paused: frozenset[str] = frozenset()  # directions of which no more legs are taken (fsctl)
        self._closing = False
        self.ports = LegPorts(engine, self.spawn, self.router.variable)
        self._tasks: set[asyncio.Future[Any]] = set()

    def has_room(self, now: float, direction: Direction, stranger: str = "") -> bool:
        """Whether one more leg is taken (max-sessions, sessions-per-second, a pause); it counts as begun.

        ``stranger`` is the address of a caller who proved nothing: one such may hold half of what there is.
        """
        if self.full or (self.paused and direction.value in self.paused):
            return False
        if stranger and self._held[stranger] >= max(self.max_channels // 2, 1):
            return False
        return self.pace.admit(now, stranger)

    @property
    def full(self) -> bool:
        """Whether not one leg more is taken."""
        return self._closing or len(self.channels) >= self.max_channels

    @property
    def recent(self) -> RecentCalls:
        """What became of the legs that ended last."""
        if self._recent is None:
            from ..cdr.recent import RecentCalls  # not of a start

            self._recent = RecentCalls()
        return self._recent

    @property
    def directory(self) -> Directory:
        return self.dialer.endpoints.directory

    @property
    def phone(self) -> ConsolePhone:
        """The console phone; loaded when first asked for."""
        if self._phone is None:
            from ..phone.phone import ConsolePhone

            self._phone = ConsolePhone(self)
        return self._phone

    @property
    def database(self) -> Database:
        """What dialplans put down for good; loaded when first asked for."""
        if self.opened_database is None:
            from ..dialplan.database import Database

            self.opened_database = Database(self.database_file)
        return self.opened_database

    def use(self, dialplan: Dialplan, directory: Directory) -> None:
        """From now on calls are judged by these."""
        self.router.dialplan = dialplan
        self.dialer.endpoints.directory = directory
        self.registrar.directory = directory

    def profile(self, name: str) -> Profile | None:
        """A running profile by its name or an alias of it."""
        return self.profiles.get(name) or next(
            (each for each in self.profiles.values() if name in each.aliases), None
        )

    def channel_of(self, call: Call | None) -> Channel | None:
        return self._by_call.get(call) if call is not None else None

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside, keeping hold of it until it is done."""
        self.keep(asyncio.create_task(work))

    def keep(self, task: asyncio.Future[Any]) -> None:
        """Hold on to a task until it is done; a stop waits for it."""
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def order(self, channel: Channel, order: AppOrder) -> bool:
        """Have a leg run an application beside its dialplan; False: it cannot take any more."""
        if channel.bridge is not None:
            channel.bridge.needs_audio(f"{channel.name} is to run {order.application}")
        if channel.orders is None:
            channel.orders = Orders(self, channel)
        return channel.orders.add(order)

    def run(self, channel: Channel, work: Coroutine[Any, Any, None]) -> None:
        """Run what a leg does from now on; ``release`` ends it."""
        channel.task = asyncio.create_task(work)
        self.keep(channel.task)

    async def answer(self, channel: Channel, *, early: bool = False) -> str:
        """Answer a caller from outside his dialplan (early: 183); empty, or why that cannot be."""
        try:
            if early:
                await channel.pre_answer()
            else:
                await channel.answer()
        except MediaError as error:
            return str(error) or type(error).__name__
        return ""

    def release(self, channel: Channel) -> None:
        """Take a leg out of its bridge and of its dialplan, and leave it standing there in silence."""
        if channel.bridge is not None:
            channel.bridge.part()
        if channel.orders is not None:
            channel.orders.cancel()
        task, channel.task = channel.task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def _finished(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("A task of the switch failed", exc_info=task.exception())

    # --- legs begin ---------------------------------------------------------------------------------

    def start_inbound(self, profile: Profile, call: Call, context: str) -> Channel:
        """The channel of a caller who was let in."""
        who, to = call.request.from_, call.request.request_uri
        trusted = profile.trusts(call.flow.remote)
        number = harmless(who.uri.user or "")
        channel = self.new_channel(
            profile,
            Direction.INBOUND,
            name=f"sofia/{profile.name}/{number}@{who.uri.host}",
            destination=harmless(to.user or ""),
            caller=caller_of(call.request, trusted),
            context=context,
            make=Channel,
        )
        channel.variables.update(headers_kept(call.request, trusted))
        channel.by_tls = call.flow.transport.upper() == "TLS"
        self.attach(channel, call)
        self._held[call.flow.remote.host] += 1
        return channel

    def new_channel(
        self,
        profile: Profile,
        direction: Direction,
        *,
        name: str,
        destination: str,
        caller: Caller,
        context: str,
        uuid: str | None = None,
        make: Callable[..., AnyChannel],
    ) -> AnyChannel:
        """Write a new leg into the book; it leaves by itself when it is gone."""
        self.started += 1
        channel = make(
            profile,
            direction,
            uuid=uuid if uuid and uuid not in self.channels else random_uuid(),
            name=name,
            destination=destination,
            caller=caller,
            context=context,
            serial=self.started,
            open_media=self.ports.open,
            on_gone=self._leave,
            spawn=self.spawn,
            bus=self.bus,
            sounds=self.sounds,
        )
        channel.on_stage, channel.on_key = self._on_stage, self._on_key
        channel.on_turn = self.subscriptions.on_turn
        self.channels[channel.uuid] = channel
        self.peak.note(len(self.channels), profile.now())
        profile.counters.began(direction)
        return channel

    def _on_stage(self, channel: Channel, stage: str) -> None:
        """A leg rings, is heard, or was answered: run what its ``execute_on_…`` variables say."""
        for application, data in leg_variables.hooks(channel.variables, stage):
            self.order(channel, AppOrder(application, data))

    def _on_key(self, channel: Channel, key: str) -> None:
        self._meta_keys.pressed(channel, key, channel.profile.now())

    def attach(self, channel: Channel, call: Call) -> None:
        """From now on this dialog is the leg's."""
        channel.call = call
        self._by_call[call] = channel

    # --- legs end -----------------------------------------------------------------------------------

    def _leave(self, channel: Channel) -> None:
        self.channels.pop(channel.uuid, None)
        self.shelf.release(channel)
        if channel.call is not None:
            self._by_call.pop(channel.call, None)
        if channel.call is not None and channel.direction is Direction.INBOUND:
            self._release(channel.call.flow.remote.host)
        answered = channel.answered.is_set()
        channel.profile.counters.finished(channel.direction, answered)
        if self.trunks is not None and (trunk := channel.variables.get("sip_gateway_name")):
            self.trunks.ended(trunk, channel.direction, answered)
        self.mishaps.look_at(channel)
        other_is_gone = self._other_is_gone(channel)
        self.recent.take(channel, other_is_gone)
        if self.records is not None:
            self.records.take(channel, other_is_gone)

    def _other_is_gone(self, channel: Channel) -> bool:
        """Whether the leg that this one talked to, called, or was called for, has ended before it."""
        if channel.cause is not None and channel.variables.get("originate_disposition") == channel.cause.name:
            return True  # nobody it rang took the call, and it ends as that did
        parent = channel.parent.uuid if channel.parent is not None else ""
        other = channel.variables.get("last_bridge_to") or parent
        return bool(other) and other not in self.channels

    def _release(self, source: str) -> None:
        self._held[source] -= 1
        if self._held[source] <= 0:
            del self._held[source]

    def hang_up_all(self, cause: HangupCause) -> int:
        """End every leg; returns how many there were."""
        legs = list(self.channels.values())
        for channel in legs:
            channel.hang_up(cause)
        return len(legs)

    async def close(self) -> None:
        """Take no more calls, hang up, and wait until every task has seen it."""
        self._closing = True  # the mapper takes seconds to stop, and the profiles listen meanwhile
        self.hang_up_all(HangupCause.SYSTEM_SHUTDOWN)
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks), timeout=PARTING)
            for task in late:
                task.cancel()
