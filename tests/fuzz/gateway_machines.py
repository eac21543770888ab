"""Targets: what of ``portmap`` takes a gateway's messages whole, and reads our own files."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Network
from typing import Final

from ringthru.net.address import Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.capture import transcript
from ringthru.portmap.capture.redaction import Redactor
from ringthru.portmap.discovery.announcements import Announcements
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.errors import LocalError, MalformedMessage
from ringthru.portmap.memory import profile_codec, rows
from ringthru.portmap.values import Protocol, Wanted
from ringthru.portmap.wire.http import Response

GATEWAY: Final = "192.168.1.1"
HOME: Final = Surroundings("10.11.12.13", IPv4Network("10.11.12.0/24"), "10.11.12.1")
SECRET: Final = "GREENHOUSEPC"


def capture_transcript(data: bytes) -> None:
    with suppress(MalformedMessage):
        written = transcript.encode(transcript.decode(data.decode("utf-8", "replace")))
        assert transcript.encode(transcript.decode(written)) == written


def capture_redaction(data: bytes) -> None:
    """Whatever a gateway sends, what is shown of it has the name of this machine nowhere."""
    redactor = Redactor(HOME, [SECRET])
    redactor.learn(data)
    for shown in (redactor.http_or_ssdp(data), redactor.document(data)):
        assert SECRET.encode() not in shown
    datagram = redactor.port5351(data)
    assert len(datagram) == len(data)
    assert datagram[:2] == data[:2]
    redactor.words(data.decode("utf-8", "replace"))
    redactor.server(data.decode("utf-8", "replace"))


def journal_row(data: bytes) -> None:
    """A row as SQLite gives it: a value a line, its kind before it."""
    given = [*map(_column, data.split(b"\n")), *[None] * len(rows.COLUMNS)]
    with suppress(ValueError):
        entry = rows.entry_of(tuple(given[: len(rows.COLUMNS)]))
        assert rows.entry_of(rows.entry_row(entry)) == entry
        assert 0 <= entry.holding.external_port <= 65535
        assert len(entry.holding.nonce) == 12
    with suppress(ValueError, LocalError):
        wanted = rows.wish_of(tuple(given[: len(rows.WISH)]))
        assert rows.wish_of(rows.wish_row(wanted)) == wanted
    with suppress(ValueError):
        identity = rows.identity_of(tuple(given[: len(rows.IDENTITY)]))
        assert rows.identity_of(rows.identity_row(identity)) == identity


def heard_unasked(data: bytes) -> None:
    """Datagrams in the gateway's name, at both ports that are listened to: a hint at most, and no more."""
    listening = Announcements(lambda level, text: None)
    listening.watch(GATEWAY)
    for number, datagram in enumerate(_cut_at(data, b"\0\0\0")):
        listening.receive_pmp(datagram, Endpoint(GATEWAY, 5351), float(number))
        listening.receive_ssdp(datagram, Endpoint(GATEWAY, 1900), float(number))
        for hint in listening.hints():
            assert hint.words.isprintable()
            assert not hint.location or hint.location.startswith(f"http://{GATEWAY}:")
    due = listening.next_timeout()
    assert due is None or due < 10_000_000


def engine_input(data: bytes) -> None:
    """A whole engine that hears these datagrams on each of its sockets: nothing is raised, nothing spins."""
    engine = Engine(
        Surroundings("192.168.1.103", IPv4Network("192.168.1.0/24"), GATEWAY),
        log=lambda level, text: None,
        entropy=bytes,
    )
    now = 100.0
    engine.start(now)
    engine.want(Wanted(Protocol.UDP, 5060), now)
    for datagram in _cut_at(data, b"\xff\xff\xff")[:32]:
        now += 0.25
        engine.handle_timeout(now)
        engine.receive_pmp(datagram, now)
        engine.receive_ssdp(datagram, Endpoint(GATEWAY, 1900), now)
        for request in engine.http_to_send():
            engine.receive_http(request.number, Response(200, datagram, ""), now)
        engine.pmp_to_send()
        engine.ssdp_to_send()
        engine.events()
        engine.notes()
    for mapping in engine.snapshot(now).mappings:
        assert mapping.reason.isprintable()


def gateway_profile(data: bytes) -> None:
    with suppress(LocalError):
        value = profile_codec.from_json(data.decode("utf-8", "replace"))
        assert profile_codec.from_json(profile_codec.to_json(value)) == value
        profile_codec.words(value)


def _cut_at(data: bytes, mark: bytes) -> list[bytes]:
    return data.split(mark)


def _column(value: bytes) -> object:
    """What SQLite has: a whole number, a real one, a text, bytes, nothing."""
    kind, rest = value[:1], value[1:]
    if kind == b"b":
        return rest
    if kind == b"t":
        return rest.decode("latin-1")
    try:
        return int(rest[:20]) if kind == b"i" else float(rest[:20]) if kind == b"f" else None
    except ValueError:
        return None
