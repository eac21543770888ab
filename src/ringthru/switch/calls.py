"""Calls: what the switch does when SIP says that something happened to a leg.

Lives here: from an INVITE to a channel that runs the dialplan; the book of channels.
Never here: wire formats, addresses (``reachability``), what an application does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..media import MalformedSdp, MediaEngine, MediaError, NoCommonCodec, NoFreePorts
from ..net.address import Endpoint
from ..sip import (
    Call,
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallFailed,
    CallProgress,
    Event,
    IncomingCall,
    RequestReceived,
    SipUri,
)
from .applications import APPLICATIONS
from .causes import HangupCause, cause_of
from .channel import Caller, CallPhase, Channel, Direction
from .configuration import Dialplan, Directory, expand
from .dialing import Dialer
from .leg_media import LegMedia
from .registrar import Registrar
from .rtp_pool import RtpPool

if TYPE_CHECKING:
    from .profile import Profile

log = logging.getLogger(__name__)

MAX_CHANNELS = 1000  # FreeSWITCH's max-sessions


class Calls:
    """Every leg in progress, and the paths that lead to new ones."""

    def __init__(
        self,
        *,
        engine: MediaEngine,
        dialplan: Dialplan,
        directory: Directory,
        registrar: Registrar,
        variables: MutableMapping[str, str],
        max_channels: int = MAX_CHANNELS,
    ) -> None:
        self.registrar = registrar
        self.dialer = Dialer(self, directory)
        self.pool: RtpPool | None = None  # set while far peers reach us through a gateway
        self.profiles: dict[str, Profile] = {}
        self.channels: dict[str, Channel] = {}
        self.started = 0
        self.peak = 0
        self._by_call: dict[Call, Channel] = {}
        self._engine = engine
        self._dialplan = dialplan
        self._variables = variables
        self._max_channels = max_channels
        self._tasks: set[asyncio.Future[Any]] = set()

    def profile(self, name: str) -> Profile | None:
        """A running profile by its name or an alias of it."""
        return self.profiles.get(name) or next(
            (each for each in self.profiles.values() if name in each.settings.aliases), None
        )

    def spawn(self, work: Coroutine[Any, Any, None] | Awaitable[None]) -> asyncio.Future[None]:
        """Run something beside, keeping hold of it until it is done."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget_task)
        return task

    def _forget_task(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("A task of the switch failed", exc_info=task.exception())

    # --- what SIP tells us --------------------------------------------------------------------------

    def on_event(self, profile: Profile, event: Event) -> None:
        """Take one event of a profile's user agent."""
        if isinstance(event, IncomingCall):
            self._incoming(profile, event.call)
        elif isinstance(event, RequestReceived):
            self._request(profile, event)
        elif isinstance(
            event, CallProgress | CallAnswered | CallFailed | CallCancelled | CallConfirmed | CallEnded
        ):
            channel = self._by_call.get(event.call)
            if channel is not None:
                self._leg_event(channel, event)

    def _leg_event(
        self,
        channel: Channel,
        event: CallProgress | CallAnswered | CallFailed | CallCancelled | CallConfirmed | CallEnded,
    ) -> None:
        match event:
            case CallProgress(response=response) if response.status >= 180:
                channel.phase = CallPhase.RINGING
                channel.rang.set()
            case CallAnswered(response=response):
                self._other_side_answered(channel, response.body)
            case CallConfirmed(ack=ack) if not channel.call or not channel.call.request.body:
                self._late_answer(channel, ack.body if ack else b"")
            case CallFailed(status=status):
                channel.ended(cause_of(status))
            case CallCancelled():
                channel.ended(HangupCause.ORIGINATOR_CANCEL)
            case CallEnded():
                channel.ended(HangupCause.NORMAL_CLEARING)

    def _other_side_answered(self, channel: Channel, body: bytes) -> None:
        """Our INVITE got its 200; a refreshed dialog answers again and changes nothing here."""
        if channel.up or channel.media is None:
            return
        try:
            channel.media.accept(body)
        except MediaError as error:
            channel.log.warning("%s answered with an SDP that we cannot use: %s", channel.name, error)
            channel.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)
            return
        channel.mark_answered()

    def _late_answer(self, channel: Channel, body: bytes) -> None:
        """The ACK of an INVITE that carried no offer brings the answer to ours (RFC 3264 §4)."""
        if channel.direction is not Direction.INBOUND or channel.media is None or channel.media.negotiated:
            return
        try:
            channel.media.accept(body)
        except MediaError as error:
            channel.log.warning("%s acknowledged without a usable SDP: %s", channel.name, error)
            channel.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)

    def _request(self, profile: Profile, event: RequestReceived) -> None:
        """Requests outside calls, and new offers inside them."""
        incoming = event.incoming
        method = incoming.request.method
        if method == "REGISTER":
            self.registrar.register(profile, incoming, profile.now())
        elif method in ("INVITE", "UPDATE") and incoming.call is not None:
            self._new_offer(profile, event)
        elif method in ("OPTIONS", "INFO", "UPDATE"):
            profile.respond(incoming, 200, headers=(("Accept", "application/sdp"),))
        else:
            profile.respond(incoming, 405)

    def _new_offer(self, profile: Profile, event: RequestReceived) -> None:
        """A re-INVITE or UPDATE: answer its offer, or repeat ours when it has none."""
        incoming = event.incoming
        channel = self._by_call.get(incoming.call) if incoming.call else None
        if channel is None or channel.media is None:
            profile.respond(incoming, 481)
            return
        offer = incoming.request.body
        try:
            body = b""
            if offer:
                body = channel.media.answer(offer, self._fixed_codecs(channel)).sdp
            elif incoming.request.method == "INVITE":
                body = channel.media.offer(self._fixed_codecs(channel))
        except NoCommonCodec:
            profile.respond(incoming, 488)
        except MalformedSdp:
            profile.respond(incoming, 400, reason="Unreadable SDP")
        else:
            profile.respond(incoming, 200, body=body, content_type="application/sdp" if body else None)

    @staticmethod
    def _fixed_codecs(channel: Channel) -> list[Any]:
        """A joined leg keeps its codec: nothing here transcodes."""
        media = channel.media
        return [media.codec] if media and media.codec and channel.bridged_to else list(channel.codecs)

    # --- somebody calls us --------------------------------------------------------------------------

    def _incoming(self, profile: Profile, call: Call) -> None:
        request, source = call.request, call.flow.remote
        if len(self.channels) >= self._max_channels:
            profile.act(lambda now: call.reject(now, 503, headers=(("Retry-After", "5"),)))
            return
        context = profile.settings.context
        variables: dict[str, str] = {}
        if profile.must_authenticate(source.host):
            user = self.registrar.authenticate(profile, request, source, profile.now())
            if isinstance(user, str):
                challenge = (("Proxy-Authenticate", user),)
                profile.act(lambda now: call.reject(now, 407, headers=challenge))
                return
            variables = dict(user.variables)
            context = variables.get("user_context", context)
        channel = self._inbound_channel(profile, call, context)
        channel.variables.update(variables)
        if self._take_media(channel, request.body):
            self.spawn(self.run_dialplan(channel))

    def _inbound_channel(self, profile: Profile, call: Call, context: str) -> Channel:
        request = call.request
        who, to = request.from_, request.request_uri
        number = who.uri.user or ""
        return self._enter(
            Channel(
                profile,
                Direction.INBOUND,
                uuid=str(uuid4()),
                name=f"sofia/{profile.name}/{number}@{who.uri.host}",
                destination=to.user or "",
                caller=Caller(who.display or number, number),
                context=context,
                serial=self.started + 1,
                call=call,
            )
        )

    def _take_media(self, channel: Channel, offer: bytes) -> bool:
        """Give the leg its ports and try its offer at once, so that a hopeless call rings nobody."""
        try:
            self._open_media(channel, channel.call.flow.remote.host if channel.call else None)
            if offer and channel.media is not None:
                channel.media.check(offer, channel.codecs)
        except NoCommonCodec as error:
            channel.log.info("%s offers nothing that we speak: %s", channel.name, error)
            channel.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)
        except MalformedSdp as error:
            channel.log.info("%s sent an SDP that cannot be read: %s", channel.name, error)
            channel.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)
        except NoFreePorts as error:
            channel.log.error("No RTP port for %s: %s", channel.name, error)
            channel.hang_up(HangupCause.NORMAL_CIRCUIT_CONGESTION)
        return not channel.gone.is_set()

    def _open_media(self, channel: Channel, peer: str | None) -> None:
        seen = channel.profile.seen_by(peer)
        channel.media = LegMedia(
            self._engine,
            self.pool if channel.profile.mapped else None,
            seen,
            channel.profile.rtp_ip,
            channel.serial,
            channel.name,
            self.spawn,
        )

    # --- we call somebody ---------------------------------------------------------------------------

    def start_outbound(
        self,
        profile: Profile,
        uri: SipUri,
        peer: Endpoint,
        variables: Mapping[str, str],
        parent: Channel | None,
        caller: Caller,
    ) -> Channel:
        """Send an INVITE; the channel's events tell how it goes.

        Raises:
            NoFreePorts: the RTP range is used up.
        """
        if parent is not None:
            caller = parent.caller
        number = variables.get("origination_caller_id_number", caller.number)
        name = variables.get("origination_caller_id_name", caller.name)
        channel = self._enter(
            Channel(
                profile,
                Direction.OUTBOUND,
                uuid=variables.get("origination_uuid") or str(uuid4()),
                name=f"sofia/{profile.name}/{uri.user or ''}@{uri.host}",
                destination=uri.user or "",
                caller=Caller(name, number),
                context=profile.settings.context,
                serial=self.started + 1,
            )
        )
        channel.variables.update(variables)
        if parent is not None and parent.media is not None and parent.media.codec is not None:
            channel.codecs = [parent.media.codec]  # the caller's codec is settled: offer only that
        try:
            self._open_media(channel, peer.host)
        except NoFreePorts:
            channel.ended(HangupCause.NORMAL_CIRCUIT_CONGESTION)
            raise
        assert channel.media is not None
        call = profile.invite(uri, peer, name, number, channel.media.offer(channel.codecs))
        channel.call = call
        self._by_call[call] = channel
        return channel

    def _enter(self, channel: Channel) -> Channel:
        """Write a new leg into the book; it leaves by itself when it is gone."""
        self.started += 1
        self.channels[channel.uuid] = channel
        self.peak = max(self.peak, len(self.channels))
        if channel.call is not None:
            self._by_call[channel.call] = channel
        channel.profile.counters.began(channel.direction)
        self.spawn(self._leave(channel))
        return channel

    async def _leave(self, channel: Channel) -> None:
        await channel.gone.wait()
        self.channels.pop(channel.uuid, None)
        if channel.call is not None:
            self._by_call.pop(channel.call, None)
        channel.profile.counters.finished(channel.direction, channel.answered.is_set())

    # --- the dialplan -------------------------------------------------------------------------------

    async def run_dialplan(self, channel: Channel) -> None:
        """Find the channel's extension and do what it says."""
        channel.state = "CS_ROUTING"
        channel.log.info(
            "Processing %s <%s>->%s in context %s",
            channel.caller.name,
            channel.caller.number,
            channel.destination,
            channel.context,
        )
        actions = self._dialplan.actions(channel.context, self.fields(channel))
        if not actions:
            channel.log.info("No route for %s in context %s", channel.destination, channel.context)
            channel.hang_up(HangupCause.NO_ROUTE_DESTINATION)
            return
        channel.state = "CS_EXECUTE"
        for action in actions:
            await self.execute(channel, action.application, action.data)
            if channel.gone.is_set():
                return
        channel.hang_up(HangupCause.NORMAL_CLEARING)

    async def execute(self, channel: Channel, application: str, data: str) -> None:
        """Run one application on a channel; what it cannot do ends the call with a cause and a line in the log."""
        run = APPLICATIONS.get(application)
        if run is None:
            channel.log.error("Invalid Application %s", application)
            channel.hang_up(HangupCause.DESTINATION_OUT_OF_ORDER)
            return
        text = expand(data, self.lookup(channel.variables, self.fields(channel)))
        channel.application = f"{application}({text})"
        channel.log.debug("EXECUTE %s %s(%s)", channel.name, application, text)
        try:
            await run(self, channel, text)
        except MediaError as error:
            channel.log.warning("%s(%s) failed: %s", application, text, error)
            channel.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)

    @staticmethod
    def fields(channel: Channel) -> dict[str, str]:
        """What dialplan conditions may test and actions may name."""
        source = channel.call.flow.remote.host if channel.call else ""
        return {
            **channel.variables,
            "destination_number": channel.destination,
            "caller_id_number": channel.caller.number,
            "caller_id_name": channel.caller.name,
            "context": channel.context,
            "network_addr": source,
            "chan_name": channel.name,
            "uuid": channel.uuid,
        }

    def lookup(self, *layers: Mapping[str, str]) -> Callable[[str], str | None]:
        """Values for ``${…}``: the layers, the global variables, and ``${sofia_contact(*/user@domain)}``."""

        def find(name: str) -> str | None:
            if name.startswith("sofia_contact(") and name.endswith(")"):
                return self.sofia_contact(name[len("sofia_contact(") : -1])
            for layer in (*layers, self._variables):
                if name in layer:
                    return layer[name]
            return None

        return find

    def sofia_contact(self, argument: str) -> str:
        """``[PROFILE/]user@domain``: the dial strings of its bindings, or the error that says there are none."""
        profile, slash, who = argument.rpartition("/")
        now = asyncio.get_running_loop().time()
        found = self.registrar.contacts(who, profile if slash else "*", now)
        return ",".join(found) or "error/user_not_registered"

    # --- the end ------------------------------------------------------------------------------------

    def hang_up_all(self, cause: HangupCause) -> int:
        """End every leg; returns how many there were."""
        legs = list(self.channels.values())
        for channel in legs:
            channel.hang_up(cause)
        return len(legs)

    async def close(self) -> None:
        """Hang up, and wait until every task has seen it."""
        self.hang_up_all(HangupCause.SYSTEM_SHUTDOWN)
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks), timeout=2.0)
            for task in late:
                task.cancel()
