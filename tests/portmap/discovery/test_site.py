"""Whose answers count where we are: a person who names a gateway means that one."""

from ipaddress import IPv4Network

from ringthru.net.surroundings import Surroundings
from ringthru.portmap.drivers.place_driver import Place

HOME = Surroundings("192.168.1.103", IPv4Network("192.168.1.0/24"), "192.168.1.1")
URL = "http://192.168.1.9:5000/rootDesc.xml"


def test_any_host_of_our_network_may_answer_a_search():
    site = Place(HOME, None, None, None).site()
    assert [site.trusts(host) for host in ("192.168.1.1", "192.168.1.2", "10.0.0.1")] == [True, True, False]


def test_where_a_gateway_is_named_only_that_one_may():
    site = Place(HOME, None, "192.168.1.2", None).site()
    assert [site.trusts(host) for host in ("192.168.1.1", "192.168.1.2")] == [False, True]


def test_or_whose_description_is_named_too():
    site = Place(HOME, None, "192.168.1.2", URL).site()
    assert [site.trusts(host) for host in ("192.168.1.1", "192.168.1.9")] == [False, True]
