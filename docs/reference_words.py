"""What the reference says of names that need no comment in the code, or that say it by themselves there.

Lives here: texts. Never here: what is read from the code (``draw_reference``), which wins where both speak.
"""

from __future__ import annotations

COMMON = {  # fields that need no comment in the code, because they are the same everywhere
    "protocol": "what the mapping carries",
    "internal_port": "our port, 1–65535",
    "external_port": "the port others dial, 1–65535; None until it is granted",
    "external_address": "what others dial; None when there is none that is public",
    "sticky": "wanted at the next start too; it changes nothing on the gateway",
    "remote": "the other end of the flow",
    "external": "where the remote sees us",
    "whole": "False: behind another NAT, where `external` is our own gateway's word alone",
    "peers": "flows kept alive",
    "listed": "whether it should be shown to people",
    "state": "what we are doing about it",
    "type": "the protocol spoken with the gateway",
    "gateway": "the gateway's address",
    "reason": "in words, for people",
    "words": "in words, for people",
    "rung": "how far it is proven",
    "previous": "the address before; None when there was none",
    "current": "the address now; None when there is none that is public",
    "label": "what it was wanted with",
    "family": "IPv4 or IPv6",
    "in_use": "whether it is the one that is asked",
    "mapping_enabled": "False while mapping is switched off",
    "entries": "what was read, in the gateway's order",
    "complete": "whether that is all of it",
    "internal_client": "where it leads",
    "description": "the entry's text",
    "enabled": "whether the gateway says that it works",
    "exact": "no other external port will do",
    "truth": "what somebody outside has shown",
    "filtering": "whether strangers are kept out; None: it is for everybody, or not granted",
    "holds": "whether the rung holds; None: cannot be verified",
    "allow_from": "networks that may come in; empty: everybody",
    "lifetime": "seconds",
    "fingerprint": "of its kind: maker, model and firmware as told",
    "external_port wanted": "the port to ask for first, 1–65535; None: the internal port's number",
    "internal_client wanted": "the machine it leads to; None: this one",
    "external_address reported": "as this service told it",
    "internal_port entry": "the port there",
    "address": "our own address in the LAN",
    "network": "the LAN",
    "rules": "which addresses count as public",
}
SPECIAL = {
    ("Wanted", "external_port"): "external_port wanted",
    ("Wanted", "internal_client"): "internal_client wanted",
    ("GatewayEntry", "internal_port"): "internal_port entry",
    ("ServiceSnapshot", "external_address"): "external_address reported",
}
PARAMETERS = {  # of PortMapper: what each means, and its range
    "surroundings": "where we are: address, network, gateway; None: the system is asked, and asked again when"
    " the network changes",
    "mapping_enabled": "False: gateways are looked for, and nothing is mapped",
    "lease": "the life asked for, in seconds, 1–604800; mappings may bring their own",
    "budget": "mappings held at most; fewer where the gateway's table is known to be small",
    "witness_after": "seconds after which the UPnP side of a gateway that speaks PCP or NAT-PMP is looked"
    " for, to read its table; 0 or more",
    "log": "a logger, or a function of a level and a text",
    "store": "the file of the journal and of learned profiles; None: nothing is remembered",
    "kept": "what is mapped is meant to outlive this process: no later start deletes it",
    "interface": "the name of the interface to use; of no effect with `surroundings`",
    "gateway": "the gateway's address, in place of the default route's",
    "description_url": "where the gateway's UPnP description is: `http://ADDRESS:PORT/PATH` with an address"
    " of digits; looked at without a search",
    "pcp_server": "who is asked by PCP and NAT-PMP when it is not the gateway: an address, or the path of a"
    " dhclient.leases or dhclient6.leases file whose option says it (RFC 7291); for its address's family",
    "address6": "the one of our global IPv6 addresses that pinholes lead to; None: the steadiest",
    "nested": "map on a gateway beyond ours too, where ours has no public address",
    "outer_gateway": "the address of that gateway, when it is not found; only with `nested`",
    "echo": "an echo host outside that knocks at our mappings, `HOST:PORT` in numbers, or several: the first"
    " that can tell is asked, at a mapping with `allow_from` all of them; None: nobody does",
    "echo_listens": "have it knock at UDP ports too that nobody has bound; they are bound for the moment",
    "natpmp_port": "the UDP port where gateways speak PCP and NAT-PMP",
    "ssdp_port": "the UDP port where gateways answer searches",
    "stop_patience": "seconds that `stop` waits for deletions at most",
    "tap": "hears every message to and from gateways (`engine_driver.Tap`), as `ringthru nat capture` does",
}
WHEN = {  # events: when they come, beyond what their docstrings say
    "GatewayFound": "after the first search, and whenever a gateway is found again",
    "NoGateway": "once for each search that begins anew, some 5 s after it began",
    "GatewayLost": "it did not answer at all, or our own network changed, or `reinit` was called",
    "ExternalAddressChanged": "told by an answer, seldom later than a minute after it happened; not with the"
    " first address, which comes with `GatewayFound` if it is known by then",
    "EpochChanged": "an answer's epoch shows a restart (RFC 6886 §3.6, RFC 6887 §8.5); mappings are asked for"
    " again at once",
    "MappingAdded": "after the gateway's yes; for a set, when all members have theirs",
    "MappingRemoved": "also when a gateway with our mappings is lost, or `release` was called",
    "MappingFailed": "the mapping stays wanted, and is asked for again",
    "MappingProven": "for LISTED when it was read back, for REACHABLE when `reached` was called",
    "FilterJudged": "echo hosts on both sides of the filter have knocked (one on its wrong side that came"
    " in is enough), or `tried` was called; again when it turns out otherwise",
    "PeerAdded": "after the gateway's yes, and whenever the remote sees us elsewhere",
    "PeerRemoved": "also when the gateway is lost, or `release_peer` was called",
    "PeerFailed": "the flow stays wanted; a gateway that has no request for it is not asked again",
    "MappingFell": "it is made again at once; three times in a row in vain, and it is refused",
}
PROPERTIES = {  # that need no docstring
    "protocol": "what it carries; as it was wanted",
    "internal_port": "as it was wanted",
    "remote": "the other end of the flow, as it was wanted",
    "state": "what we are doing about it: a `MappingState`; with `nested`, on the whole chain",
    "mapping_enabled": "False while mapping is switched off",
}
ATTRIBUTES = {
    "watched": "set it when what comes in at the internal port goes through `PortMapper.saw`: the echo host"
    " knocks at UDP ports for which that is so",
    "mappings": "the members, in the order they were wanted",
    "wanted": "what was wanted; one value, or the members of a set",
    "placement": "on every gateway, or on one: a `Placement`",
    "on": "what each gateway is asked for, a `Mapping` or a `MappingSet`, by interface",
}
CONTRACT = {  # of Engine; words for calls that need no docstring
    "receive_pmp": "",
    "pmp_refused": "",
    "receive_ssdp": "",
    "receive_http": "",
    "handle_timeout": "Do what is due. Calling it too early does no harm.",
    "next_timeout": "When `handle_timeout` is to be called, on the same clock as `now`; None: not at all.",
    "notes": "",
    "pmp_to_send": "Datagrams for the gateway's UDP port 5351 (drains).",
    "ssdp_to_send": "Datagrams, and where each goes (drains).",
    "http_to_send": "Requests, each with a number that `receive_http` wants back (drains).",
    "events": "What happened, in order (drains). A `Released` tells that a deletion is over.",
    "lessons": "",
}
ERRORS = {
    "PortmapError": "the root; catch it to catch everything raised on purpose",
    "LocalError": "a port, lease, set, URL or address that makes no sense, or a store's file that cannot be"
    " used: mend the call; trying again does not help",
    "RemoteError": "what a gateway sent is of no use: logged and counted, never raised out of `PortMapper`",
    "MalformedMessage": "a decoder of `portmap.wire` met bytes that are no message: drop them; never raised"
    " out of `PortMapper`",
}
