"""The fake gateway's NAT-PMP against hand-written bytes (RFC 6886)."""

import pytest

from ringthru.lab import Quirks
from ringthru.net.address import Endpoint
from ringthru.net.values import replace

NATPMP = Endpoint("127.41.0.1", 5351)
VERSION = "00"
MAP_UDP, MAP_TCP = "01", "02"
PORT_25060 = "61e4"
PORT_25080 = "61f8"
HOUR = "00000e10"


def ask_for(opcode=MAP_UDP, internal=PORT_25060, external=PORT_25060, lifetime=HOUR):
    return bytes.fromhex(VERSION + opcode + "0000" + internal + external + lifetime)


def answer_of(
    opcode="81", result="0000", epoch="00000000", internal=PORT_25060, external=PORT_25060, lifetime=HOUR
):
    return bytes.fromhex(VERSION + opcode + result + epoch + internal + external + lifetime)


class TestExternalAddress:
    """§3.2."""

    REQUEST = bytes.fromhex("00" + "00")

    async def test_it_comes_with_the_epoch(self, gateway, hosts, clock):
        clock.advance(300)
        assert await hosts().ask(self.REQUEST, NATPMP) == bytes.fromhex(
            "00" + "80" + "0000" + "0000012c" + "7f2a0001"
        )

    async def test_another_one_can_be_reported(self, gateways, hosts):
        await gateways(quirks=Quirks(external_address="10.1.2.3"))
        assert (await hosts().ask(self.REQUEST, NATPMP))[8:] == bytes.fromhex("0a010203")

    async def test_a_gateway_without_one_says_network_failure(self, gateways, hosts):
        await gateways(quirks=Quirks(external_address=""))
        answer = bytes.fromhex("00" + "80" + "0003" + "00000000" + "00000000")
        assert await hosts().ask(self.REQUEST, NATPMP) == answer


class TestMapping:
    """§3.3."""

    async def test_the_wanted_port_is_granted_and_listed(self, gateway, hosts, clock):
        switch = hosts()
        assert await switch.ask(ask_for(), NATPMP) == answer_of()
        (mapped,) = gateway.mappings()
        assert (mapped.protocol, mapped.external_port, mapped.made_by) == ("udp", 25060, "natpmp")
        assert mapped.internal == Endpoint("127.41.0.103", 25060)
        assert (mapped.lifetime_left, mapped.forwarding) == (3600.0, True)

    async def test_it_is_gone_when_its_lifetime_ends(self, gateway, hosts, clock):
        await hosts().ask(ask_for(), NATPMP)
        clock.advance(3599)
        assert gateway.mappings()[0].lifetime_left == 1.0
        clock.advance(1)
        assert gateway.mappings() == ()

    async def test_a_renewal_extends_it(self, gateway, hosts, clock):
        switch = hosts()
        await switch.ask(ask_for(), NATPMP)
        clock.advance(1800)
        assert await switch.ask(ask_for(), NATPMP) == answer_of(epoch="00000708")
        assert gateway.mappings()[0].lifetime_left == 3600.0

    async def test_who_has_a_mapping_gets_the_same_port_again_whatever_it_suggests(self, gateway, hosts):
        switch = hosts()
        await switch.ask(ask_for(), NATPMP)
        assert await switch.ask(ask_for(external="7530"), NATPMP) == answer_of(external=PORT_25060)

    async def test_a_port_held_by_another_host_is_replaced_by_a_free_one(self, gateway, hosts):
        await hosts().ask(ask_for(), NATPMP)
        assert await hosts("127.41.0.104").ask(ask_for(), NATPMP) == answer_of(external="61e5")

    async def test_a_port_held_by_another_port_of_the_same_host_is_replaced_too(self, gateway, hosts):
        switch = hosts()
        await switch.ask(ask_for(), NATPMP)
        granted = await switch.ask(ask_for(internal=PORT_25080), NATPMP)
        assert granted == answer_of(internal=PORT_25080, external="61e5")
        held = {(m.internal.port, m.external_port) for m in gateway.mappings()}
        assert held == {(25060, 25060), (25080, 25061)}

    async def test_the_tcp_twin_of_a_port_is_kept_for_its_holder(self, gateway, hosts):
        await hosts().ask(ask_for(), NATPMP)
        stranger = await hosts("127.41.0.104").ask(ask_for(MAP_TCP), NATPMP)
        assert stranger == answer_of("82", external="61e5")
        assert await hosts().ask(ask_for(MAP_TCP), NATPMP) == answer_of("82")

    async def test_suggesting_nothing_gets_something(self, gateway, hosts):
        granted = await hosts().ask(ask_for(external="0000"), NATPMP)
        assert granted[:10] == answer_of()[:10]
        assert granted[10:12] != bytes(2)

    async def test_a_port_something_else_holds_on_the_outside_is_a_conflict(self, gateway, hosts, phones):
        blocker = hosts("127.42.0.1", 25060)
        assert await hosts().ask(ask_for(), NATPMP) == answer_of(external="61e5")
        blocker.close()


class TestDeleting:
    """§3.4."""

    async def test_lifetime_zero_deletes_by_internal_port(self, gateway, hosts):
        switch = hosts()
        await switch.ask(ask_for(), NATPMP)
        await switch.ask(ask_for(internal=PORT_25080, external=PORT_25080), NATPMP)
        gone = answer_of(external="0000", lifetime="00000000")
        assert await switch.ask(ask_for(external="0000", lifetime="00000000"), NATPMP) == gone
        assert [m.external_port for m in gateway.mappings()] == [25080]

    async def test_deleting_what_is_not_there_succeeds(self, gateway, hosts):
        answer = await hosts().ask(ask_for(lifetime="00000000"), NATPMP)
        assert answer == answer_of(external="0000", lifetime="00000000")

    async def test_internal_port_zero_deletes_all_of_that_client_and_protocol(self, gateway, hosts):
        switch, other = hosts(), hosts("127.41.0.104")
        await switch.ask(ask_for(), NATPMP)
        await switch.ask(ask_for(MAP_TCP), NATPMP)
        await other.ask(ask_for(internal=PORT_25080, external=PORT_25080), NATPMP)
        await switch.ask(ask_for(internal="0000", external="0000", lifetime="00000000"), NATPMP)
        left = [(m.protocol, m.internal.host) for m in gateway.mappings()]
        assert left == [("tcp", "127.41.0.103"), ("udp", "127.41.0.104")]


class TestErrors:
    """§3.5."""

    async def test_another_version(self, gateway, hosts):
        pcp_map = bytes.fromhex("02" + "01") + bytes(58)
        assert await hosts().ask(pcp_map, NATPMP) == bytes.fromhex("00" + "81" + "0001" + "00000000")

    async def test_an_unknown_opcode_comes_back_marked(self, gateway, hosts):
        request = bytes.fromhex("00" + "07" + "0000" + "aabbccdd")
        assert await hosts().ask(request, NATPMP) == bytes.fromhex("00" + "87" + "0005" + "aabbccdd")

    @pytest.mark.parametrize("datagram", [b"", b"\x00", b"\x00\x80", b"\x00\x01\x00\x00", ask_for()[:11]])
    async def test_what_is_no_request_gets_no_answer(self, gateway, hosts, datagram, settle):
        switch = hosts()
        switch.send(datagram, NATPMP)
        await settle()
        assert switch.heard_nothing()

    async def test_who_is_not_inside_gets_no_answer(self, gateway, hosts, settle):
        stranger = hosts("127.42.0.50")
        stranger.send(ask_for(), NATPMP)
        await settle()
        assert stranger.heard_nothing()
        assert gateway.mappings() == ()


class TestQuirks:
    async def test_mute(self, gateways, hosts, settle):
        await gateways(quirks=Quirks(mute=True))
        switch = hosts()
        switch.send(ask_for(), NATPMP)
        await settle()
        assert switch.heard_nothing()

    async def test_garbage_is_noise_and_never_a_mapping(self, gateways, hosts):
        gateway = await gateways(quirks=Quirks(garbage=True))
        assert await hosts().ask(ask_for(), NATPMP) != answer_of()
        assert gateway.mappings() == ()

    async def test_refuse(self, gateways, hosts):
        await gateways(quirks=Quirks(refuse=True))
        refusal = answer_of(result="0002", external="0000", lifetime="00000000")
        assert await hosts().ask(ask_for(), NATPMP) == refusal

    async def test_a_conflicting_port_is_replaced(self, gateways, hosts):
        await gateways(quirks=Quirks(conflicts=frozenset({25060})))
        assert await hosts().ask(ask_for(), NATPMP) == answer_of(external="61e5")

    async def test_the_lifetime_is_capped(self, gateways, hosts):
        await gateways(quirks=Quirks(longest_lifetime=60))
        assert await hosts().ask(ask_for(), NATPMP) == answer_of(lifetime="0000003c")

    async def test_a_slow_gateway_answers_all_the_same(self, gateways, hosts):
        await gateways(quirks=Quirks(delay=0.01))
        assert await hosts().ask(ask_for(), NATPMP) == answer_of()

    async def test_quirks_change_while_it_runs(self, gateway, hosts):
        gateway.quirks = replace(gateway.quirks, refuse=True)
        assert (await hosts().ask(ask_for(), NATPMP))[2:4] == bytes.fromhex("0002")

    async def test_without_nat_pmp_the_port_is_closed(self, gateways, hosts, settle):
        await gateways(protocols={"upnp"})
        switch = hosts()
        switch.send(ask_for(), NATPMP)
        await settle()
        assert switch.heard_nothing()


class TestReboot:
    async def test_mappings_are_lost_and_the_epoch_starts_anew(self, gateway, hosts, clock):
        switch = hosts()
        await switch.ask(ask_for(), NATPMP)
        clock.advance(500)
        await gateway.reboot()
        assert (gateway.mappings(), gateway.epoch) == ((), 0)
        assert await switch.ask(ask_for(), NATPMP) == answer_of()
