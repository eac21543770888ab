"""ICE's lite side: one leg answers its peer's connectivity checks, and learns where it is (RFC 8445).

We are reached at one address, which our answer names; the peer tries which of its own gets there. A check
that proves our password is answered, and one with USE-CANDIDATE says where the peer wants its media (§7.3.2).
What proves nothing gets no answer, or a shorter one than itself, and so many in a second.

Lives here: the credentials, and what becomes of a check. Never here: sockets, clocks, SDP (``ice_sdp.py``).
"""

from __future__ import annotations

from typing import Final

from ...net.address import Endpoint
from ...net.stun import MalformedStun
from ...net.stun_server import decode_request, encode_refusal, encode_success
from ...net.values import frozen
from .sender import Allowance

CHECKS_PER_SECOND: Final = 50  # answered; a peer sends one in 50 ms (RFC 8445 §14.2), and repeats some
CHECKS_AT_ONCE: Final = 50


@frozen
class Ice:
    """What both sides call themselves in this session, and the password of ours (RFC 8839 §5.4)."""

    ufrag: str
    password: str
    peer_ufrag: str

    @property
    def username(self) -> str:
        """What the peer's checks must name (RFC 8445 §7.2.2)."""
        return f"{self.ufrag}:{self.peer_ufrag}"


@frozen
class Reply:
    """The answer to a check, for its source; ``nominated``: its source is where the peer wants its media."""

    datagram: bytes
    nominated: bool


class IceResponder:
    """Judges the checks of one agreement. RTP's and RTCP's come with the same credentials."""

    def __init__(self, ice: Ice) -> None:
        self.ice = ice
        self._allowance = Allowance(CHECKS_PER_SECOND, CHECKS_AT_ONCE)
        self._best = {False: 0, True: 0}  # the highest priority nominated, of RTP and of RTCP

    def receive(self, datagram: bytes, source: Endpoint, now: float, *, rtcp: bool) -> Reply | None:
        """What to answer; None: nothing. Nothing is raised."""
        try:
            request = decode_request(datagram)
        except MalformedStun:
            return None
        if request.username != self.ice.username or not self._allowance.take(now):
            return None
        if not request.is_proven(self.ice.password):
            return Reply(encode_refusal(request, 401), False)
        if request.unknown:
            return Reply(encode_refusal(request, 420), False)
        nominated = request.use_candidate and request.priority >= self._best[rtcp]
        if nominated:  # a peer that nominates each pair that works means the best of them (RFC 5245 §8.1.1.2)
            self._best[rtcp] = request.priority
        return Reply(encode_success(request, source, self.ice.password), nominated)
