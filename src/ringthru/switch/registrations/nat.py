"""How a registered phone is reached: FreeSWITCH's rules for phones behind a NAT, and its words for them.

Lives here: one REGISTER to ``UDP``, ``UDP-NAT``, ``TCP`` …, and one INVITE to whether its caller is behind
a NAT; a binding to the URI of a dial string.
Never here: our own address (``reachability``), sockets.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ...net.acl import AccessList, matches
from ...net.address import parse_address, same_host
from ...net.values import frozen, replace
from ...sip import Binding, Flow, NameAddr, Request, SipUri
from ..configuration import RegistrationSettings, User
from ..dialing.dialstring import harmless

NAT = "-NAT"
FORCED = {  # the user's variable sip-force-contact → the word shown
    "ndlb-connectile-dysfunction": "AUTO-NAT",
    "ndlb-connectile-dysfunction-2.0": "AUTO-NAT-2.0",
    "ndlb-tls-connectile-dysfunction": "TLSHACK",
    "nat-connectile-dysfunction": "UDP-NAT",
}

REWRITTEN = frozenset({"AUTO-NAT", "AUTO-NAT-2.0", "TLSHACK"})


@frozen
class NatRules:
    """What a profile says of phones behind a NAT."""

    settings: RegistrationSettings
    aggressive: bool
    local_network_acl: str
    lists: Mapping[str, AccessList]


def status_of(request: Request, flow: Flow, rules: NatRules, user: User | None) -> tuple[str, str]:
    """The word for how a phone registers, and why it is taken to be behind a NAT ("" when it is not)."""
    settings = rules.settings
    forced = user.variables.get("sip-force-contact", "") if user is not None else ""
    if (word := FORCED.get(forced.lower())) is not None:
        return word, f"sip-force-contact of {user}"
    if settings.ndlb_connectile_dysfunction:
        return "AUTO-NAT", "NDLB-connectile-dysfunction"
    reason = _nat_reason(request, flow, rules)
    return (flow.transport + NAT if reason else flow.transport), reason


def calling_reason(request: Request, flow: Flow, rules: NatRules) -> str:
    """Why the caller of an INVITE is taken to be behind a NAT ("" when it is not).

    Unlike a REGISTER's, its Contact alone proves nothing: the Via or the Contact must be in one of the
    ``apply-nat-acl`` lists, and the source in none of them.
    """
    if len(request.vias) > 1:
        return ""  # a proxy stands between
    if rules.aggressive and (shown := _via_differs(request, flow)):
        return shown
    names, contact = rules.settings.apply_nat_acl, request.contact
    if any(matches(rules.lists, name, flow.remote.host) for name in names):
        return ""
    hosts = (request.via.host, *((contact.uri.host,) if contact is not None else ()))
    inside = (host for host in hosts if any(matches(rules.lists, name, host) for name in names))
    return next((f"{host} is in apply-nat-acl" for host in inside), "")


def _nat_reason(request: Request, flow: Flow, rules: NatRules) -> str:
    contact = request.contact
    if contact is None:
        return ""
    always = {"TCP": rules.settings.tcp_always_nat, "TLS": rules.settings.tls_always_nat}
    if always.get(flow.transport):
        return f"{flow.transport.lower()}-always-nat"
    if request.get("Path") is not None or len(request.vias) > 1:
        return ""  # a proxy stands between, and it knows the way
    if rules.aggressive and (shown := _via_differs(request, flow)):
        return shown
    if _in_nat_lists(contact.uri.host, flow.remote.host, rules):
        return f"{contact.uri.host} is in apply-nat-acl"
    if parse_address(contact.uri.host) is None:
        return ""  # a name: it may well be where it was heard from
    if not same_host(contact.uri.host, flow.remote.host):
        return "contact host"
    if not flow.reliable and (contact.uri.port or 5060) != flow.remote.port:
        return "contact port"
    return ""


def _via_differs(request: Request, flow: Flow) -> str:
    via = request.via
    if not same_host(via.host, flow.remote.host):
        return "via host"
    if not flow.reliable and (via.port or 5060) != flow.remote.port:
        return "via port"
    return ""


def _in_nat_lists(host: str, source: str, rules: NatRules) -> bool:
    """A contact that all lists hold, from a source that is not of our own network."""
    names = rules.settings.apply_nat_acl
    if not names or matches(rules.lists, rules.local_network_acl, source):
        return False
    return all(matches(rules.lists, name, host) for name in names)


def behind_nat(binding: Binding) -> bool:
    """Whether the phone is reached where it was heard from, not where it says it is."""
    return binding.origin.status.endswith(NAT) and not rewritten(binding)


def rewritten(binding: Binding) -> bool:
    """Whether its contact itself is written anew, as broken phones need it."""
    return binding.origin.status in REWRITTEN


def request_uri(binding: Binding) -> SipUri:
    """The Request-URI of what is sent to a phone: its own contact, unless that is to be written anew."""
    if not rewritten(binding):
        return binding.contact
    return replace(binding.contact, host=binding.source.host, port=binding.source.port)


def next_flow(binding: Binding) -> Flow | None:
    """The flow that leads to a phone when that is known already; None: where the URI or the Path says."""
    flow = binding.origin.flow
    if not binding.path and (behind_nat(binding) or rewritten(binding) or flow.connection):
        return flow
    return None


def dialled_uri(binding: Binding) -> str:
    """The URI a dial string shows: the contact, the way to it beside it in ``fs_path``.

    What the phone wrote is made harmless: it rings whom it names, and nobody besides.
    """
    uri = str(harmless_uri(request_uri(binding)))
    if binding.path:
        return f"{uri};fs_path={quote(','.join(_bare(each) for each in binding.path), safe='')}"
    flow = binding.origin.flow
    if not behind_nat(binding) and not flow.connection:
        return uri
    transport = f";transport={flow.transport.lower()}" if flow.reliable else ""
    path = quote(f"sip:{binding.contact.user or ''}@{flow.remote}{transport}", safe="")
    return f"{uri}{';fs_nat=yes' if behind_nat(binding) else ''};fs_path={path}"


def _bare(path: str) -> str:
    return str(NameAddr.parse(path).uri)


def harmless_uri(contact: SipUri) -> SipUri:
    """A URI that a stranger wrote, so that it names itself alone where it stands in a dial string."""
    parameters = tuple(
        (harmless(name), None if value is None else harmless(value)) for name, value in contact.parameters
    )
    return replace(
        contact,
        user=None if contact.user is None else harmless(contact.user),
        password=None if contact.password is None else harmless(contact.password),
        parameters=parameters,
        headers=harmless(contact.headers),
    )
