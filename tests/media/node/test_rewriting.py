"""Descriptions on their way through a node: RFC 8866's lines, and RFC 3264's refusal."""

from ringthru.media.description.offer_answer import MediaAddress
from ringthru.media.description.sdp import SessionDescription
from ringthru.media.node.rewriting import Place, rewrite

OFFER = (
    b"v=0\r\no=alice 1 2 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nb=AS:80\r\nt=0 0\r\na=ice-lite\r\n"
    b"m=audio 4000 RTP/AVP 9 0 101\r\nc=IN IP4 10.0.0.2\r\na=rtpmap:9 G722/8000\r\na=fmtp:101 0-15\r\n"
    b"a=rtcp:4001\r\na=rtcp-mux\r\na=candidate:1 1 UDP 1 10.0.0.1 4000 typ host\r\na=ice-ufrag:abcd\r\n"
    b"a=x-vendor:kept as it is\r\nm=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
)
HERE = MediaAddress("203.0.113.1", 30000, 30001)


def lines(place: Place, origin: bool = False) -> list[str]:
    return rewrite(OFFER, 0, place, origin=origin).decode().split("\r\n")


def test_only_addresses_change_and_what_we_do_not_know_stays_in_its_place():
    assert lines(Place(HERE, mux=False)) == [
        *("v=0", "o=alice 1 2 IN IP4 10.0.0.1", "s=-", "c=IN IP4 203.0.113.1", "b=AS:80", "t=0 0"),
        *("m=audio 30000 RTP/AVP 9 0 101", "c=IN IP4 203.0.113.1", "a=rtpmap:9 G722/8000"),
        *("a=fmtp:101 0-15", "a=x-vendor:kept as it is", "a=rtcp:30001", "m=video 0 RTP/AVP 96", ""),
    ]


def test_no_address_of_the_other_side_is_left_where_the_origin_is_replaced():
    assert "10.0.0." not in "\n".join(lines(Place(HERE, mux=False), origin=True))


def test_rtcp_on_the_same_port():
    text = lines(Place(HERE, mux=True))
    assert "a=rtcp-mux" in text
    assert "a=rtcp:30000" in text


def test_ipv6_is_said_so():
    six = MediaAddress("2001:db8::1", 30000, 30001)
    text = lines(Place(six, mux=False), origin=True)
    assert "c=IN IP6 2001:db8::1" in text
    assert text[1] == "o=alice 1 2 IN IP6 2001:db8::1"


def test_what_comes_out_can_be_read():
    ice = (("ice-ufrag", "ours"), ("ice-pwd", "x" * 22))
    description = SessionDescription.parse(rewrite(OFFER, 0, Place(HERE, False, ice), origin=True))
    assert description.media[0].attribute("ice-ufrag") == "ours"
    assert description.attributes == (("ice-lite", None),)
