"""What the phone of a leg is told within its call: texts, INFO, whom to show, what to press.

Lives here: which request says it, and whether it can be sent. Never here: keys (``dtmf``), offers
(``reoffers``), texts between users (``messages``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ...net.values import frozen
from ...sip import Call, LocalError
from ...sip.wire.grammar import quote
from .channel import Channel

TOKEN: Final = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,64}")  # RFC 3261 §25.1
MAX_BODY: Final = 1300  # bytes; RFC 3428 §8 allows no more over UDP, and no more is sent by INFO either
PLAIN: Final = "text/plain"
UNNAMED: Final = "freeswitch/data"  # what FreeSWITCH calls an INFO's body that nobody named
UNWANTED: Final = re.compile(r'[<>"\\;,\x00-\x1f\x7f]')  # in a number that becomes part of a SIP URI


@frozen
class Told:
    """One request within a call."""

    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


def text(message: str) -> Told | None:
    """A MESSAGE (RFC 3428); None where it is too long."""
    body = message.encode()
    return Told("MESSAGE", (("Content-Type", PLAIN),), body) if len(body) <= MAX_BODY else None


def info(message: str, kind: str = "", subtype: str = "") -> Told | None:
    """An INFO with a body of a kind; None where it is too long, or that is no kind."""
    body, named = message.encode(), f"{kind}/{subtype}" if kind else UNNAMED
    if len(body) > MAX_BODY or (kind and not (TOKEN.fullmatch(kind) and TOKEN.fullmatch(subtype))):
        return None
    return Told("INFO", (("Content-Type", named),), body)


def event(name: str) -> Told | None:
    """NOTIFY of a phone's event: ``talk`` has it answered or taken back from hold, ``hold`` held."""
    if not TOKEN.fullmatch(name):
        return None
    return Told("NOTIFY", (("Event", name), ("Subscription-State", "active")))


def tell(channel: Channel, told: Told | None) -> bool:
    """Send it; False: it cannot be, and the log says why."""
    if told is None:
        channel.log.warning("%s is not told: the text is too long, or no word of SIP", channel.name)
        return False

    def send(call: Call, now: float) -> None:
        call.ask(now, told.method, told.headers, told.body)

    return _act(channel, send)


def show(channel: Channel, name: str, number: str) -> bool:
    """Let a phone show whom it talks to, by UPDATE with P-Asserted-Identity (RFC 5876 §3); False: it cannot.

    An empty ``number`` leaves the one that the other side has.
    """
    number = UNWANTED.sub("", number or _other_number(channel)).replace(" ", "")
    if not name.isprintable() or not number.isprintable() or not number.isascii():
        return False
    call = channel.call
    if call is None or not call.updates:
        channel.log.warning("%s cannot be shown another name: its phone serves no UPDATE", channel.name)
        return False
    host = channel.profile.seen_by(call.flow.remote.host).from_host
    shown = f"{quote(name)} " if name else ""
    rows = (("P-Asserted-Identity", f"{shown}<sip:{number}@{host}>"),)

    def send(call: Call, now: float) -> None:
        call.update(now, b"", rows)

    return _act(channel, send)


def _other_number(channel: Channel) -> str:
    other = channel.bridged_to
    if other is None:
        return channel.destination
    return other.caller.number if channel.parent is other else other.destination


def _act(channel: Channel, send: Callable[[Call, float], None]) -> bool:
    call = channel.call
    if call is None:
        channel.log.warning("%s has no phone to tell", channel.name)
        return False
    try:
        channel.profile.act(lambda now: send(call, now))
    except LocalError as error:
        channel.log.warning("%s is not told: %s", channel.name, error)
        return False
    return True
