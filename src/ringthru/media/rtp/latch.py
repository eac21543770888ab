"""Where to send when the SDP may be wrong: learning a peer's address from its packets.

Symmetric RTP as FreeSWITCH does it ("auto-adjust"). The caller shows the latch only packets
that are valid RTP of an agreed payload type, or valid RTCP: nothing else may move a stream.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ringthru.net.address import Endpoint

from ...net.values import frozen

RTP_THRESHOLD: Final = 10  # packets from elsewhere
RTCP_THRESHOLD: Final = 1
WINDOW_FACTOR: Final = 2  # they must come within twice as many packets


@frozen
class Latched:
    """The stream now goes elsewhere; ``kind`` is ``audio`` or ``audio RTCP``."""

    kind: str
    was: Endpoint
    now: Endpoint

    def __str__(self) -> str:
        return f"Auto Changing {self.kind} port from {self.was} to {self.now}"


@frozen
class Confirmed:
    """A packet came from where the SDP said."""

    kind: str
    source: Endpoint

    def __str__(self) -> str:
        return f"Correct {self.kind} ip/port confirmed."


class Latch:
    """Decides which sources are heard, and where to send.

    Learning: everybody is heard; a packet from ``target`` confirms it; ``threshold`` packets
    *of one other source* among the last ``2 × threshold`` move ``target`` there. Either ends
    the learning, and from then on only ``target`` is heard, until ``learn`` starts anew, or
    ``follow`` was shown as many packets. ``proven``: packets came from ``target``, whatever is being learned
    anew since: a phone on hold sends nothing more.
    (FreeSWITCH counts strangers together; counting each alone keeps two of them from helping
    each other, and changes nothing where there is one.)
    """

    def __init__(self, kind: str, target: Endpoint, threshold: int = RTP_THRESHOLD) -> None:
        self.kind = kind
        self.fixed = False  # the SDP alone says where the peer is: strangers are never heard, nor followed
        self._threshold = threshold
        self.target, self.proven = target, False
        self.learn(target)

    def learn(self, target: Endpoint) -> None:
        """A new SDP: send to ``target`` and learn again."""
        self.proven = self.proven and target == self.target
        self.target = target
        self.learning = True
        self._strangers: deque[Endpoint] = deque(maxlen=WINDOW_FACTOR * self._threshold)

    def judge(
        self, source: tuple[str, int], comfort_noise: bool = False
    ) -> tuple[bool, Latched | Confirmed | None]:
        """Whether to hear a packet of ``source``, and what was learned from it."""
        if not self.learning:
            return source == self.target, None
        if self.fixed and source != self.target:
            return False, None
        if comfort_noise:
            return True, None  # a device may send it from elsewhere; it proves nothing
        if source == self.target:
            self.learning, self.proven = False, True
            return True, Confirmed(self.kind, self.target)
        return True, self._count(Endpoint(*source))

    def follow(self, source: tuple[str, int]) -> Latched | None:
        """Count a stranger's packet that carries on the stream of a target that fell silent."""
        return self._count(Endpoint(*source))

    def nominate(self, source: Endpoint) -> Latched | Confirmed | None:
        """The peer proved that it is there, and wants its media there (RFC 8445 §7.3.2)."""
        was, self.target = self.target, source
        learning, self.learning, self.proven = self.learning, False, True
        self._strangers.clear()
        if was != source:
            return Latched(self.kind, was, source)
        return Confirmed(self.kind, source) if learning else None

    def _count(self, source: Endpoint) -> Latched | None:
        if self.fixed:
            return None
        self._strangers.append(source)
        if self._strangers.count(source) < self._threshold:
            return None
        was, self.target = self.target, source
        self.learning, self.proven = False, True
        self._strangers.clear()
        return Latched(self.kind, was, source)
