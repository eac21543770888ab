"""Why did a call go wrong? One sentence about a leg that is over, its likely reason, and what to do.

A call that was answered and heard both ways is nobody's business here, nor one that was busy or not taken.

=============  ======================================================================================
fault          how it shows
=============  ======================================================================================
unacked        our 200 was never acknowledged (RFC 3261 §13.3.1.4); the class is ``ack_verdict``'s
no-audio       answered, and packets went neither way
heard-nothing  we sent, and nothing came
sent-nothing   packets came, and the other leg gave us nothing for this one
media-lost     packets came, and then none for so long that the call was ended
codecs         488: no codec in common, or SRTP wanted and not offered
unreachable    the called side, or the way to it, did not answer
poor           loss or jitter made it hard to understand (E-model)
=============  ======================================================================================

Lives here: what is known of an end, the rules, the words. Never here: channels (``mishaps``), who is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from itertools import chain
from typing import Final

from ...net.values import frozen
from .causes import HangupCause

ACK_TIMEOUT: Final = 33.0  # seconds; without an ACK no call lasts longer: 64 × T1, and the BYE's way
SILENCE: Final = ("", "status 408")  # of an INVITE; the user agent says 408 where nothing came at all
SHORT: Final = 2.0  # seconds; in a shorter call nothing may have been said yet
POOR: Final = 3.1  # MOS: "nearly all users dissatisfied" is below that (ITU-T G.107, annex B)
UNREACHED: Final = frozenset(
    (
        HangupCause.RECOVERY_ON_TIMER_EXPIRE,
        HangupCause.NETWORK_OUT_OF_ORDER,
        HangupCause.DESTINATION_OUT_OF_ORDER,
        HangupCause.NORMAL_TEMPORARY_FAILURE,
    )
)


class Fault(Enum):
    """What went wrong; see the table of the module."""

    UNACKNOWLEDGED = "unacked"
    NO_AUDIO = "no-audio"
    HEARD_NOTHING = "heard-nothing"
    SENT_NOTHING = "sent-nothing"
    MEDIA_LOST = "media-lost"
    CODECS = "codecs"
    UNREACHABLE = "unreachable"
    POOR = "poor"


@frozen
class AudioFacts:
    """The audio of a leg at its end. Counts are of packets; ``mos`` is the E-model's, None: unknown."""

    received: int
    sent: int  # without the silence that opens the NATs on the way
    lost: int = 0
    dropped: int = 0  # of strangers, of no agreed type, or no RTP
    forged: int = 0  # of those dropped, SRTP by another key
    remote_lost: int | None = None  # what the peer says it missed; None: it sent no RTCP
    told: str = ""  # where our SDP asked for its audio
    told_private: bool = False  # nobody on the Internet could send there
    wanted: str = ""  # where its SDP asked for ours
    wanted_private: bool = False
    went_to: str = ""  # where ours went, by the latch
    mapped: bool = False  # a port was opened on the gateway for it
    unmapped: str = ""  # why none was, though one was wanted
    may_come: bool = True  # by the direction that was agreed on
    may_go: bool = True
    mos_in: float | None = None
    mos_out: float | None = None


@frozen
class CallFacts:
    """What is known of one leg at its end."""

    uuid: str
    name: str  # sofia/internal/1000@domain
    ended_at: float  # a moment of the wall clock
    inbound: bool  # it called us
    cause: HangupCause
    ended_by: str  # the caller, the called side, the switch
    talked: float  # seconds since the answer; 0.0: nobody answered
    peer: str  # where its SIP came from or went to
    peer_host: str
    peer_is_far: bool  # on the Internet
    bridged: bool  # another leg talked to it
    refusal: str = ""  # the SIP status that it was refused with
    ack_verdict: str = ""
    agent: str = ""  # its User-Agent
    audio: AudioFacts | None = None  # None: it had none of its own


@frozen
class CallVerdict:
    """One sentence, what it means, and what to do."""

    fault: Fault
    sentence: str
    meaning: str
    cure: str

    def __str__(self) -> str:
        return self.sentence


@frozen
class Mishap:
    """A leg that went wrong, and why."""

    facts: CallFacts
    verdict: CallVerdict


Rule = Callable[[CallFacts], CallVerdict | None]


def judge(facts: CallFacts) -> CallVerdict | None:
    """The gravest fault of a leg; None: nothing went wrong."""
    rules: tuple[Rule, ...] = (_unacknowledged, _codecs, _unreachable, _soundless, _silenced, _poor)
    return next((verdict for rule in rules if (verdict := rule(facts)) is not None), None)


# --- the signalling -------------------------------------------------------------------------------------


def _unacknowledged(facts: CallFacts) -> CallVerdict | None:
    timed_out = facts.cause is HangupCause.RECOVERY_ON_TIMER_EXPIRE
    if not facts.ack_verdict or (facts.talked > ACK_TIMEOUT and not timed_out):
        return None  # it came late, and the call went on
    cause, _, cure = facts.ack_verdict.partition(" Cure: ")
    ended = f"the call ended after {facts.talked:.0f} s"
    why = (
        f"{ended}, because {facts.peer} did not acknowledge our answer"
        if timed_out
        else f"{ended}, and 4 s after our answer {facts.peer} had not acknowledged it"
    )
    return CallVerdict(
        Fault.UNACKNOWLEDGED,
        f"{why}. {cause}",
        "Without an ACK a call ends after 32 s, however well it sounds.",
        cure.rstrip(".")
        or "trace the call at the caller: does our 200 arrive there, and where does its ACK go?",
    )


def _codecs(facts: CallFacts) -> CallVerdict | None:
    if facts.cause is not HangupCause.INCOMPATIBLE_DESTINATION or facts.talked:
        return None
    who = "our side" if facts.inbound else facts.peer or "the called side"
    said = f" ({facts.refusal})" if facts.refusal else ""
    return CallVerdict(
        Fault.CODECS,
        f"{who} refused the call{said}: no codec, or no kind of SRTP, that both sides take.",
        "The offers of the two sides have nothing in common.",
        "compare the codecs of the phone with inbound-codec-prefs and outbound-codec-prefs of the profile,"
        " and rtp_secure_media where SRTP is wanted; the log's line about the offer names both lists",
    )


def _unreachable(facts: CallFacts) -> CallVerdict | None:
    if facts.cause not in UNREACHED or facts.talked or facts.inbound:
        return None
    if facts.cause is HangupCause.RECOVERY_ON_TIMER_EXPIRE and facts.refusal in SILENCE:
        return CallVerdict(
            Fault.UNREACHABLE,
            f"our INVITE went to {facts.peer or 'the called side'}, and no answer came.",
            "It is switched off, its NAT has forgotten the way to it, or a firewall is in the way.",
            "let the phone register more often, or over TCP or TLS; see 'phones' and 'trunk' of the doctor",
        )
    said = facts.refusal or facts.cause.name
    return CallVerdict(
        Fault.UNREACHABLE,
        f"{facts.peer or 'the called side'} could not take the call ({said}).",
        "The called side, or a server on the way to it, is out of order.",
        "try again; if it stays so, ask whoever runs it what that answer of its means",
    )


# --- the audio ------------------------------------------------------------------------------------------


def _soundless(facts: CallFacts) -> CallVerdict | None:
    """Packets did not come, or did not go, all through the call."""
    audio = facts.audio
    if audio is None or facts.talked < SHORT:
        return None
    if audio.may_come and not audio.received:
        fault = Fault.HEARD_NOTHING if audio.sent else Fault.NO_AUDIO
        meaning, cure = _why_nothing_came(facts, audio)
        return CallVerdict(fault, f"{_one_way(facts, audio)} {meaning}", meaning, cure)
    if facts.bridged and audio.may_go and not audio.sent and audio.received:
        return CallVerdict(
            Fault.SENT_NOTHING,
            f"you heard {facts.peer_host}, which heard nothing: {audio.received} packets came from it, and"
            " the other leg of the call gave none for it.",
            "The other leg of the call was silent, and is where to look.",
            "see what is said of that leg; 'doctor call last'",
        )
    return None


def _one_way(facts: CallFacts, audio: AudioFacts) -> str:
    """``we sent 842 packets to 203.0.113.50:4000 and nothing came to 203.0.113.9:16402.``"""
    who = facts.peer_host or "the peer"
    if not audio.sent:
        return f"no audio at all with {who}: nothing came to {audio.told}, and nothing was sent there."
    told = {None: "may have heard us", 0: "heard us"}.get(audio.remote_lost, "heard us in part")
    return (
        f"{who} {told}, we heard nothing of it: {audio.sent} packets went to"
        f" {audio.went_to or audio.wanted}, none came to {audio.told}."
    )


def _why_nothing_came(facts: CallFacts, audio: AudioFacts) -> tuple[str, str]:
    """The likeliest reason and its cure, the surest evidence first."""
    return next(chain(_by_evidence(facts, audio), _by_place(facts, audio)))


def _by_evidence(facts: CallFacts, audio: AudioFacts) -> Iterator[tuple[str, str]]:
    """What was seen."""
    if audio.forged:
        yield (
            f"{audio.forged} packets came that are protected by another key than was agreed on (SRTP).",
            "look for a device on the way that rewrites SDP (SIP ALG); update the phone",
        )
    if audio.dropped:
        yield (
            f"{audio.dropped} packets came and were none of the agreed audio: another codec than agreed on,"
            " or somebody else's.",
            "leave one codec only in the phone and try again; a media trace shows what came",
        )
    if facts.peer_is_far and audio.told_private:
        yield (
            f"Our SDP asked a peer on the Internet for audio at {audio.told}, a private address.",
            "set ext-rtp-ip of the profile to auto-nat or to your public address; 'nat_map explain"
            f" {facts.peer_host}' says why it was shown this one",
        )
    if audio.unmapped:
        yield (
            f"The gateway opened no port for this audio: {audio.unmapped}.",
            "see gw.perm and reach.rtp of the doctor; a peer that is heard before it speaks needs the"
            " port open",
        )


def _by_place(facts: CallFacts, audio: AudioFacts) -> Iterator[tuple[str, str]]:
    """What is likely, by where the two are."""
    if facts.peer_is_far and audio.wanted_private and audio.went_to == audio.wanted:
        yield (
            f"The peer's SDP names {audio.wanted}, an address of its own LAN: it does not know its NAT, and"
            " what we sent went nowhere.",
            "switch on STUN or 'rport' and 'symmetric RTP' in the phone, or off the SIP ALG in its router",
        )
    if facts.peer_is_far and audio.mapped:
        yield (
            f"The gateway had a port open for it ({audio.told}): another NAT or a firewall is in front of"
            " it, or the peer sent nothing.",
            "see wan.class and reach.rtp of the doctor; let the peer look for a muted microphone",
        )
    if facts.peer_is_far:
        yield (
            "No port is opened for audio on the gateway, so the peer's must come in by the way that"
            " ours opened.",
            "ext-rtp-ip=auto-nat in the profile opens one; a fixed address needs the RTP ports forwarded",
        )
    yield (
        "Both are in one network, so the peer sent nothing, or a firewall of this machine dropped it.",
        "look for a muted microphone or a wrong sound device at the phone, then at the firewall here",
    )


def _silenced(facts: CallFacts) -> CallVerdict | None:
    if facts.cause is not HangupCause.MEDIA_TIMEOUT:
        return None
    came = f" after {facts.audio.received} packets" if facts.audio is not None else ""
    return CallVerdict(
        Fault.MEDIA_LOST,
        f"the audio of {facts.peer_host or 'the peer'} stopped{came}, and after rtp-timeout-sec we"
        " ended the call.",
        "The phone went away without a word, its network changed, or a NAT forgot the way.",
        "look whether the phone lost its network (WLAN); silence suppression needs a longer rtp-timeout-sec",
    )


def _poor(facts: CallFacts) -> CallVerdict | None:
    audio = facts.audio
    if audio is None or not facts.talked:
        return None
    ways = [(audio.mos_in, "what came from"), (audio.mos_out, "what went to")]
    bad = [(mos, way) for mos, way in ways if mos is not None and mos < POOR]
    if not bad:
        return None
    mos, way = min(bad)
    missed = f"it says that it missed {audio.remote_lost or 0} packets of {audio.sent}"
    if way == ways[0][1]:
        missed = f"{audio.lost} of {audio.received + audio.lost} packets were missed"
    return CallVerdict(
        Fault.POOR,
        f"{way} {facts.peer_host} was hard to understand (MOS {mos:.1f}): {missed}.",
        "The network on the way loses packets, or delays them unevenly.",
        "look at WLAN first, then at uploads on the same line; give RTP priority in the router (DSCP EF)",
    )
