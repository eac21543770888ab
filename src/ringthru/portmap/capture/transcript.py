"""A capture: what passed between the engine and a gateway, what was asked, and what the engine concluded.

One JSON document that a person can read: texts as lists of lines, other octets as hexadecimal.

Lives here: the values, and the JSON they become. Never here: redaction, files, clocks.
"""

from __future__ import annotations

import json
from enum import Enum
from ipaddress import IPv4Network
from typing import Any, Final

from ...net.address import Endpoint
from ...net.values import frozen
from ..errors import MalformedMessage
from ..values import Protocol

FORMAT: Final = "ringthru-nat-capture"
VERSION: Final = 1
LONGEST: Final = 8 * 1024 * 1024  # characters of a transcript we read
MOST_EXCHANGES: Final = 5000


class Kind(Enum):
    """Which way, and by what, a message went."""

    PMP_OUT = "pmp out"  # NAT-PMP or PCP: told apart by their first octet
    PMP_IN = "pmp in"
    PMP_REFUSED = "pmp refused"  # the system says that nobody listens there
    SSDP_OUT = "ssdp out"
    SSDP_IN = "ssdp in"
    HTTP_OUT = "http out"
    HTTP_IN = "http in"


@frozen
class Exchange:
    """One message. Which of the fields after ``data`` mean something depends on the kind."""

    at: float  # seconds since the capture began
    kind: Kind
    data: bytes = b""  # of an HTTP answer: its body
    peer: Endpoint | None = None  # SSDP: sent to, or come from; HTTP: asked
    number: int = 0  # HTTP: what ties an answer to its request
    deadline: float = 0.0  # HTTP: seconds allowed
    status: int = 0  # HTTP answers
    server: str = ""
    failure: str = ""  # HTTP answers that did not come: refused, timeout, broken
    words: str = ""


@frozen
class Place:
    """Where the capture was made, redacted like everything else."""

    address: str
    network: str
    gateway: str | None
    multicast: bool


@frozen
class Outcome:
    """What the engine concluded; free of times and ports that differ from run to run."""

    type: str | None  # "pcp", "pmp", "upnp"; None: no gateway was found
    gateway: str | None = None
    reported_address: str | None = None
    kind: str | None = None  # of that address
    state: str = ""  # of the test mapping
    external_port: int | None = None
    rung: str = ""
    reason: str = ""
    listed: str = ""  # "complete", or why not
    entries: tuple[tuple[str, int, str, int, bool], ...] = ()  # protocol, external, client, internal, ours
    removed: bool = False


@frozen
class Transcript:
    """The whole of it."""

    version: int
    redactions: tuple[tuple[str, int], ...]  # how many different things were replaced, by what they are
    place: Place
    protocol: Protocol
    port: int  # internal and wanted external port of the test mapping
    lifetime: int  # seconds asked for
    exchanges: tuple[Exchange, ...]
    outcome: Outcome


def encode(transcript: Transcript) -> str:
    """The document, ending in a line feed."""
    document = {
        "format": FORMAT,
        "version": transcript.version,
        "redactions": dict(transcript.redactions),
        "surroundings": _fields(transcript.place),
        "asked": {
            "protocol": transcript.protocol.value,
            "port": transcript.port,
            "lifetime": transcript.lifetime,
        },
        "exchanges": [_shown(each) for each in transcript.exchanges],
        "outcome": _fields(transcript.outcome),
    }
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def decode(text: str) -> Transcript:
    """Read a document.

    Raises:
        MalformedMessage: not a transcript, of a version we do not know, or too large.
    """
    if len(text) > LONGEST:
        raise MalformedMessage(f"a transcript of more than {LONGEST // 1024} KiB")
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise MalformedMessage(f"not a {FORMAT}")
        if document["version"] != VERSION:
            raise MalformedMessage(f"a transcript of version {document['version']!r}; {VERSION} is known")
        return _transcript(document)
    except MalformedMessage:
        raise
    except (ValueError, OverflowError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedMessage(f"not a transcript: {type(error).__name__}: {error}") from error


def _transcript(document: dict[str, Any]) -> Transcript:
    place, asked = document["surroundings"], document["asked"]
    IPv4Network(place["network"])  # who replays it needs one
    exchanges = document["exchanges"]
    if not isinstance(exchanges, list) or len(exchanges) > MOST_EXCHANGES:
        raise MalformedMessage(f"more than {MOST_EXCHANGES} exchanges")
    outcome = dict(document["outcome"])
    outcome["entries"] = tuple(tuple(each) for each in outcome.get("entries", ()))
    return Transcript(
        VERSION,
        tuple((str(name), int(number)) for name, number in document["redactions"].items()),
        Place(str(place["address"]), place["network"], place["gateway"], bool(place["multicast"])),
        Protocol(asked["protocol"]),
        _port(asked["port"]),
        int(asked["lifetime"]),
        tuple(_exchange(each) for each in exchanges),
        Outcome(**outcome),
    )


def _exchange(shown: dict[str, Any]) -> Exchange:
    fields = {name: shown[name] for name in Exchange.__match_args__ if name in shown}
    fields |= {"at": float(shown["at"]), "kind": Kind(shown["kind"]), "data": _octets(shown)}
    if "peer" in shown:
        host, _, port = str(shown["peer"]).rpartition(":")
        fields["peer"] = Endpoint(host.strip("[]"), _port(int(port)))
    exchange = Exchange(**fields)
    if not isinstance(exchange.status, int) or not isinstance(exchange.number, int):
        raise MalformedMessage("a status or number that is no number")
    return exchange


def _port(number: object) -> int:
    if not isinstance(number, int) or not 1 <= number <= 65535:
        raise MalformedMessage(f"port {number!r}")
    return number


def _octets(shown: dict[str, Any]) -> bytes:
    if "text" in shown:
        return "".join(shown["text"]).encode("ascii")
    return bytes.fromhex(shown.get("hex", ""))


def _shown(exchange: Exchange) -> dict[str, Any]:
    """The fields that say something."""
    shown: dict[str, Any] = {"at": round(exchange.at, 4), "kind": exchange.kind.value}
    if exchange.peer is not None:
        shown["peer"] = str(exchange.peer)
    for name in ("number", "deadline", "status", "server", "failure", "words"):
        if value := getattr(exchange, name):
            shown[name] = value
    if exchange.data:
        shown |= _readable(exchange.data)
    return shown


def _readable(data: bytes) -> dict[str, Any]:
    """Lines when it is plain text, else hexadecimal."""
    text = data.decode("latin-1")
    if all(c in "\r\n\t" or " " <= c <= "~" for c in text):
        return {"text": _lines(text)}
    return {"hex": data.hex()}


def _lines(text: str) -> list[str]:
    """Cut after each line feed; nothing is lost."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [text.split("\n")[-1]] * (
        not text.endswith("\n")
    )


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__match_args__}
