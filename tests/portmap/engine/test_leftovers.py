"""What an earlier run made by another protocol of the same gateway, in the virtual world."""

from __future__ import annotations

import itertools
import random
from ipaddress import IPv4Network

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.gateway.mapping_table import Key
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.lab.virtual.world import World
from ringthru.net.address import Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import Family, GatewayType, MappingState, Protocol, Wanted
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.memory.holding import Forget, GatewayIdentity, Holding, JournalEntry
from ringthru.portmap.memory.recollection import Recollection

US, ANOTHER, GATEWAY = "192.168.1.103", "192.168.1.77", "192.168.1.1"
EVERY = ("pcp", "natpmp", "upnp")
SIP = Wanted(Protocol.UDP, 5060)


def entry(kind: GatewayType, port: int = 5060, nonce: bytes = b"of yesterday") -> JournalEntry:
    holding = Holding(Family.IPV4, Protocol.UDP, "", port, port, 0, "Ringthru", nonce, granted=True)
    return JournalEntry(holding, GatewayIdentity(kind, GATEWAY, ""), 0.0, own_address=US)


def world(*rows: JournalEntry, protocols: tuple[str, ...] = EVERY, leads_to: str = US, **quirks) -> World:
    """The gateway has the mappings of these rows, for ever; they lead to ``leads_to``."""
    clock, ports = ManualClock(), itertools.count(40000)
    gateway = VirtualGateway(clock.read, quirks=Quirks(**quirks), protocols=protocols)
    for row in rows:
        port = row.holding.external_port
        internal = Endpoint(leads_to, port)
        gateway.core.table.add(Key("udp", port), internal, None, description="Ringthru", made_by="upnp")
    engine = Engine(
        Surroundings(US, IPv4Network("192.168.1.0/24"), GATEWAY),
        pick_port=lambda: next(ports),
        log=lambda level, text: None,
        entropy=random.Random(1).randbytes,
        recall=lambda identity: Recollection(
            identity.name,
            elsewhere=tuple((each, None) for each in rows if each.gateway.type is not identity.type),
        ),
    )
    return World(engine, gateway, clock=clock, host=US)


def live(made: World, seconds: float = 20.0) -> list[object]:
    """What was written down meanwhile."""
    made.call("start")
    made.run(seconds)
    return [note for note, _ in made.engine.notes()]


class TestPermanentByUpnp:
    """The case of a switch that spoke UPnP yesterday, on a gateway that grants for ever."""

    def test_it_is_deleted_when_the_witness_is_there_and_struck_out(self):
        row = entry(GatewayType.UPNP)
        made = world(row)
        notes = live(made)
        assert made.engine.snapshot(made.now).type is GatewayType.PCP
        assert made.gateways[0].entries() == ()
        assert Forget(row.holding) in notes

    def test_what_leads_to_somebody_else_now_is_left_alone_and_struck_out(self):
        row = entry(GatewayType.UPNP)
        made = world(row, leads_to=ANOTHER)
        notes = live(made)
        assert [each.internal.host for each in made.gateways[0].entries()] == [ANOTHER]
        assert Forget(row.holding) in notes

    def test_where_its_table_cannot_be_read_it_stays(self):
        row = entry(GatewayType.UPNP)
        made = world(row, protocols=("pcp", "natpmp"))
        notes = live(made)
        assert len(made.gateways[0].entries()) == 1
        assert Forget(row.holding) not in notes

    def test_a_mapping_of_now_at_its_port_is_not_deleted_with_it(self):
        """The table is one for all protocols: the port is ours by PCP now, and goes when that goes."""
        row = entry(GatewayType.UPNP)
        made = world(row, protocols=EVERY)
        made.call("want", SIP)
        live(made, 60)
        (mapping,) = made.engine.snapshot(made.now).mappings
        assert mapping.state is MappingState.ACCEPTED
        assert made.gateways[0].forwards("udp", mapping.external_port) == Endpoint(US, 5060)
        made.call("stop")
        made.run(5)
        assert made.engine.stopped
        assert made.gateways[0].entries() == ()

    def test_the_end_takes_it_away_too(self):
        made = world(entry(GatewayType.UPNP), entry(GatewayType.UPNP, 5070))
        made.call("start")
        made.run(3)
        made.call("stop")
        made.run(3)
        assert made.engine.stopped
        assert made.gateways[0].entries() == ()

    def test_while_mapping_is_off_nothing_is_deleted(self):
        made = world(entry(GatewayType.UPNP))
        made.call("set_mapping_enabled", False)
        live(made)
        assert len(made.gateways[0].entries()) == 1
        made.call("set_mapping_enabled", True)
        made.run(5)
        assert made.gateways[0].entries() == ()


class TestByNatPmp:
    def test_pcp_is_given_time_to_refuse_us_then_it_goes(self):
        row = entry(GatewayType.NAT_PMP)
        made = world(row, protocols=("pcp", "natpmp"))
        live(made, 5)
        assert len(made.gateways[0].entries()) == 1
        made.run(10)
        assert made.gateways[0].entries() == ()

    def test_where_pcp_refuses_us_it_is_gone_on_with(self):
        """A gateway beyond ours answers a probe by PCP, and a mapping with ADDRESS_MISMATCH."""
        row = entry(GatewayType.NAT_PMP)
        made = world(row, protocols=("pcp", "natpmp"))
        made.gateways[0].core.port_control.pcp._check_client = refuse_mappings
        made.call("want", SIP)
        live(made)
        (mapping,) = made.engine.snapshot(made.now).mappings
        assert (mapping.state, mapping.external_port) == (MappingState.ACCEPTED, 5060)
        assert not [each for each in made.records.requests("pmp") if is_natpmp_deletion(each.data)]

    def test_at_the_end_it_goes_at_once(self):
        made = world(entry(GatewayType.NAT_PMP), protocols=("pcp", "natpmp"))
        made.call("start")
        made.run(1)
        made.call("stop")
        made.run(1)
        assert made.engine.stopped
        assert made.gateways[0].entries() == ()


def refuse_mappings(request, client):
    from ringthru.lab.gateway.pcp_messages import ANNOUNCE, PcpError, Result

    if request.opcode != ANNOUNCE:
        raise PcpError(Result.ADDRESS_MISMATCH)


def is_natpmp_deletion(data: bytes) -> bool:
    return data[:1] == b"\0" and len(data) == 12 and data[8:] == bytes(4)


@pytest.mark.parametrize("protocols", [("pcp",), ("upnp",), EVERY])
def test_a_gateway_that_goes_away_meanwhile(protocols):
    made = world(entry(GatewayType.NAT_PMP), entry(GatewayType.UPNP, 5070), protocols=protocols)
    made.call("start")
    made.run(1)
    made.gateways[0].power_off()
    made.run(120)
    made.gateways[0].power_on()
    made.run(1000)
    made.call("stop")
    made.run(10)
    assert made.engine.stopped
