"""When a gateway is searched, and whom we may ask."""

from ringthru.net.address import Endpoint
from ringthru.portmap.discovery.ssdp_search import SsdpSearch
from ringthru.portmap.wire.ssdp import GROUP, TARGETS

GATEWAY = Endpoint("192.168.1.1", 1900)


def schedule(search: SsdpSearch) -> list[tuple[float, str, int]]:
    """Run it to its end: when, to whom, how many datagrams."""
    search.start(100.0)
    now, sent = 100.0, []
    while True:
        to = [each for _, each in search.datagrams_to_send()]
        sent += [(round(now - 100.0, 3), each.host, to.count(each)) for each in dict.fromkeys(to)]
        if (when := search.next_timeout()) is None:
            return sent
        now = when
        search.handle_timeout(now)


def test_the_gateway_at_once_and_the_network_four_times():
    targets = len(TARGETS)
    assert schedule(SsdpSearch(GATEWAY, multicast=True)) == [
        (0.0, "192.168.1.1", targets),
        *((when, GROUP.host, targets) for when in (0.0, 0.3, 1.0, 3.0)),
    ]


def test_without_multicast_only_the_gateway_is_asked_and_again():
    assert schedule(SsdpSearch(GATEWAY, multicast=False)) == [
        (when, "192.168.1.1", len(TARGETS)) for when in (0.0, 0.3, 1.0, 3.0)
    ]


def test_nobody_to_ask():
    search = SsdpSearch(None, multicast=False)
    assert not search.possible
    assert schedule(search) == []


def test_stopped_it_stays_silent():
    search = SsdpSearch(GATEWAY, multicast=True)
    search.start(0.0)
    search.stop()
    assert search.datagrams_to_send() == []
    assert search.next_timeout() is None
