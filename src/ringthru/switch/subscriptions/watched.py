"""What can be watched, and in which state it is: values.

========================  =========================================================================
``1000``                  a user of the directory, with the calls of all his phones
``park+6001``             a place where calls are parked, or the whole lot ``park+house``
``conf+3000``             a conference
``6001``                  any name that is no user: a place, a conference, or what ``presence_id`` says
========================  =========================================================================

Lives here: the names, and how one is read. Never here: who may watch (``presence``), XML.
"""

from __future__ import annotations

from typing import Final, Self

from ...net.values import frozen
from ..configuration import Domain

LONGEST: Final = 64  # characters of a name
PARK, CONFERENCE = "park", "conf"
PREFIXES: Final = (PARK, CONFERENCE)


@frozen
class Watched:
    """One thing that lamps show. Names compare without case: they are kept in lower case."""

    domain: str
    name: str
    kind: str = ""  # park or conf, where the phone says so
    address: str = ""  # USER@DOMAIN as the registrar knows him, where it is a user

    @classmethod
    def read(cls, text: str, domain: Domain) -> Self | None:
        """The user part of a SIP URI; None for one that nothing can bear."""
        kind, plus, name = text.partition("+")
        if not plus or kind.lower() not in PREFIXES:
            kind, name = "", text
        if not name or len(name.lower()) > LONGEST or not name.isprintable():
            return None
        user = domain.find(name) if not kind else None
        if user is None:
            return cls(domain.name.lower(), name.lower(), kind.lower())
        return cls(domain.name.lower(), user.id.lower(), address=f"{user.id}@{user.domain}")

    def may_be(self, kind: str) -> bool:
        """Whether it can be a place or a conference of that name."""
        return self.kind == kind or not (self.kind or self.address)


@frozen
class Line:
    """One call as a lamp shows it: a dialog of RFC 4235 §4.1. Names and numbers are as peers wrote them."""

    id: str
    state: str  # early, confirmed, terminated
    calls: bool = False  # whoever is watched began it (initiator), or is called (recipient)
    held: bool = False
    other_name: str = ""
    other_number: str = ""
    hidden: bool = False  # the other one is not to be named
    # The dialog, as the phone that rings has it; for those who proved themselves
    call_id: str = ""
    local_tag: str = ""
    remote_tag: str = ""
