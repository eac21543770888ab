"""What the switch does when SIP says that something happened.

Lives here: events of a user agent, turned into channels' states and answers.
Never here: wire formats, addresses (``reachability``), what an application does.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..media import Codec, MalformedSdp, MediaError, NoCommonCodec, can_answer
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
    IncomingRequest,
    RequestReceived,
)
from .causes import HangupCause, cause_of
from .channel import CallPhase, Channel

if TYPE_CHECKING:
    from .calls import Calls
    from .profile import Profile

log = logging.getLogger(__name__)

RETRY_AFTER = "5"  # seconds, told to callers while the switch is full


class Signalling:
    """Between the profiles' user agents and the book of channels."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def on_event(self, profile: Profile, event: Event) -> None:
        """Take one event of a profile's user agent."""
        match event:
            case IncomingCall(call=call):
                self._incoming_call(profile, call)
            case RequestReceived(incoming=incoming):
                self._request(profile, incoming)
            case (
                CallProgress(call=call)
                | CallAnswered(call=call)
                | CallConfirmed(call=call)
                | CallFailed(call=call)
                | CallCancelled(call=call)
                | CallEnded(call=call)
            ):
                channel = self._calls.channel_of(call)
                if channel is not None:
                    self._leg_event(channel, event)

    # --- somebody calls us --------------------------------------------------------------------------

    def _incoming_call(self, profile: Profile, call: Call) -> None:
        """Let the caller in, or say why not; ports are taken only when the dialplan answers."""
        context = profile.settings.context
        variables: dict[str, str] = {}
        source = call.flow.remote
        if profile.must_authenticate(source.host):
            user = self._calls.registrar.authenticate(profile, call.request, source, profile.now())
            if isinstance(user, str):
                challenge = (("Proxy-Authenticate", user),)
                profile.act(lambda now: call.reject(now, 407, headers=challenge))
                return
            variables = dict(user.variables)
            context = variables.get("user_context", context)
        if not self._calls.has_room(profile.now(), "" if variables else source.host):
            log.warning("Profile %s refuses a call from %s: the switch is full", profile.name, source)
            profile.act(lambda now: call.reject(now, 503, headers=(("Retry-After", RETRY_AFTER),)))
            return
        channel = self._calls.start_inbound(profile, call, context)
        channel.variables.update(variables)
        channel.log.info("%s receiving invite from %s call-id: %s", channel.name, source, call.call_id)
        if self._acceptable(channel, call.request.body):
            self._calls.spawn(self._calls.router.run(channel))

    def _acceptable(self, channel: Channel, offer: bytes) -> bool:
        """Refuse an offer at once that nothing here could answer, so that it rings nobody."""
        try:
            if not offer or can_answer(offer, channel.codecs):
                return True
            channel.log.info("%s offers no codec that we speak", channel.name)
        except MalformedSdp as error:
            channel.log.info("%s sent an SDP that cannot be read: %s", channel.name, error)
        channel.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)
        return False

    # --- a leg goes on ------------------------------------------------------------------------------

    def _leg_event(self, channel: Channel, event: Event) -> None:
        match event:
            case CallProgress(response=response) if response.status >= 180:
                channel.phase = CallPhase.RINGING
                channel.rang.set()
            case CallAnswered(response=response) if not channel.up:
                self._take_answer(channel, response.body)
                if not channel.gone.is_set():
                    channel.mark_answered()
            case CallConfirmed(ack=ack) if ack and channel.media and channel.media.awaits_answer:
                self._take_answer(channel, ack.body)  # to our offer in the 200 (RFC 3264 §4)
            case CallFailed(status=status):
                channel.ended(cause_of(status))
            case CallCancelled():
                channel.ended(HangupCause.ORIGINATOR_CANCEL)
            case CallEnded(reason=reason):
                channel.log.debug("%s: %s", channel.name, reason)
                channel.ended(HangupCause.NORMAL_CLEARING)

    @staticmethod
    def _take_answer(channel: Channel, body: bytes) -> None:
        """The peer's answer to our offer."""
        if channel.media is None:
            return
        try:
            channel.media.accept(body)
        except MediaError as error:
            channel.log.warning("%s answered with an SDP that we cannot use: %s", channel.name, error)
            channel.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)

    # --- other requests -----------------------------------------------------------------------------

    def _request(self, profile: Profile, incoming: IncomingRequest) -> None:
        """Requests outside calls, and new offers inside them."""
        method = incoming.request.method
        if method == "REGISTER":
            self._calls.registrar.register(profile, incoming, profile.now())
        elif method in ("INVITE", "UPDATE") and incoming.call is not None:
            self._new_offer(profile, incoming)
        elif method in ("OPTIONS", "INFO"):
            profile.respond(incoming, 200, headers=(("Accept", "application/sdp"),))
        else:
            profile.respond(incoming, 405)

    def _new_offer(self, profile: Profile, incoming: IncomingRequest) -> None:
        """A re-INVITE or UPDATE: answer its offer, or make one when a re-INVITE has none."""
        channel = self._calls.channel_of(incoming.call)
        if channel is None or channel.media is None:
            profile.respond(incoming, 481)
            return
        offer, body = incoming.request.body, b""
        try:
            if offer:
                body = channel.media.answer(offer, self._kept_codecs(channel))
            elif incoming.request.method == "INVITE":
                body = channel.media.offer(self._kept_codecs(channel))
        except NoCommonCodec:
            profile.respond(incoming, 488)
        except MalformedSdp:
            profile.respond(incoming, 400, reason="Unreadable SDP")
        else:
            profile.respond(incoming, 200, body=body, content_type="application/sdp" if body else None)

    @staticmethod
    def _kept_codecs(channel: Channel) -> Sequence[Codec]:
        """A joined leg keeps its codec: nothing here transcodes."""
        media = channel.media
        return [media.codec] if media and media.codec and channel.bridged_to else channel.codecs
