"""SSDP on the wire: what we send to the letter, what we take from whoever sends it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.wire.ssdp import (
    GROUP_IPV6,
    TARGETS,
    TARGETS_BY_ROUND,
    Answer,
    Notify,
    NotifyKind,
    Search,
    decode,
    decode_notify,
)

ANSWER = (
    b"HTTP/1.1 200 OK\r\n"
    b"CACHE-CONTROL: max-age=120\r\n"
    b"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"USN: uuid:1::urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"SERVER: Debian/12 UPnP/1.1 MiniUPnPd/2.3.1\r\n"
    b"LOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n"
    b"\r\n"
)


def test_SD08_a_search_to_the_letter():
    assert Search(TARGETS[0]).encode() == (
        b"M-SEARCH * HTTP/1.1\r\n"
        b"HOST: 239.255.255.250:1900\r\n"
        b"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
        b'MAN: "ssdp:discover"\r\n'
        b"MX: 1\r\n"
        b"\r\n"
    )


def test_SD06_a_unicast_search_names_the_gateway():
    assert b"HOST: 192.168.1.1:1900\r\n" in Search(TARGETS[1], Endpoint("192.168.1.1", 1900)).encode()


def test_SD07_the_other_spelling_is_a_late_attempt():
    assert b"\r\nMAN: ssdp:discover\r\n" in Search(TARGETS[0], quoted=False).encode()


@pytest.mark.parametrize("to", [GROUP_IPV6, Endpoint("FF02::C%eth0", 1900)])
def test_a_search_by_ipv6_names_the_group_without_a_zone(to):
    assert b"\r\nHOST: [FF02::C]:1900\r\n" in Search(TARGETS[0], to).encode()


def test_SD04_later_rounds_ask_for_more_and_for_everything_last():
    assert [len(each) for each in TARGETS_BY_ROUND] == [4, 4, 7, 8]
    assert all(each[:4] == TARGETS for each in TARGETS_BY_ROUND)
    assert [each[-1] for each in TARGETS_BY_ROUND[2:]] == ["upnp:rootdevice", "ssdp:all"]


def test_SD10_both_generations_and_both_connections_are_searched():
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
def test_SD11_SD13_SD14_sloppy_answers_still_tell_the_location(answer):
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


ALIVE = (
    b"NOTIFY * HTTP/1.1\r\n"
    b"HOST: 239.255.255.250:1900\r\n"
    b"CACHE-CONTROL: max-age=120\r\n"
    b"LOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n"
    b"SERVER: Debian/12 UPnP/1.1 MiniUPnPd/2.3.1\r\n"
    b"NT: upnp:rootdevice\r\n"
    b"USN: uuid:1::upnp:rootdevice\r\n"
    b"NTS: ssdp:alive\r\n"
    b"BOOTID.UPNP.ORG: 1700000000\r\n"
    b"CONFIGID.UPNP.ORG: 1337\r\n"
    b"\r\n"
)


class TestAnnouncements:
    """UPnP DA 1.1 §1.2."""

    def test_alive(self):
        assert decode_notify(ALIVE) == Notify(
            NotifyKind.ALIVE,
            "upnp:rootdevice",
            "uuid:1::upnp:rootdevice",
            "http://192.168.1.1:5000/rootDesc.xml",
            "Debian/12 UPnP/1.1 MiniUPnPd/2.3.1",
            1700000000,
            1337,
        )

    def test_byebye_says_no_place(self):
        datagram = b"NOTIFY * HTTP/1.1\r\nNT: upnp:rootdevice\r\nUSN: uuid:1\r\nNTS: ssdp:byebye\r\n\r\n"
        assert decode_notify(datagram) == Notify(NotifyKind.BYEBYE, "upnp:rootdevice", "uuid:1")

    def test_update_tells_the_next_boot_id(self):
        update = ALIVE.replace(b"ssdp:alive", b"ssdp:update").replace(b"CONFIGID", b"NEXTBOOTID")
        assert (decode_notify(update).kind, decode_notify(update).next_boot_id) == (NotifyKind.UPDATE, 1337)

    @pytest.mark.parametrize(
        "sloppy",
        [
            ALIVE.replace(b"\r\n", b"\n"),
            ALIVE.replace(b"NTS:", b"nts :"),
            ALIVE.replace(b"ssdp:alive", b"SSDP:Alive"),
            ALIVE.replace(b"1700000000", b"-1").replace(b"1337", b"99999999999"),
        ],
    )
    def test_sloppy_ones_are_read(self, sloppy):
        assert decode_notify(sloppy).kind is NotifyKind.ALIVE

    @pytest.mark.parametrize("number", [b"-1", b"x", b"", b"4294967296", b"9" * 40])
    def test_a_boot_id_that_is_none_is_none(self, number):
        assert decode_notify(ALIVE.replace(b"1700000000", number)).boot_id is None

    @pytest.mark.parametrize(
        "datagram", [b"", ANSWER, ALIVE.replace(b"ssdp:alive", b"ssdp:dead"), Search(TARGETS[0]).encode()]
    )
    def test_what_is_none(self, datagram):
        with pytest.raises(MalformedMessage):
            decode_notify(datagram)

    def test_cut_anywhere_it_never_raises_anything_else(self):
        for length in range(len(ALIVE)):
            try:
                decode_notify(ALIVE[:length])
            except MalformedMessage:
                pass

    @given(st.binary(max_size=300))
    def test_noise_after_the_first_line(self, noise):
        try:
            decode_notify(b"NOTIFY * HTTP/1.1\r\n" + noise)
        except MalformedMessage:
            pass
