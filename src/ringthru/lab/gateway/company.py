"""Who else plays a gateway around one: rows TO01, TO02, TO08 and TO11.

Lives here: where they are, whom they map for, and their character; values.
Never here: playing them (fake_gateway on sockets, virtual/neighbourhood on a manual clock).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Final

from ...net.values import frozen
from ..loopback_guard import is_loopback
from .hostile_host import LYING_ADDRESS, hostile_host
from .quirks import Quirks

BRIDGE: Final = "172.17.0.1"  # of containers, as Docker has it (TO02)
TRANSFER: Final = IPv4Network("10.0.0.0/24")  # between two gateways (TO08)
NEXT_SIXTEEN: Final = 0x10000  # loopback: the /16 beside
HOST_ROWS: Final = frozenset({"TO03", "TO04"})  # of the client's side: they hold for everybody around
UPNP: Final = frozenset({"upnp"})
HOSTILE_ROWS: Final = frozenset({"AD18", "SD21"})  # says yes and forwards nothing; names traps first


@frozen
class Other:
    """One more gateway, there because of ``row``. ``is_beyond``: on our way out; else it is none of ours."""

    row: str
    address: str  # inside
    external: str
    network: IPv4Network  # whom it maps for
    protocols: frozenset[str]
    quirks: Quirks
    is_beyond: bool = False


def others(
    inside: str, network: IPv4Network, external: str, protocols: frozenset[str], quirks: Quirks
) -> tuple[Other, ...]:
    """Who is around the gateway at ``inside``, speaking ``protocols`` as it does.

    ``external`` is the address the Internet has for the home. The hostile host plays a gateway by UPnP alone:
    on port 5351 it forges answers to what is sent to the true one.
    """
    rows = quirks.rows & HOST_ROWS
    plain, hostile = Quirks(rows=rows), Quirks(rows=rows | HOSTILE_ROWS, external_address=LYING_ADDRESS)
    around = {
        "TO01": (beside(inside, 1), beside(external, 1), plain),
        "TO02": (bridge_of(inside), beside(external, 2), plain),
        "TO11": (hostile_host(inside), beside(external, 3), hostile),
    }
    found = [
        Other(row, address, outside, network, protocols & UPNP if row == "TO11" else protocols, character)
        for row, (address, outside, character) in around.items()
        if row in quirks.rows
    ]
    if "TO08" in quirks.rows:
        transfer = transfer_network(external)
        outer = Other("TO08", str(transfer[1]), external, transfer, protocols, Quirks(), is_beyond=True)
        found.append(outer)
    return tuple(found)


def own_external(external: str, quirks: Quirks) -> str:
    """The gateway's own external address: behind another one it is of the network between them (TO08)."""
    return str(transfer_network(external)[2]) if "TO08" in quirks.rows else external


def transfer_network(external: str) -> IPv4Network:
    """The network between the two gateways: private, and on loopback in the /16 beside the outside's."""
    if not is_loopback(external):
        return TRANSFER
    return IPv4Network(f"{IPv4Address(int(IPv4Address(external)) ^ NEXT_SIXTEEN)}/24", strict=False)


def bridge_of(inside: str) -> str:
    """Where the container bridge is: not on the link of our default route."""
    if not is_loopback(inside):
        return BRIDGE
    return str(IPv4Address((int(IPv4Address(inside)) & ~0xFF) + 0x201))


def beside(address: str, step: int) -> str:
    """An address of the same /24, ``step`` further on."""
    base, last = address.rsplit(".", 1)
    return f"{base}.{(int(last) + step) % 256}"
