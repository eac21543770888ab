"""Kinds of address, and who may call an address public."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from ringthru.net.address import INTERNET, AddressKind, AddressRules, Endpoint


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("8.8.8.8", AddressKind.PUBLIC),
        ("11.0.113.1", AddressKind.PUBLIC),
        ("192.168.1.1", AddressKind.PRIVATE),
        ("172.31.0.1", AddressKind.PRIVATE),
        ("172.32.0.1", AddressKind.PUBLIC),
        ("100.64.3.4", AddressKind.SHARED),
        ("0.0.0.0", AddressKind.UNSPECIFIED),
        ("0.1.2.3", AddressKind.RESERVED),
        ("127.20.0.1", AddressKind.LOOPBACK),
        ("203.0.113.9", AddressKind.DOCUMENTATION),
        ("255.255.255.255", AddressKind.RESERVED),
        ("%s%n", AddressKind.INVALID),
        ("", AddressKind.INVALID),
    ],
)
def test_kinds_as_the_internet_has_them(text, kind):
    assert INTERNET.kind(text) is kind


def test_a_laboratory_may_name_its_own_public_range():
    rules = AddressRules(also_public=(IPv4Network("127.20.0.0/24"),))
    assert rules.is_public("127.20.0.1")
    assert not rules.is_public("127.10.0.1")
    assert not INTERNET.is_public("127.20.0.1")


def test_an_endpoint_prints_as_people_write_it():
    assert str(Endpoint("11.0.113.1", 5060)) == "11.0.113.1:5060"
    assert str(Endpoint("2001:db8::1", 5060)) == "[2001:db8::1]:5060"
