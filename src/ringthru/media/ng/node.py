"""One rtpengine, as a setting names it and as the console shows it.

Lives here: these values, and reading them. Never here: which node a call goes to (``nodes``).
"""

from __future__ import annotations

from typing import Final

from ringthru.net.address import Endpoint, parse_address

from ...net.values import frozen

NG_PORT: Final = 2223  # what rtpengine's own example has
MAX_NODES: Final = 256
HEAVIEST: Final = 1000.0


@frozen
class Node:
    """One rtpengine: where it takes commands, and its share of calls beside the others'."""

    address: Endpoint
    weight: float = 1.0  # above 0

    def __str__(self) -> str:
        return str(self.address)


def read_endpoint(text: str, port: int | None = None) -> Endpoint:
    """An IP address and a port, in the form ``192.0.2.1:2223`` or ``[2001:db8::1]:2223``; ``port`` where
    none is written.

    Raises:
        ValueError: anything else; the text says what is expected.
    """
    host, colon, number = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, number = text, str(port or "")
    host = host.removeprefix("[").removesuffix("]")
    valid = parse_address(host) is not None and number.isascii() and number.isdigit() and len(number) <= 5
    if not valid or not 0 < int(number) <= 65535:
        raise ValueError(f"{text!r}: an IP address and a port, like 192.0.2.1:{NG_PORT}")
    return Endpoint(host, int(number))


def read_nodes(text: str) -> tuple[Node, ...]:
    """Nodes as ``rtpengine-nodes`` has them: ``192.0.2.1:2223 192.0.2.2*2``; a weight is behind ``*``.

    Raises:
        ValueError: one that cannot be read, one that is there twice, or more than 256.
    """
    nodes: list[Node] = []
    for word in text.replace(",", " ").split():
        address, star, share = word.partition("*")
        try:
            weight = float(share) if star else 1.0
        except ValueError:
            weight = 0.0
        if not 0 < weight <= HEAVIEST:
            raise ValueError(f"{word!r}: a weight is a number above 0, up to {HEAVIEST:.0f}")
        nodes.append(Node(read_endpoint(address, NG_PORT), weight))
    if len({node.address for node in nodes}) < len(nodes):
        raise ValueError("each node once")
    if len(nodes) > MAX_NODES:
        raise ValueError(f"{MAX_NODES} nodes at most")
    return tuple(nodes)


@frozen
class NodeSnapshot:
    """A node as the console shows it. ``round_trip_ms`` is of its last answer."""

    address: str
    weight: float
    state: str
    answered: int
    unanswered: int
    full: int
    stray: int
    round_trip_ms: float | None
    calls: int = 0  # legs of ours that it has
