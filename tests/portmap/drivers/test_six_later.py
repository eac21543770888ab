"""IPv6 is searched after IPv4: some gateways break when both come within a second (SD09)."""

import asyncio
from ipaddress import IPv4Network, IPv6Network

from ringthru.net.surroundings import Surroundings, Surroundings6
from ringthru.portmap import Family, PortMapper, Protocol, Wanted
from ringthru.portmap.discovery.site import site6_of
from ringthru.portmap.drivers.place_driver import Place

SIX = Surroundings6("2001:db8::5", IPv6Network("2001:db8::/64"), "fe80::1%lo", "lo", 1)


async def test_the_second_search_waits_for_more_than_a_second(monkeypatch):
    monkeypatch.setattr(Place, "site6", lambda place: site6_of(SIX))
    mapper = PortMapper(Surroundings("127.90.9.10", IPv4Network("127.90.9.0/24"), None, multicast=False))
    mapper.start()
    try:
        mapper.want(Wanted(Protocol.UDP, 25060, family=Family.IPV6))
        six = mapper._engines.six
        assert not six.started
        assert six._starting.when() - asyncio.get_running_loop().time() > 1.0
    finally:
        mapper.leave()
