"""The command nat_map: FreeSWITCH's texts to the byte, its keyword rule, and what we say beyond."""

from __future__ import annotations

import logging

import pytest

from ringthru.console.tables import Table
from ringthru.net.address import AddressKind
from ringthru.net.values import replace
from ringthru.portmap import GatewayListing, GatewayType, MappingState, Protocol

USAGE = (
    "USAGE: nat_map [status|reinit|republish] | [add|del] <port> [tcp|udp] [sticky] | "
    "[mapping] <enable|disable>"
)
FOUR_ROWS = """Nat Type: UPNP, ExtIP: 76.237.11.11
NAT port mapping enabled.
port,proto,proto_num,sticky
5060,tcp,1,0
5060,udp,0,0
5080,tcp,1,0
5080,udp,0,0

4 total.
"""


class TestStatus:
    async def test_four_rows_in_order_of_port_then_protocol(self, type_in):
        assert await type_in("nat_map status") == FOUR_ROWS

    async def test_one_sticky_row_on_nat_pmp(self, type_in, switch, a_mapping):
        switch.show_mapper(type=GatewayType.NAT_PMP, mappings=(a_mapping(1235, Protocol.TCP, sticky=True),))
        assert await type_in("nat_map status") == (
            "Nat Type: NAT-PMP, ExtIP: 76.237.11.11\nNAT port mapping enabled.\n"
            "port,proto,proto_num,sticky\n1235,tcp,1,1\n\n1 total.\n"
        )

    async def test_no_row_has_no_header(self, type_in, switch):
        switch.show_mapper(mappings=())
        assert await type_in("nat_map status") == (
            "Nat Type: UPNP, ExtIP: 76.237.11.11\nNAT port mapping enabled.\n\n0 total.\n"
        )

    async def test_without_any_gateway_one_blank_follows_the_colon(self, type_in, switch, no_gateway):
        switch.shown = replace(switch.shown, mapper=no_gateway)
        assert await type_in("nat_map status") == (
            "Nat Type: UNKNOWN, ExtIP: \nNAT port mapping enabled.\n\n0 total.\n"
        )

    async def test_only_granted_and_listed_mappings_are_rows(self, type_in, switch, a_mapping):
        switch.show_mapper(
            mappings=(
                a_mapping(5060),
                a_mapping(5080, state=MappingState.REFUSED, reason="718 conflict"),
                a_mapping(16384, listed=False),
            )
        )
        assert (await type_in("show nat_map")) == "port,proto,proto_num,sticky\n5060,udp,0,0\n\n1 total.\n"

    async def test_what_the_gateway_says_reaches_no_terminal_and_no_format_string(self, type_in, switch):
        switch.show_mapper(external_address=None, reported_address="%s%n\x1b[2J\n")
        assert (await type_in("nat_map status")).startswith("Nat Type: UPNP, ExtIP: %s%n\\x1b[2J\\x0a\nNAT")


class TestKeywords:
    """As FreeSWITCH has it: the argument contains the keyword, ignoring case, in this order."""

    async def test_no_argument_is_the_usage_without_a_newline_even_when_nat_is_off(self, type_in, switch):
        switch.nat_enabled = False
        assert await type_in("nat_map") == USAGE

    async def test_nonat_answers_false_and_logs_an_error(self, type_in, switch, caplog):
        switch.nat_enabled = False
        assert await type_in("nat_map status") == "false"
        assert caplog.record_tuples == [
            ("ringthru.console.nat_map", logging.ERROR, "nat_map API called while NAT not initialized")
        ]

    @pytest.mark.parametrize("word", ["STATUS", "xstatusx", "status", "reinit", "REINITx", "status extra"])
    async def test_words_that_end_in_the_status_text(self, type_in, word):
        assert await type_in(f"nat_map {word}") == FOUR_ROWS

    async def test_no_argument_was_false_in_2009(self, type_in, switch):
        switch.layout = "2009-06"
        assert await type_in("nat_map") == "false"

    async def test_republish(self, type_in, switch):
        assert await type_in("nat_map republish") == "true"
        assert switch.asked == ["republish"]

    @pytest.mark.parametrize("words", ["foo", "add", "help", "mapping", "explain"])
    async def test_one_word_that_wants_more_is_the_usage(self, type_in, words):
        assert await type_in(f"nat_map {words}") == USAGE

    @pytest.mark.parametrize("words", ["foo bar", "foo 1234 udp"])
    async def test_anything_else_is_false(self, type_in, words):
        assert await type_in(f"nat_map {words}") == "false"

    async def test_mapping_is_switched_and_shown(self, type_in, switch):
        off = await type_in("nat_map mapping DISABLE")
        on = await type_in("nat_map mapping enable")
        assert off.splitlines()[1] == "NAT port mapping disabled."
        assert on.splitlines()[1] == "NAT port mapping enabled."
        assert switch.asked == [("mapping", False), ("mapping", True)]

    async def test_off_is_not_taken_for_enable(self, type_in, switch):
        assert await type_in("nat_map mapping off") == USAGE
        assert switch.asked == []


class TestAddAndDelete:
    @pytest.mark.parametrize(
        ("line", "asked"),
        [
            ("add 1234 udp", ("add", 1234, Protocol.UDP, False)),
            ("ADD 1235 TCP sticky", ("add", 1235, Protocol.TCP, True)),
            ("add 1235 tcp static", ("add", 1235, Protocol.TCP, True)),
            ("del 1234 udp", ("delete", 1234, Protocol.UDP)),
            ("delete 1234 udp", ("delete", 1234, Protocol.UDP)),
        ],
    )
    async def test_what_the_switch_is_asked(self, type_in, switch, line, asked):
        assert await type_in(f"nat_map {line}") == "true"
        assert switch.asked == [asked]

    @pytest.mark.parametrize("port", ["0", "70000", "99999", "abc", "-1", "1e3", "٣", "9" * 5000])
    async def test_a_port_that_is_none_is_refused_in_words(self, type_in, switch, port):
        answer = await type_in(f"nat_map add {port} udp")
        assert answer == f"-ERR '{port}' is not a port: give a number from 1 to 65535\n"
        assert switch.asked == []

    async def test_without_a_protocol_the_usage(self, type_in, switch):
        assert await type_in("nat_map add 1234") == USAGE
        assert await type_in("nat_map del 1234") == USAGE
        assert switch.asked == []

    async def test_sctp_is_not_udp(self, type_in, switch):
        assert await type_in("nat_map add 1234 sctp") == "-ERR 'sctp' cannot be mapped: say tcp or udp\n"
        assert switch.asked == []

    async def test_a_refusal_is_false_and_its_reason_is_in_the_log(self, type_in, switch, a_mapping, caplog):
        switch.agrees = False
        refused = a_mapping(80, state=MappingState.REFUSED, reason="error 606: not authorized")
        switch.show_mapper(mappings=(refused,))
        assert await type_in("nat_map add 80 udp") == "false"
        assert caplog.messages == ["nat_map: adding udp port 80 failed: error 606: not authorized"]

    async def test_without_a_gateway_the_log_says_so(self, type_in, switch, no_gateway, caplog):
        switch.agrees = False
        switch.shown = replace(switch.shown, mapper=no_gateway)
        assert await type_in("nat_map del 80 tcp") == "false"
        assert caplog.messages == ["nat_map: deleting tcp port 80 failed: no NAT gateway has been found"]


class TestShow:
    """FreeSWITCH's words, to the byte."""

    async def test_csv_is_the_table_of_status(self, type_in):
        assert await type_in("show nat_map as csv") == FOUR_ROWS.split("\n", 2)[2]

    async def test_another_delimiter(self, type_in, switch, a_mapping):
        switch.show_mapper(mappings=(a_mapping(5060),))
        assert await type_in("show nat_map as delim |") == (
            "port|proto|proto_num|sticky\n5060|udp|0|0\n\n1 total.\n"
        )

    async def test_xml(self, type_in, switch, a_mapping):
        switch.show_mapper(mappings=(a_mapping(5060),))
        assert await type_in("show nat_map as xml") == (
            '<result row_count="1">\n  <row row_id="1">\n    <port>5060</port>\n    <proto>udp</proto>\n'
            "    <proto_num>0</proto_num>\n    <sticky>0</sticky>\n  </row>\n</result>\n"
        )

    async def test_json(self, type_in, switch, a_mapping):
        switch.show_mapper(mappings=(a_mapping(5060),))
        assert await type_in("show nat_map as json") == (
            '{"row_count":1,"rows":[{"port":"5060","proto":"udp","proto_num":"0","sticky":"0"}]}'
        )

    async def test_empty(self, type_in, switch):
        switch.show_mapper(mappings=())
        assert await type_in("show nat_map") == "\n0 total.\n"
        assert await type_in("show nat_map as xml") == '<result row_count="0"/>\n'
        assert await type_in("show nat_map as json") == '{"row_count": 0}\n'

    async def test_a_format_nobody_knows(self, type_in):
        assert await type_in("show nat_map as X") == "-ERR Cannot find format X\n"

    async def test_count_as_json_is_what_exporters_read(self, type_in, switch):
        assert await type_in("show nat_map count as json") == '{"row_count":4,"rows":[]}'
        switch.show_mapper(mappings=())
        assert await type_in("show nat_map count as json") == '{"row_count": 0}\n'

    def test_xml_holds_no_markup_of_others(self):
        table = Table(("name",), (("<&>\x00",),))
        assert "<name>&lt;&amp;&gt;\\x00</name>" in table.as_xml()

    def test_a_cell_with_the_delimiter_is_quoted(self):
        assert Table(("a", "b"), (('x,"y"', "z"),)).as_text() == 'a,b\n"x,""y""",z\n\n1 total.\n'


class TestList:
    """The gateway's own table; ours alone, FreeSWITCH has nothing like it."""

    async def test_every_entry_and_whose_it_is(self, type_in, switch):
        assert await type_in("nat_map list") == (
            "Gateway: UPnP at 192.168.1.1 (Acme Home Router 1)\n"
            "\n"
            "external  proto  leads to            lease left   whose     description\n"
            "5060      udp    192.168.1.103:5060  59m 12s      ours      Ringthru sip-udp-5060\n"
            "8080      tcp    192.168.1.44:80     no end, off  not ours  a camera\\x1b[2J\n"
            "\n"
            "2 mappings, 1 of them ours\n"
        )
        assert switch.asked == ["list"]

    async def test_a_gateway_that_cannot_list_is_told_of_honestly(self, type_in, switch):
        switch.listing = GatewayListing((), False, "NAT-PMP has no request for it")
        assert await type_in("nat_map list") == (
            "The gateway's mappings cannot be listed: NAT-PMP has no request for it."
            " 'nat_map detail' shows those of this switch.\n"
        )

    async def test_half_a_list_is_shown_as_half_a_list(self, type_in, switch):
        switch.listing = replace(switch.listing, complete=False, reason="not read to its end within 10 s")
        text = await type_in("nat_map LIST")
        assert text.endswith(
            "2 mappings, 1 of them ours\nThe list may not be complete: not read to its end within 10 s.\n"
        )

    async def test_an_empty_table(self, type_in, switch):
        switch.listing = GatewayListing((), True, "")
        assert (await type_in("nat_map list")).endswith("\n\n0 mappings, 0 of them ours\n")

    async def test_without_a_gateway(self, type_in, switch, no_gateway):
        switch.shown = replace(switch.shown, mapper=no_gateway)
        switch.listing = GatewayListing((), False, "no gateway that maps ports was found")
        assert await type_in("nat_map list") == (
            "The gateway's mappings cannot be listed: no gateway that maps ports was found.\n"
        )

    async def test_nonat_answers_as_to_every_other_word(self, type_in, switch):
        switch.nat_enabled = False
        assert await type_in("nat_map list") == "false"
        assert switch.asked == []


class TestDetail:
    async def test_everything_that_is_known_of_every_mapping(self, type_in, switch, a_mapping):
        switch.show_mapper(
            mappings=(
                a_mapping(5060, external=40060, left=3552.0),
                a_mapping(5080, Protocol.TCP, state=MappingState.REFUSED, reason="718: taken\x1b[2J"),
                a_mapping(16384, listed=False, left=None),
            ),
            address_age=41.6,
        )
        assert await type_in("nat_map detail") == (
            "Gateway: UPnP at 192.168.1.1 (Acme Home Router 1)\n"
            "External address: 76.237.11.11 (public), told 42s ago\n"
            "Port mapping: enabled\n"
            "\n"
            "port   proto  external  state     proven     lease left  kind        reason\n"
            "5060   udp    40060     accepted  requested  59m 12s     asked for   -\n"
            "5080   tcp    -         refused   requested  -           asked for   718: taken\\x1b[2J\n"
            "16384  udp    16384     accepted  requested  no end      in reserve  -\n"
            "\n"
            "3 mappings\n"
        )
        assert await type_in("nat_map status detail") == await type_in("nat_map detail")

    @pytest.mark.parametrize(
        ("address", "kind", "cure"),
        [
            ("192.168.178.20", AddressKind.PRIVATE, "bridge mode"),
            ("100.64.3.2", AddressKind.SHARED, "ask the provider"),
        ],
    )
    async def test_double_nat_is_named_with_what_to_do(self, type_in, switch, address, kind, cure):
        switch.show_mapper(external_address=None, reported_address=address, address_kind=kind)
        text = await type_in("nat_map detail")
        assert f"External address: {address} ({kind.value}), not advertised\n" in text
        assert f"Double NAT: the gateway's own outside address, {address}," in text
        assert cure in text
        assert (await type_in("nat_map status")).startswith(f"Nat Type: UPNP, ExtIP: {address}\n")

    async def test_before_the_first_verdict_and_after_a_negative_one(self, type_in, switch, no_gateway):
        switch.shown = replace(switch.shown, mapper=no_gateway)
        assert (await type_in("nat_map detail")).startswith("Gateway: none found; looking again in the")
        switch.show_mapper(verdict_known=False)
        assert (await type_in("nat_map detail")).startswith("Gateway: still looking\n")

    @pytest.mark.parametrize("nat_enabled", [True, False])
    async def test_explain_gives_the_reasons_of_the_switch(self, type_in, switch, nat_enabled):
        switch.nat_enabled = nat_enabled
        assert await type_in("nat_map explain 198.51.100.7") == (
            "198.51.100.7 is shown 76.237.11.11:5060\n  because it is not in local-network-acl\n"
        )


class TestCleanup:
    async def test_says_what_earlier_runs_left(self, type_in, switch):
        assert await type_in("nat_map cleanup") == "Nothing of earlier runs is left on the gateway.\n"
        switch.left_over = 1
        assert (await type_in("nat_map cleanup")).startswith("1 mapping of earlier runs: being deleted")
