"""Headers that speak of calls: Reason, Replaces, Refer-To, Session-Expires (RFC 3326, 3891, 3515, 4028).

Lives here: their text and fields.
Never here: what they make anybody do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Self

from ...net.values import frozen, replace
from ..errors import MalformedMessage
from .grammar import TOKEN, Parameters, find_parameter, quote, read_parameters
from .headers import NameAddr
from .message import Message
from .uri import SipUri, unescape

WHOLE_PARAMETER: Final = re.compile(r"[ \t]*([^;\s]+)[ \t]*(.*)", re.DOTALL)


def _leading(text: str, what: str) -> tuple[str, Parameters]:
    """The word before the first parameter, and the parameters."""
    found = WHOLE_PARAMETER.fullmatch(text)
    if found is None:
        raise MalformedMessage(f"bad {what} {text[:80]!r}")
    return found[1], read_parameters(found[2])


@frozen
class Reason:
    """Why a request was sent (RFC 3326): ``cause`` is a SIP status or a Q.850 number."""

    protocol: str  # "SIP" or "Q.850"
    cause: int | None = None
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """``protocol *( SEMI reason-params )``.

        Raises:
            MalformedMessage: anything else.
        """
        protocol, parameters = _leading(text, "Reason")
        if not TOKEN.fullmatch(protocol):
            raise MalformedMessage(f"bad Reason {text[:80]!r}")
        cause = find_parameter(parameters, "cause") or ""
        number = int(cause) if cause.isascii() and cause.isdigit() and len(cause) <= 3 else None
        return cls(protocol, number, find_parameter(parameters, "text") or "")

    def __str__(self) -> str:
        cause = "" if self.cause is None else f";cause={self.cause}"
        return f"{self.protocol}{cause}" + (f";text={quote(self.text)}" if self.text else "")


def reasons_of(message: Message | None) -> list[Reason]:
    """Every Reason that can be read."""
    found = []
    for text in _values(message, "Reason"):
        try:
            found.append(Reason.parse(text))
        except MalformedMessage:
            continue
    return found


def _values(message: Message | None, name: str) -> list[str]:
    if message is None or message.get(name) is None:
        return []
    try:
        return message.get_all(name)
    except MalformedMessage:
        return []


def options_of(message: Message, name: str) -> frozenset[str]:
    """The option tags of Supported or Require, the methods of Allow: tokens, lower-cased."""
    return frozenset(value.lower() for value in _values(message, name))


@frozen
class SessionExpires:
    """How long a session lasts without a refresh (RFC 4028 §4); ``refresher`` is "uac", "uas" or None."""

    seconds: int
    refresher: str | None = None

    @classmethod
    def read(cls, message: Message) -> Self | None:
        """The header of a message; None without one, and for one that cannot be read."""
        text = message.get("Session-Expires")
        if text is None:
            return None
        try:
            seconds, parameters = _leading(text, "Session-Expires")
        except MalformedMessage:
            return None
        refresher = (find_parameter(parameters, "refresher") or "").lower()
        number = read_seconds(seconds)
        return None if number is None else cls(number, refresher if refresher in ("uac", "uas") else None)

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else str(self.seconds)


def read_seconds(text: str | None) -> int | None:
    """``delta-seconds`` up to 2**31, a parameter behind it overlooked; None for anything else."""
    word = (text or "").partition(";")[0].strip()
    if not (word.isascii() and word.isdigit()) or len(word) > 10:
        return None
    return min(int(word), 2**31 - 1)


@frozen
class Replaces:
    """The dialog a call shall replace (RFC 3891 §6.1); ``to_tag`` is that of whoever is asked."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """``callid *( SEMI replaces-param )``.

        Raises:
            MalformedMessage: anything else, or a tag is missing or there twice.
        """
        call_id, parameters = _leading(text, "Replaces")
        names = [name for name, _ in parameters]
        to_tag, from_tag = find_parameter(parameters, "to-tag"), find_parameter(parameters, "from-tag")
        if not to_tag or not from_tag or names.count("to-tag") != 1 or names.count("from-tag") != 1:
            raise MalformedMessage(f"bad Replaces {text[:80]!r}")
        return cls(call_id, to_tag, from_tag, "early-only" in names)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


@frozen
class ReferTo:
    """Where a REFER points (RFC 3515 §2.1), and the dialog that the call it asks for shall replace."""

    target: SipUri  # without headers
    replaces: Replaces | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """One ``Refer-To`` value.

        Raises:
            MalformedMessage: no URI, or Replaces in it that cannot be read.
        """
        uri = NameAddr.parse(text).uri
        replaces = None
        for name, value in _uri_headers(uri):
            if name.lower() == "replaces":
                if replaces is not None:
                    raise MalformedMessage("Replaces twice in Refer-To")
                replaces = Replaces.parse(value)
        return cls(replace(uri, headers=""), replaces)


def _uri_headers(uri: SipUri) -> Iterable[tuple[str, str]]:
    for pair in uri.headers.split("&") if uri.headers else ():
        name, _, value = pair.partition("=")
        yield unescape(name), unescape(value)
