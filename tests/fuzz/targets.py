"""What is fuzzed: one function for each decoder, which raises when the decoder breaks its law.

The law: any bytes give a value or the one typed error, within the caps; and where there is an encoder, what
was read, written and read again is the same. Time and memory are the fuzzer's own limits (``runner``).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Network
from typing import Final

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
from ringthru.net.address import Endpoint, parse_address
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.capture import transcript
from ringthru.portmap.capture.redaction import Redactor
from ringthru.portmap.discovery.announcements import Announcements
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.errors import LocalError, MalformedMessage
from ringthru.portmap.memory import profile_codec, rows
from ringthru.portmap.values import LONGEST_WORDS, Protocol, Wanted
from ringthru.portmap.wire import (
    description,
    echo,
    gena,
    location,
    natpmp,
    pcp,
    pcp_options,
    pcp_servers,
    soap,
    ssdp,
    xml_salvage,
)
from ringthru.portmap.wire.http import CAP, RequestReader, Response, ResponseReader
from ringthru.portmap.wire.location import Location
from ringthru.sip.errors import MalformedMessage as MalformedSip
from ringthru.sip.transport.stream import MessageStream
from ringthru.sip.wire.framing import MAX_MESSAGE
from ringthru.sip.wire.headers import Challenge, Credentials, CSeq, NameAddr, Via
from ringthru.sip.wire.parsing import parse as parse_sip
from ringthru.sip.wire.uri import SipUri
from ringthru.switch.configuration.expand import LONGEST as EXPANDED
from ringthru.switch.configuration.expand import expand
from ringthru.switch.dialing.dialstring import BadDialString, harmless, parse_dial_string

GATEWAY: Final = "192.168.1.1"
OTHER: Final = "192.168.1.2"
DESCRIBED_AT: Final = Location(Endpoint(GATEWAY, 5000), "/rootDesc.xml")
HOME: Final = Surroundings("10.11.12.13", IPv4Network("10.11.12.0/24"), "10.11.12.1")
SECRET: Final = "GREENHOUSEPC"
CALL: Final = soap.Call("GetExternalIPAddress")
LIST: Final = soap.Call(soap.GET_LIST)
MORE: Final = 8192  # characters that expat may hand over at once, beyond the cap of a text


def sdes_line(data: bytes) -> None:
    """``a=crypto`` of a description."""
    with suppress(MalformedSdp):
        crypto = Crypto.parse(data.decode("latin-1"))
        assert len(crypto.key) == crypto.suite.size
        assert crypto.mki <= 128
        assert Crypto.parse(crypto.encode()).key == crypto.key


def natpmp_response(data: bytes) -> None:
    with suppress(MalformedMessage):
        value = natpmp.decode(data)
        assert 0 <= value.epoch < 2**32
        if isinstance(value, natpmp.AddressResponse):
            assert parse_address(value.address) is not None


def pcp_answer(data: bytes) -> None:
    with suppress(MalformedMessage):
        value = pcp.decode(data)
        if isinstance(value, pcp.Response):
            with suppress(LocalError):  # descriptions that are no UTF-8 grow, and may not fit any more
                written = value.encode()
                assert len(written) <= pcp.LONGEST
                assert pcp.decode(written).encode() == written


def pcp_request(data: bytes) -> None:
    with suppress(MalformedMessage):
        value = pcp.Request.decode(data)
        with suppress(LocalError):
            written = value.encode()
            assert pcp.Request.decode(written).encode() == written


def pcp_option_list(data: bytes) -> None:
    with suppress(MalformedMessage):
        written = pcp_options.encode_options(pcp_options.decode_options(data))
        again = pcp_options.decode_options(written)
        assert pcp_options.encode_options(again) == written


def ssdp_answer(data: bytes) -> None:
    with suppress(MalformedMessage):
        value = ssdp.decode(data)
        assert value.location
        assert value.boot_id is None or 0 <= value.boot_id <= ssdp.LARGEST_NUMBER
        _confined(value.location)


def ssdp_notify(data: bytes) -> None:
    with suppress(MalformedMessage):
        value = ssdp.decode_notify(data)
        assert value.kind in ssdp.NotifyKind
        _confined(value.location)


def http_response(data: bytes) -> None:
    whole, pieces = ResponseReader(), ResponseReader()
    read_at_once = _fed(whole, [data])
    read_in_pieces = _fed(pieces, _cut(data))
    for reader, read in ((whole, read_at_once), (pieces, read_in_pieces)):
        assert (reader.response is not None) == read
        if reader.response is not None:
            assert 0 <= reader.response.status <= 999
            assert len(reader.response.body) <= CAP
    if whole.response is not None and pieces.response is not None:
        assert whole.response.status == pieces.response.status
        assert whole.response.server == pieces.response.server


def http_request(data: bytes) -> None:
    reader = gena.event_reader()
    if _fed(reader, _cut(data)):
        assert reader.request is not None
        assert len(reader.request.body) <= gena.CAP
        with suppress(MalformedMessage):
            _check_event(gena.read_event(reader.request))


def gena_event(data: bytes) -> None:
    head = b"NOTIFY /events HTTP/1.1\r\nSID: uuid:1\r\nSEQ: 3\r\n"
    reader = gena.event_reader()
    with suppress(MalformedMessage):
        reader.feed(head + b"Content-Length: %d\r\n\r\n" % len(data) + data)
        _check_event(gena.read_event(reader.end()))


def gena_answer(data: bytes) -> None:
    sid, _, timeout = data.decode("latin-1").partition("\n")
    with suppress(MalformedMessage):
        value = gena.read_answer(Response(200, b"", "", sid, timeout))
        assert gena.SHORTEST_LIFETIME <= value.lifetime <= gena.LONGEST_LIFETIME
        assert "\r" not in value.sid
        assert "\n" not in value.sid


def xml(data: bytes) -> None:
    cleaned = xml_salvage.clean(data)
    assert len(cleaned) <= 10 * len(data) + 16  # an "&" becomes five bytes, a Latin letter two
    assert not xml_salvage.CONTROLS.search(cleaned.decode("utf-8"))
    with suppress(MalformedMessage):
        deepest, elements, longest = _measure(xml_salvage.salvage(data))
        assert deepest <= xml_salvage.DEEPEST
        assert elements <= xml_salvage.MOST_ELEMENTS
        assert longest <= xml_salvage.LONGEST_TEXT + MORE


def device_description(data: bytes) -> None:
    with suppress(MalformedMessage):
        value = description.decode(data, DESCRIBED_AT, "a server")
        assert value.services or value.firewalls
        for service in (*value.services, *value.firewalls):
            assert 0 <= service.version <= 999
            for place in (service.control, service.event, service.scpd, service.alternative):
                assert place is None or place.host == GATEWAY
        assert max(len(value.services), len(value.firewalls)) <= description.MOST_SERVICES
        assert len(value.words) <= LONGEST_WORDS
    description.action_arguments(data, "AddPortMapping")


def soap_answer(data: bytes) -> None:
    answer = soap.decode(CALL, Response(500, data))
    if isinstance(answer, soap.Fault):
        assert answer.code is None or 0 <= answer.code <= 99999
        assert "\n" not in str(answer)
    else:
        answer.number("NewExternalIPAddress")


def soap_list(data: bytes) -> None:
    answer = soap.decode(LIST, Response(200, data))
    with suppress(MalformedMessage):
        if isinstance(answer, soap.Success):
            for entry in soap.listed_entries(answer):
                entry.number("NewExternalPort")


def soap_inner_list(data: bytes) -> None:
    """The document within the answer alone: its escapes would keep the fuzzer out for long."""
    text = data.decode("latin-1")
    listing = xml_salvage.Element("NewPortListing", "newportlisting", text, closed=True)
    element = xml_salvage.Element("x", "x", children=[listing])
    with suppress(MalformedMessage):
        for entry in soap.listed_entries(soap.Success(element)):
            assert entry.number("NewExternalPort") is None or entry.number("NewExternalPort") >= 0


def dhcp_option(data: bytes) -> None:
    with suppress(MalformedMessage):
        for server in pcp_servers.read_option(data):
            assert server
            assert all(parse_address(each) is not None for each in server)


def dhcp_lease(data: bytes) -> None:
    """A dhclient.leases file, whose option came from the network; the words around it are given."""
    for text in (data.decode("latin-1"), f"lease {{\n  option unknown-158 {data.decode('latin-1')};\n}}\n"):
        with suppress(MalformedMessage):
            for server in pcp_servers.read_lease(text):
                assert all(parse_address(each) is not None for each in server)
    told = data.decode("latin-1")
    for text in (told, f"lease6 {{\n  option dhcp6.unknown-86 {told};\n}}\n"):
        with suppress(MalformedMessage):
            for server in pcp_servers.read_lease6(text):
                assert all(parse_address(each) is not None for each in server)


def echo_message(data: bytes) -> None:
    with suppress(MalformedMessage):
        value = echo.decode(data)
        assert 1 <= value.port <= 65535
        assert echo.decode(value.encode()) == value


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


def url_location(data: bytes) -> None:
    _confined(data.decode("latin-1"))


def url_reference(data: bytes) -> None:
    base, _, reference = data.decode("latin-1").partition("\n")
    with suppress(MalformedMessage):
        place = location.resolve(reference, base, DESCRIBED_AT)
        assert place.host == GATEWAY
        _check_place(place)


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
    assert [each for piece in _cut(data) for each in cut.receive(piece)] == found
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
        for piece in _cut(data):
            cut.feed(piece)
            in_pieces += iter(cut.next_request, None)
        assert in_pieces == at_once
        assert all(len(each.body) <= len(data) for each in at_once)


def event_socket_client(data: bytes) -> None:
    """A client says anything: what it is answered is frames, and nothing but frames."""
    door = Door("secret", lambda user, domain: None)
    connection, reader = Connection(0.0, lambda: "uuid", door), MessageReader()
    connection.receive_data(b"auth secret\n\n", 0.0)
    for piece in _cut(data):
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


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    each.__name__: each
    for each in (
        natpmp_response,
        sdes_line,
        pcp_answer,
        pcp_request,
        pcp_option_list,
        ssdp_answer,
        ssdp_notify,
        http_response,
        http_request,
        gena_event,
        gena_answer,
        xml,
        device_description,
        soap_answer,
        soap_list,
        soap_inner_list,
        dhcp_option,
        dhcp_lease,
        echo_message,
        capture_transcript,
        capture_redaction,
        journal_row,
        heard_unasked,
        engine_input,
        gateway_profile,
        url_location,
        url_reference,
        sip_message,
        sip_stream,
        sip_value,
        stun_response,
        wav_file,
        tone_text,
        dial_string,
        expansion,
        event_socket_stream,
        event_socket_client,
        ng_message,
    )
}


def _cut(data: bytes) -> list[bytes]:
    """The same bytes in pieces, whose sizes are the bytes' own."""
    pieces, at = [], 0
    while at < len(data):
        size = 1 + data[at] % 23
        pieces.append(data[at : at + size])
        at += size
    return pieces


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


def _fed(reader: ResponseReader | RequestReader, pieces: list[bytes]) -> bool:
    """Whether a message came of it."""
    try:
        for piece in pieces:
            reader.feed(piece)
        reader.end()
    except MalformedMessage:
        return False
    return True


def _without_length(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [each for each in headers if each[0] != "Content-Length"]


def _check_event(event: gena.Notification) -> None:
    assert 0 <= event.sequence <= 9999999999
    assert len(event.values) <= gena.MOST_VALUES
    assert all(len(text) <= LONGEST_WORDS and text.isprintable() for each in event.values for text in each)
    assert event.number_of_entries is None or 0 <= event.number_of_entries <= 99999


def _measure(element: xml_salvage.Element) -> tuple[int, int, int]:
    """How deep, how many, and the longest text."""
    deepest, elements, longest = 0, 1, len(element.text)
    for child in element.children:
        below, count, text = _measure(child)
        deepest, elements, longest = max(deepest, below), elements + count, max(longest, text)
    return deepest + 1, elements, longest


def _confined(url: str) -> None:
    """Whatever is written, it leads to one of the two hosts we know, and to a port where gateways are."""
    with suppress(MalformedMessage):
        place = location.confine(url, GATEWAY, OTHER)
        assert place.host in (GATEWAY, OTHER)
        _check_place(place)


def _check_place(place: Location) -> None:
    assert place.endpoint.port == location.HTTP_PORT or 1024 <= place.endpoint.port <= 65535
    assert place.path.startswith("/")
    assert all("!" <= character <= "~" for character in place.path)
    assert location.confine(str(place), place.host) == place
