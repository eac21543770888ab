"""DHCP's option for PCP servers (RFC 7291 §4.1), and how dhclient writes it down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.wire.pcp_servers import read_lease, read_option

TWO = bytes.fromhex("04 c0000201  08 c6336401 c6336402")
SERVERS = (("192.0.2.1",), ("198.51.100.1", "198.51.100.2"))
LEASE = """lease {
  interface "eth0";
  option unknown-158 4:a:0:0:1;
}
lease {
  interface "eth0";
  option routers 192.168.1.1;
  option unknown-158 %s;
  renew 4 2026/11/26 12:00:00;
}
"""


class TestOption:
    def test_two_servers_one_of_them_with_two_addresses(self):
        assert read_option(TWO) == SERVERS

    def test_none(self):
        assert read_option(b"") == ()

    @pytest.mark.parametrize("cut", [at for at in range(1, len(TWO)) if at != 5])
    def test_cut_at_every_octet(self, cut):
        with pytest.raises(MalformedMessage):
            read_option(TWO[:cut])

    @pytest.mark.parametrize("octets", ["00", "03 c00002", "05 c000020101"])
    def test_lists_that_are_none(self, octets):
        with pytest.raises(MalformedMessage):
            read_option(bytes.fromhex(octets))

    @given(st.binary())
    def test_any_octets_give_servers_or_the_one_error(self, octets):
        try:
            servers = read_option(octets)
        except MalformedMessage:
            return
        assert sum(1 + 4 * len(each) for each in servers) == len(octets)


class TestLease:
    def test_the_latest_one_counts(self):
        assert read_lease(LEASE % "4:c0:0:2:1") == (("192.0.2.1",),)

    def test_octets_that_look_like_text(self):
        assert read_lease(LEASE % '"\\004AB\\"C"') == (("65.66.34.67",),)

    def test_a_lease_without_it(self):
        assert read_lease("lease {\n  option routers 192.168.1.1;\n}\n") == ()

    @pytest.mark.parametrize("value", ["4:c0:0:2", "4:c0:0:2:100", ":", '"\\777"'])
    def test_nonsense(self, value):
        with pytest.raises(MalformedMessage):
            read_lease(LEASE % value)

    @given(st.text())
    def test_any_text_gives_servers_or_the_one_error(self, text):
        try:
            read_lease(LEASE % text)
        except MalformedMessage:
            pass
