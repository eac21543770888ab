"""Where a network's PCP server is, when it is not the default gateway: DHCP's option for it (RFC 7291).

Lives here: the option's octets, and how dhclient writes an option that it has no name for. Never here: files.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Final

from ..errors import MalformedMessage

CODE: Final = 158  # OPTION_V4_PCP_SERVER (§4.1)
ADDRESS: Final = 4  # octets
# dhclient.leases(5): options without a name are written in hexadecimal octets, or as text where they look so
VALUE: Final = r'([0-9a-fA-F:]+|"(?:[^"\\]|\\.)*")'
LINE: Final = re.compile(rf"^\s*option (?:dhcp\.)?unknown-{CODE} {VALUE};", re.MULTILINE)
OCTAL: Final = re.compile(r"\\([0-7]{3}|.)")


def read_option(data: bytes) -> tuple[tuple[str, ...], ...]:
    """The PCP servers that the option names, each with all of its addresses, in the order of preference.

    Raises:
        MalformedMessage: a list that is cut short, empty, or not of whole addresses.
    """
    servers = []
    while data:
        length, rest = data[0], data[1:]
        if not length or length % ADDRESS or length > len(rest):
            raise MalformedMessage(f"a list of {length} octets of PCP server addresses, {len(rest)} follow")
        addresses = (rest[at : at + ADDRESS] for at in range(0, length, ADDRESS))
        servers.append(tuple(str(IPv4Address(each)) for each in addresses))
        data = rest[length:]
    return tuple(servers)


def read_lease(text: str) -> tuple[tuple[str, ...], ...]:
    """What the latest lease of a dhclient.leases file says of them; empty when it says nothing.

    Raises:
        MalformedMessage: the option is there, and makes no sense.
    """
    found = LINE.findall(text.rpartition("lease {")[2])
    if not found:
        return ()
    value: str = found[-1]
    if value.startswith('"'):
        return read_option(_unquoted(value[1:-1]))
    try:
        return read_option(bytes(int(octet, 16) for octet in value.split(":")))
    except ValueError as error:
        raise MalformedMessage(f"option {CODE} is no row of octets: {value[:40]}") from error


def _unquoted(text: str) -> bytes:
    """dhclient's text: what cannot be printed is written in octal, and quotes with a backslash."""

    def octet(found: re.Match[str]) -> str:
        return chr(int(found[1], 8)) if len(found[1]) > 1 else found[1]

    try:
        return OCTAL.sub(octet, text).encode("latin-1")
    except UnicodeEncodeError as error:
        raise MalformedMessage(f"option {CODE} is no row of octets") from error
