"""What stands for what in a redacted transcript: the same secret always becomes the same placeholder.

Lives here: addresses, names and numbers that tell who somebody is, and what is shown in their place.
Never here: messages, and where in them a secret may be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from typing import Final
from urllib.parse import quote

from ...net.address import AddressKind
from ...net.surroundings import Surroundings

LAN: Final = "192.168.1."  # where our own network's hosts go, the gateway first
RANGES: Final = {  # the kind of an address says much about a case, so it is kept
    AddressKind.PUBLIC: "203.0.113.",
    AddressKind.PRIVATE: "192.168.2.",
    AddressKind.SHARED: "100.64.0.",
    AddressKind.LOOPBACK: "127.0.0.",
    AddressKind.LINK_LOCAL: "169.254.0.",
    AddressKind.DOCUMENTATION: "192.0.2.",
}
OTHER: Final = "198.18.0."
HOSTS: Final = 254
WELL_KNOWN: Final = frozenset(  # everybody's, so nobody's
    ("0.0.0.0", "127.0.0.1", "224.0.0.1", "239.255.255.250", "255.255.255.255", "192.0.0.9")
)
WELL_KNOWN_6: Final = frozenset(("::", "::1", "ff02::1", "ff02::c", "2001:1::1"))
SHORTEST: Final = 4  # characters of a secret looked for in running text
PATTERN_4: Final = r"\d{1,3}(?:\.\d{1,3}){3}"
PATTERN_6: Final = rf"(?:[0-9a-fA-F]{{0,4}}:){{2,7}}(?:{PATTERN_4}|[0-9a-fA-F]{{0,4}})"
PATTERN_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
PATTERN_MAC: Final = r"[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5}"
PATTERN_HEX: Final = r"[0-9a-fA-F]{12,}"  # a hardware address or serial number without separators
MOST_PACKED: Final = 64  # addresses looked for as eight hexadecimal digits too
ENTITIES: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))
NUMBER: Final = re.compile(r"x{1,8}\Z")


class Placeholders:
    """Consistent stand-ins. ``count`` tells by name how many different things were replaced."""

    def __init__(self, surroundings: Surroundings, secrets: Iterable[str] = ()) -> None:
        self._network = surroundings.network
        self._kind = surroundings.rules.kind
        self._addresses: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._next: dict[str, int] = {}
        self._secrets: set[str] = set()  # each spelling, in lower case
        self._searched: re.Pattern[str] | None = None
        for address in (surroundings.gateway, surroundings.address):
            if address is not None:
                self.address(address)
        for secret in secrets:
            self.learn(secret)

    def count(self) -> tuple[tuple[str, int], ...]:
        return (("addresses", len(self._addresses)), ("texts", len(self._names)))

    def address(self, text: str) -> str:
        """What stands for an address; anything else becomes a text of x's."""
        if text in WELL_KNOWN or text.lower() in WELL_KNOWN_6:
            return text
        known = self._addresses.get(text)
        if known is None:
            known = self._new_address(text)
            self._addresses[text] = known
            self._searched = None
        return known

    def knows(self, address: str) -> bool:
        """Whether it is an address that somebody has."""
        return address in self._addresses

    def name(self, text: str) -> str:
        """What stands for a text, as long as itself; blanks and control characters stay where they are."""
        known = self._names.get(text.lower())
        if known is None:
            number = self._take("name")
            hidden = "".join("x" if c > " " else c for c in text)
            known = NUMBER.sub(lambda found: f"{number:x>{len(found[0])}}"[-len(found[0]) :], hidden)
            self._names[text.lower()] = known
        return known

    def learn(self, secret: str) -> None:
        """Look for this text everywhere from now on, in each way it may be spelled."""
        plain = secret.strip()
        if len(plain) < SHORTEST:
            return
        for spelled in {plain, quote(plain), escaped(plain), plain.encode().hex()}:
            self._secrets.add(spelled.encode().decode("latin-1").lower())
        self._searched = None

    def text(self, text: str) -> str:
        """Running text without addresses, hardware addresses, identities, or any secret that is known."""
        if self._searched is None:
            self._searched = self._pattern()
        return self._searched.sub(self._replaced, text)

    def _pattern(self) -> re.Pattern[str]:
        addresses = islice(filter(_is_ipv4, self._addresses), MOST_PACKED)
        packed = {IPv4Address(each).packed.hex() for each in addresses}
        known = sorted({*self._secrets, *packed}, key=len, reverse=True)
        general = (PATTERN_UUID, PATTERN_MAC, PATTERN_6, PATTERN_4, PATTERN_HEX)
        return re.compile("|".join([*map(re.escape, known), *general]), re.IGNORECASE)

    def _replaced(self, found: re.Match[str]) -> str:
        text = found[0]
        if text.lower() in self._secrets:
            return self.name(text.lower())
        if _is_ipv4(text) or _is_ipv6(text):
            return self.address(text)
        before, colon, dotted = text.rpartition(":")
        if colon and "." in dotted:
            return before + colon + (self.address(dotted) if _is_ipv4(dotted) else self._digits(dotted))
        if colon and "::" not in text and text.count(":") < 5:
            return text  # a time of day
        return self._digits(text)

    def _digits(self, text: str) -> str:
        """A hardware address or identity: its shape, and a number of its own."""
        known = self._names.get(text.lower())
        if known is None:
            places = sum(c.isalnum() for c in text)
            digits = iter(f"{self._take('digits'):0{places}x}"[-places:])
            known = "".join(next(digits) if c.isalnum() else c for c in text)
            self._names[text.lower()] = known
        return known

    def _new_address(self, text: str) -> str:
        if _is_ipv6(text):
            prefix = "fe80::" if IPv6Address(text).is_link_local else "2001:db8::"
            return f"{prefix}{self._take(prefix):x}"
        if not _is_ipv4(text):
            return self.name(text)
        inside = IPv4Address(text) in self._network
        prefix = LAN if inside else RANGES.get(self._kind(text), OTHER)
        least = 1 if prefix == "127.0.0." else 0  # 127.0.0.1 is itself
        return f"{prefix}{min(self._take(prefix) + least, HOSTS)}"

    def _take(self, row: str) -> int:
        self._next[row] = number = self._next.get(row, 0) + 1
        return number


def escaped(text: str) -> str:
    """As XML writes it."""
    for plain, spelled in ENTITIES:
        text = text.replace(plain, spelled)
    return text


def unescaped(text: str) -> str:
    """As XML means it."""
    for plain, spelled in reversed(ENTITIES):
        text = text.replace(spelled, plain)
    return text


def _is_ipv4(text: str) -> bool:
    return _is(IPv4Address, text)


def _is_ipv6(text: str) -> bool:
    return ":" in text and _is(IPv6Address, text)


def _is(kind: Callable[[str], object], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True
