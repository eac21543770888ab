"""SOAP 1.1 as UPnP control uses it, the gateway's side (UPnP Device Architecture 1.1 §3.2).

Lives here: envelopes, and reading an action out of one.
Never here: what the actions do; ringthru.portmap.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from ...net.values import frozen

ENVELOPE_NAMESPACE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPE: Final = (
    '<?xml version="1.0"?>\r\n'
    f'<s:Envelope xmlns:s="{ENVELOPE_NAMESPACE}"'
    ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>{}</s:Body></s:Envelope>\r\n'
)
FAULT: Final = (
    "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
    '<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>{}</errorCode>'
    "<errorDescription>{}</errorDescription></UPnPError></detail></s:Fault>"
)
CONTROL: Final = "urn:schemas-upnp-org:control-1-0"  # of QueryStateVariable (UDA 1.0 §3.3)
PICKY: Final = re.compile(rb"<s:Envelope[^>]*><s:Body><u:\w+ xmlns:u=")  # AD25


@frozen
class Call:
    """One action called: of which service type, with which arguments."""

    service: str
    action: str
    arguments: dict[str, str]


def read_call(body: bytes) -> Call | None:
    """The call in an envelope; None when there is none (a document type is refused as well)."""
    if b"<!DOCTYPE" in body:
        return None
    try:
        envelope = ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None  # not XML, or in an encoding nobody has heard of
    action = envelope.find(f"{{{ENVELOPE_NAMESPACE}}}Body/*")
    if action is None or not action.tag.startswith("{"):
        return None
    service, _, name = action.tag[1:].partition("}")
    return Call(service, name, {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in action})


def answer(call: Call, results: dict[str, str]) -> bytes:
    values = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in results.items())
    opening = f'<u:{call.action}Response xmlns:u="{call.service}">'
    return ENVELOPE.format(f"{opening}{values}</u:{call.action}Response>").encode()


def fault(code: int, description: str, *, malformed: bool = False) -> bytes:
    """The refusal of an action; ``malformed`` as AD37's gateways write it."""
    whole = ENVELOPE.format(FAULT.format(code, escape(description))).encode()
    if malformed:
        whole = whole.replace(b"<UPnPError xmlns", b"<UPnPErrorxmlns")
        return whole.replace(b"</errorDescription>", b"\xff\xfe\x80</errorDescription>")
    return whole


def is_written_plainly(body: bytes) -> bool:
    """AD25: prefixes s: and u:, and nothing between the tags."""
    start = body.find(b"<s:Envelope")
    tags_apart = re.search(rb">\s+<", body[start:].rstrip()) is not None
    return start >= 0 and PICKY.match(body[start:]) is not None and not tags_apart
