"""The first mapping as the question whether PCP is spoken: one round trip, and nothing left behind."""

import pytest

from ringthru.net.address import Endpoint
from ringthru.portmap.memory.holding import Forget, Keep
from ringthru.portmap.values import GatewayType, Protocol, Wanted

from ..matrix.play import TCP, UDP, comes_to_hold, held, make_world, start, start_early, stops

ANNOUNCE, MAP = 0, 1  # RFC 6887 §19.2


def pcp_asked(world) -> list[int]:
    """The opcodes of what was sent to port 5351 by PCP, in order."""
    sent = [each.data for each in world.records.exchanges if (each.way, each.kind) == ("out", "pmp")]
    return [data[1] for data in sent if data[0] == 2]


def ours(world) -> list[Endpoint]:
    entries = world.gateways[0].entries()
    return [each.internal for each in entries if each.internal.host == world.host]


class TestGatewayWithPcp:
    def test_the_mapping_is_there_after_one_question(self):
        world = make_world(protocols=("pcp",))
        start_early(world, UDP)
        assert comes_to_hold(world)
        assert pcp_asked(world) == [MAP]

    def test_with_its_address_known_nobody_waits_for_nat_pmp(self):
        world = make_world()
        world.call("want", UDP)
        world.engine.start(world.now, early=True)
        (request,) = [each for each in world.engine.pmp_to_send() if each[0] == 2]
        answer = bytearray(request)  # RFC 6887 §11.2: R bit, success, the lifetime as asked
        answer[1] |= 0x80
        answer[2:4], answer[8:12] = bytes(2), (1).to_bytes(4, "big")
        answer[12:24] = bytes(12)
        answer[44:60] = bytes(10) + b"\xff\xff" + bytes((198, 51, 100, 7))
        world.engine.receive_pmp(bytes(answer), world.now)
        assert len(held(world)) == 1
        assert world.engine.reported_address == "198.51.100.7"

    def test_it_takes_one_more_where_nothing_was_wanted_by_then(self):
        world = make_world(protocols=("pcp",))
        start(world, UDP)
        assert comes_to_hold(world)
        assert pcp_asked(world)[:2] == [ANNOUNCE, MAP]

    def test_the_others_follow_one_after_another(self):
        world = make_world(protocols=("pcp",))
        start_early(world, UDP, TCP)
        assert comes_to_hold(world, 2)
        assert pcp_asked(world) == [MAP, MAP]

    @pytest.mark.parametrize(
        "wanted",
        [
            Wanted(Protocol.UDP, 5060, exact=True),
            Wanted(Protocol.UDP, 5060, allow_from=("203.0.113.0/24",)),
            Wanted(Protocol.UDP, 5060, internal_client="192.168.1.50"),
        ],
    )
    def test_what_a_server_may_not_take_is_not_what_it_is_looked_for_with(self, wanted):
        world = make_world(protocols=("pcp",))
        start_early(world, wanted)
        assert pcp_asked(world) == [ANNOUNCE]

    def test_released_before_the_answer_it_is_deleted(self):
        world = make_world(protocols=("pcp",))
        (lease,) = start_early(world, UDP)
        world.call("release", lease)
        world.run(5.0)
        assert ours(world) == []

    def test_stopped_before_the_answer_nothing_is_left(self):
        world = make_world(protocols=("pcp",))
        start_early(world, UDP)
        assert stops(world)
        assert ours(world) == []

    def test_the_journal_has_it_before_it_is_sent(self):
        world = make_world(protocols=("pcp",))
        world.call("want", UDP)
        world.engine.start(world.now, early=True)
        ((note, where),) = world.engine.notes()
        assert isinstance(note, Keep)
        assert (where.type, where.address) == (GatewayType.PCP, "192.168.1.1")


class TestOtherGateways:
    @pytest.mark.parametrize("protocol", ["natpmp", "upnp"])
    def test_they_are_found_as_ever_and_hold_one_mapping(self, protocol):
        world = make_world(protocols=(protocol,))
        start_early(world, UDP)
        assert comes_to_hold(world)
        assert len(ours(world)) == 1
        assert stops(world)
        assert ours(world) == []

    def test_where_the_port_is_closed_the_journal_forgets_it(self):
        world = make_world(protocols=("upnp",))
        world.call("want", UDP)
        world.engine.start(world.now, early=True)
        world.engine.notes()
        world.engine.pmp_refused(world.now)
        ((note, where),) = world.engine.notes()
        assert isinstance(note, Forget)
        assert where.type is GatewayType.PCP

    def test_while_disabled_nothing_is_asked_for(self):
        world = make_world(protocols=("pcp",), mapping_enabled=False)
        start_early(world, UDP)
        assert pcp_asked(world) == [ANNOUNCE]
