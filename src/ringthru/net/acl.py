"""Access lists: FreeSWITCH's rules, longest prefix first (acl.conf.xml).

Lives here: lists, nodes, the built-in lists.
Never here: reading configuration files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from .address import parse_address
from .values import frozen


@frozen
class Node:
    """One line of a list: a network, allowed or denied, perhaps for some ports alone."""

    network: IPv4Network | IPv6Network
    allow: bool
    ports: tuple[tuple[int, int], ...] = ()  # spans, both ends included; none: all ports

    def concerns(self, port: int) -> bool:
        """Whether it holds for whoever sends from this port; 0: nobody knows from which."""
        return not self.ports or not port or any(first <= port <= last for first, last in self.ports)


@frozen
class AccessList:
    """A named list. The longest matching prefix decides, else ``default_allow``."""

    name: str
    default_allow: bool
    nodes: tuple[Node, ...] = ()

    def allows(self, text: str, port: int = 0) -> bool:
        """Whether the address is in the list, and the port where it is known. A host name never is
        (FreeSWITCH agrees).
        """
        address = parse_address(text)
        if address is None:
            return False
        node = self.deciding_node(text, port)
        return self.default_allow if node is None else node.allow

    def deciding_node(self, text: str, port: int = 0) -> Node | None:
        """The node with the longest prefix that holds the address; None: the default decides."""
        address = parse_address(text)
        if address is None:
            return None
        matching = [
            node
            for node in self.nodes
            if node.network.version == address.version and address in node.network and node.concerns(port)
        ]
        return max(matching, key=lambda node: node.network.prefixlen, default=None)


def make_list(
    name: str, default_allow: bool, *, allow: Iterable[str] = (), deny: Iterable[str] = ()
) -> AccessList:
    """A list from CIDR texts.

    Raises:
        ValueError: a text is not a network.
    """
    nodes = [Node(ip_network(text, strict=False), True) for text in allow]
    nodes += [Node(ip_network(text, strict=False), False) for text in deny]
    return AccessList(name, default_allow, tuple(nodes))


PRIVATE_V4 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
NOT_INTERNET = ("0.0.0.0/8", *PRIVATE_V4, "169.254.0.0/16", "100.64.0.0/10", "fe80::/10")


def builtin_lists(lan: Iterable[str], connected: Iterable[str] = ()) -> dict[str, AccessList]:
    """The lists that exist without any configuration.

    ``lan`` is our own network(s), as CIDR; ``connected`` are all that this machine has an interface in, a VPN
    or a second LAN among them: the list ``connected.auto``, which is ours.
    """
    lan = tuple(lan)
    lists = (
        make_list("rfc6598.auto", False, allow=("100.64.0.0/10",)),
        make_list("rfc1918.auto", False, allow=(*PRIVATE_V4, "fe80::/10")),
        make_list("wan.auto", True, deny=NOT_INTERNET),
        make_list("wan_v4.auto", True, deny=(*NOT_INTERNET, "::/0")),
        make_list("wan_v6.auto", True, deny=(*NOT_INTERNET, "0.0.0.0/0")),
        make_list("any_v4.auto", True, deny=("::/0",)),
        make_list("any_v6.auto", True, deny=("0.0.0.0/0",)),
        make_list("nat.auto", False, allow=(*PRIVATE_V4, "100.64.0.0/10"), deny=lan),
        make_list("loopback.auto", False, allow=("127.0.0.0/8", "::1/128")),
        make_list("localnet.auto", False, allow=lan),
        make_list("connected.auto", False, allow=(*lan, *connected)),
    )
    return {each.name: each for each in lists}


def describe(lists: Mapping[str, AccessList], setting: str, address: str) -> str:
    """A setting as ``matches`` takes it, with the network in it that holds the address, for people."""
    try:
        networks = [text.strip() for text in setting.split(",") if text.strip()]
        found = lists[setting] if setting in lists else make_list(setting, False, allow=networks)
    except ValueError:
        return f"{setting} (there is no such list)"
    node = found.deciding_node(address)
    return setting if node is None or str(node.network) == setting else f"{setting} ({node.network})"


def matches(lists: Mapping[str, AccessList], setting: str, address: str, port: int = 0) -> bool:
    """Test an address against a setting: a list's name, a CIDR, or a comma list of CIDRs.

    ``port`` is where it sends from, 0 where that is not known or does not count. ``none`` and the empty
    setting match nobody; an unknown name matches nobody.
    """
    if setting in ("", "none"):
        return False
    if setting in lists:
        return lists[setting].allows(address, port)
    try:
        networks = [text.strip() for text in setting.split(",") if text.strip()]
        return make_list(setting, False, allow=networks).allows(address)
    except ValueError:
        return False


def is_meaningful(lists: Mapping[str, AccessList], setting: str) -> bool:
    """Whether a setting is what ``matches`` can test against: an unknown name is not."""
    if setting in ("", "none") or setting in lists:
        return True
    try:
        make_list(setting, False, allow=[text.strip() for text in setting.split(",") if text.strip()])
    except ValueError:
        return False
    return True
