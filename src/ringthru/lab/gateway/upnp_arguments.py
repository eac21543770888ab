"""Reading the arguments of a UPnP action, as strictly as a good gateway does.

Lives here: texts, numbers, ports, protocols. Never here: what the actions do.
"""

from __future__ import annotations

from collections.abc import Mapping

from .mapping_table import Key
from .upnp_faults import Fault

Arguments = Mapping[str, str]
Answer = dict[str, str]
YES = ("1", "true", "yes")


def key_of(arguments: Arguments) -> Key:
    protocol = protocol_of(arguments)
    return Key(protocol, number(arguments, "NewExternalPort"))


def protocol_of(arguments: Arguments) -> str:
    protocol = text(arguments, "NewProtocol")
    if protocol not in ("UDP", "TCP"):
        raise Fault(402)
    return protocol.lower()


def remote_host(arguments: Arguments, *, free: bool) -> str:
    remote = text(arguments, "NewRemoteHost")
    if remote and not free:
        raise Fault(726)
    return remote


def text(arguments: Arguments, name: str) -> str:
    if name not in arguments:
        raise Fault(402)
    return arguments[name]


def number(arguments: Arguments, name: str, largest: int = 65535) -> int:
    written = text(arguments, name)
    if not (written.isascii() and written.isdigit() and len(written) <= 10 and int(written) <= largest):
        raise Fault(402)
    return int(written)
