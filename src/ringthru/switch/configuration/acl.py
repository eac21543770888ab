"""Access lists out of acl.conf, on top of the built-in ones.

Lives here: reading ``<list>`` and ``<node>``. Never here: matching (``net.acl``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from ...net.acl import AccessList, Node, builtin_lists, is_meaningful
from ...net.levels import NOTICE
from .directory import Directory
from .errors import ConfigurationError
from .settings import ProfileSettings
from .tree import Element, Tree
from .values import read_boolean, read_number

log = logging.getLogger(__name__)

MOST_PORTS: Final = 1024  # of a node, as in FreeSWITCH

Network = IPv4Network | IPv6Network


def load_access_lists(
    tree: Tree, directory: Directory, lan: str, connected: Iterable[str] = ()
) -> dict[str, AccessList]:
    """The built-in lists and those of acl.conf; a list that bears a built-in's name replaces it.

    Args:
        directory: whose users' ``cidr`` attributes stand behind ``<node domain=…>``.
        lan: our own network, as CIDR.
        connected: all networks that we have an interface in.

    Raises:
        ConfigurationError: a list without a name, or a node that is no network.
    """
    lists = builtin_lists((lan,), connected)
    configuration = tree.configuration("acl.conf")
    for element in [] if configuration is None else configuration.inside("network-lists", "list"):
        made = _read_list(element, directory)
        lists[made.name] = made
    return lists


def misnamed_lists(profile: ProfileSettings, lists: Mapping[str, AccessList]) -> Iterator[str]:
    """The lists that a profile names and that there are none of, in words: they hold nobody."""
    named = {
        "local-network-acl": (profile.local_network_acl,),
        "apply-inbound-acl": profile.apply_inbound_acl,
        "apply-nat-acl": profile.registration.apply_nat_acl,
        "apply-register-acl": profile.registration.apply_register_acl,
    }
    for parameter, settings in named.items():
        for each in settings:
            if not is_meaningful(lists, each):
                yield (
                    f"profile {profile.name}: {parameter} names '{each}', which is no list of acl.conf and no"
                    " network: it holds nobody"
                )


def _read_list(element: Element, directory: Directory) -> AccessList:
    name = element.get("name").strip()
    if not name:
        raise ConfigurationError(element.position, "an access list without a name", 'write <list name="…">')
    default = False
    if "default" in element.attributes:
        default = _allowance(element, "default", name)
    else:
        text = "%s: list %s has no default; deny is assumed"
        log.warning(text, element.position, name)
    log.log(NOTICE, "Created ip list %s default (%s)", name, _word(default))
    nodes: list[Node] = []
    for node in element.all("node"):
        allow = _allowance(node, "type", name)
        ports = _ports(node, name)
        for network in _networks(node, name, directory):
            nodes.append(Node(network, allow, ports))
            address, length = network.network_address, network.prefixlen
            log.log(NOTICE, "Adding %s/%s (%s) to list %s", address, length, _word(allow), name)
    return AccessList(name, default, tuple(nodes))


def _allowance(element: Element, attribute: str, list_name: str) -> bool:
    text = element.get(attribute).strip()
    try:
        return text.lower() != "deny" and read_boolean(text)
    except ValueError as error:
        message = f"list {list_name}: {attribute} is '{text}', but must be allow or deny"
        raise ConfigurationError(element.position, message) from error


def _word(allow: bool) -> str:
    return "allow" if allow else "deny"


def _networks(node: Element, list_name: str, directory: Directory) -> Iterator[Network]:
    if domain := node.get("domain").strip():
        yield from _networks_of_domain(node, domain, list_name, directory)
    elif text := node.get("cidr").strip():
        for each in text.split(","):
            yield _network(each.strip(), node, list_name)
    elif host := node.get("host").strip():
        mask = node.get("mask").strip()
        yield _network(f"{host}/{mask}" if mask else host, node, list_name)
    else:
        message = f"list {list_name}: a node without cidr, host or domain"
        raise ConfigurationError(node.position, message, 'write <node type="allow" cidr="192.168.1.0/24"/>')


def _ports(node: Element, list_name: str) -> tuple[tuple[int, int], ...]:
    """``port="5060"``, ``ports="5060,5070-5079"``: where whoever is meant sends from."""
    text = node.get("ports") or node.get("port")
    spans = []
    for part in text.split(",") if text.strip() else ():
        first, _, last = part.partition("-")
        try:
            span = read_number(first, 1, 65535), read_number(last or first, 1, 65535)
        except ValueError:
            span = (1, 0)
        if span[0] > span[1]:
            message = f"list {list_name}: '{text}' are no ports"
            raise ConfigurationError(node.position, message, "write them as 5060 or 5060,5070-5079")
        spans.append(span)
    return tuple(spans[:MOST_PORTS])


def _network(text: str, node: Element, list_name: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        message = f"list {list_name}: '{text}' is not a network"
        raise ConfigurationError(node.position, message, "write it as 192.168.1.0/24") from error


def _networks_of_domain(node: Element, name: str, list_name: str, directory: Directory) -> Iterator[Network]:
    domain = directory.domain(name)
    if domain is None:
        text = "%s: list %s: the directory has no domain '%s'; node ignored"
        log.warning(text, node.position, list_name, name)
        return
    for user in domain.users.values():
        for each in user.cidr:
            try:
                yield ip_network(each, strict=False)
            except ValueError as error:
                message = f"user {user.id}: cidr '{each}' is not a network"
                raise ConfigurationError(user.position, message, "write it as 192.168.1.0/24") from error
