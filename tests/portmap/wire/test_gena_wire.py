"""GENA on the wire: subscriptions to the letter, events as broken as they come (UPnP DA 1.1 §4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.wire import gena
from ringthru.portmap.wire.http import Response
from ringthru.portmap.wire.location import Location

EVENT = Location(Endpoint("192.168.1.1", 5000), "/evt/IPConn")
BODY = (
    b'<?xml version="1.0"?><e:propertyset xmlns:e="urn:schemas-upnp-org:event-1-0">'
    b"<e:property><ExternalIPAddress>203.0.113.9</ExternalIPAddress></e:property>"
    b"<e:property><PortMappingNumberOfEntries>3</PortMappingNumberOfEntries></e:property>"
    b"<e:property><ConnectionStatus>Connected</ConnectionStatus></e:property></e:propertyset>"
)
HEAD = (
    b"NOTIFY /event HTTP/1.1\r\nHOST: 192.168.1.103:40000\r\nCONTENT-TYPE: text/xml\r\n"
    b"NT: upnp:event\r\nNTS: upnp:propchange\r\nSID: uuid:1\r\nSEQ: 4\r\n"
)
NOTIFY = HEAD + b"CONTENT-LENGTH: %d\r\n\r\n" % len(BODY) + BODY


def read(data: bytes) -> gena.Notification:
    reader = gena.event_reader()
    reader.feed(data)
    return gena.read_event(reader.end())


class TestSubscribing:
    def test_to_the_letter(self):
        assert gena.subscribe(EVENT, "http://192.168.1.103:40000/event") == (
            b"SUBSCRIBE /evt/IPConn HTTP/1.1\r\nHost: 192.168.1.1:5000\r\nConnection: close\r\n"
            b"CALLBACK: <http://192.168.1.103:40000/event>\r\nNT: upnp:event\r\nTIMEOUT: Second-1800\r\n\r\n"
        )

    def test_renewing_names_it_and_nothing_else(self):
        request = gena.renew(EVENT, "uuid:1", 300)
        assert b"\r\nSID: uuid:1\r\nTIMEOUT: Second-300\r\n\r\n" in request
        assert b"CALLBACK" not in request
        assert b"NT:" not in request

    def test_ending(self):
        assert gena.unsubscribe(EVENT, "uuid:1").startswith(b"UNSUBSCRIBE /evt/IPConn HTTP/1.1\r\n")

    @pytest.mark.parametrize(
        ("timeout", "seconds"),
        [
            ("Second-300", 300),
            ("second-300", 300),
            ("Second-infinite", 86400),
            ("Second-1", 60),
            ("Second-999999999", 86400),
            ("", 1800),
            ("infinite", 1800),
            ("Second--5", 1800),
        ],
    )
    def test_what_was_granted(self, timeout, seconds):
        assert gena.read_answer(Response(200, b"", "", "uuid:1", timeout)) == gena.Subscribed(
            "uuid:1", seconds
        )

    @pytest.mark.parametrize(("status", "sid"), [(412, "uuid:1"), (200, ""), (200, "a b"), (200, "x" * 257)])
    def test_no_subscription(self, status, sid):
        with pytest.raises(MalformedMessage):
            gena.read_answer(Response(status, b"", "", sid, "Second-300"))


class TestEvents:
    def test_an_event(self):
        event = read(NOTIFY)
        assert (event.sid, event.sequence, event.external_address) == ("uuid:1", 4, "203.0.113.9")
        assert (event.number_of_entries, event.value("ConnectionStatus")) == (3, "Connected")
        assert event.value("SystemUpdateID") is None

    @pytest.mark.parametrize(
        "data",
        [
            HEAD + b"\r\n" + BODY,
            NOTIFY.replace(b"\r\n", b"\n"),
            NOTIFY.replace(b"SID:", b"sid :"),
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
            NOTIFY + b"\x00\x00",
            NOTIFY.replace(b' xmlns:e="urn:schemas-upnp-org:event-1-0"', b""),
            NOTIFY.replace(b"ExternalIPAddress", b"externalIpAddress"),
            NOTIFY.replace(b"203.0.113.9", b"203.000.113.009"),
        ],
        ids=["no length", "LF", "header", "chunks", "NULs", "no namespace", "names", "zeros"],
    )
    def test_sloppy_ones_tell_the_same(self, data):
        assert read(data).external_address == "203.0.113.9"

    @pytest.mark.parametrize(
        "data",
        [
            NOTIFY.replace(b"NOTIFY", b"GET"),
            NOTIFY.replace(b"SID: uuid:1\r\n", b""),
            NOTIFY.replace(b"SEQ: 4", b"SEQ: -4"),
            NOTIFY.replace(b"SEQ: 4", b"SEQ: 99999999999"),
            NOTIFY.replace(b"<?xml", b"<!DOCTYPE x><?xml"),
            b"hello\r\n\r\n",
        ],
        ids=["GET", "no SID", "negative", "too large", "document type", "no HTTP"],
    )
    def test_what_is_none(self, data):
        with pytest.raises(MalformedMessage):
            read(data)

    def test_an_endless_one_is_cut_off(self):
        reader = gena.event_reader()
        reader.feed(HEAD + b"\r\n")
        with pytest.raises(MalformedMessage):
            reader.feed(b"x" * gena.CAP)

    def test_a_thousand_variables_are_not_kept(self):
        many = b"".join(b"<p:property><V%d>x</V%d></p:property>" % (i, i) for i in range(1000))
        assert len(read(HEAD + b"\r\n<p:propertyset>" + many + b"</p:propertyset>").values) == 32

    def test_cut_anywhere_it_gives_whole_values_or_none(self):
        for length in range(len(NOTIFY)):
            try:
                assert read(NOTIFY[:length]).external_address in (None, "203.0.113.9")
            except MalformedMessage:
                pass

    @given(st.binary(max_size=200))
    def test_noise_is_malformed_or_an_event(self, noise):
        try:
            read(HEAD + b"\r\n" + noise)
        except MalformedMessage:
            pass

    @pytest.mark.parametrize(("status", "line"), [(200, b"200 OK"), (412, b"412 Precondition Failed")])
    def test_what_we_say_to_it(self, status, line):
        assert gena.answer(status).startswith(b"HTTP/1.1 " + line + b"\r\nContent-Length: 0\r\n")
