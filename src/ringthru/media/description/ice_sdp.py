"""ICE in descriptions (RFC 8839), for the lite side: who offers it, and what our answer says.

Lives here: the attributes of ICE, read and written. Never here: checks (``ice.py``), other attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..rtp.ice import Ice
from .sdp import Attribute, MediaDescription, SessionDescription

LITE: Final[Attribute] = ("ice-lite", None)
UFRAG_SIZES: Final = range(4, 257)  # characters (RFC 8839 §5.4)
PASSWORD_SIZES: Final = range(22, 257)
UFRAG_OCTETS: Final = 4  # at random, two characters each; 24 bits are the least (RFC 8445 §5.3)
PASSWORD_OCTETS: Final = 16  # 128 bits are the least
MOST_CANDIDATES: Final = 64  # looked at; the rest is not known to us
FIRST_PRIORITY: Final = 126 << 24 | 65535 << 8 | 255  # a host's: RTP; RTCP one less (RFC 8445 §5.1.2.1)


class IceAnswers:
    """Our credentials in one dialog: the same as long as the peer's are, new ones where it starts again."""

    def __init__(self, secret: Callable[[int], str]) -> None:
        """``secret`` gives two characters at random for each octet asked for."""
        self._secret = secret
        self._theirs: tuple[str, str] | None = None
        self._ice: Ice | None = None

    def to(self, offer: SessionDescription, medium: MediaDescription) -> Ice | None:
        """What an offer's stream is answered with; None: it offers no ICE that we can do.

        A peer that is lite itself makes no checks, and one whose default address is none of its candidates
        has a gateway before it that rewrites descriptions (RFC 8839 §4.2.5): both get on as without ICE.
        """
        theirs = (offer.attribute(medium, "ice-ufrag") or "", offer.attribute(medium, "ice-pwd") or "")
        if len(theirs[0]) not in UFRAG_SIZES or len(theirs[1]) not in PASSWORD_SIZES:
            return None
        if offer.attribute(medium, LITE[0]) is not None or is_mismatch(offer, medium):
            return None
        if theirs != self._theirs:
            self._theirs = theirs
            self._ice = Ice(self._secret(UFRAG_OCTETS), self._secret(PASSWORD_OCTETS), theirs[0])
        return self._ice


def is_mismatch(description: SessionDescription, medium: MediaDescription) -> bool:
    """Whether candidates are named, and the address of ``m=`` and ``c=`` is none of them."""
    named = [each.split()[4:6] for each in medium.values("candidate")[:MOST_CANDIDATES]]
    host = description.host_of(medium)
    return bool(named) and host not in ("0.0.0.0", "::") and [host, str(medium.port)] not in named


def ice_attributes(ice: Ice, host: str, rtp_port: int, rtcp_port: int | None) -> list[Attribute]:
    """Our credentials, and the one candidate of each component; None: RTCP has no port of its own."""
    lines: list[Attribute] = [("ice-ufrag", ice.ufrag), ("ice-pwd", ice.password)]
    for component, port in enumerate((rtp_port, rtcp_port), 1):
        if port is not None:
            priority = FIRST_PRIORITY + 1 - component
            lines.append(("candidate", f"1 {component} UDP {priority} {host} {port} typ host"))
    return lines
