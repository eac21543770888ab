"""A description on its way from one side to the other: our addresses in place of theirs, the rest untouched.

The text is changed line by line, so that what we do not know passes as it came, in its place.
Lives here: which lines name an address, and what they become. Never here: which ports, which legs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ...net.values import frozen
from ..description.offer_answer import MediaAddress
from ..description.sdp import Attribute, encode_attributes, encode_host

# They name an address, a port or a secret of a way that is ours from now on
REPLACED: Final = frozenset(("rtcp", "rtcp-mux", "rtcp-mux-only"))
ICE: Final = frozenset(
    (
        *("candidate", "remote-candidates", "end-of-candidates", "ice-ufrag", "ice-pwd", "ice-options"),
        *("ice-lite", "ice-mismatch", "ice-pacing"),
    )
)


@frozen
class Place:
    """Where our side of a stream is, and what is said of it there."""

    here: MediaAddress
    mux: bool
    ice: tuple[Attribute, ...] = ()  # of the stream; the session then says that we are the lite side


def rewrite(sdp: bytes, stream: int, place: Place, *, origin: bool) -> bytes:
    """The description with stream ``stream`` (counted from 0) at ``place``, all others refused (port 0).

    ``origin``: our address in ``o=`` too. ``sdp`` was parsed before, and is UTF-8.
    """
    head, *media = _sections(sdp)
    lines = list(_head(head, place, origin))
    for index, section in enumerate(media):
        lines += _stream(section, place) if index == stream else _refused(section)
    return "".join(f"{line}\r\n" for line in lines).encode()


def _sections(sdp: bytes) -> list[list[str]]:
    """The session's lines, then each stream's."""
    sections: list[list[str]] = [[]]
    for line in sdp.decode().replace("\r\n", "\n").rstrip("\n").split("\n"):
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line.rstrip("\r"))
    return sections


def _head(lines: Sequence[str], place: Place, origin: bool) -> Iterator[str]:
    for line in lines:
        if line.startswith("o=") and origin:
            yield f"{line.rsplit(' ', 3)[0]} {encode_host(place.here.host)}"
        elif line.startswith("c="):
            yield f"c={encode_host(place.here.host)}"
        elif _attribute(line) not in ICE:
            yield line
    if place.ice:
        yield "a=ice-lite"


def _stream(lines: Sequence[str], place: Place) -> Iterator[str]:
    """The stream that goes through us; it gets its own ``c=`` where the session has none for it."""
    words = lines[0].split()
    yield " ".join([words[0], str(place.here.rtp_port), *words[2:]])
    yield f"c={encode_host(place.here.host)}"
    for line in lines[1:]:
        if not line.startswith("c=") and _attribute(line) not in REPLACED | ICE:
            yield line
    if place.mux:
        yield "a=rtcp-mux"
    yield f"a=rtcp:{place.here.rtp_port if place.mux else place.here.rtcp_port}"  # RFC 3605
    yield from encode_attributes(place.ice).splitlines()


def _refused(lines: Sequence[str]) -> Iterator[str]:
    """The same stream with port 0 (RFC 3264 §6)."""
    words = lines[0].split()
    yield " ".join([words[0], "0", *words[2:]])


def _attribute(line: str) -> str:
    return line[2:].partition(":")[0].strip().lower() if line.startswith("a=") else ""
