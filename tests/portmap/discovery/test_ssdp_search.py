"""When a gateway is searched, and whom we may ask."""

from ringthru.net.address import Endpoint
from ringthru.portmap.discovery.ssdp_search import SsdpSearch
from ringthru.portmap.wire.ssdp import GROUP, TARGETS, TARGETS_BY_ROUND

GATEWAY = Endpoint("192.168.1.1", 1900)
# Rarer targets later; and at the very end one search with MAN unquoted, which some want (SD07)
ROUNDS = [(when, len(each)) for when, each in zip((0.0, 0.3, 1.0), TARGETS_BY_ROUND, strict=False)]
ROUNDS += [(3.0, len(TARGETS_BY_ROUND[3]) + 1)]


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
    assert schedule(SsdpSearch(GATEWAY, multicast=True)) == [
        (0.0, "192.168.1.1", len(TARGETS)),
        *((when, GROUP.host, many) for when, many in ROUNDS),
    ]


def test_without_multicast_only_the_gateway_is_asked_and_again():
    assert schedule(SsdpSearch(GATEWAY, multicast=False)) == [
        (when, "192.168.1.1", many) for when, many in ROUNDS
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
