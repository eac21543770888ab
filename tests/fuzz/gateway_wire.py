"""Targets: what decodes the messages of gateways, byte by byte (``portmap.wire``)."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from ringthru.net.address import Endpoint, parse_address
from ringthru.portmap.errors import LocalError, MalformedMessage
from ringthru.portmap.values import LONGEST_WORDS
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

from .pieces import pieces_of

GATEWAY: Final = "192.168.1.1"
OTHER: Final = "192.168.1.2"
DESCRIBED_AT: Final = Location(Endpoint(GATEWAY, 5000), "/rootDesc.xml")
CALL: Final = soap.Call("GetExternalIPAddress")
LIST: Final = soap.Call(soap.GET_LIST)
MORE: Final = 8192  # characters that expat may hand over at once, beyond the cap of a text


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
    read_in_pieces = _fed(pieces, pieces_of(data))
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
    if _fed(reader, pieces_of(data)):
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


def url_location(data: bytes) -> None:
    _confined(data.decode("latin-1"))


def url_reference(data: bytes) -> None:
    base, _, reference = data.decode("latin-1").partition("\n")
    with suppress(MalformedMessage):
        place = location.resolve(reference, base, DESCRIBED_AT)
        assert place.host == GATEWAY
        _check_place(place)


def _fed(reader: ResponseReader | RequestReader, pieces: list[bytes]) -> bool:
    """Whether a message came of it."""
    try:
        for piece in pieces:
            reader.feed(piece)
        reader.end()
    except MalformedMessage:
        return False
    return True


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
