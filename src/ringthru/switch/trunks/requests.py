"""A trunk's requests, and what the answer to a REGISTER grants (RFC 3261 §10.2; RFC 3608; RFC 5626 §4).

Lives here: headers. Never here: when to send, to which address, or which address of ours is shown: that is a
hole, filled for the peer it goes to.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final

from ...net.address import Endpoint
from ...sip import HERE, NameAddr, Request, Response, SipUri
from ...sip.wire.headers import read_expires
from ..configuration.trunk_settings import TrunkSettings, place_uri
from .trunk import Granted

MARK: Final = "gw"  # the parameter of our Contact that strangers cannot guess


def register_request(
    settings: TrunkSettings, transport: str, expires: int, call_id: str, cseq: int, host: str
) -> Request:
    """A REGISTER; ``host`` stands in its Contact, or a hole for the address the registrar sees."""
    contact = f"<{contact_uri(settings, transport, host)}>{_outbound(settings)};expires={expires}"
    return _request(settings, contact, expires, call_id, cseq)


def forget_request(settings: TrunkSettings, contact: str, call_id: str, cseq: int) -> Request:
    """A REGISTER that strikes out one Contact, as it was sent once."""
    return _request(settings, f"<{contact}>;expires=0", 0, call_id, cseq)


def _request(settings: TrunkSettings, contact: str, expires: int, call_id: str, cseq: int) -> Request:
    headers = [
        *(("Route", each) for each in outbound_route(settings)),
        ("From", f"<{from_uri(settings)}>"),
        ("To", f"<{to_uri(settings)}>"),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} REGISTER"),
        ("Contact", contact),
        ("Expires", str(expires)),
        ("Supported", "path, outbound" if settings.rfc_5626 else "path"),
    ]
    registrar = place_uri(settings.register_proxy)
    bare = SipUri(registrar.scheme, None, registrar.host, registrar.port, registrar.parameters)
    return Request("REGISTER", str(bare), headers)


def options_request(settings: TrunkSettings, host: str) -> Request:
    """The question whether the provider is there; it also keeps our NAT open towards it."""
    headers = [
        *(("Route", each) for each in outbound_route(settings)),
        ("From", f"<{from_uri(settings)}>"),
        ("Contact", f"<sip:{settings.contact_user}@{host}>"),
    ]
    proxy = place_uri(settings.proxy)
    return Request(
        "OPTIONS", str(SipUri(proxy.scheme, None, proxy.host, proxy.port, proxy.parameters)), headers
    )


def contact_uri(settings: TrunkSettings, transport: str, host: str) -> str:
    """Our Contact at this provider: by it we know its calls again, wherever they come from."""
    parameters = "" if transport == "UDP" else f";transport={transport.lower()}"
    if extra := settings.contact_params.strip().lstrip(";"):
        parameters += f";{extra}"
    if settings.contact_mark:
        parameters += f";{MARK}={settings.contact_mark}"
    return f"sip:{settings.contact_user}@{host}{parameters}"


def bears_mark(settings: TrunkSettings, uri: SipUri) -> bool:
    """Whether somebody calls the very Contact that we sent to this provider."""
    mark = settings.contact_mark
    return bool(mark) and hmac.compare_digest(mark.encode(), (uri.parameter(MARK) or "").encode())


def contact_host(settings: TrunkSettings, inside: Endpoint, seen: Endpoint) -> str:
    """What ``contact-host`` makes of the address in our Contact; a hole for the one the peer sees."""
    if settings.contact_host is None:
        return HERE
    host = inside.host if settings.contact_host.lower() == "sip-ip" else settings.contact_host
    return str(Endpoint(host.strip("[]"), seen.port))


def from_uri(settings: TrunkSettings) -> str:
    user = settings.from_user or settings.username
    domain = settings.from_domain or settings.realm
    return f"sip:{user}@{domain}" if user else f"sip:{domain}"


def to_uri(settings: TrunkSettings) -> str:
    """Whom a REGISTER is for."""
    if settings.distinct_to:
        return f"sip:{settings.username}@{settings.realm}"
    return from_uri(settings)


def outbound_route(settings: TrunkSettings) -> tuple[str, ...]:
    """The Route that leads through ``outbound-proxy`` first."""
    if settings.outbound_proxy is None:
        return ()
    proxy = place_uri(settings.outbound_proxy)
    loose = "" if proxy.parameter("lr") is not None else ";lr"
    return (f"<{proxy}{loose}>",)


def _outbound(settings: TrunkSettings) -> str:
    if not settings.rfc_5626:
        return ""
    digits = sha256(f"{settings.username}@{settings.realm}/{settings.name}".encode()).hexdigest()
    # A UUID of version 8 (RFC 9562 §5.8) that stays the same over restarts.
    name = "-".join((digits[:8], digits[8:12], f"8{digits[13:16]}", f"a{digits[17:20]}", digits[20:32]))
    return f';+sip.instance="<urn:uuid:{name}>";reg-id={settings.reg_id}'


def granted_by(response: Response, contact: str, asked: int) -> Granted:
    """What a 200 to our REGISTER says of our Contact: its own expiry, the header's, or what we asked."""
    ours = next((each for each in response.contacts if _is_ours(each, contact)), None)
    seconds = read_expires(ours.parameter("expires")) if ours is not None else None
    if seconds is None:
        seconds = response.expires
    return Granted(asked if seconds is None else seconds, contact, tuple(response.get_all("Service-Route")))


def _is_ours(found: NameAddr, contact: str) -> bool:
    ours = SipUri.parse(contact)
    return found.uri.same_as(ours) or (found.uri.user, found.uri.host, found.uri.port or 5060) == (
        ours.user,
        ours.host,
        ours.port or 5060,
    )
