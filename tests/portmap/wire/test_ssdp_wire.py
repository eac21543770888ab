"""SSDP on the wire: what we send to the letter, what we take from whoever sends it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.wire.ssdp import TARGETS, Answer, Search, decode

ANSWER = (
    b"HTTP/1.1 200 OK\r\n"
    b"CACHE-CONTROL: max-age=120\r\n"
    b"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"USN: uuid:1::urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"SERVER: Debian/12 UPnP/1.1 MiniUPnPd/2.3.1\r\n"
    b"LOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n"
    b"\r\n"
)


def test_a_search_to_the_letter():
    assert Search(TARGETS[0]).encode() == (
        b"M-SEARCH * HTTP/1.1\r\n"
        b"HOST: 239.255.255.250:1900\r\n"
        b"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
        b'MAN: "ssdp:discover"\r\n'
        b"MX: 1\r\n"
        b"\r\n"
    )


def test_a_unicast_search_names_the_gateway():
    assert b"HOST: 192.168.1.1:1900\r\n" in Search(TARGETS[1], Endpoint("192.168.1.1", 1900)).encode()


def test_both_generations_and_both_connections_are_searched():
    assert [target.split(":", 3)[3] for target in TARGETS] == [
        "InternetGatewayDevice:1",
        "InternetGatewayDevice:2",
        "WANIPConnection:1",
        "WANPPPConnection:1",
    ]


def test_an_answer():
    assert decode(ANSWER) == Answer(
        "http://192.168.1.1:5000/rootDesc.xml",
        "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
        "Debian/12 UPnP/1.1 MiniUPnPd/2.3.1",
        "uuid:1::urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    )


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER.replace(b"\r\n", b"\n"),
        ANSWER.replace(b"LOCATION:", b"location:"),
        ANSWER.replace(b"LOCATION: ", b"Location :"),
        ANSWER.replace(b"LOCATION:", b"AL:"),
        ANSWER.replace(b"SERVER:", b"SERVER: first\r\nSERVER:"),
        ANSWER.replace(b"USN:", b"a line without a colon\r\nUSN:"),
        ANSWER.removesuffix(b"\r\n\r\n"),
        b"\r\n" + ANSWER.replace(b"HTTP/1.1 200 OK", b"http/1.0 200"),
    ],
    ids=["LF", "lower case", "blank", "AL", "two SERVERs", "no colon", "no end", "status line"],
)
def test_sloppy_answers_still_tell_the_location(answer):
    assert decode(answer).location == "http://192.168.1.1:5000/rootDesc.xml"


def test_cut_anywhere_it_never_raises_anything_else():
    for length in range(len(ANSWER)):
        try:
            decode(ANSWER[:length])
        except MalformedMessage:
            pass


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"NOTIFY * HTTP/1.1\r\nLOCATION: http://192.168.1.1/\r\n\r\n",
        Search(TARGETS[0]).encode(),
        b"HTTP/1.1 404 Not Found\r\nLOCATION: http://192.168.1.1/\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nST: x\r\n\r\n",
    ],
    ids=["empty", "announcement", "another's search", "404", "no location"],
)
def test_what_is_no_answer(datagram):
    with pytest.raises(MalformedMessage):
        decode(datagram)


@given(st.binary(max_size=400))
def test_noise_is_malformed(noise):
    with pytest.raises(MalformedMessage):
        decode(noise)
