"""Presence on the wire: ``application/pidf+xml`` (RFC 3863), with the activities of RFC 4480.

Lives here: one document, and what it can say. Never here: who is where.
"""

from __future__ import annotations

from typing import Final

from ...net.values import frozen
from .markup import xml_text

KIND: Final = "application/pidf+xml"
NAMESPACES: Final = (
    'xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"'
    ' xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"'
)


@frozen
class Status:
    """How somebody is; the notes are FreeSWITCH's."""

    open: bool  # whether he can be called
    note: str
    busy: bool = False


AWAY: Final = Status(False, "Unregistered")
THERE: Final = Status(True, "Available")
RINGING: Final = Status(True, "Ring", busy=True)
TALKING: Final = Status(True, "On The Phone", busy=True)
HOLDING: Final = Status(True, "Hold", busy=True)


def document(entity: str, status: Status) -> bytes:
    """The presence of ``entity``, a SIP URI."""
    activity = "<rpid:activities><rpid:on-the-phone/></rpid:activities>" if status.busy else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<presence {NAMESPACES} entity="{xml_text(entity)}">\n'
        f'<tuple id="phone"><status><basic>{"open" if status.open else "closed"}</basic></status>'
        f"<note>{xml_text(status.note)}</note></tuple>\n"
        f'<dm:person id="person">{activity}<dm:note>{xml_text(status.note)}</dm:note></dm:person>\n'
        "</presence>\n"
    ).encode()
