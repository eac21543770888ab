"""The command ``nat_map``: the gateway, our mappings on it, and why a peer sees the address it sees.

Lives here: FreeSWITCH's texts and its keyword rule, our ``detail``, ``list`` and ``explain``.
Never here: how a mapping is made.
"""

from __future__ import annotations

import logging
from typing import Final

from ..net.address import AddressKind
from ..switch.snapshots import (
    GatewayEntry,
    GatewayListing,
    MapperSnapshot,
    MappingSnapshot,
    MappingState,
    Protocol,
    SwitchSnapshot,
)
from .commands import Command
from .switch_like import SwitchLike
from .tables import Table
from .text import aligned, count, port_of, span, visible, words_of

log = logging.getLogger(__name__)

USAGE: Final = (
    "USAGE: nat_map [status|reinit|republish] | [add|del] <port> [tcp|udp] [sticky] | "
    "[mapping] <enable|disable>"
)
TYPE_NAMES: Final = {"upnp": "UPNP", "pmp": "NAT-PMP"}
PROTOCOL_NUMBERS: Final = {Protocol.UDP: "0", Protocol.TCP: "1"}
BEHIND_ANOTHER: Final = {AddressKind.PRIVATE, AddressKind.SHARED}

DOUBLE_NAT: Final = """
Double NAT: the gateway's own outside address, {address}, is {kind}, not one of the Internet.
  Another NAT stands between this gateway and the Internet. A mapping opens the first door only:
  calls from outside do not reach this switch, and the address is not shown to anybody.
  {cure}
"""
CURES: Final = {
    AddressKind.PRIVATE: (
        "What to do: set the device in front of it to bridge mode, or forward the ports there to {address},\n"
        "  then give the public address in ext-sip-ip and ext-rtp-ip as autonat:ADDRESS."
    ),
    AddressKind.SHARED: (
        "What to do: ask the provider for a public IPv4 address (carrier-grade NAT cannot be opened from\n"
        "  here), or let the calls come in through a trunk or a host that has one."
    ),
}


async def nat_map(switch: SwitchLike, arguments: str) -> str:
    """Find the keyword: *the argument contains it, ignoring case*, tested in FreeSWITCH's order."""
    words = words_of(arguments)
    if not words:
        return USAGE if switch.layout == "current" else "false"
    if words[0].lower() == "explain" and len(words) > 1:
        said = await switch.explain(words[1])  # asks no gateway, so -nonat does not matter
        return said.rstrip("\n") + "\n"
    if not switch.nat_enabled:
        log.error("nat_map API called while NAT not initialized")
        return "false"
    keyword = words[0].lower()
    if "status" in keyword:
        wants_detail = len(words) > 1 and "detail" in words[1].lower()
        return (detail_text if wants_detail else status_text)(switch.snapshot())
    if "republish" in keyword:
        await switch.nat_republish()
        return "true"
    if "reinit" in keyword:
        await switch.nat_reinit()
        return status_text(switch.snapshot())
    if "detail" in keyword:
        return detail_text(switch.snapshot())
    if keyword == "cleanup":
        return cleanup_text(switch.nat_left_over())
    if keyword == "list":
        return list_text(switch.snapshot(), await switch.nat_list())
    if len(words) < 2:
        return USAGE
    return await _with_argument(switch, keyword, words)


def cleanup_text(left: int) -> str:
    """What earlier runs left is deleted at every start, and as soon as a gateway can be asked."""
    if not left:
        return "Nothing of earlier runs is left on the gateway.\n"
    return f"{count(left, 'mapping')} of earlier runs: being deleted, as soon as the gateway answers.\n"


async def _with_argument(switch: SwitchLike, keyword: str, words: list[str]) -> str:
    if "mapping" in keyword:
        return _set_mapping(switch, words[1].lower())
    if "add" in keyword or "del" in keyword:
        return await _change(switch, keyword, words)
    return "false"


def _set_mapping(switch: SwitchLike, word: str) -> str:
    """FreeSWITCH takes every word but ``disable`` for ``enable``, even ``off``; we do not guess."""
    if "disable" not in word and "enable" not in word:
        return USAGE
    switch.nat_set_mapping("disable" not in word)
    return status_text(switch.snapshot())


async def _change(switch: SwitchLike, keyword: str, words: list[str]) -> str:
    """``add`` or ``del``. FreeSWITCH cuts the port to 16 bits unchecked and takes any protocol for UDP."""
    port = port_of(words[1])
    if port is None:
        return f"-ERR '{visible(words[1])}' is not a port: give a number from 1 to 65535\n"
    if len(words) < 3:
        return USAGE
    protocol = _protocol_of(words[2])
    if protocol is None:
        return f"-ERR '{visible(words[2])}' cannot be mapped: say tcp or udp\n"
    if "add" in keyword:
        done = await switch.nat_add(port, protocol, _is_sticky(words[3:]))
    else:
        done = await switch.nat_delete(port, protocol)
    if not done:
        log.warning("nat_map: %s", _failure(switch.snapshot().mapper, "add" in keyword, port, protocol))
    return "true" if done else "false"


def _protocol_of(word: str) -> Protocol | None:
    """TCP is looked for first, as FreeSWITCH does; ``sctp`` contains neither."""
    return next((each for each in (Protocol.TCP, Protocol.UDP) if each.value in word.lower()), None)


def _is_sticky(words: list[str]) -> bool:
    """The usage line says ``sticky``, FreeSWITCH's help says ``static``: both mean it."""
    return bool(words) and any(each in words[0].lower() for each in ("sticky", "static"))


def _failure(mapper: MapperSnapshot | None, adding: bool, port: int, protocol: Protocol) -> str:
    """Why a mapping was not made or not deleted, in one line for the log."""
    what = f"{'adding' if adding else 'deleting'} {protocol.value} port {port} failed: "
    if mapper is None or mapper.type is None:
        return what + "no NAT gateway has been found"
    if not mapper.mapping_enabled:
        return what + "port mapping is switched off"
    same = (each for each in mapper.mappings if (each.internal_port, each.protocol) == (port, protocol))
    reasons = [visible(each.reason) for each in same if each.reason]
    return what + (reasons[0] if reasons else "the gateway did not agree, or the port is not ours")


def mapping_table(snapshot: SwitchSnapshot) -> Table:
    """The rows of ``show nat_map``: what the gateway granted and what is meant to be seen."""
    mappings = () if snapshot.mapper is None else snapshot.mapper.mappings
    granted = [each for each in mappings if each.listed and each.state is MappingState.ACCEPTED]
    rows = tuple(
        (
            str(each.internal_port),
            each.protocol.value,
            PROTOCOL_NUMBERS[each.protocol],
            str(int(each.sticky)),
        )
        for each in sorted(granted, key=lambda each: (each.internal_port, each.protocol.value))
    )
    return Table(("port", "proto", "proto_num", "sticky"), rows)


def status_text(snapshot: SwitchSnapshot) -> str:
    """The text of ``nat_map status``, FreeSWITCH's to the byte."""
    mapper = snapshot.mapper
    name, address, enabled = "UNKNOWN", "", True
    if mapper is not None:
        name = "UNKNOWN" if mapper.type is None else TYPE_NAMES[mapper.type.nat_type]
        address = visible(mapper.external_address or mapper.reported_address or "")
        enabled = mapper.mapping_enabled
    switched = "enabled" if enabled else "disabled"
    table = mapping_table(snapshot).as_text()
    return f"Nat Type: {name}, ExtIP: {address}\nNAT port mapping {switched}.\n{table}"


def detail_text(snapshot: SwitchSnapshot) -> str:
    """All we know of the gateway and of every mapping, unlisted ones too, and what it means."""
    mapper = snapshot.mapper
    if mapper is None:
        return "NAT is switched off (-nonat).\n"
    ports = aligned([MAPPING_HEADINGS, *map(_mapping_row, mapper.mappings)]) if mapper.mappings else ""
    return "".join(
        (
            f"Gateway: {_gateway_words(mapper)}\n",
            f"External address: {_address_words(mapper)}\n",
            f"Port mapping: {'enabled' if mapper.mapping_enabled else 'disabled'}\n",
            _double_nat(mapper),
            "".join(f"Beyond it: {_gateway_words(each)}, {_address_words(each)}\n" for each in mapper.chain),
            "".join(f"Learned: this gateway {visible(each)}\n" for each in mapper.learned),
            "\n" + ports if ports else "",
            f"\n{count(len(mapper.mappings), 'mapping')}\n",
        )
    )


def _gateway_words(mapper: MapperSnapshot) -> str:
    if mapper.type is None:
        return "none found; looking again in the background" if mapper.verdict_known else "still looking"
    maker = f" ({visible(mapper.description)})" if mapper.description else ""
    return f"{mapper.type.spoken} at {visible(mapper.gateway or 'an unknown address')}{maker}"


def _address_words(mapper: MapperSnapshot) -> str:
    address = mapper.external_address or mapper.reported_address
    if not address:
        return "unknown"
    kind = f" ({mapper.address_kind.value})" if mapper.address_kind else ""
    advertised = "" if mapper.external_address else ", not advertised"
    age = "" if mapper.address_age is None else f", told {span(mapper.address_age)} ago"
    return f"{visible(address)}{kind}{advertised}{age}"


def _double_nat(mapper: MapperSnapshot) -> str:
    kind = mapper.address_kind
    if mapper.external_address or kind not in BEHIND_ANOTHER or kind is None:
        return ""
    address = visible(mapper.reported_address or "")
    words = "a private address" if kind is AddressKind.PRIVATE else "a shared address of carrier-grade NAT"
    return DOUBLE_NAT.format(address=address, kind=words, cure=CURES[kind].format(address=address))


MAPPING_HEADINGS: Final = ("port", "proto", "external", "state", "proven", "lease left", "kind", "reason")


def _mapping_row(mapping: MappingSnapshot) -> tuple[str, ...]:
    granted = mapping.state is MappingState.ACCEPTED
    forever = "no end" if granted else "-"
    return (
        str(mapping.internal_port),
        mapping.protocol.value,
        "-" if mapping.external_port is None else str(mapping.external_port),
        mapping.state.value,
        mapping.rung.value,
        forever if mapping.lifetime_left is None else span(mapping.lifetime_left),
        ("sticky" if mapping.sticky else "asked for") if mapping.listed else "in reserve",
        visible(mapping.reason) or "-",
    )


LIST_HEADINGS: Final = ("external", "proto", "leads to", "lease left", "whose", "description")


def list_text(snapshot: SwitchSnapshot, listing: GatewayListing) -> str:
    """The gateway's own table, other programs' and other hosts' entries too; how far it can be trusted."""
    mapper = snapshot.mapper
    if not listing.entries and not listing.complete:
        found = mapper is not None and mapper.type is not None
        hint = " 'nat_map detail' shows those of this switch." if found else ""
        return f"The gateway's mappings cannot be listed: {visible(listing.reason)}.{hint}\n"
    ours = sum(entry.ours for entry in listing.entries)
    table = aligned([LIST_HEADINGS, *map(_list_row, listing.entries)]) + "\n" if listing.entries else ""
    doubt = "" if listing.complete else f"The list may not be complete: {visible(listing.reason)}.\n"
    where = "" if mapper is None else f"Gateway: {_gateway_words(mapper)}\n\n"
    return f"{where}{table}{count(len(listing.entries), 'mapping')}, {ours} of them ours\n{doubt}"


def _list_row(entry: GatewayEntry) -> tuple[str, ...]:
    left = "no end" if entry.lifetime is None else span(entry.lifetime)
    return (
        str(entry.external_port),
        entry.protocol.value,
        visible(f"{entry.internal_client or '?'}:{entry.internal_port}"),
        left if entry.enabled else f"{left}, off",
        "ours" if entry.ours else "not ours",
        visible(entry.description) or "-",
    )


PHRASES: Final = (
    *("add", "cleanup", "del", "detail", "explain", "list", "mapping disable", "mapping enable"),
    *("reinit", "republish", "status"),
)


def commands() -> list[Command]:
    return [
        Command(
            "nat_map",
            "[status|republish|reinit] | [add|del] <port> [tcp|udp] [static]",
            "Manage NAT",
            nat_map,
            PHRASES,
            details=(
                ("nat_map status", "the gateway's type, the external address, the mappings"),
                ("nat_map detail", "the same with external ports, states, leases, errors, reserve ports"),
                ("nat_map list", "the gateway's own table: the mappings of other programs and hosts too"),
                ("nat_map cleanup", "what earlier runs left on the gateway, which is deleted by itself"),
                ("nat_map explain <peer>", "which address of ours this peer is shown, and why"),
                ("nat_map add <port> <tcp|udp> [sticky]", "open a port on the gateway, and keep it open"),
                ("nat_map del <port> <tcp|udp>", "close it"),
                ("nat_map reinit", "forget the gateway and look for one again"),
                ("nat_map republish", "ask the gateway again for every mapping"),
                ("nat_map mapping <enable|disable>", "allow or forbid that ports are opened"),
            ),
        )
    ]
