"""The fake gateway's NAT-PMP against hand-written bytes (RFC 6886)."""

from ipaddress import IPv4Network

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.gateway.mapping_table import Key, MappingTable
from ringthru.lab.gateway.port_control import MULTICAST, PortControl
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


SWITCH = Endpoint("127.41.0.103", 40000)
ADDRESS_REQUEST = bytes.fromhex("00" + "00")


class Server:
    """Port 5351 of a gateway without sockets, speaking NAT-PMP alone, with the rows given."""

    def __init__(self, *rows, protocols=("natpmp",), **settings):
        self.clock = ManualClock(5000.0)
        self.booted_at = 5000.0
        network = IPv4Network("127.41.0.0/24")
        self.table = MappingTable(network, self.clock.read, lambda key, internal: None, lambda key: None)
        self.table.quirks = Quirks(rows=frozenset(rows), **settings)
        self.port = PortControl(
            self.table,
            self.epoch,
            lambda: "127.42.0.1",
            self.clock.read,
            address="127.41.0.1",
            protocols=protocols,
        )

    def epoch(self):
        return int(self.clock.now - self.booted_at)

    def replies(self, request, source=SWITCH, to=""):
        return self.port.answer(request, source, to)

    def ask(self, request, source=SWITCH, to=""):
        (reply,) = self.replies(request, source, to)
        return reply.data


def map_fields(answer):
    """Result, internal port, external port, lifetime."""
    octets = (answer[2:4], answer[8:10], answer[10:12], answer[12:16])
    return tuple(int.from_bytes(each) for each in octets)


class TestRows:
    """Portions of the quirk catalogue, each switched on alone."""

    def test_without_a_row_the_server_is_what_the_rfc_wants(self):
        assert Server().ask(ask_for()) == answer_of()

    def test_np01_nobody_listens(self):
        server = Server("NP01")
        assert not server.port.is_open
        assert server.replies(ADDRESS_REQUEST) == []

    def test_np03_another_port_than_the_suggested_one_is_granted_and_kept(self):
        server = Server("NP03")
        assert map_fields(server.ask(ask_for())) == (0, 25060, 26171, 3600)
        assert map_fields(server.ask(ask_for(external="663b"))) == (0, 25060, 26171, 3600)

    def test_np04_to_suggest_no_port_is_refused(self):
        server = Server("NP04")
        assert map_fields(server.ask(ask_for(external="0000"))) == (4, 25060, 0, 0)
        assert map_fields(server.ask(ask_for())) == (0, 25060, 25060, 3600)

    def test_np05_the_internal_port_of_answers_is_the_external_one_or_0_by_turns(self):
        server = Server("NP05", "NP03")
        assert map_fields(server.ask(ask_for())) == (0, 26171, 26171, 3600)
        assert map_fields(server.ask(ask_for())) == (0, 0, 26171, 3600)

    def test_np06_a_minute_of_life_whatever_is_asked(self):
        assert map_fields(Server("NP06").ask(ask_for()))[3] == 60

    def test_np07_granted_and_not_forwarded(self):
        server = Server("NP07")
        for _ in range(2):
            assert map_fields(server.ask(ask_for())) == (0, 25060, 25060, 3600)
            assert not server.table.get(Key("udp", 25060)).forwarded

    def test_np09_nobody_is_authorised_to_map_but_the_address_is_told(self):
        server = Server("NP09")
        assert map_fields(server.ask(ask_for())) == (2, 25060, 0, 0)
        assert server.ask(ADDRESS_REQUEST)[2:4] == bytes(2)

    @pytest.mark.parametrize("code", [3, 4])
    def test_np09_other_results_can_be_forced(self, code):
        server = Server()
        server.port.natpmp.forced_result = code
        assert map_fields(server.ask(ask_for())) == (code, 25060, 0, 0)
        server.port.natpmp.forced_result = None
        assert map_fields(server.ask(ask_for()))[0] == 0

    def test_np10_the_public_address_is_all_zeros_with_result_0(self):
        assert Server("NP10").ask(ADDRESS_REQUEST) == bytes.fromhex(
            "00" + "80" + "0000" + "00000000" + "00000000"
        )

    def test_np12_the_second_address_answers(self):
        (reply,) = Server("NP12").replies(ADDRESS_REQUEST)
        assert reply.source_host == "127.41.0.254"
        (reply,) = Server("NP12", second_address="127.41.0.7").replies(ADDRESS_REQUEST)
        assert reply.source_host == "127.41.0.7"

    def test_np13_only_the_third_try_is_answered(self):
        server = Server("NP13")
        assert [len(server.replies(ask_for())) for _ in range(6)] == [0, 0, 1, 0, 0, 1]
        assert server.replies(ADDRESS_REQUEST) == []  # tries are counted for each request apart

    def test_np15_the_epoch_stands_still_runs_fast_and_jumps_back(self):
        server = Server("NP15")
        seen = []
        for _ in range(19):
            seen.append(int.from_bytes(server.ask(ADDRESS_REQUEST)[4:8]))
            server.clock.advance(100)
        assert seen[:7] == [0, 100, 200, 300, 400, 500, 600]
        assert seen[6:12] == [600] * 6
        assert seen[12:18] == [600, 800, 1000, 1200, 1400, 1600]
        assert seen[18] == 0

    def test_np17_the_answer_to_a_deletion_has_a_port_and_a_lifetime(self):
        server = Server("NP17")
        server.ask(ask_for())
        assert map_fields(server.ask(ask_for(external="0000", lifetime="00000000"))) == (
            0,
            25060,
            25060,
            3600,
        )
        assert list(server.table) == []

    def test_np18_tcp_and_udp_of_one_port_part_ways(self):
        server = Server("NP18")
        assert map_fields(server.ask(ask_for()))[2] == 25060
        assert map_fields(server.ask(ask_for(MAP_TCP)))[2] == 25061
        assert map_fields(server.ask(ask_for(MAP_TCP)))[2] == 25061  # asked again: still apart

    def test_np19_only_what_goes_to_the_multicast_group_is_heard(self):
        server = Server("NP19")
        assert server.replies(ADDRESS_REQUEST) == []
        assert server.ask(ADDRESS_REQUEST, to=MULTICAST)[:4] == bytes.fromhex("00" + "80" + "0000")

    def test_rows_combine(self):
        server = Server("NP03", "NP06", "NP17")
        assert map_fields(server.ask(ask_for())) == (0, 25060, 26171, 60)
        assert map_fields(server.ask(ask_for(lifetime="00000000"))) == (0, 25060, 26171, 60)


class TestTwoProtocolsOnOnePort:
    """RFC 6886 §1.1, RFC 6887 §9: the version octet decides."""

    ANNOUNCE = bytes.fromhex("02" + "00" + "0000" + "00000000" + "00000000000000000000" + "ffff" + "7f290067")

    def test_both_are_answered_each_in_its_own_form(self):
        server = Server(protocols=("natpmp", "pcp"))
        assert server.ask(ADDRESS_REQUEST)[0] == 0
        assert server.ask(self.ANNOUNCE)[:4] == bytes.fromhex("02" + "80" + "00" + "00")

    def test_nat_pmp_alone_says_unsupported_version_in_8_octets(self):
        assert Server().ask(self.ANNOUNCE) == bytes.fromhex("00" + "80" + "0001" + "00000000")

    def test_pcp_alone_says_unsupported_version_in_24_octets(self):
        answer = Server(protocols=("pcp",)).ask(ADDRESS_REQUEST)
        assert answer == bytes.fromhex("02" + "80" + "00" + "01" + "00000708" + "00000000" + "00" * 12)

    def test_responses_are_never_answered(self):
        server = Server(protocols=("natpmp", "pcp"))
        assert server.replies(bytes.fromhex("0080")) == []
        assert server.replies(bytes.fromhex("0280") + bytes(22)) == []
