"""Our side's descriptions in one dialog: each offer and answer in its turn, and their versions (RFC 3264 §8).

Lives here: what lasts from one description to the next. Never here: what a description says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...net.values import replace
from ..errors import MalformedSdp, NoCommonCodec
from .audio import DEFAULT_PTIME
from .codecs import Codec
from .describing import MediaAddress
from .ice_sdp import IceAnswers
from .offer_answer import Negotiated, agreed_by, make_answer, offered_description
from .sdp import SessionDescription
from .securing import Securing


class OfferAnswer:
    """Our side's descriptions in one dialog: one session id, a version for every change.

    RFC 3264 §8: the version grows by one with each new description that differs from the
    last, and stays when nothing changed. Nothing else of the ``o=`` line changes, so it goes on naming the
    address of the first description when we have another one.
    """

    def __init__(
        self,
        session_id: int,
        telephone_event: int | None = 101,
        mux: bool = False,
        ice: IceAnswers | None = None,
        securing: Securing | None = None,
    ) -> None:
        """``telephone_event`` is the payload type (96–127) that our offers give to keys (RFC 4733).

        None: keys are neither offered nor accepted there. ``mux``: RTCP on the RTP port is offered.
        With ``ice`` we answer offers of ICE; we make none. ``securing`` has our keys for SRTP.
        """
        self._securing = securing
        self._mux = mux
        self._ice = ice
        self._session_id = session_id
        self._telephone_event = telephone_event
        self._version = session_id
        self._last: bytes | None = None
        self._origin: str | None = None
        self._offer = b""
        self._asked: SessionDescription | None = None  # what it says

    def offer(
        self,
        here: MediaAddress,
        codecs: Sequence[Codec],
        direction: str = "sendrecv",
        ptime: int = DEFAULT_PTIME,
    ) -> bytes:
        """A new offer of these codecs, in this order."""
        here = self._named(here)

        def make(version: int) -> SessionDescription:
            event, securing = self._telephone_event, self._securing
            return offered_description(
                here, codecs, self._session_id, version, event, direction, ptime, self._mux, (), securing
            )

        self._asked = make(self._version)
        self._offer = self._bump(self._asked.encode(), lambda: make(self._version + 1).encode())
        return self._offer

    def answer(
        self,
        offer: SessionDescription,
        here: MediaAddress,
        codecs: Sequence[Codec],
        direction: str = "sendrecv",
        first: Sequence[Codec] = (),
    ) -> Negotiated:
        """Answer the peer's offer; raises as ``make_answer`` does."""
        here = self._named(here)

        def make(version: int) -> Negotiated:
            hears_keys = self._telephone_event is not None
            return make_answer(
                *(offer, here, codecs, self._session_id, version, direction, hears_keys),
                *(self._ice, first, self._securing),
            )

        negotiated = make(self._version)
        sdp = self._bump(negotiated.sdp, lambda: make(self._version + 1).sdp)
        return negotiated if sdp is negotiated.sdp else replace(negotiated, sdp=sdp)

    def read_answer(self, answer: SessionDescription) -> Negotiated:
        """Read the answer to our last offer; raises as the function ``read_answer`` does."""
        if self._asked is None:
            raise MalformedSdp("an answer to no offer")
        agreed = agreed_by(self._offer, self._asked, answer)
        if self._securing is not None:
            if agreed.srtp is None and self._securing.wanted.mandatory:
                raise NoCommonCodec("the answer has no key for SRTP, which is mandatory here")
            self._securing.accepted(agreed.srtp, answer.media[0].protocol)
        return agreed

    def forget(self) -> None:
        """The dialog is over: no key stays."""
        self._securing = self._last = self._asked = None
        self._offer = b""

    def _named(self, here: MediaAddress) -> MediaAddress:
        """Where we are now, in the name of where we were at first."""
        self._origin = self._origin or here.host
        return here if here.host == self._origin else replace(here, origin=self._origin)

    def _bump(self, same: bytes, bumped: Callable[[], bytes]) -> bytes:
        if self._last is not None and same != self._last:
            same = bumped()
            self._version += 1
        self._last = same
        return same
