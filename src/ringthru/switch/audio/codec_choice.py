"""Which codecs a leg is offered or answered with, so that as little as possible is transcoded.

A preference list (``inbound-codec-prefs``, ``outbound-codec-prefs``, the variables ``absolute_codec_string``
and ``codec_string``) names codecs in order, each as ``NAME``, ``NAME@20i`` (milliseconds of a packet) or
``NAME@48000h``. A codec that lists can name is used only where they do; any other that both sides of a call
have passes between them all the same, behind those.

Lives here: those lists. Never here: descriptions (``media``), who is called.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from ...media import G722, OPUS, PCMA, PCMU, Codec, SessionDescription, offered_audio, ptime_offered
from ...media.coding.coders import NARROW, SAMPLED_AT, installed, remedy
from ...media.description.codecs import NAMED, pass_through
from ...media.sound.g711 import G711
from ...net.values import frozen, replace

if TYPE_CHECKING:
    from ..calls.channel import Channel
    from ..profiles.profile import Profile

log = logging.getLogger(__name__)

RESTRICTED = frozenset(each.name for each in (PCMU, PCMA, G722, OPUS))  # used only where a list names them


@frozen
class Preferences:
    """A list that was read; ``ptime`` is what its first codec with a packet length wants, 0: none does."""

    codecs: tuple[Codec, ...]
    ptime: int = 0

    def made_by(self, coders: Collection[str]) -> list[Codec]:
        """Those that can be made here; G.711 where it names none of them."""
        return [each for each in self.codecs if each.name in coders] or [PCMU, PCMA]

    def allows(self, codec: Codec) -> bool:
        return codec.name not in RESTRICTED or any(each.kind == codec.kind for each in self.codecs)


def read_preferences(names: Iterable[str]) -> Preferences:
    """What a list says; names that nobody knows (of video, say) are passed over."""
    found: dict[str, Codec] = {}
    ptime = 0
    for name in names:
        word, *details = name.strip().upper().split("@")
        if word not in NAMED:
            continue
        found.setdefault(word, NAMED[word])
        lengths = [each[:-1] for each in details if each.endswith("I") and each[:-1].isdecimal()]
        ptime = ptime or next((int(each) for each in lengths if len(each) < 4), 0)
    return Preferences(tuple(found.values()), ptime)


def tell_of_missing(profiles: Iterable[Profile]) -> None:
    """Say once what the lists of these profiles name that nobody here can make."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for each in profiles:
        missing = [codec.name for codec in each.preferences.codecs if codec.name not in each.coders]
        known = tuple(name for name in missing if remedy(name))
        lacking.setdefault(known, []).append(each.name)
    for names, where in lacking.items():
        if names:
            text = "%s (profile %s) only pass where both phones have them; to make them here: %s"
            log.info(text, ", ".join(names), ", ".join(where), remedy(names[0]))


def passable(offer: SessionDescription, preferences: Preferences) -> list[Codec]:
    """What of an offer may pass to the other side of the call, in the offerer's order."""
    return [each for each in offered_audio(offer) if preferences.allows(each)]


def shared(offer: SessionDescription, codecs: Sequence[Codec]) -> list[Codec]:
    """Which of our codecs an offer has, in the offerer's order."""
    ours = {each.kind: each for each in codecs}
    return [ours[each.kind] for each in offered_audio(offer) if each.kind in ours]


def told_of(channel: Channel, offer: SessionDescription) -> str:
    """Why an offer was refused, and what would help: for the log."""
    names = [each.name for each in offered_audio(offer)]
    helps = next((remedy(name) for name in names if remedy(name) and name not in channel.coders), "")
    text = f"offers {' '.join(names)[:120] or 'no audio'}, of which nothing can be made here"
    return f"{text}; to have it, install: {helps}" if helps else text


def for_callee(channel: Channel, parent: Channel | None) -> tuple[Sequence[Codec], int]:
    """What a dialled leg is offered, in order, and the milliseconds of a packet.

    ``absolute_codec_string`` is offered as it is. Else first comes what the caller speaks or offers, for then
    nothing needs transcoding; behind it what can be made of that (``codec_string``, else the profile's list).
    """
    absolute = read_preferences(channel.variables.get("absolute_codec_string", "").split(","))
    if absolute.codecs:
        return absolute.codecs, absolute.ptime
    own = read_preferences(channel.variables.get("codec_string", "").split(","))
    wanted = own if own.codecs else channel.profile.preferences_out
    if parent is None:
        return wanted.made_by(channel.coders), wanted.ptime
    spoken, ptime = _spoken(parent)
    if not any(each.name in channel.coders for each in spoken):
        return spoken, ptime
    allowed = [each for each in spoken if wanted.allows(each)]
    more = [each for each in wanted.made_by(channel.coders) if each.kind not in {one.kind for one in allowed}]
    return [*allowed, *more], wanted.ptime or ptime


def _spoken(parent: Channel) -> tuple[list[Codec], int]:
    """The codec that the caller speaks, or all that it offers."""
    media = parent.media
    if media is not None and media.negotiated is not None and not parent.any_codec:
        return [media.negotiated.codec], media.negotiated.ptime
    if parent.offer is None or not parent.profile.settings.inbound_late_negotiation:
        return list(parent.codecs), 0
    spoken = passable(parent.offer, parent.profile.preferences)
    if parent.profile.settings.inbound_codec_negotiation == "greedy":
        order = [each.kind for each in parent.codecs]
        spoken.sort(key=lambda each: order.index(each.kind) if each.kind in order else len(order))
    return spoken or list(parent.codecs), ptime_offered(parent.offer)


def for_answer(channel: Channel, prefer: Codec | None) -> tuple[Sequence[Codec], Sequence[Codec]]:
    """What a caller is answered with: the codecs we speak; and what goes before the caller's own order."""
    if not channel.profile.settings.inbound_late_negotiation:
        return channel.codecs, ()  # that was chosen when the call came
    first = [prefer] if prefer is not None else []
    if channel.profile.settings.inbound_codec_negotiation == "greedy":
        first += channel.codecs
    if prefer is not None and prefer.name not in channel.coders:
        return [prefer], first  # of it nothing else can be made
    return channel.codecs, first


def for_new_offer(channel: Channel) -> tuple[Sequence[Codec], Sequence[Codec]]:
    """The same for a new offer in a standing call: a joined leg keeps its codec while it is offered.

    Else what its partner speaks is best, then anything that can be made of that.
    """
    media, partner = channel.media, channel.bridged_to
    current = media.codec if media is not None else None
    if partner is None or current is None:
        return channel.codecs, ()
    theirs = partner.media.codec if partner.media is not None else None
    first = [each for each in (*kept(channel), theirs) if each is not None]
    makeable = theirs is None or theirs.name in channel.coders
    return (channel.codecs if makeable else first), first


def kept(channel: Channel) -> Sequence[Codec]:
    """The codec that a leg speaks, with what is to be said of it from our side: its partner's words where the
    audio passes, else our own.
    """
    current = channel.media.codec if channel.media is not None else None
    if current is None:
        return channel.codecs
    partner = channel.bridged_to
    theirs = partner.media.codec if partner is not None and partner.media is not None else None
    said = (*((theirs,) if theirs is not None else ()), *channel.codecs, *NAMED.values())
    parameters = next((each.parameters for each in said if each.kind == current.kind), "")
    return [replace(current, parameters=parameters)]


def way_of(channel: Channel) -> str:
    """What becomes of a leg's audio on its way to its partner: it ``passes``, or we ``transcode``."""
    partner = channel.bridged_to
    one = channel.media.codec if channel.media is not None else None
    other = partner.media.codec if partner is not None and partner.media is not None else None
    if one is None or other is None:
        return ""
    if one.kind == other.kind:
        return "passes"
    known = pass_through(one, other) or {one.name, other.name} <= channel.coders
    return "transcodes" if known else "blocked"


def needs_coding(channel: Channel, other: Channel) -> bool:
    """Whether what a dialled leg speaks is nothing that the caller, once it is answered, can speak, too."""
    theirs = other.media.codec if other.media is not None else None
    spoken, _ = _spoken(channel)
    return theirs is not None and not any(pass_through(each, theirs) for each in spoken)


def codec_modules() -> list[tuple[str, str]]:
    """What can be made here, and FreeSWITCH's module for it."""
    known = {"PCMU": ("G.711 ulaw", "mod_g711"), "PCMA": ("G.711 alaw", "mod_g711")}
    known |= {"G722": ("G.722", "mod_spandsp"), "OPUS": ("OPUS (STANDARD)", "mod_opus")}
    return [row for name, row in known.items() if name in installed()]


def shown_rate(codec: Codec) -> int:
    """The samples a second, as FreeSWITCH shows them: 16000 of G.722, whatever its clock says."""
    return SAMPLED_AT.get(codec.name, codec.clock_rate or NARROW)


def bit_rate(codec: Codec) -> int:
    """Bits a second of codecs that always have the same; else 0."""
    return 64_000 if codec.name in G711 or codec.name == "G722" else 0
