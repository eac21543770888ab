"""The fake gateway's PCP against hand-written bytes (RFC 6887)."""

from ipaddress import IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.gateway.mapping_table import Key, MappingTable
from ringthru.lab.gateway.pcp_messages import announcement
from ringthru.lab.gateway.port_control import PortControl
from ringthru.net.address import Endpoint

VERSION = "02"
ANNOUNCE, MAP, PEER = "00", "01", "02"
SWITCH = Endpoint("127.41.0.103", 40000)
V4 = "00000000000000000000" + "ffff"
CLIENT = V4 + "7f290067"
OTHER_CLIENT = V4 + "7f290068"
EXTERNAL = V4 + "7f2a0001"
NO_ADDRESS = V4 + "00000000"
NONCE = "0102030405060708090a0b0c"
OTHER_NONCE = "ff02030405060708090a0b0c"
UDP, TCP, SCTP = "11", "06", "84"
PORT_5060 = "13c4"
HOUR = "00000e10"

PREFER_FAILURE = "02" + "00" + "0000"
FILTER_ONE = "03" + "00" + "0014" + "00" + "80" + "0000" + V4 + "08080808"
FILTER_NONE = "03" + "00" + "0014" + "00" + "00" + "0000" + V4 + "00000000"
THIRD_PARTY = "01" + "00" + "0010" + OTHER_CLIENT
DESCRIPTION = "80" + "00" + "0003" + "736970" + "00"  # "sip", and a padding octet
UNKNOWN_MANDATORY = "7f" + "00" + "0000"
UNKNOWN_OPTIONAL = "fe" + "00" + "0001" + "aa" + "000000"


class Server:
    """Port 5351 of a gateway without sockets; ``ask`` gives the parts of the only answer."""

    def __init__(self, *rows, protocols=("pcp",), external="127.42.0.1", **settings):
        self.clock = ManualClock(5000.0)
        network = IPv4Network("127.41.0.0/24")
        self.table = MappingTable(network, self.clock.read, lambda key, internal: None, lambda key: None)
        self.table.quirks = Quirks(rows=frozenset(rows), **settings)
        self.port = PortControl(
            self.table,
            lambda: int(self.clock.now - 5000),
            lambda: external,
            self.clock.read,
            address="127.41.0.1",
            protocols=protocols,
            inside_v6=IPv6Network("2001:db8:1::/64"),
        )

    def replies(self, hexadecimal, source=SWITCH, to=""):
        return [reply.data for reply in self.port.answer(bytes.fromhex(hexadecimal), source, to)]

    def ask(self, hexadecimal, source=SWITCH, to=""):
        (answer,) = self.replies(hexadecimal, source, to)
        return Answer(answer)


class Answer:
    """The fields of a response (§7.2, §11.1), read without our codec."""

    def __init__(self, data):
        assert data[0] == 2
        assert data[1] & 128
        self.data = data
        self.opcode, self.result = data[1] & 127, data[3]
        self.lifetime, self.epoch = int.from_bytes(data[4:8]), int.from_bytes(data[8:12])
        self.nonce, self.protocol = data[24:36].hex(), data[36:37].hex()
        self.internal_port, self.external_port = int.from_bytes(data[40:42]), int.from_bytes(data[42:44])
        self.external_address = data[44:60].hex()
        self.options = data[60:].hex()


def map_request(
    opcode=MAP,
    lifetime=HOUR,
    client=CLIENT,
    nonce=NONCE,
    protocol=UDP,
    internal=PORT_5060,
    external=PORT_5060,
    address=NO_ADDRESS,
    options="",
):
    head = VERSION + opcode + "0000" + lifetime + client
    return head + nonce + protocol + "000000" + internal + external + address + options


def announce(client=CLIENT):
    return VERSION + ANNOUNCE + "0000" + "00000000" + client


class TestMapping:
    """§11."""

    def test_the_suggested_port_is_granted_with_the_external_address(self):
        server = Server()
        server.clock.advance(300)
        assert server.replies(map_request())[0].hex() == (
            VERSION + "81" + "00" + "00" + HOUR + "0000012c" + "00" * 12
            + NONCE + UDP + "000000" + PORT_5060 + PORT_5060 + EXTERNAL
        )  # fmt: skip
        entry = server.table.get(Key("udp", 5060))
        assert (entry.internal, entry.made_by) == (Endpoint("127.41.0.103", 5060), "pcp")

    def test_it_is_gone_when_its_lifetime_ends(self):
        server = Server()
        server.ask(map_request())
        server.clock.advance(3600)
        assert list(server.table) == []

    def test_a_renewal_extends_it_and_keeps_its_port(self):
        server = Server()
        server.ask(map_request())
        server.clock.advance(1800)
        answer = server.ask(map_request(external="0400"))
        assert (answer.result, answer.external_port, answer.lifetime) == (0, 5060, 3600)

    @pytest.mark.parametrize(("asked", "granted"), [("00000001", 120), ("ffffffff", 86400)])
    def test_lifetimes_are_kept_between_two_minutes_and_a_day(self, asked, granted):
        assert Server().ask(map_request(lifetime=asked)).lifetime == granted

    def test_a_port_held_by_another_host_is_replaced(self):
        server = Server()
        server.ask(map_request())
        other = server.ask(map_request(client=OTHER_CLIENT), Endpoint("127.41.0.104", 1))
        assert other.result == 0
        assert other.external_port not in (0, 5060)

    def test_lifetime_zero_deletes(self):
        server = Server()
        server.ask(map_request())
        answer = server.ask(map_request(lifetime="00000000"))
        assert (answer.result, answer.lifetime) == (0, 0)
        assert list(server.table) == []

    def test_deleting_what_is_not_there_succeeds(self):
        assert Server().ask(map_request(lifetime="00000000")).result == 0

    def test_deleting_everything_takes_all_of_that_client_and_of_nobody_else(self):
        server = Server()
        server.ask(map_request())
        server.ask(map_request(protocol=TCP))
        server.ask(map_request(client=OTHER_CLIENT, nonce=OTHER_NONCE), Endpoint("127.41.0.104", 1))
        server.ask(map_request(protocol="00", internal="0000", external="0000", lifetime="00000000"))
        assert [entry.internal.host for entry in server.table] == ["127.41.0.104"]

    def test_what_upnp_mapped_is_not_deleted(self):
        server = Server()
        internal = Endpoint("127.41.0.103", 5060)
        server.table.add(Key("udp", 5060), internal, None, description="x", made_by="upnp")
        server.ask(map_request(lifetime="00000000"))
        assert len(list(server.table)) == 1

    def test_peer_gets_a_mapping_too_and_the_peer_back(self):
        peer = "1388" + "0000" + V4 + "08080808"
        answer = Server().ask(map_request(opcode=PEER) + peer)
        assert (answer.opcode, answer.result, answer.external_port) == (2, 0, 5060)
        assert answer.options == peer

    def test_an_ipv6_host_gets_its_own_port_opened(self):
        host = "2001:db8:1::5"
        octets = "20010db8000100000000000000000005"
        server = Server()
        answer = server.ask(map_request(client=octets, address="00" * 16), Endpoint(host, 1))
        assert (answer.result, answer.external_port, answer.external_address) == (0, 5060, octets)
        assert list(server.port.pcp.book.pinholes) == [("udp", Endpoint(host, 5060))]
        server.clock.advance(3600)
        assert server.port.pcp.book.pinholes == {}


class TestAnnounce:
    """§14.1."""

    def test_it_is_answered_with_the_epoch(self):
        server = Server()
        server.clock.advance(77)
        assert server.replies(announce()) == [
            bytes.fromhex("02" + "80" + "0000" + "00000000" + "0000004d" + "00" * 12)
        ]

    def test_unsolicited_it_looks_the_same(self):
        assert announcement(77).hex() == "02" + "80" + "0000" + "00000000" + "0000004d" + "00" * 12


class TestErrors:
    """§7.4 and §8.2: the request goes back, with the seconds the error should be believed."""

    @pytest.mark.parametrize(
        ("request_hex", "result", "lifetime"),
        [
            ("03" + map_request()[2:], 1, 1800),
            (map_request()[:-8], 3, 1800),
            (map_request() + "00", 3, 1800),
            (VERSION + "05" + map_request()[4:], 4, 1800),
            (map_request(options=UNKNOWN_MANDATORY), 5, 1800),
            (map_request(options="02" + "00" + "0008" + "00000000"), 6, 1800),
            (map_request(options=PREFER_FAILURE * 2), 6, 1800),
            (map_request(options="02" + "00" + "0004" + "00000000"), 6, 1800),
            (map_request(protocol=SCTP), 9, 1800),
            (map_request(client=OTHER_CLIENT), 12, 1800),
            (map_request(protocol="00"), 3, 1800),
        ],
        ids=[
            "another version",
            "cut",
            "not a multiple of four",
            "unknown opcode",
            "unknown option",
            "an option beyond the end",
            "an option twice",
            "an option of a wrong length",
            "a protocol without ports of ours",
            "not the client's address",
            "all protocols but one port",
        ],
    )
    def test_result(self, request_hex, result, lifetime):
        answer = Server().ask(request_hex)
        assert answer.result == result
        assert answer.lifetime == lifetime
        assert len(answer.data) % 4 == 0

    def test_a_gateway_without_an_address_says_network_failure(self):
        answer = Server(external="").ask(map_request())
        assert (answer.result, answer.lifetime) == (7, 30)

    def test_refused_for_everybody(self):
        assert Server(refuse=True).ask(map_request()).result == 2

    def test_who_is_not_inside_gets_no_answer(self):
        assert Server().replies(map_request(), Endpoint("127.42.0.9", 1)) == []

    @given(st.binary(max_size=1200))
    def test_any_bytes_get_a_sound_answer_or_none(self, noise):
        for reply in Server(protocols=("pcp", "natpmp")).port.answer(b"\x02" + noise, SWITCH):
            assert len(reply.data) <= 1100
            assert reply.data[1] & 128


class TestOptions:
    """§13 and RFC 7220."""

    def test_prefer_failure_gets_that_port_or_none(self):
        server = Server()
        server.ask(map_request(options=PREFER_FAILURE))
        other = server.ask(
            map_request(client=OTHER_CLIENT, nonce=OTHER_NONCE, options=PREFER_FAILURE),
            Endpoint("127.41.0.104", 1),
        )
        assert (other.result, other.lifetime) == (11, 30)

    def test_prefer_failure_with_an_address_that_is_not_ours_fails(self):
        request = map_request(address=V4 + "01020304", options=PREFER_FAILURE)
        assert Server().ask(request).result == 11

    def test_third_party_is_unknown_unless_it_is_allowed(self):
        server = Server()
        assert server.ask(map_request(options=THIRD_PARTY)).result == 5
        server.port.pcp.third_party = True
        assert server.ask(map_request(options=THIRD_PARTY)).result == 0
        assert server.table.get(Key("udp", 5060)).internal.host == "127.41.0.104"

    def test_filters_let_only_those_in_and_can_be_taken_away(self):
        server = Server()
        slot = ("udp", Endpoint("127.41.0.103", 5060))
        server.ask(map_request(options=FILTER_ONE))
        assert server.port.pcp.book.lets_in(slot, "8.8.8.8")
        assert not server.port.pcp.book.lets_in(slot, "8.8.8.9")
        server.ask(map_request(options=FILTER_NONE))
        assert server.port.pcp.book.lets_in(slot, "8.8.8.9")

    def test_more_filters_than_are_kept(self):
        filters = "".join(FILTER_ONE[:-2] + f"{number:02x}" for number in range(9))
        assert Server().ask(map_request(options=filters)).result == 13

    def test_a_description_goes_into_the_table_and_comes_back(self):
        server = Server()
        assert server.ask(map_request(options=DESCRIPTION)).options == DESCRIPTION
        assert server.table.get(Key("udp", 5060)).description == "sip"

    def test_an_unknown_optional_option_is_skipped(self):
        answer = Server().ask(map_request(options=UNKNOWN_OPTIONAL))
        assert (answer.result, answer.options) == (0, "")


class TestRows:
    """Each row of the quirk catalogue, switched on alone."""

    def test_pc01_another_nonce_neither_renews_nor_deletes(self):
        server = Server("PC01")
        server.ask(map_request())
        server.clock.advance(600)
        for lifetime in (HOUR, "00000000"):
            answer = server.ask(map_request(nonce=OTHER_NONCE, lifetime=lifetime))
            assert (answer.result, answer.lifetime) == (2, 3000)  # §11.3: as long as the mapping lives
        assert len(list(server.table)) == 1

    def test_without_pc01_any_nonce_will_do(self):
        server = Server()
        server.ask(map_request())
        assert server.ask(map_request(nonce=OTHER_NONCE, lifetime="00000000")).result == 0
        assert list(server.table) == []

    def test_pc02_everybody_has_the_wrong_address(self):
        server = Server("PC02")
        assert server.ask(map_request()).result == 12
        assert server.ask(announce()).result == 12

    def test_pc03_nobody_may_map_until_the_device_is_allowed(self):
        server = Server("PC03")
        assert server.ask(announce()).result == 0
        assert server.ask(map_request()).result == 2
        server.port.pcp.allowed.add("127.41.0.103")
        assert server.ask(map_request()).result == 0

    def test_pc04_thirteen_seconds(self):
        server = Server("PC04")
        assert server.ask(map_request()).lifetime == 13
        server.clock.advance(13)
        assert list(server.table) == []

    def test_pc06_a_second_map_does_not_extend(self):
        server = Server("PC06")
        server.ask(map_request())
        server.clock.advance(1800)
        assert server.ask(map_request()).lifetime == 1800
        server.clock.advance(1800)
        assert list(server.table) == []
        assert server.ask(map_request()).lifetime == 3600

    def test_pc07_disabled_for_ever(self):
        server = Server("PC07")
        assert [server.ask(each).result for each in (announce(), map_request(), announce())] == [8, 8, 8]

    def test_pc09_unsupported_version_in_both_forms_by_turns(self):
        server = Server("PC09", protocols=("natpmp", "pcp"))
        in_pcp_form, in_natpmp_form = server.replies(announce()), server.replies(announce())
        assert in_pcp_form == [bytes.fromhex("01" + "80" + "00" + "01" + "00000708" + "00000000" + "00" * 12)]
        assert in_natpmp_form == [bytes.fromhex("00" + "80" + "0001" + "00000000")]

    def test_pc10_filters_are_accepted_and_let_everybody_in(self):
        server = Server("PC10")
        assert server.ask(map_request(options=FILTER_ONE)).options == FILTER_ONE
        assert server.port.pcp.book.lets_in(("udp", Endpoint("127.41.0.103", 5060)), "8.8.8.9")

    @pytest.mark.parametrize("option", [PREFER_FAILURE, FILTER_ONE, THIRD_PARTY])
    def test_pc11_no_mandatory_option_is_known(self, option):
        server = Server("PC11")
        assert server.ask(map_request(options=option)).result == 5
        assert server.ask(map_request(options=DESCRIPTION)).result == 0

    def test_pc12_the_suggested_address_is_ours_or_none(self):
        server = Server("PC12")
        assert server.ask(map_request(address=V4 + "01020304")).result == 11
        assert server.ask(map_request(address=EXTERNAL)).result == 0
        assert server.ask(map_request(address=NO_ADDRESS)).result == 0

    def test_pc15_malformed_answers_come_before_the_good_one(self):
        *bad, good = Server("PC15").replies(map_request())
        assert Answer(good).nonce == NONCE
        wrong_nonce, odd, long, no_response = bad
        assert Answer(wrong_nonce).nonce != NONCE
        assert len(odd) % 4
        assert len(long) > 1100
        assert not no_response[1] & 128

    def test_pc18_only_hosts_that_come_over_IPv6_are_heard(self):
        server = Server("PC18")
        assert server.replies(announce()) == []
        link_local = "fe80" + "00" * 13 + "09"
        assert server.ask(announce(link_local), Endpoint("fe80::9", 1)).result == 0

    def test_pc19_a_nonce_serves_one_mapping(self):
        server = Server("PC19")
        assert server.ask(map_request()).result == 0
        assert server.ask(map_request(protocol=TCP)).result == 2
        assert server.ask(map_request(protocol=TCP, nonce=OTHER_NONCE)).result == 0
        assert server.ask(map_request()).result == 0

    def test_pc20_the_carriers_server_answers_at_the_anycast_address(self):
        server = Server("PC20")
        assert server.replies(map_request()) == []
        assert server.ask(map_request(), to="192.0.0.9").result == 0

    @pytest.mark.parametrize(("rows", "result"), [(["PC21"], 2), ([], 0)])
    def test_pc21_an_ipv6_mapping_that_was_renewed_cannot_be_deleted(self, rows, result):
        server, here = Server(*rows), Endpoint("2001:db8:1::5", 1)
        request = {"client": "20010db8000100000000000000000005", "address": "00" * 16}
        for _ in range(2):
            assert server.ask(map_request(**request), here).result == 0
        assert server.ask(map_request(lifetime="00000000", **request), here).result == result

    def test_pc22_a_description_is_malformed_whatever_it_says(self):
        server = Server("PC22")
        assert server.ask(map_request(options=DESCRIPTION)).result == 6
        assert server.ask(map_request()).result == 0

    def test_rows_combine(self):
        server = Server("PC01", "PC04", "PC19")
        assert server.ask(map_request()).lifetime == 13
        assert server.ask(map_request(nonce=OTHER_NONCE)).result == 2
        assert server.ask(map_request(protocol=TCP)).result == 2
