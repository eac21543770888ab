"""DHCP's option for PCP servers (RFC 7291 §4.1), and how dhclient writes it down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.portmap.errors import MalformedMessage
from ringthru.portmap.wire.pcp_servers import read_lease, read_lease6, read_option, read_option6

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


SERVER6 = "20:1:d:b8:0:0:0:0:0:0:0:0:0:0:0:1"
LEASE6 = """lease6 {
  interface "eth0";
  option dhcp6.unknown-86 20:1:d:b8:0:0:0:0:0:0:0:0:0:0:0:99;
}
lease6 {
  interface "eth0";
  ia-na 5e:10:0:1 {
    starts 1795000000;
    iaaddr 2001:db8:1::103 {
      max-life 7200;
    }
  }
  option dhcp6.name-servers fe80::1;
  option dhcp6.unknown-86 %s;
}
"""


class TestOfIpv6:
    """OPTION_V6_PCP_SERVER (RFC 7291 §3.1): one option a server, 16 octets for each of its addresses."""

    def test_one_server_with_two_addresses_one_of_them_of_ipv4(self):
        octets = bytes.fromhex("20010db8000000000000000000000001 00000000000000000000ffffc0000201")
        assert read_option6(octets) == ("2001:db8::1", "192.0.2.1")

    @pytest.mark.parametrize("length", [0, 1, 15, 17, 31])
    def test_what_is_no_row_of_addresses(self, length):
        with pytest.raises(MalformedMessage, match="of 16 each"):
            read_option6(bytes(length))

    def test_the_latest_lease_counts(self):
        assert read_lease6(LEASE6 % SERVER6) == (("2001:db8::1",),)

    def test_several_servers_in_their_order(self):
        two = f"{SERVER6};\n  option dhcp6.unknown-86 0:0:0:0:0:0:0:0:0:0:ff:ff:c0:0:2:1"
        assert read_lease6(LEASE6 % two) == (("2001:db8::1",), ("192.0.2.1",))

    def test_a_lease_of_ipv4_has_none(self):
        assert read_lease6(LEASE % "4:c0:0:2:1") == ()
        assert read_lease(LEASE6 % SERVER6) == ()

    @pytest.mark.parametrize("value", ["20:1", "zz", ":", '"abc"'])
    def test_nonsense(self, value):
        text = LEASE6 % value
        try:
            assert read_lease6(text) == ()  # not even an option of that form
        except MalformedMessage:
            pass

    @given(st.text(alphabet='0123456789abcdef:";\\ {}optindhc6.uk-8lesa\n'))
    def test_any_text_gives_servers_or_the_one_error(self, text):
        try:
            servers = read_lease6(f"lease6 {{\n{text}")
        except MalformedMessage:
            return
        assert all(servers)
