"""Targets: what decodes SIP, media, dial strings and the event socket."""

from __future__ import annotations

from contextlib import suppress

from ringthru.event_socket.connection import Connection
from ringthru.event_socket.framing import MalformedMessage as MalformedSocketMessage
from ringthru.event_socket.framing import MessageReader
from ringthru.event_socket.session import Door
from ringthru.media import BadSound, MalformedPacket, MalformedSdp, read_tones, read_wav
from ringthru.media.description.sdes import Crypto
from ringthru.media.ng.dtmf_log import LONGEST as LONGEST_KEY
from ringthru.media.ng.dtmf_log import LoggedKey
from ringthru.media.ng.messages import Message as NgMessage
from ringthru.media.ng.messages import encode_message
from ringthru.media.sound import sounds
from ringthru.net import stun
from ringthru.net.address import parse_address
from ringthru.sip.errors import MalformedMessage as MalformedSip
from ringthru.sip.transport.stream import MessageStream
from ringthru.sip.wire.framing import MAX_MESSAGE
from ringthru.sip.wire.headers import Challenge, Credentials, CSeq, NameAddr, Via
from ringthru.sip.wire.parsing import parse as parse_sip
from ringthru.sip.wire.uri import SipUri
from ringthru.switch.configuration.expand import LONGEST as EXPANDED
from ringthru.switch.configuration.expand import expand
from ringthru.switch.dialing.dialstring import BadDialString, harmless, parse_dial_string

from .pieces import pieces_of


def sdes_line(data: bytes) -> None:
    """``a=crypto`` of a description."""
    with suppress(MalformedSdp):
        crypto = Crypto.parse(data.decode("latin-1"))
        assert len(crypto.key) == crypto.suite.size
        assert crypto.mki <= 128
        assert Crypto.parse(crypto.encode()).key == crypto.key


def sip_message(data: bytes) -> None:
    with suppress(MalformedSip):
        message = parse_sip(data)
        with suppress(MalformedSip):  # Latin-1 grows when it is written as UTF-8, and may not fit any more
            again = parse_sip(message.encode())
            assert again.start_line() == message.start_line()
            assert again.body == message.body
            assert _without_length(again.headers) == _without_length(message.headers)


def sip_value(data: bytes) -> None:
    text = data.decode("utf-8", "replace").replace("\n", " ").replace("\r", " ")
    for kind in (NameAddr, Via, SipUri, CSeq, Credentials, Challenge):
        with suppress(MalformedSip):
            value = kind.parse(text)
            assert kind.parse(str(value)) == value


def sip_stream(data: bytes) -> None:
    whole, cut = MessageStream(), MessageStream()
    found = whole.receive(data)
    assert [each for piece in pieces_of(data) for each in cut.receive(piece)] == found
    assert (whole.broken is None) == (cut.broken is None)
    assert whole.waiting == cut.waiting <= MAX_MESSAGE
    for each in found:
        with suppress(MalformedSip):
            parse_sip(each)


def stun_response(data: bytes) -> None:
    with suppress(stun.MalformedStun):
        value = stun.decode_response(data)
        assert len(value.transaction) == 12
        assert value.mapped is None or parse_address(value.mapped.host) is not None


def wav_file(data: bytes) -> None:
    with suppress(BadSound):
        assert len(read_wav(data).ulaw) <= sounds.LONGEST


def tone_text(data: bytes) -> None:
    with suppress(BadSound):
        assert len(read_tones(data.decode("latin-1")[:60]).ulaw) <= sounds.LONGEST


def dial_string(data: bytes) -> None:
    """And what a stranger wrote stays one leg, whatever it is."""
    text = data.decode("utf-8", "replace")
    with suppress(BadDialString):
        for branch in parse_dial_string(text).branches:
            assert all(leg.endpoint for group in branch.groups for leg in group)
    words = harmless(text).strip()
    if words:
        ((leg,),) = parse_dial_string(f"user/{words}").branches[0].groups
        assert leg.address == words


def expansion(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert len(expand(text, {"a": "${b}", "b": "c"}.get)) <= max(len(text), EXPANDED)


def event_socket_stream(data: bytes) -> None:
    """Whatever comes in whatever pieces: requests, and what is left stays within the bounds."""
    whole, cut = MessageReader(), MessageReader()
    with suppress(MalformedSocketMessage):
        whole.feed(data)
        at_once = list(iter(whole.next_request, None))
        in_pieces = []
        for piece in pieces_of(data):
            cut.feed(piece)
            in_pieces += iter(cut.next_request, None)
        assert in_pieces == at_once
        assert all(len(each.body) <= len(data) for each in at_once)


def event_socket_client(data: bytes) -> None:
    """A client says anything: what it is answered is frames, and nothing but frames."""
    door = Door("secret", lambda user, domain: None)
    connection, reader = Connection(0.0, lambda: "uuid", door), MessageReader()
    connection.receive_data(b"auth secret\n\n", 0.0)
    for piece in pieces_of(data):
        connection.receive_data(piece, 0.0)
        for order in connection.orders():
            connection.answer(order, "", 0.0)
    while heard := connection.data_to_send():
        reader.feed(heard)
        connection.go_on(0.0)
    frames = list(iter(reader.next_frame, None))
    assert reader.buffered == 0
    assert all(each.content_type for each in frames)


def ng_message(data: bytes) -> None:
    """What a media node sends: an answer, or a line of its DTMF log."""
    with suppress(MalformedPacket):
        message = NgMessage.decode(data)
        written = encode_message(message.cookie, message.body)
        assert len(written) == len(data)  # one spelling for each value; only the order of keys is free
        assert NgMessage.decode(written) == message
        assert message.reason
    with suppress(MalformedPacket):
        assert 0 <= LoggedKey.decode(data).milliseconds <= LONGEST_KEY


def _without_length(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [each for each in headers if each[0] != "Content-Length"]
