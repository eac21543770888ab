"""No secret survives redaction, in whatever message and spelling; and what is left still means the same."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.capture.placeholders import escaped, unescaped
from ringthru.portmap.capture.recorder import Recorder
from ringthru.portmap.capture.redaction import Redactor
from ringthru.portmap.capture.transcript import Outcome, decode, encode
from ringthru.portmap.gateway.upnp_values import Ask, FailureKind, HttpFailure
from ringthru.portmap.values import Protocol, Wanted
from ringthru.portmap.wire import natpmp
from ringthru.portmap.wire.http import Response, post_request

HOME = Surroundings("10.11.12.13", IPv4Network("10.11.12.0/24"), "10.11.12.1")
OCTET = st.integers(81, 99)  # no zeros: four of them would stand in any message by chance
PUBLIC = st.tuples(OCTET, OCTET, OCTET, OCTET).map(lambda octets: ".".join(map(str, octets)))
LAN = st.integers(2, 254).map(lambda n: f"10.11.12.{n}")
NAMES = st.text("ABCDEFGHJKMNPQRSTUVWYZ", min_size=8, max_size=24)  # none of them is a word of the protocols
MACS = st.binary(min_size=6, max_size=6).filter(lambda octets: octets[0] > 0x0F).map(lambda o: o.hex(":"))
UUIDS = st.uuids(version=4).map(str)


def spellings(secret: str) -> set[str]:
    """Each way a secret may be written in the document: as it is, without separators, in hexadecimal."""
    found = {secret, secret.encode().hex()}
    if re.fullmatch(r"[\d.]+", secret):
        found.add(IPv4Address(secret).packed.hex())
    if ":" in secret or "-" in secret:
        found |= {secret.replace(":", ""), secret.replace(":", "-")}
    return {each.lower() for each in found}


def assert_gone(text: str, *secrets: str) -> None:
    for secret in secrets:
        for spelled in spellings(secret):
            assert spelled not in text.lower(), secret


def transcript_of(fill, secrets=()) -> str:
    recorder = Recorder(lambda: 0.0)
    fill(recorder)
    asked = Wanted(Protocol.UDP, 25060)
    outcome = Outcome("upnp", HOME.gateway, None)
    return encode(recorder.transcript(HOME, asked, 120, outcome, secrets=secrets))


@given(address=PUBLIC, other=LAN, name=NAMES, mac=MACS, uuid=UUIDS)
def test_whatever_upnp_carries(address, other, name, mac, uuid):
    bare = mac.replace(":", "")
    body = (
        f"<root attr='{name}'><!-- {name} {address} --><friendlyName>{name}</friendlyName>"
        f"<serialNumber>{bare}</serialNumber><UDN>uuid:{uuid}</UDN><UDN>uuid:igd-{bare}</UDN>"
        f"<modelName>Box {mac}</modelName><URLBase>http://{other}:80/{bare}</URLBase>"
        f"<presentationURL>http://{name}.lan/</presentationURL><{name}>{other}</{name}>"
        f"<NewInternalClient>{name}</NewInternalClient><NewExternalIPAddress>{address}</NewExternalIPAddress>"
        f"<NewPortMappingDescription>Ringthru {name}</NewPortMappingDescription>"
        f"<NewInternalPort>{name}</NewInternalPort>trailing {name} {address}"
    ).encode()
    answer = (
        f"HTTP/1.1 200 OK\r\nLOCATION: http://{name}:80/{uuid}\r\nSERVER: Box/1 {mac} {address}\r\n"
        f"USN: uuid:{uuid}::upnp:rootdevice\r\nX-Name: {name}\r\n{name}: {name}\r\n{name}\r\n\r\n"
    ).encode()

    def fill(recorder):
        recorder.ssdp_in(answer, Endpoint(other, 1900))
        ask = Ask(Endpoint(other, 80), post_request(Endpoint(other, 80), f"/{bare}", "u#A", body), 3.0)
        recorder.http_out(1, ask)
        recorder.http_in(1, Response(200, body, f"Box {address} {mac}"))
        recorder.http_in(2, HttpFailure(FailureKind.BROKEN, f"{address} went away"))

    assert_gone(transcript_of(fill, secrets=(name,)), address, mac, uuid, name)
    assert "10.11.12." not in transcript_of(fill, secrets=(name,))


@given(address=PUBLIC, epoch=st.integers(0, 2**24))
def test_packed_addresses_of_natpmp(address, epoch):
    answer = natpmp.HEADER.pack(0, 128, 0, epoch) + IPv4Address(address).packed + b"beyond the end"
    text = transcript_of(lambda recorder: recorder.pmp_in(answer))
    assert_gone(text, address)
    (shown,) = decode(text).exchanges
    told = natpmp.decode(shown.data)
    assert (told.epoch, told.address) == (epoch, "203.0.113.1")


@given(
    address=PUBLIC,
    client=LAN,
    nonce=st.binary(min_size=12, max_size=12),
    name=NAMES,
    tail=st.binary(max_size=9),
)
def test_packed_addresses_nonces_and_options_of_pcp(address, client, nonce, name, tail):
    def mapped(text: str) -> bytes:
        return bytes(10) + b"\xff\xff" + IPv4Address(text).packed

    option = bytes((128, 0)) + len(name).to_bytes(2) + name.encode() + bytes(-len(name) % 4)
    third = bytes((1, 0, 0, 16)) + mapped(client)
    request = bytes((2, 1, 0, 0)) + (120).to_bytes(4) + mapped(client)
    request += (
        nonce + bytes((17, 0, 0, 0)) + bytes.fromhex("61e461e4") + mapped(address) + third + option + tail
    )
    native = IPv6Address("2a02:1234:5678::9").packed
    answer = bytes((2, 0x81, 0, 0)) + (120).to_bytes(4) + (7).to_bytes(4) + mapped(address)[4:]
    answer += nonce + bytes((17, 0, 0, 0)) + bytes.fromhex("61e461e4") + native

    def fill(recorder):
        recorder.pmp_out(request)
        recorder.pmp_in(answer)

    text = transcript_of(fill)
    assert_gone(text, address, client, name)
    assert native.hex() not in text
    assert nonce.hex() not in text or nonce == bytes(12)
    asked, told = decode(text).exchanges
    assert (len(asked.data), len(told.data)) == (len(request), len(answer))
    assert asked.data[24:36] == told.data[24:36]  # one nonce stays one
    assert told.data[36:44] == answer[36:44]  # protocol and ports


@given(noise=st.binary(max_size=200), address=PUBLIC)
def test_octets_that_are_no_message(noise, address):
    datagram = noise + IPv4Address(address).packed + address.encode()

    def fill(recorder):
        recorder.pmp_in(b"\xff\xff\xff\xff" + datagram)
        recorder.ssdp_in(datagram, Endpoint("10.11.12.1", 1900))

    text = transcript_of(fill)
    assert address not in text
    decode(text)


@given(st.binary(max_size=300))
def test_any_octets_can_be_redacted(octets):
    redactor = Redactor(HOME)
    redactor.learn(octets)
    assert len(redactor.port5351(octets)) == len(octets)
    redactor.http_or_ssdp(octets)
    redactor.document(octets)


@pytest.mark.parametrize("length", range(60))
def test_a_pcp_datagram_cut_at_every_byte_keeps_its_length(length):
    whole = bytes((2, 1, 0, 0)) + bytes(range(56))
    assert len(Redactor(HOME).port5351(whole[:length])) == length


class TestWhatIsKept:
    def test_texts_keep_their_length_and_the_request_its_length(self):
        body = (
            b"<friendlyName>My Box at Home</friendlyName><NewInternalClient>10.11.12.13</NewInternalClient>"
        )
        shown = Redactor(HOME).http_or_ssdp(post_request(Endpoint("10.11.12.1", 80), "/c", "u#A", body))
        head, _, rest = shown.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(rest)}".encode() in head
        assert b"<friendlyName>xx xxx xx xxx1<" in rest

    def test_maker_model_errors_and_ports_are_there(self):
        body = (
            b"<manufacturer>Acme</manufacturer><modelName>R1</modelName><errorCode>718</errorCode>"
            b"<errorDescription>ConflictInMappingEntry</errorDescription><NewExternalPort>5060</NewExternalPort>"
        )
        assert Redactor(HOME).document(body) == body

    @pytest.mark.parametrize("wrapped", ["escaped", "cdata"])
    def test_the_table_inside_a_listing(self, wrapped):
        inner = (
            '<p:PortMappingList xmlns:p="urn:schemas-upnp-org:gw:WANIPConnection"><p:PortMappingEntry>'
            "<p:NewInternalClient>10.11.12.13</p:NewInternalClient><p:NewExternalPort>5060</p:NewExternalPort>"
            "<p:NewDescription>Huber</p:NewDescription></p:PortMappingEntry></p:PortMappingList>"
        )
        told = escaped(inner) if wrapped == "escaped" else f"<![CDATA[{inner}]]>"
        shown = Redactor(HOME).document(f"<NewPortListing>{told}</NewPortListing>".encode()).decode()
        plain = unescaped(shown)
        assert "<p:NewInternalClient>192.168.1.2</p:NewInternalClient>" in plain
        assert "<p:NewExternalPort>5060</p:NewExternalPort>" in plain
        assert "Huber" not in plain

    def test_what_breaks_a_document_still_breaks_it(self):
        body = b'\xef\xbb\xbf\n<?xml version="1.0"?><?xml version="1.0"?><a>\x18<b></a>\0\0'
        assert Redactor(HOME).document(body).startswith(b"\xef\xbb\xbf\n<?xml")
        assert Redactor(HOME).document(body).count(b"<?xml") == 2
        assert b"\x18<b></a>\0\0" in Redactor(HOME).document(body)

    @pytest.mark.parametrize(
        ("address", "shown"),
        [
            ("81.2.3.4", "203.0.113.1"),
            ("192.168.77.5", "192.168.2.1"),
            ("100.70.1.2", "100.64.0.1"),
            ("10.11.12.1", "192.168.1.1"),
            ("10.11.12.13", "192.168.1.2"),
            ("0.0.0.0", "0.0.0.0"),
            ("239.255.255.250", "239.255.255.250"),
        ],
    )
    def test_the_kind_of_an_address(self, address, shown):
        assert Redactor(HOME).address(address) == shown

    def test_words_that_are_not_ascii_stay_words(self):
        assert Redactor(HOME).words("Selbständig bei 81.2.3.4") == "Selbständig bei 203.0.113.1"

    def test_one_thing_has_one_name(self):
        redactor = Redactor(HOME)
        first = redactor.document(b"<UDN>uuid:Box-778899</UDN>")
        assert redactor.document(b"<UDN>uuid:Box-778899</UDN>") == first
        assert redactor.document(b"<UDN>uuid:Box-778890</UDN>") != first
        assert first[9:-6] in redactor.http_or_ssdp(
            b"HTTP/1.1 200 OK\r\nUSN: uuid:Box-778899::upnp:x\r\n\r\n"
        )

    def test_our_own_description_is_shown_that_of_another_ringthru_is_not(self):
        redactor = Redactor(HOME, ours=["Ringthru capture udp 25060"])

        def shown(text: bytes) -> bytes:
            element = b"NewPortMappingDescription"
            return redactor.document(b"<" + element + b">" + text + b"</" + element + b">")

        assert b"Ringthru capture udp 25060" in shown(b"Ringthru capture udp 25060")
        assert b"Ringthru xxxxx xxx1" in shown(b"Ringthru Huber home")
        assert b"Huber" not in shown(b"Huber's game")


def test_the_document_says_how_much_was_replaced():
    text = transcript_of(lambda recorder: recorder.http_in(1, Response(200, b"<SSID>My Net</SSID>")))
    assert json.loads(text)["redactions"] == {"addresses": 2, "texts": 1}


class TestServerHeaders:
    def test_a_version_of_four_numbers_stays_in_search_answers_and_in_http(self):
        def fill(recorder):
            answer = b"HTTP/1.1 200 OK\r\nST: x\r\nSERVER: Linux/6.1 UPnP/1.0 Box/1.2.34.5\r\n\r\n"
            recorder.ssdp_in(answer, Endpoint("10.11.12.1", 1900))
            recorder.http_in(1, Response(200, b"<a/>", "Box/1.2.34.5"))

        text = transcript_of(fill)
        assert text.count("Box/1.2.34.5") == 2

    def test_not_where_somebody_has_that_very_address(self):
        def fill(recorder):
            body = b"<NewExternalIPAddress>93.94.95.96</NewExternalIPAddress>"
            recorder.http_in(1, Response(200, body, "Box/93.94.95.96"))

        assert_gone(transcript_of(fill), "93.94.95.96")

    def test_an_address_beside_a_version_is_hidden(self):
        def fill(recorder):
            recorder.http_in(1, Response(200, b"<a/>", "Box/1.2.34.5 at 93.94.95.96"))

        text = transcript_of(fill)
        assert_gone(text, "93.94.95.96")
        assert "Box/1.2.34.5" in text
