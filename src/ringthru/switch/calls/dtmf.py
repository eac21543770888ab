"""Keys between the legs: RTP events (RFC 4733) and INFO, whichever each side speaks.

==============  =====================================================================
``dtmf-type``   what a profile's legs do
==============  =====================================================================
``rfc2833``     offer telephone-event; INFO for a peer that did not agree to it
``info``        offer none, and send keys as ``application/dtmf-relay``
``none``        send no keys at all
==============  =====================================================================

Keys that come are understood in both ways, whatever is sent; as tones too, where ``start_dtmf`` listens for
them (``audio/tone_listening``).

Lives here: reading and writing INFO bodies, and the way of a key. Never here: RTP packets
(`media/telephone_event`), what a key makes the dialplan do.
"""

from __future__ import annotations

import re
from typing import Final

from ...sip import IncomingRequest, LocalError, Request
from ..profiles.profile import Profile
from .channel import Channel

RELAY: Final = "application/dtmf-relay"
PLAIN: Final = "application/dtmf"
SIGNAL: Final = re.compile(rb"^\s*Signal\s*=\s*([0-9A-Da-d*#])\s*$", re.MULTILINE)
DURATION: Final = re.compile(rb"^\s*Duration\s*=\s*([0-9]{1,5})\s*$", re.MULTILINE)
SINGLE: Final = re.compile(rb"\s*([0-9A-Da-d*#])\s*")
USUAL: Final = 160  # milliseconds
# How a key came, in FreeSWITCH's words
BY_RTP, BY_INFO, BY_EAR = "RTP", "ENDPOINT", "INBAND_AUDIO"
MAX_BODY: Final = 1000  # bytes


def read_info(request: Request) -> tuple[str, int] | None:
    """The key and its milliseconds that an INFO's body names; None when it names none."""
    kind, body = content_type(request), request.body[:MAX_BODY]
    if kind == PLAIN:
        found = SINGLE.fullmatch(body)
        return (found[1].decode().upper(), USUAL) if found is not None else None
    signal, duration = SIGNAL.search(body), DURATION.search(body)
    if signal is None:
        return None
    return signal[1].decode().upper(), int(duration[1]) if duration is not None else USUAL


def content_type(request: Request) -> str:
    return (request.get("Content-Type") or "").partition(";")[0].strip().lower()


def receive_info(profile: Profile, channel: Channel | None, incoming: IncomingRequest) -> None:
    """Answer an INFO in a call, and pass on the key it brings."""
    request = incoming.request
    if request.get("Info-Package") is not None:  # RFC 6086 §4.2.2: none was announced
        profile.respond(incoming, 469, reason="Bad Info Package", headers=(("Recv-Info", ""),))
        return
    if request.body and content_type(request) not in (RELAY, PLAIN, ""):
        profile.respond(incoming, 415, headers=(("Accept", f"{RELAY}, {PLAIN}"),))
        return
    key = read_info(request)
    if key is None and request.body:
        profile.respond(incoming, 400, reason="No Key In It")
        return
    profile.respond(incoming, 200)
    if channel is not None and key is not None:
        heard(channel, *key, BY_INFO)


def heard(channel: Channel, key: str, milliseconds: int, source: str) -> None:
    """A key came: note it for the dialplan, and pass it to the other leg where the packets do not."""
    channel.log.debug("RECV DTMF %s:%d on %s", key, milliseconds * 8, channel.name)
    channel.tell("DTMF", *_key_headers(key, milliseconds, source))
    channel.digits.append(key)
    channel.digit_came.set()
    channel.on_key(channel, key)
    partner = channel.bridged_to
    if partner is not None and not _comes_with_the_audio(partner, source):
        send(partner, key, milliseconds)


def _comes_with_the_audio(partner: Channel, source: str) -> bool:
    """Whether the engine brings a key to the other leg: as packets, or as the sound that it is."""
    if source == BY_EAR:
        return not takes_events(partner)
    return source == BY_RTP and takes_events(partner)


def _key_headers(key: str, milliseconds: int, source: str) -> tuple[tuple[str, str], ...]:
    """FreeSWITCH counts a key's length in samples."""
    return (("DTMF-Digit", key), ("DTMF-Duration", str(milliseconds * 8)), ("DTMF-Source", source))


def takes_events(channel: Channel) -> bool:
    """Whether a leg's peer agreed to RTP events."""
    media = channel.media
    return media is not None and media.negotiated is not None and media.negotiated.telephone_event is not None


def send(channel: Channel, keys: str, milliseconds: int = USUAL) -> None:
    """Send keys to a leg's peer, in the way it understands (FreeSWITCH's ``send_dtmf``)."""
    for key in keys:
        if channel.profile.settings.dtmf_type == "none" or not channel.up:
            return
        media = channel.media
        if takes_events(channel) and media is not None:
            media.leg.press(key, milliseconds)
        else:
            _send_info(channel, key, milliseconds)


def _send_info(channel: Channel, key: str, milliseconds: int) -> None:
    call = channel.call
    if call is None or not SINGLE.fullmatch(key.encode()):
        return
    body = f"Signal={key}\r\nDuration={milliseconds}\r\n".encode()
    try:
        channel.profile.act(lambda now: call.ask(now, "INFO", [("Content-Type", RELAY)], body))
    except LocalError as error:
        channel.log.debug("A key was not sent to %s: %s", channel.name, error)
