"""Access lists: longest prefix first, FreeSWITCH's built-in lists."""

from __future__ import annotations

import pytest

from ringthru.net.acl import builtin_lists, make_list, matches

LISTS = builtin_lists(["192.168.1.0/24"])


@pytest.mark.parametrize(
    ("name", "address", "allowed"),
    [
        ("rfc1918.auto", "10.1.2.3", True),
        ("rfc1918.auto", "11.1.2.3", False),
        ("rfc6598.auto", "100.64.0.1", True),
        ("wan.auto", "11.0.113.1", True),
        ("wan.auto", "192.168.7.7", False),
        ("nat.auto", "192.168.1.5", False),  # our own LAN is not "behind NAT"
        ("nat.auto", "192.168.2.5", True),
        ("loopback.auto", "127.3.2.1", True),
        ("localnet.auto", "192.168.1.5", True),
        ("localnet.auto", "192.168.2.5", False),
        ("rfc1918.auto", "172.31.255.1", True),
        ("rfc1918.auto", "172.32.0.1", False),
        ("rfc1918.auto", "fe80::1", True),
        ("rfc6598.auto", "100.128.0.1", False),
        *(
            (f"wan{version}.auto", each, False)
            for version in ("", "_v4", "_v6")
            for each in (
                "0.1.2.3",
                "10.0.0.1",
                "172.16.0.1",
                "192.168.0.1",
                "169.254.0.1",
                "100.64.0.1",
                "fe80::1",
            )
        ),
        ("wan.auto", "2001:db8::1", True),
        ("wan_v4.auto", "11.0.113.1", True),
        ("wan_v4.auto", "2001:db8::1", False),
        ("wan_v6.auto", "2001:db8::1", True),
        ("wan_v6.auto", "11.0.113.1", False),
        ("any_v4.auto", "11.0.113.1", True),
        ("any_v4.auto", "::1", False),
        ("any_v6.auto", "::1", True),
        ("any_v6.auto", "11.0.113.1", False),
        ("nat.auto", "100.64.0.1", True),
        ("nat.auto", "11.0.113.1", False),
        ("loopback.auto", "::1", True),
        ("loopback.auto", "128.0.0.1", False),
        ("localnet.auto", "::ffff:192.168.1.5", True),  # an IPv4 address in IPv6 clothes
        ("wan.auto", "phones.example.com", False),  # a name is in no list
    ],
)
def test_the_built_in_lists(name, address, allowed):
    assert LISTS[name].allows(address) is allowed


def test_the_longest_prefix_decides():
    office = make_list("office", False, allow=["10.0.0.0/8", "10.1.2.3/32"], deny=["10.1.0.0/16"])
    assert [office.allows(a) for a in ("10.9.9.9", "10.1.9.9", "10.1.2.3")] == [True, False, True]


def test_a_setting_may_be_a_list_a_network_several_or_none():
    assert matches(LISTS, "localnet.auto", "192.168.1.9")
    assert matches(LISTS, "10.0.0.0/8,172.16.0.0/12", "172.16.5.5")
    assert not matches(LISTS, "none", "192.168.1.9")
    assert not matches(LISTS, "no-such-list", "192.168.1.9")
