"""SRTP as the configuration wants it: FreeSWITCH's ``rtp_secure_media`` and its kin, for one leg.

Lives here: what variables, the profile and the transport make of it. Never here: SDP, keys, ciphers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ...media import (
    FORBIDDEN,
    MANDATORY,
    OPTIONAL,
    PLAIN,
    SUITE_NAMES,
    SecureMedia,
    SrtpKeys,
    keys_of,
    suites_here,
)
from ...net.values import replace
from ...sip import Direction

if TYPE_CHECKING:
    from ..calls.channel import Channel

HOW_TO_GET: Final = (
    "SRTP needs libsrtp2 here: install ringthru[srtp] (pip install pylibsrtp), or Debian's libsrtp2-1"
)
MODES: Final = {
    "optional": OPTIONAL,
    "mandatory": MANDATORY,
    "true": MANDATORY,
    "forbidden": FORBIDDEN,
    "false": FORBIDDEN,
}
OUTBOUND: Final = "rtp_secure_media_outbound"
CONFIRMED: Final = ("rtp_secure_media_confirmed", "rtp_secure_media_confirmed_audio")
HAS_CRYPTO: Final = "rtp_has_crypto"  # of FreeSWITCH: the suite, for the dialplan to look at
NEGOTIATED: Final = "rtp_secure_media_negotiated"
Lookup = Callable[["Channel", str], str | None]


def wanted(channel: Channel, lookup: Lookup) -> SecureMedia:
    """What a leg wants: its direction's variable, else ``rtp_secure_media``, else its profile's parameter.

    Where nobody says anything SRTP is taken where it is offered, and offered by TLS only: by any other
    transport everybody on the way would read the keys.
    """
    inbound = channel.direction is Direction.INBOUND
    text = lookup(channel, "rtp_secure_media_inbound" if inbound else OUTBOUND)
    text = text or lookup(channel, "rtp_secure_media") or channel.profile.settings.rtp_secure_media
    word, _, listed = text.strip().partition(":")
    mode = MODES.get(word.lower())
    if mode is None and word:
        channel.log.warning("rtp_secure_media is '%s': it can be %s; ignored", word, ", ".join(MODES))
    if mode == FORBIDDEN:
        return PLAIN
    suites = suites_here()
    if not suites:
        return replace(PLAIN, mode=mode or OPTIONAL, reason=HOW_TO_GET)
    listed = listed or lookup(channel, "rtp_secure_media_suites") or ""
    named = _suites(listed, suites) if listed.strip() else suites
    offers = channel.by_tls if mode is None else True
    reason = f"none of the suites {listed.strip()} is known here" if not named else ""
    return SecureMedia(mode or OPTIONAL, named, offers, reason)


def _suites(text: str, here: tuple[str, ...]) -> tuple[str, ...]:
    """Those of a list (by colons or bars) that can be had, in its order."""
    names = [each.strip().upper() for each in text.replace("|", ":").split(":")]
    known = [SUITE_NAMES[name].name for name in names if name in SUITE_NAMES]
    return tuple(dict.fromkeys(each for each in known if each in here))


def is_wanted(channel: Channel, secure: SecureMedia) -> bool:
    """Whether a leg's RTP may come to be protected: then no machine may have it that cannot do that."""
    if not secure.suites:
        return False
    if channel.offer is None:
        return secure.offers or secure.mandatory
    return secure.mandatory or any(keys_of(each) for each in channel.offer.media)


def note(channel: Channel, keys: SrtpKeys | None) -> None:
    """What was agreed on, in the variables that FreeSWITCH has for it."""
    if keys is None:
        for name in (*CONFIRMED, NEGOTIATED):
            channel.variables.pop(name, None)
        return
    name = SUITE_NAMES[keys.suite].other_name
    if NEGOTIATED not in channel.variables:
        channel.log.info("%s: RTP is protected by %s", channel.name, keys.suite)
    channel.variables |= {**dict.fromkeys(CONFIRMED, "true"), HAS_CRYPTO: name, NEGOTIATED: name}


def insists(channel: Channel) -> bool:
    """Whether a called phone refused RTP that may be protected (488): it may want RTP that must be."""
    refused = channel.variables.get("sip_term_status") == "488"
    return refused and channel.media is not None and channel.media.offered_optional
