"""Transfers: REFER, an INVITE with Replaces, and what `transfer` and `uuid_transfer` are made of.

Lives here: who is joined to whom afterwards, what the one who transfers is told, who may.
Never here: the wire (`sip/agent/referral.py`), the dialplan.

========================  =====================================================================
what a phone asks         what becomes of it
========================  =====================================================================
REFER to a number         its partner goes into the dialplan for that number, in the context of
                          the phone (`blind_transfer`)
REFER with Replaces       the partners of its two calls are joined, both calls of the phone end
… the second call rings   the partner goes where the second call went
… the second call is      the partner calls there by an INVITE with that Replaces, for users of
another switch's          the directory (RFC 5589 §7)
INVITE with Replaces      the new call takes the place of the old one beside its partner
… of a call that rings    the new call is answered in its stead: a pick-up (RFC 3891 §3)
========================  =====================================================================
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from ...media import Codec
from ...sip import (
    Call,
    CallState,
    Direction,
    IncomingRequest,
    MalformedMessage,
    Referral,
    ReferTo,
    Replaces,
    SipUri,
)
from ..calls.causes import HangupCause
from ..calls.channel import Channel
from ..calls.joining import join_for_good
from ..dialing import redirecting
from ..dialing.dialstring import harmless
from ..registrations.nat import harmless_uri
from ..variable_names import variable_name
from .blind_transfer import BlindTransfer, user_of

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..profiles.profile import Profile

log = logging.getLogger(__name__)

REFERRED_BY: Final = variable_name("sip_h_Referred-By")


class Transfers:
    """What may be done with legs that stand."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    # --- for the dialplan and the console -----------------------------------------------------------

    def transfer(
        self,
        channel: Channel,
        extension: str,
        context: str | None = None,
        *,
        partner: HangupCause | None = HangupCause.NORMAL_CLEARING,
        dialplan: str = "",
    ) -> None:
        """Send a leg into the dialplan anew, wherever it is (FreeSWITCH's ``uuid_transfer``).

        ``partner`` is what the leg beside it is hung up with; None leaves it alone and silent. Not to be
        called by the task that runs the leg's own dialplan: that one can simply begin anew.
        """
        beside = channel.bridged_to
        self._calls.release(channel)
        if beside is not None and partner is not None:
            beside.hang_up(partner)
        channel.destination = extension
        channel.context = context or channel.context
        channel.dialplan = dialplan or channel.dialplan
        self._calls.run(channel, self._calls.router.run(channel))

    def park(self, channel: Channel) -> None:
        """Take a leg out of whatever it does, and keep it (FreeSWITCH's ``uuid_park``)."""
        beside = channel.bridged_to
        self._calls.release(channel)
        if beside is not None:
            beside.hang_up(HangupCause.NORMAL_CLEARING)
        self._calls.run(channel, self._calls.router.run_application(channel, "park", ""))

    def connect(self, one: Channel, other: Channel) -> None:
        """Join two legs that stand (FreeSWITCH's ``uuid_bridge``); whatever they did ends."""
        for leg in (one, other):
            self._calls.release(leg)
        self._calls.run(one, join_for_good(one, other))

    # --- REFER --------------------------------------------------------------------------------------

    def refer(self, profile: Profile, incoming: IncomingRequest) -> None:
        """Answer a REFER, and do what it asks (RFC 3515, RFC 5589)."""
        call, channel = incoming.call, self._calls.channel_of(incoming.call)
        values = incoming.request.get_all("Refer-To")
        try:
            target = ReferTo.parse(values[0]) if len(values) == 1 else None
        except MalformedMessage as error:
            log.info("Refer-To of %s: %s", incoming.flow.remote, error)
            target = None
        if target is None:
            profile.respond(incoming, 400, reason="Bad Refer-To")
            return
        work = self._work_for(profile, channel, target)
        if call is None or channel is None or work is None:
            profile.respond(incoming, 603)
            return
        referral = profile.act(lambda now: call.accept_refer(incoming, now))
        referred_by = incoming.request.get("Referred-By")
        if channel.bridged_to is not None and referred_by and referred_by.isprintable():
            channel.bridged_to.variables[REFERRED_BY] = referred_by
        self._calls.spawn(work(_Teller(profile, referral)))

    def _work_for(self, profile: Profile, channel: Channel | None, target: ReferTo) -> _Work | None:
        """What a REFER makes us do; None: refuse it."""
        if channel is None or not channel.up or channel.bridged_to is None:
            log.info("A REFER to %s is refused: there is nobody to transfer", target.target)
            return None
        if profile.settings.disable_transfer:
            channel.log.info("%s may not transfer: disable-transfer is set", channel.name)
            return None
        if target.replaces is None:
            number = harmless(target.target.user or "")
            return (
                (lambda teller: self._blind(teller, channel, number, _context(channel))) if number else None
            )
        second = self._calls.channel_of(self.find(target.replaces))
        if second is None:
            return self._across(channel, target.target, target.replaces)
        if second is channel:
            channel.log.info("%s wants to replace its call by itself", channel.name)
            return None
        if second.up and second.bridged_to is not None:
            return lambda teller: self._attended(teller, channel, second)
        return lambda teller: self._semi_attended(teller, channel, second)

    def _across(self, channel: Channel, place: SipUri, replaces: Replaces) -> _Work | None:
        """The second call stands at another switch: the partner is sent there, to take its place."""
        directory = self._calls.directory
        if not user_of(channel) or redirecting.is_ours(place.host, channel.profile, directory):
            channel.log.info("%s wants to replace a call that is not here", channel.name)
            return None
        text = f"sofia/{channel.profile.name}/{harmless_uri(place)}"
        string = f"{{sip_h_Replaces={harmless(str(replaces))}}}{text}"

        def go(leg: Channel) -> None:
            self._calls.release(leg)
            self._calls.run(leg, self._calls.router.run_application(leg, "bridge", string))

        return lambda teller: self._sent(teller, channel, text, go)

    async def _blind(self, teller: _Teller, channel: Channel, number: str, context: str) -> None:
        def go(leg: Channel) -> None:
            self.transfer(leg, number, context, partner=None)

        await self._sent(teller, channel, f"{number} in context {context}", go)

    async def _sent(
        self, teller: _Teller, channel: Channel, where: str, go: Callable[[Channel], None]
    ) -> None:
        partner = channel.bridged_to
        if partner is None:
            teller.tell(481)
            return
        await BlindTransfer(self._calls, teller, channel, partner).run(where, go)

    async def _attended(self, teller: _Teller, first: Channel, second: Channel) -> None:
        one, other = first.bridged_to, second.bridged_to
        if one is None or other is None or one is second:
            teller.tell(481)
            return
        first.log.info("%s joins %s to %s", first.name, one.name, other.name)
        teller.tell(100)
        self.connect(one, other)
        teller.tell(200)
        for leg in (first, second):
            leg.hang_up(HangupCause.ATTENDED_TRANSFER)

    async def _semi_attended(self, teller: _Teller, first: Channel, second: Channel) -> None:
        """The second call rings yet, or talks to the switch: its place in the dialplan is handed on."""
        number, context = second.destination, second.context
        second.hang_up(HangupCause.ATTENDED_TRANSFER)
        await self._blind(teller, first, number, context)

    # --- INVITE with Replaces -----------------------------------------------------------------------

    def find(self, replaces: Replaces) -> Call | None:
        """The call of any profile whose dialog a Replaces names."""
        found = (profile.agent.call_replaced_by(replaces) for profile in self._calls.profiles.values())
        return next((call for call in found if call is not None), None)

    def replaced(self, call: Call, proven: bool) -> Channel | int | None:
        """The leg that an INVITE's Replaces names, the status that refuses it, or None without Replaces.

        ``proven``: the caller gave a password. Others may replace only what is their own (RFC 3891 §3, §5).
        """
        if call.request.get("Replaces") is None:
            return None
        values = call.request.get_all("Replaces")
        try:
            replaces = Replaces.parse(values[0])
        except MalformedMessage:
            return 400
        if len(values) > 1:
            return 400
        found = self.find(replaces)
        channel = self._calls.channel_of(found)
        if found is None or channel is None:
            return 481
        if found.state is CallState.CONFIRMED:
            refusal = 486 if replaces.early_only else 0 if channel.bridged_to is not None else 603
        else:  # a call that rings with us has its place in the dialplan; only one that we ring can be taken
            refusal = 0 if found.state is CallState.EARLY and found.direction is Direction.OUTBOUND else 481
        if not refusal and not proven and found.flow.remote.host != call.flow.remote.host:
            refusal = 403
        return refusal or channel

    async def replace(self, channel: Channel, old: Channel) -> None:
        """Let a new leg take the place of an old one beside its partner, or be answered in its stead."""
        partner = old.bridged_to
        await channel.answer(prefer=self._spoken_beside(old))
        if channel.gone.is_set():
            return
        if partner is None and old.pick_up(channel):
            channel.log.info("%s picks up what rings at %s", channel.name, old.name)
            await channel.gone.wait()  # whoever dialled owns it now
            return
        partner = old.bridged_to
        if partner is None:
            channel.hang_up(HangupCause.NORMAL_TEMPORARY_FAILURE)
            return
        channel.log.info("%s takes the place of %s beside %s", channel.name, old.name, partner.name)
        self._calls.release(partner)
        old.hang_up(HangupCause.ATTENDED_TRANSFER)
        await join_for_good(channel, partner)

    @staticmethod
    def _spoken_beside(old: Channel) -> Codec | None:
        """The codec that the other side speaks already."""
        other = old.bridged_to or old.parent
        return other.media.codec if other is not None and other.media is not None else None


class _Teller:
    """Tells who sent a REFER how it goes."""

    def __init__(self, profile: Profile, referral: Referral) -> None:
        self._profile = profile
        self._referral = referral

    def tell(self, status: int) -> None:
        self._profile.act(lambda now: self._referral.notify(status, now))


_Work = Callable[[_Teller], Coroutine[Any, Any, None]]


def _context(channel: Channel) -> str:
    """Where a leg's transfers are looked up: its user's context, for a called user as well."""
    named = (channel.variables.get(name) for name in ("force_transfer_context", "user_context"))
    return next((each for each in named if each), channel.context)
