"""Where a network's PCP server is, when it is not the default gateway: as DHCP and DHCPv6 say (RFC 7291).

Lives here: the options' octets, and how dhclient writes an option that it has no name for. Never here: files.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from ..errors import MalformedMessage

CODE: Final = 158  # OPTION_V4_PCP_SERVER (§4.1)
ADDRESS: Final = 4  # octets
# dhclient.leases(5): options without a name are written in hexadecimal octets, or as text where they look so
VALUE: Final = r'([0-9a-fA-F:]+|"(?:[^"\\]|\\.)*")'
LINE: Final = re.compile(rf"^\s*option (?:dhcp\.)?unknown-{CODE} {VALUE};", re.MULTILINE)
CODE6: Final = 86  # OPTION_V6_PCP_SERVER (§3.1): one for each server
ADDRESS6: Final = 16
LINE6: Final = re.compile(rf"^\s*option dhcp6\.unknown-{CODE6} {VALUE};", re.MULTILINE)
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


def read_option6(data: bytes) -> tuple[str, ...]:
    """The addresses of the one server that DHCPv6's option names; IPv4 ones come mapped (§3.1).

    Raises:
        MalformedMessage: no address, or part of one.
    """
    if not data or len(data) % ADDRESS6:
        raise MalformedMessage(f"{len(data)} octets of PCP server addresses, of {ADDRESS6} each")
    addresses = (IPv6Address(data[at : at + ADDRESS6]) for at in range(0, len(data), ADDRESS6))
    return tuple(str(each.ipv4_mapped or each) for each in addresses)


def read_lease6(text: str) -> tuple[tuple[str, ...], ...]:
    """What the latest lease of a dhclient6.leases file says; empty when it says nothing.

    Raises:
        MalformedMessage: the option is there, and makes no sense.
    """
    found = LINE6.findall(text.rpartition("lease6 {")[2]) if "lease6 {" in text else []
    return tuple(read_option6(_octets(value, CODE6)) for value in found)


def read_lease(text: str) -> tuple[tuple[str, ...], ...]:
    """What the latest lease of a dhclient.leases file says of them; empty when it says nothing.

    Raises:
        MalformedMessage: the option is there, and makes no sense.
    """
    found = LINE.findall(text.rpartition("lease {")[2])
    if not found:
        return ()
    return read_option(_octets(found[-1], CODE))


def _octets(value: str, code: int) -> bytes:
    if value.startswith('"'):
        return _unquoted(value[1:-1], code)
    try:
        return bytes(int(octet, 16) for octet in value.split(":"))
    except ValueError as error:
        raise MalformedMessage(f"option {code} is no row of octets: {value[:40]}") from error


def _unquoted(text: str, code: int) -> bytes:
    """dhclient's text: what cannot be printed is written in octal, and quotes with a backslash."""

    def octet(found: re.Match[str]) -> str:
        return chr(int(found[1], 8)) if len(found[1]) > 1 else found[1]

    try:
        return OCTAL.sub(octet, text).encode("latin-1")
    except UnicodeEncodeError as error:
        raise MalformedMessage(f"option {code} is no row of octets") from error
