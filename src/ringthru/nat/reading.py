"""What a word of the command line means, and what is wrong with it, in words that say what is allowed.

Lives here: reading one value. Never here: options, or what they do.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ..net.address import Endpoint
from ..portmap.values import LONGEST_LIFETIME, Protocol

BOTH: Final = (Protocol.UDP, Protocol.TCP)
CHOICES: Final = {"udp": (Protocol.UDP,), "tcp": (Protocol.TCP,), "both": BOTH}
ECHO_PORT: Final = 4478  # where an echo host listens, unless told otherwise
Ports = tuple[int, tuple[Protocol, ...] | None]


def port(text: str) -> int:
    """One port."""
    return _whole(text, "port", 1, 65535)


def ports(text: str) -> Ports:
    """A port, and the protocols named with it; None when none was."""
    number, slash, name = text.partition("/")
    if slash and name.lower() not in CHOICES:
        raise argparse.ArgumentTypeError(f"protocol {name!r}: udp, tcp or both can be mapped")
    return port(number), CHOICES[name.lower()] if slash else None


def port_range(text: str) -> range:
    first, dash, last = text.partition("-")
    if not dash:
        raise argparse.ArgumentTypeError(f"range {text!r}: give two ports, as in 5060-5080")
    if port(first) > port(last):
        raise argparse.ArgumentTypeError(f"range {text!r}: the first port is above the last")
    return range(port(first), port(last) + 1)


def lease(text: str) -> int:
    return _whole(text, "lease", 1, LONGEST_LIFETIME, " seconds")


def limit(text: str) -> int:
    return _whole(text, "limit", 1, 65535, " entries")


def seconds(text: str, what: str = "timeout") -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{what} {text!r}: more than 0 and at most 3600 seconds")
    return value


def wait(text: str) -> float:
    return seconds(text, "wait")


def address(text: str) -> str:
    return _checked(text, lambda: str(ip_address(text)), "address", "give one in numbers, as in 192.168.1.1")


def network(text: str) -> str:
    """A network, or one address."""
    example = "give an address or a prefix in numbers, as in 203.0.113.0/24"
    return _checked(text, lambda: str(ip_network(text, strict=False)), "network", example)


def pcp_server(text: str) -> str | Path:
    """An address, or the file that has it."""
    return Path(text) if "/" in text else address(text)


def endpoint(text: str) -> Endpoint:
    """An address, and a port where it is not the usual one."""
    host, colon, number = text.rpartition(":") if text.count(":") == 1 else (text, "", "")
    return Endpoint(address(host), port(number) if colon else ECHO_PORT)


def remote(text: str) -> Endpoint:
    """The other end of a flow: an address in numbers and a port, IPv6 in brackets."""
    host, colon, number = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not number or (":" in bare) is not (host != bare):
        example = "give an address in numbers and a port, as in 203.0.113.5:5060"
        raise argparse.ArgumentTypeError(f"peer {text!r}: {example}")
    return Endpoint(address(bare), port(number))


def url(text: str) -> str:
    if not text.lower().startswith("http://") or not urlsplit(text).hostname:
        raise argparse.ArgumentTypeError(f"URL {text!r}: give one as in http://192.168.1.1:5000/rootDesc.xml")
    return text


def _checked(text: str, read_it: Callable[[], str], what: str, allowed: str) -> str:
    try:
        return read_it()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{what} {text!r}: {allowed}") from None


def _whole(text: str, what: str, least: int, most: int, unit: str = "") -> int:
    """A whole number in ASCII digits: Python's own reader takes '5_060' and ' 5060' too."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most):
        raise argparse.ArgumentTypeError(f"{what} {text!r}: {least} to {most}{unit} are allowed")
    return int(text)
