"""Codecs by name: what they are called in descriptions, and the numbers they get there.

Lives here: the value, those that we know something of, the payload types of an offer.
Never here: what a description says (``audio``), coding (``coders``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from ...net.values import frozen, replace
from ..sound.g711 import G711

SPELLINGS: Final = {"OPUS": "opus", "ILBC": "iLBC", "SPEEX": "speex", "TELEPHONE-EVENT": "telephone-event"}
EVENT: Final = "TELEPHONE-EVENT"  # RFC 4733; no audio, like comfort noise (RFC 3389)
NO_AUDIO: Final = frozenset((EVENT, "CN", "RED"))
# Payload types that we take, in this order (RFC 3551 §3, §6)
DYNAMIC: Final = (*range(96, 128), *range(35, 64))


@frozen
class Codec:
    """A codec by its ``rtpmap`` name in capitals, payload type (0–127), clock rate in Hz, and channels.

    ``parameters`` is its ``fmtp``: of a peer's codec what the peer wants, of one of ours what we do. ``kind``
    is what two descriptions must agree on; numbers and parameters are each side's own.
    """

    __slots__ = ("kind",)

    name: str
    payload_type: int
    clock_rate: int = 8000
    channels: int = 1
    parameters: str = ""

    if TYPE_CHECKING:
        kind: ClassVar[tuple[str, int, int]]  # no field: it follows from three of them

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", (self.name, self.clock_rate, self.channels))

    @property
    def encoding(self) -> str:
        """The name as it is usually spelled: some phones compare it letter by letter."""
        return SPELLINGS.get(self.name, self.name)

    @property
    def rtpmap(self) -> str:
        channels = f"/{self.channels}" if self.channels > 1 else ""
        return f"{self.payload_type} {self.encoding}/{self.clock_rate}{channels}"

    def parameter(self, name: str) -> str:
        """The value of one parameter, ``""`` where it is not there."""
        for each in self.parameters.split(";"):
            key, _, value = each.strip().partition("=")
            if key.strip().lower() == name:
                return value.strip()
        return ""


PCMU: Final = Codec("PCMU", 0)
PCMA: Final = Codec("PCMA", 8)
G722: Final = Codec("G722", 9)  # its clock is 8000 Hz, although it samples at 16000 (RFC 3551 §4.5.2)
# RFC 7587 §7: always 48000 Hz and two channels there, whatever is sent. We use what repairs losses.
OPUS: Final = Codec("OPUS", 111, 48000, 2, "useinbandfec=1")
# What needs no rtpmap (RFC 3551 §6)
STATIC: Final = {
    each.payload_type: each
    for each in (
        PCMU,
        Codec("GSM", 3),
        Codec("G723", 4),
        PCMA,
        G722,
        Codec("CN", 13),
        Codec("G728", 15),
        Codec("G729", 18),
    )
}
# What a list of preferences can name
NAMED: Final = {
    each.name: each
    for each in (PCMU, PCMA, G722, OPUS, *STATIC.values(), Codec("ILBC", 97), Codec("AMR", 98))
    if each.name not in NO_AUDIO
}


def numbered(codecs: Sequence[Codec], taken: int | None) -> list[Codec]:
    """The codecs, each with a payload type of its own; ``taken`` is that of telephone events."""
    used: set[int | None] = {taken}
    out: list[Codec] = []
    for codec in codecs:
        number = codec.payload_type
        fixed = STATIC.get(number)
        if number in used or (number < 96 and (fixed is None or fixed.kind != codec.kind)):
            number = free_number(used)
        used.add(number)
        out.append(codec if number == codec.payload_type else replace(codec, payload_type=number))
    return out


def pass_through(one: Codec, other: Codec) -> bool:
    """Whether what one codec says goes to the other as it is; between the laws of G.711 a table does it."""
    return one.kind == other.kind or (one.name in G711 and other.name in G711)


def free_number(used: Collection[int | None]) -> int:
    """A payload type that nobody has."""
    wanted = {each.payload_type for each in NAMED.values()}
    free: list[int] = [each for each in DYNAMIC if each not in used]
    return next((each for each in free if each not in wanted), free[0])
