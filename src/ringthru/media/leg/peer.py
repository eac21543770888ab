"""One leg's peer: where it is, and what of that which comes in its name is believed.

Lives here: the two latches, ICE checks, the proof of SRTP. Never here: what a packet that is believed becomes
(``stream``), what leaves (``outgoing``).
"""

from __future__ import annotations

from ringthru.net.address import Endpoint
from ringthru.net.stun_server import looks_like_stun

from ..description.offer_answer import Negotiated
from ..events import Forged, MediaEvent
from ..rtp.ice import IceResponder
from ..rtp.latch import RTCP_THRESHOLD, Confirmed, Latch, Latched
from .protecting import Maker, Protection


class Peer:
    """Where to send, and whom to hear; unknown before the first ``agree``."""

    def __init__(self, events: list[MediaEvent], make_session: Maker | None) -> None:
        """What is learned goes to ``events``; ``make_session`` is who has ciphers for SRTP."""
        self.rtp: Latch | None = None
        self.rtcp: Latch | None = None
        self.protection: Protection | None = None  # from the first agreement on SRTP on
        self._events = events
        self._make_session = make_session
        self._responder: IceResponder | None = None
        self._replies: list[tuple[bool, bytes, Endpoint]] = []
        self._told_forged = False

    def agree(self, agreed: Negotiated, before: Negotiated | None) -> Latch:
        """Take what was agreed on, where ``before`` was until now; returns the latch of RTP."""
        if agreed.srtp is not None and self.protection is None and self._make_session is not None:
            self.protection = Protection(self._make_session)
        if self.protection is not None:
            self.protection.agree(agreed.srtp)
        if before is None or before.ice != agreed.ice:
            self._responder = IceResponder(agreed.ice) if agreed.ice else None
        self._told_forged = False
        return self._learn(agreed, before)

    def _learn(self, agreed: Negotiated, before: Negotiated | None) -> Latch:
        """Learn anew; from the address in use where the peer's SDP still names the same one.

        A re-INVITE that only refreshes the session must not send the audio back to an
        address that was found wrong. Where ICE goes on with the same credentials what was proven stays so.
        """
        rtp, rtcp = self.rtp, self.rtcp
        goes_on = before is not None and before.ice is not None and before.ice == agreed.ice
        if before is None or rtp is None or rtcp is None:
            self.rtp = rtp = Latch("audio", agreed.remote_rtp)
            self.rtcp = rtcp = Latch("audio RTCP", agreed.remote_rtcp, RTCP_THRESHOLD)
        else:
            _learn_anew(rtp, before.remote_rtp, agreed.remote_rtp, goes_on)
            _learn_anew(rtcp, before.remote_rtcp, agreed.remote_rtcp, goes_on)
        rtp.fixed = rtcp.fixed = not agreed.learns
        return rtp

    def follow(self, latch: Latch, source: tuple[str, int]) -> tuple[bool, Latched | None]:
        """A NAT may have given a peer that fell silent another port: the same stream goes on from there.

        Nobody who does not see the stream knows its SSRC and where its sequence has got to.
        """
        learned = latch.follow(source)
        if learned is not None and self.rtcp is not None:
            self.rtcp.learn(self.rtcp.target)  # its RTCP has another port, too
        return learned is not None, learned

    # ICE

    def is_check(self, datagram: bytes) -> bool:
        return self._responder is not None and looks_like_stun(datagram)

    def check(self, datagram: bytes, source: Endpoint, now: float, *, rtcp: bool) -> bool:
        """Answer the peer's connectivity check; where it nominates, media goes there from now on.

        False: it is none of the peer's, and gets no answer.
        """
        reply = None if self._responder is None else self._responder.receive(datagram, source, now, rtcp=rtcp)
        if reply is None:
            return False
        self._replies.append((rtcp, reply.datagram, source))
        latch = self.rtcp if rtcp else self.rtp
        learned: Latched | Confirmed | None = None
        if reply.nominated and latch is not None:
            learned = latch.nominate(source)
        if learned is not None:
            self._events.append(learned)
        return True

    def replies_to_send(self) -> list[tuple[bool, bytes, Endpoint]]:
        out, self._replies = self._replies, []
        return out

    # SRTP

    def open(self, datagram: bytes, source: tuple[str, int], *, rtcp: bool) -> bytes | None:
        """What a datagram holds; None for SRTP without proof, which is no reason to believe anything."""
        protection = self.protection
        if protection is None:
            return datagram
        forged = protection.forged
        opened = protection.open(datagram, rtcp=rtcp)
        if protection.forged != forged and not self._told_forged:
            self._told_forged = True
            self._events.append(Forged(Endpoint(*source)))
        return opened

    def protected(self, datagrams: list[bytes], *, rtcp: bool) -> list[bytes]:
        """As they leave."""
        protection = self.protection
        if protection is None:
            return datagrams
        made = [protection.protect(each, rtcp=rtcp) for each in datagrams]
        return [each for each in made if each is not None]

    def forget_keys(self) -> None:
        """Wipe them out: nothing is sent or heard any more."""
        if self.protection is not None:
            self.protection.agree(None)


def _learn_anew(latch: Latch, was: Endpoint, now: Endpoint, goes_on: bool) -> None:
    if was != now:
        latch.learn(now)
    elif not goes_on:
        latch.learn(latch.target)
