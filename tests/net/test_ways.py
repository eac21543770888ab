"""The kernel's answer about one way; whatever is cut or odd tells nothing, and raises nothing."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.ways import Way, answer, question, way_from

# RTM_NEWROUTE as Linux 6.1 answered, field by field (rtnetlink(7)); numbers are in the machine's order
HEAD = "{length} 1800 0000 01000000 39300000 02 20 20 00 fe 00 00 {type} 00020000"
TABLE = "0800 0f00 64000000"
TO = "0800 0100 522d94d1"
FROM = "0800 0200 c0a80267"
BY = "0800 0400 03000000"
OVER = "0800 0500 c0a80201"
CACHE = "2400 0c00" + "00" * 32  # RTA_CACHEINFO, which nobody here knows

needs_little_endian = pytest.mark.skipif(sys.byteorder != "little", reason="the bytes are of such a machine")


def told(*attributes: str, kind: str = "01") -> bytes:
    body = bytes.fromhex("".join(attributes).replace(" ", ""))
    length = (28 + len(body)).to_bytes(4, "little").hex()
    return bytes.fromhex(HEAD.format(length=length, type=kind).replace(" ", "")) + body


@needs_little_endian
class TestAnswer:
    def test_an_interface_and_a_gateway(self):
        assert answer(told(TABLE, TO, FROM, BY, OVER, CACHE)) == Way(3, "192.168.2.1")

    def test_a_tunnel_has_no_gateway(self):
        assert answer(told(TABLE, TO, BY)) == Way(3, None)

    @pytest.mark.parametrize("kind", ["02", "06", "07"])  # local, blackhole, unreachable
    def test_one_that_leads_nowhere(self, kind):
        assert answer(told(TO, BY, OVER, kind=kind)) is None

    def test_an_error(self):
        assert answer(bytes.fromhex("24000000 0200 0000 01000000 39300000 9bffffff" + "00" * 16)) is None

    def test_cut_at_every_byte(self):
        whole = told(TABLE, TO, FROM, BY, OVER, CACHE)
        for end in range(len(whole)):
            assert answer(whole[:end]) in (None, Way(3, None), Way(3, "192.168.2.1"))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_way_or_none(data):
    assert answer(data) is None or isinstance(answer(data), Way)


@given(st.binary(max_size=80))
def test_any_attributes_too(data):
    assert answer(told() + data) is None or isinstance(answer(told() + data), Way)


def test_what_is_asked():
    asked = question("192.168.2.103", "82.45.148.209")
    assert len(asked) == int.from_bytes(asked[:4], sys.byteorder) == 44
    assert bytes.fromhex("522d94d1") in asked
    assert bytes.fromhex("c0a80267") in asked


def test_from_an_address_that_is_not_ours_there_is_none():
    assert way_from("203.0.113.77", "82.45.148.209") is None
    assert way_from("fe80::1", "82.45.148.209") is None
