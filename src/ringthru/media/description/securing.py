"""SRTP in offers and answers (RFC 4568 §7): which stream is taken, which key is chosen, which are ours.

Lives here: what one side wants, and its keys in one dialog. Never here: the grammar (``sdes``), ciphers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ...net.values import frozen
from ..errors import MalformedSdp, NoCommonCodec
from .audio import PROFILE, SECURE_PROFILE, first_usable, is_audio, shared_codecs
from .codecs import Codec
from .sdes import SUITES, Crypto, SrtpKeys
from .sdp import Attribute, MediaDescription, SessionDescription

FORBIDDEN: Final = "forbidden"
OPTIONAL: Final = "optional"
MANDATORY: Final = "mandatory"
MOST_LOOKED_AT: Final = 32  # a=crypto lines of one stream; the rest is not known to us
REFUSES: Final = "SRTP is forbidden here (rtp_secure_media)"


@frozen
class SecureMedia:
    """What our side wants of SRTP in one dialog.

    ``suites`` are those that may be used, in the order in which they are offered; with none of them all is
    plain, and ``reason`` says why. ``offers``: an offer of ours may carry keys; else only an answer does.
    """

    mode: str = FORBIDDEN
    suites: tuple[str, ...] = ()
    offers: bool = False
    reason: str = REFUSES

    @property
    def mandatory(self) -> bool:
        return self.mode == MANDATORY


PLAIN: Final = SecureMedia()


class Securing:
    """Our keys in one dialog.

    A key of ours stays as long as it is used at one address (§7.1.4): another address, another suite, or
    plain RTP in between make new ones, for no key may protect two packets of one number.
    """

    def __init__(self, wanted: SecureMedia, secret: Callable[[int], bytes]) -> None:
        """``secret`` gives so many octets at random."""
        self.wanted = wanted
        self._secret = secret
        self._keys: dict[str, bytes] = {}
        self._used = ""  # the suite that was agreed on last; empty: none, or plain RTP
        self._here: object = None
        self._profile = SECURE_PROFILE if wanted.mandatory else PROFILE  # of our next offer
        self._offers = wanted.offers

    def choose(self, offer: SessionDescription, codecs: Sequence[Codec]) -> tuple[int, Crypto | None]:
        """Which stream of an offer is answered, and by which of its keys; None: as plain RTP.

        A protected one goes before a plain one, unless that is forbidden.

        Raises:
            NoCommonCodec: none can be answered; the text says why.
        """
        for index, medium in enumerate(offer.media):
            crypto = chosen(medium, self.wanted)  # nearly always there is none, and nothing else to ask
            if crypto is not None and is_audio(medium) and shared_codecs(medium, codecs):
                return index, crypto
        if self.wanted.mandatory:
            raise NoCommonCodec(self._why_mandatory(offer))
        try:
            return first_usable(offer, codecs), None
        except NoCommonCodec as error:
            if any(is_audio(each) and _is_secure(each) for each in offer.media):
                raise NoCommonCodec(self._why_plain(offer)) from error
            raise

    def answer(self, theirs: Crypto | None, medium: MediaDescription, here: object) -> Crypto | None:
        """Our line of the answer to an offered one, for the address ``here``; None: plain RTP."""
        self._settle(here)
        self._profile = medium.protocol.upper()
        self._offers = theirs is not None
        if theirs is None:
            self._use("")
            return None
        self._use(theirs.suite.name)
        return Crypto(theirs.tag, theirs.name, self._key(theirs.suite.name))

    def offer(self, here: object) -> tuple[str, list[Crypto]]:
        """The profile of an offer of ours, and its lines; without lines it is plain.

        What may be protected goes as RTP/AVP with keys, which phones without SRTP read over (RFC 4568 has
        no word against it); what must be, as RTP/SAVP.
        """
        self._settle(here)
        suites = self.wanted.suites if self._offers or self.wanted.mandatory else ()
        lines = [Crypto(tag, name, self._key(name)) for tag, name in enumerate(suites, 1)]
        return (self._profile if lines else PROFILE), lines

    def accepted(self, keys: SrtpKeys | None, profile: str) -> None:
        """What the answer to our offer agreed on."""
        self._use(keys.suite if keys is not None else "")
        if keys is not None:
            self._profile, self._offers = profile.upper(), True
        elif not self.wanted.mandatory:
            self._offers = False

    def _settle(self, here: object) -> None:
        if here != self._here:
            self._keys.clear()
        self._here = here

    def _use(self, suite: str) -> None:
        if self._used and suite != self._used:
            self._keys.pop(self._used, None)
        self._used = suite

    def _key(self, suite: str) -> bytes:
        if suite not in self._keys:
            self._keys[suite] = self._secret(SUITES[suite].size)
        return self._keys[suite]

    def _why_mandatory(self, offer: SessionDescription) -> str:
        if not self.wanted.suites:
            return f"SRTP is mandatory here, and cannot be had: {self.wanted.reason}"
        return f"SRTP is mandatory here (rtp_secure_media), and {_what_is_wrong(offer, self.wanted)}"

    def _why_plain(self, offer: SessionDescription) -> str:
        if not self.wanted.suites:
            return f"the peer insists on SRTP: {self.wanted.reason}"
        return f"the peer insists on SRTP, and {_what_is_wrong(offer, self.wanted)}"


def chosen(medium: MediaDescription, wanted: SecureMedia) -> Crypto | None:
    """The first key of an offered stream that we can answer (§7.1.2: the offerer's order counts)."""
    return next((each for each in keys_of(medium) if each.suite.name in wanted.suites), None)


def keys_of(medium: MediaDescription) -> list[Crypto]:
    """Those lines that can be read and used; one that cannot is as if it were not there (§7.1.2)."""
    found = []
    for text in medium.values("crypto")[:MOST_LOOKED_AT]:
        try:
            found.append(Crypto.parse(text))
        except MalformedSdp:
            continue
    return found


def keys_agreed(ours: MediaDescription, theirs: MediaDescription) -> SrtpKeys | None:
    """What an answer made of the lines of our offer (§7.1.3); None: plain RTP.

    Raises:
        NoCommonCodec: the stream is to be protected, and no line answers one of ours.
    """
    offered = {each.tag: each for each in keys_of(ours)}
    for each in keys_of(theirs):
        mine = offered.get(each.tag)
        if mine is not None and mine.suite is each.suite:
            return SrtpKeys(each.suite.name, mine.key, each.key, each.mki)
    if _is_secure(ours) or _is_secure(theirs):
        raise NoCommonCodec("the answer has no key for SRTP (a=crypto) that answers one of ours")
    return None


def with_crypto(medium: MediaDescription, profile: str, lines: Sequence[Crypto]) -> MediaDescription:
    """The stream with these lines."""
    if not lines and profile == medium.protocol:
        return medium
    attributes: list[Attribute] = [("crypto", each.encode()) for each in lines]
    return MediaDescription(
        medium.kind, medium.port, profile, medium.formats, medium.host, (*medium.attributes, *attributes)
    )


def _is_secure(medium: MediaDescription) -> bool:
    return medium.protocol.upper() == SECURE_PROFILE


def _what_is_wrong(offer: SessionDescription, wanted: SecureMedia) -> str:
    """Why no line of an offer can be answered."""
    lines = [text for each in offer.media if is_audio(each) for text in each.values("crypto")]
    for text in lines[:MOST_LOOKED_AT]:
        try:
            name = Crypto.parse(text).suite.name
        except MalformedSdp as error:
            return str(error)
        if name not in wanted.suites:
            return f"{name} is none of our suites: {' '.join(wanted.suites)}"
    return "the offer has no key for it (a=crypto)" if not lines else "it has no codec that we speak"
