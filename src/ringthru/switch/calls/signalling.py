"""What the switch does when SIP says that something happened.

Lives here: events of a user agent, turned into channels' states and answers.
Never here: wire formats, addresses (``reachability``), what an application does.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ...media import MalformedSdp, MediaError, NoCommonCodec, Securing, SessionDescription, offered_audio
from ...sip import (
    AckNearMiss,
    AckOverdue,
    Call,
    CallAnswered,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallFailed,
    CallProgress,
    Direction,
    Event,
    IncomingCall,
    IncomingRequest,
    NotifyAnswered,
    Request,
    RequestReceived,
    Response,
    SessionRefreshDue,
    StrayAck,
)
from ..audio import secure_media
from ..audio.codec_choice import passable, shared, told_of
from ..dialing.dialstring import truth
from ..dialing.redirecting import places_of
from ..door.authentication import Denied
from . import dtmf
from .ack_watch import AckWatch
from .causes import HangupCause, cause_of, cause_said
from .channel import DISPOSITION, CallPhase, Channel
from .nat_mode import note_caller
from .offers import new_offer, take_answer, tell_the_other

if TYPE_CHECKING:
    from ..profiles.profile import Profile
    from .book import Calls

log = logging.getLogger(__name__)

ENDINGS = {  # what ends a call here by itself
    "ACK Timeout": HangupCause.RECOVERY_ON_TIMER_EXPIRE,
    "Session Timer Expired": HangupCause.RECOVERY_ON_TIMER_EXPIRE,
}
REDIRECTED = HangupCause.REDIRECTION_TO_NEW_DESTINATION
SDP_TYPE = "application/sdp"
RETRY_AFTER = "5"  # seconds, told to callers while the switch is full


class Signalling:
    """Between the profiles' user agents and the book of channels."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._acks = AckWatch(calls)
        self._messages = calls.messages

    def on_event(self, profile: Profile, event: Event) -> None:
        """Take one event of a profile's user agent."""
        match event:
            case IncomingCall(call=call):
                self._incoming_call(profile, call)
            case RequestReceived(incoming=incoming):
                self._request(profile, incoming)
            case NotifyAnswered(subscription=subscription):
                self._calls.subscriptions.answered(subscription)
            case StrayAck():
                self._acks.on_stray(profile, event)
            case AckNearMiss():
                self._acks.on_near_miss(profile, event)
            case AckOverdue():
                self._acks.on_overdue(profile, event)
            case (
                CallProgress(call=call)
                | CallAnswered(call=call)
                | CallConfirmed(call=call)
                | CallFailed(call=call)
                | CallCancelled(call=call)
                | CallEnded(call=call)
                | SessionRefreshDue(call=call)
            ):
                channel = self._calls.channel_of(call)
                if channel is not None:
                    if isinstance(event, CallConfirmed) and channel.direction is Direction.INBOUND:
                        _note_reached(channel, call)
                    self._leg_event(channel, event)

    # --- somebody calls us --------------------------------------------------------------------------

    def _incoming_call(self, profile: Profile, call: Call) -> None:
        """Let the caller in, or say why not; ports are taken only when the dialplan answers."""
        context = profile.settings.context
        variables: dict[str, str] = {}
        source = call.flow.remote
        if (unspoken := _unspoken(call.request)) is not None:
            profile.act(lambda now: call.reject(now, unspoken, headers=(("Accept", SDP_TYPE),)))
            return
        trunk = self._calls.trunks.caller(call.request, call.flow) if self._calls.trunks else None
        proven = trunk is not None
        if trunk is not None:
            context, variables = trunk.context, dict(trunk.variables)
        if not proven and profile.rejects(source):
            lists = ", ".join(profile.settings.apply_inbound_acl)
            log.warning('IP %s Rejected by acl "%s"', source.host, lists)
            profile.act(lambda now: call.reject(now, 403))
            return
        if not proven and profile.must_authenticate(source):
            user = self._calls.registrar.authenticate(profile, call.request, source, profile.now())
            if isinstance(user, Denied):
                status, headers = user.status, user.headers
                profile.act(lambda now: call.reject(now, status, headers=headers))
                return
            proven, variables = True, user.call_variables
            context = variables.get("user_context", context)
        if not self._calls.has_room(profile.now(), Direction.INBOUND, "" if proven else source.host):
            log.warning("Profile %s refuses a call from %s: the switch is full", profile.name, source)
            profile.act(lambda now: call.reject(now, 503, headers=(("Retry-After", RETRY_AFTER),)))
            return
        replaced = self._calls.transfers.replaced(call, proven=proven)
        if isinstance(replaced, int):
            profile.act(lambda now: call.reject(now, replaced))
            return
        channel = self._calls.start_inbound(profile, call, context)
        channel.variables.update(variables)
        channel.stranger = not proven and not profile.trusts(source)
        if trunk is not None and self._calls.trunks is not None:
            channel.destination = trunk.extension or channel.destination
            self._calls.trunks.began(trunk.trunk)
        channel.log.info("%s receiving invite from %s call-id: %s", channel.name, source, call.call_id)
        note_caller(profile, channel, call)
        channel.begin()
        if self._acceptable(channel, call.request.body):
            work = self._calls.router.run(channel) if replaced is None else self._replace(channel, replaced)
            self._calls.run(channel, work)

    async def _replace(self, channel: Channel, old: Channel) -> None:
        try:
            await self._calls.transfers.replace(channel, old)
        except MediaError as error:
            channel.log.warning("%s cannot take the place of %s: %s", channel.name, old.name, error)
            channel.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)

    def _acceptable(self, channel: Channel, offer: bytes) -> bool:
        """Refuse an offer at once that nothing here could answer, so that it rings nobody."""
        try:
            if not offer:
                return True
            channel.offer = SessionDescription.parse(offer)
            if self._speakable(channel, channel.offer) and self._securable(channel, channel.offer):
                return True
        except MalformedSdp as error:
            channel.log.info("%s sent an SDP that cannot be read: %s", channel.name, error)
        channel.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)
        return False

    def _speakable(self, channel: Channel, offer: SessionDescription) -> bool:
        """Whether an offer has a codec that is spoken here, or may be by who is called."""
        late = channel.profile.settings.inbound_late_negotiation
        if late and passable(offer, channel.profile.preferences):
            return True
        if spoken := shared(offer, channel.codecs):
            channel.codecs = channel.codecs if late else spoken[:1]
            return True
        channel.log.warning("%s %s", channel.name, told_of(channel, offer))
        return False

    def _securable(self, channel: Channel, offer: SessionDescription) -> bool:
        """Whether an offer's SRTP, or that it has none, is as both sides want it."""
        try:
            secure = secure_media.wanted(channel, self._calls.router.variable)
            _, crypto = Securing(secure, bytes).choose(offer, offered_audio(offer))
        except NoCommonCodec as error:
            channel.log.warning("%s is refused: %s", channel.name, error)
            return False
        if crypto is not None:
            channel.variables[secure_media.HAS_CRYPTO] = crypto.suite.other_name
            if not channel.by_tls:
                text = "%s sent its key for SRTP without TLS: whoever is on the way can listen"
                channel.log.info(text, channel.name)
        return True

    # --- a leg goes on ------------------------------------------------------------------------------

    def _leg_event(self, channel: Channel, event: Event) -> None:
        match event:
            case CallProgress(response=response) if response.status >= 180 and not channel.up:
                self._progress(channel, response)
            case CallAnswered(response=response) if not channel.up:
                heard = channel.progressed.is_set() and not response.body  # the 183's answer holds
                if (heard or take_answer(channel, response.body)) and not channel.gone.is_set():
                    channel.mark_answered()
            case CallConfirmed(ack=ack) if ack and channel.media and channel.media.awaits_answer:
                if take_answer(channel, ack.body):  # to our offer in the 200 (RFC 3264 §4)
                    tell_the_other(channel)
            case SessionRefreshDue():
                channel.offer_again()
            case CallFailed(status=status, response=response):
                channel.variables |= {"sip_term_status": str(status), DISPOSITION: "recv_refuse"}
                channel.redirected = places_of(response)
                cause = REDIRECTED if channel.redirected else cause_of(status)
                channel.ended(cause_said(response, cause))
            case CallCancelled(request=request):
                channel.variables[DISPOSITION] = "recv_cancel"
                channel.ended(cause_said(request, HangupCause.ORIGINATOR_CANCEL))
            case CallEnded(reason=reason, request=request):
                channel.log.debug("%s: %s", channel.name, reason)
                channel.variables[DISPOSITION] = "recv_bye" if request is not None else "send_bye"
                channel.ended(cause_said(request, ENDINGS.get(reason, HangupCause.NORMAL_CLEARING)))

    def _progress(self, channel: Channel, response: Response) -> None:
        """The called side rings, or is heard already; whoever dialled it waits for the news."""
        if channel.phase is CallPhase.DIALING:
            channel.turn(CallPhase.RINGING)
        deaf = truth(channel.variables.get("ignore_early_media"))
        if response.body and not deaf and self._early_answer(channel, response.body):
            if not channel.progressed.is_set():
                channel.mark_early()
        else:
            channel.mark_ringing()

    @staticmethod
    def _early_answer(channel: Channel, body: bytes) -> bool:
        """Take the SDP of a provisional response; one that cannot be used is overlooked, the 200's counts."""
        try:
            if channel.media is not None:
                channel.media.accept(body)
                return True
        except MediaError as error:
            channel.log.info("%s sent early media that we cannot use: %s", channel.name, error)
        return False

    # --- other requests -----------------------------------------------------------------------------

    def _request(self, profile: Profile, incoming: IncomingRequest) -> None:
        """Requests outside calls, and new offers inside them."""
        method = incoming.request.method
        if method == "REGISTER":
            self._calls.registrar.register(profile, incoming, profile.now())
        elif method in ("INVITE", "UPDATE") and incoming.call is not None:
            new_offer(profile, self._calls.channel_of(incoming.call), incoming)
        elif method == "INFO":
            dtmf.receive_info(profile, self._calls.channel_of(incoming.call), incoming)
        elif method == "REFER":
            self._calls.transfers.refer(profile, incoming)
        elif method == "MESSAGE":
            self._messages.receive(profile, incoming)
        elif method == "SUBSCRIBE":
            self._calls.subscriptions.subscribe(profile, incoming)
        elif method == "NOTIFY":
            self._calls.deflections.notified(profile, incoming)
        elif method == "OPTIONS":
            busy = profile.settings.sip_options_respond_503_on_busy and self._calls.full
            profile.respond(incoming, 503 if busy else 200, headers=(("Accept", "application/sdp"),))
        else:
            profile.respond(incoming, 405)


def _unspoken(request: Request) -> int | None:
    """The status for an INVITE whose body, or the answer it wants, is no SDP (RFC 3261 §8.2.3, §21.4.7)."""
    kind = (request.get("Content-Type") or SDP_TYPE).partition(";")[0].strip().lower()
    if request.body and kind != SDP_TYPE:
        return 415
    accepted = request.get("Accept")
    if accepted is None or any(each in accepted.lower() for each in (SDP_TYPE, "application/*", "*/*")):
        return None
    return 406


def _note_reached(channel: Channel, call: Call) -> None:
    """An ACK of our answer shows that a caller is where his INVITE came from: he came in through the gateway.

    A provider's calls show nothing, for our registration with him holds a way open beside the mapping.
    """
    if "sip_gateway_name" not in channel.variables:
        channel.profile.was_reached(call.flow)
