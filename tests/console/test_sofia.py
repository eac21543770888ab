"""The command sofia, in FreeSWITCH's words."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from xml.etree import ElementTree

import pytest

from ringthru.console.sofia_profiles import registrations_text
from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.switch.snapshots import TrunkSnapshot

RULE = "=" * 97
OLD_STATUS = (
    "                     Name\t   Type\t                              Data\tState\n"
    f"{RULE}\n"
    "            192.168.1.103\t  alias\t                          internal\tALIASED\n"
    "              example.com\tgateway\t           sip:joeuser@example.com\tREGED\n"
    "                 external\tprofile\t  sip:mod_sofia@192.168.1.103:5080\tRUNNING (0)\n"
    "                 internal\tprofile\t  sip:mod_sofia@192.168.1.103:5060\tRUNNING (1)\n"
    f"{RULE}\n"
    "2 profiles 1 alias\n"
)
USAGE = """USAGE:
--------------------------------------------------------------------------------
sofia global siptrace <on|off>
sofia        capture  <on|off>
             watchdog <on|off>

sofia profile <name> [start | stop | restart | rescan] [wait]
                     flush_inbound_reg [<call_id> | <[user]@domain>] [reboot]
                     check_sync [<call_id> | <[user]@domain>]
                     [register | unregister] [<gateway name> | all]
                     killgw <gateway name>
                     [stun-auto-disable | stun-enabled] [true | false]]
                     siptrace <on|off>
                     capture  <on|off>
                     watchdog <on|off>

sofia <status|xmlstatus> profile <name> [reg [<contact str>]] | [pres <pres str>] | [user <user@domain>]
sofia <status|xmlstatus> gateway <name>

sofia loglevel <all|default|tport|iptsec|nea|nta|nth_client|nth_server|nua|soa|sresolv|stun> [0-9]
sofia tracelevel <console|alert|crit|err|warning|notice|info|debug>

sofia help
--------------------------------------------------------------------------------
"""  # FreeSWITCH's
STATUS = (
    "                     Name\t   Type\t                                      Data\tState\n"
    f"{RULE}\n"
    "            192.168.1.103\t  alias\t                                  internal\tALIASED\n"
    "                 external\tprofile\t          sip:mod_sofia@192.168.1.103:5080\tRUNNING (0)\n"
    "                 internal\tprofile\t          sip:mod_sofia@192.168.1.103:5060\tRUNNING (1)\n"
    f"{RULE}\n"
    "2 profiles 1 alias\n"
)
PROFILE = f"""{RULE}
Name             	internal
Domain Name      	N/A
Auto-NAT         	true
DBName           	sofia_reg_internal
Pres Hosts       	192.168.1.103,192.168.1.103
Dialplan         	XML
Context          	public
Challenge Realm  	auto_from
RTP-IP           	192.168.1.103
Ext-RTP-IP       	203.0.113.9
SIP-IP           	192.168.1.103
Ext-SIP-IP       	203.0.113.9
URL              	sip:mod_sofia@192.168.1.103:5060
BIND-URL         	sip:mod_sofia@192.168.1.103:5060;transport=udp,tcp
HOLD-MUSIC       	local_stream://moh
OUTBOUND-PROXY   	N/A
CODECS IN        	OPUS,G722,PCMU,PCMA,H264,VP8
CODECS OUT       	OPUS,G722,PCMU,PCMA,H264,VP8
TEL-EVENT        	101
DTMF-MODE        	rfc2833
CNG              	13
SESSION-TO       	0
MAX-DIALOG       	0
MAX-RECV-RPS     	1000
NOMEDIA          	false
LATE-NEG         	true
PROXY-MEDIA      	false
AGGRESSIVENAT    	false
CALLS-IN         	0
FAILED-CALLS-IN  	0
CALLS-OUT        	1
FAILED-CALLS-OUT 	0
REGISTRATIONS    	0
"""


class TestStatus:
    async def test_profiles_and_aliases(self, type_in):
        assert await type_in("sofia status") == STATUS

    async def test_plurals(self, type_in, switch):
        internal, external = switch.shown.profiles
        switch.shown = replace(switch.shown, profiles=(external,))
        assert (await type_in("sofia status")).endswith("\n1 profile 0 aliases\n")
        switch.shown = replace(switch.shown, profiles=(replace(internal, aliases=("a", "b")),))
        assert (await type_in("sofia status")).endswith("\n1 profile 2 aliases\n")
        switch.shown = replace(switch.shown, profiles=())
        assert (await type_in("sofia status")).endswith("\n0 profiles 0 aliases\n")

    async def test_a_profile_that_does_not_run_is_not_listed(self, type_in, switch):
        internal, external = switch.shown.profiles
        switch.shown = replace(switch.shown, profiles=(internal, replace(external, running=False)))
        assert "external" not in await type_in("sofia status")


class TestProfile:
    async def test_the_block_has_a_rule_above_and_none_below(self, type_in):
        assert await type_in("sofia status profile internal") == PROFILE

    async def test_an_alias_is_the_profile_and_says_so(self, type_in):
        head = "Name             \tinternal\nDomain Name      \tN/A\n"
        aliased = "Name             \t192.168.1.103\nDomain Name      \tN/A\nAlias Of         \tinternal\n"
        assert await type_in("sofia status profile 192.168.1.103") == PROFILE.replace(head, aliased)
        info = json.loads(await type_in("sofia jsonstatus profile 192.168.1.103"))["profile-info"]
        assert (info["name"], info["alias-of"]) == ("192.168.1.103", "internal")

    async def test_without_an_external_address_both_lines_vanish(self, type_in, switch):
        private = replace(switch.shown.profiles[0], auto_nat=False, ext_sip_ip=None, ext_rtp_ip=None)
        switch.shown = replace(switch.shown, profiles=(private,))
        lines = [line for line in PROFILE.splitlines(keepends=True) if not line.startswith("Ext-")]
        expected = "".join(lines).replace("Auto-NAT         \ttrue", "Auto-NAT         \tfalse")
        assert await type_in("sofia status profile internal") == expected

    async def test_a_name_nobody_bears(self, type_in):
        assert await type_in("sofia status profile nobody") == "Invalid Profile!\n"
        assert await type_in("sofia status profile internal what") == "Invalid Syntax!\n"
        assert await type_in("sofia status what") == "Invalid Syntax!\n"
        assert await type_in("sofia status gateway example.com") == "Invalid Gateway!\n"


class TestRegistrations:
    def test_the_block(self, switch):
        now = 1_000_000.0
        expires = datetime.fromtimestamp(now + 118.4).strftime("%Y-%m-%d %H:%M:%S")
        assert registrations_text(switch.shown.registrations, "pbx1", now) == (
            f"\nRegistrations:\n{RULE}\n"
            "Call-ID:    \t1a2b3c@10.0.0.5\n"
            "User:       \t1000@192.168.1.103\n"
            'Contact:    \t"1000" <sip:1000@10.0.0.5:5060>\n'
            "Agent:      \tZ 3.9.32144\n"
            f"Status:     \tRegistered(UDP-NAT)(unknown) EXP({expires}) EXPSECS(118)\n"
            "Ping-Status:\tReachable\n"
            "Ping-Time:\t0.00\n"
            "Host:       \tpbx1\n"
            "IP:         \t198.51.100.7\n"
            "Port:       \t40000\n"
            "Auth-User:  \t1000\n"
            "Auth-Realm: \t192.168.1.103\n"
            "MWI-Account:\t1000@192.168.1.103\n"
            "\n"
            "Total items returned: 1\n"
            f"{RULE}\n"
        )

    async def test_chosen_by_contact_or_user(self, type_in):
        for words, found in {
            "reg": 1,
            "reg 10.0.0.5": 1,
            "reg 10.9.9.9": 0,
            "pres 192.168.1.103": 1,
            "pres elsewhere": 0,
            "user 1000@192.168.1.103": 1,
            "user @192.168.1.103": 1,
            "user 1001@192.168.1.103": 0,
        }.items():
            text = await type_in(f"sofia status profile internal {words}")
            assert f"Total items returned: {found}\n" in text, words
        assert "returned: 0" in await type_in("sofia status profile external reg")

    def test_a_phone_cannot_write_to_the_terminal(self, switch):
        phone = replace(switch.shown.registrations[0], agent="evil\x1b]0;title\x07\nIP: 1.2.3.4")
        assert "Agent:      \tevil\\x1b]0;title\\x07\\x0aIP: 1.2.3.4\n" in registrations_text(
            [phone], "h", 0.0
        )


TRUNK = TrunkSnapshot(
    name="example.com",
    profile="external",
    realm="example.com",
    username="joeuser",
    has_password=True,
    from_uri="sip:joeuser@example.com",
    contact="sip:gw+example.com@203.0.113.9:5080",
    extension="1000",
    to_uri="sip:joeuser@example.com",
    proxy="sip:sip.example.com",
    context="public",
    expires=3600,
    state="REGED",
    reason="",
    answered=None,
    up=True,
    next_try=1200.0,
    expires_in=1800.0,
    ping_interval=25,
    ping_reachable=True,
    ping_seconds=0.0123,
    ping_min=1,
    ping_count=1,
    ping_max=1,
    uptime=61.4,
    registrar=None,
    calls_in=3,
    failed_calls_in=1,
    calls_out=5,
    failed_calls_out=2,
)
GATEWAY = f"""{RULE}
Name    	example.com
Profile 	external
Scheme  	Digest
Realm   	example.com
Username	joeuser
Password	yes
From    	<sip:joeuser@example.com>
Contact 	<sip:gw+example.com@203.0.113.9:5080>
Exten   	1000
To      	sip:joeuser@example.com
Proxy   	sip:sip.example.com
Context 	public
Expires 	3600
Freq    	1800
Ping    	1
PingFreq	25
PingTime	12.30
PingState	1/1/1
State   	REGED
Status  	UP (ping)
Uptime  	61s
CallsIN 	3
CallsOUT	5
FailedCallsIN	1
FailedCallsOUT	2
{RULE}
"""


class TestGateways:
    @pytest.fixture(autouse=True)
    def a_trunk(self, switch):
        switch.shown = replace(switch.shown, trunks=(TRUNK,))

    async def test_one_in_full(self, type_in):
        assert await type_in("sofia status gateway example.com") == GATEWAY
        assert await type_in("sofia status gateway external::example.com") == GATEWAY
        assert await type_in("sofia status gateway another.example") == "Invalid Gateway!\n"

    async def test_the_table(self, type_in):
        head, rule, row, end, total = (await type_in("sofia status gateway")).splitlines()
        assert head.split("\t")[0].strip() == "Profile::Gateway-Name"
        assert (rule, end) == (RULE, RULE)
        cells = [cell.strip() for cell in row.split("\t")]
        assert cells == ["external::example.com", TRUNK.to_uri, "REGED", "12.30", "1/3", "2/5"]
        assert total == "1 gateway: Inbound(Failed/Total): 1/3,Outbound(Failed/Total):2/5"

    async def test_among_the_profiles(self, type_in):
        line = "    external::example.com\tgateway\t                   sip:joeuser@example.com\tREGED\n"
        assert line in await type_in("sofia status")

    @pytest.mark.parametrize(
        ("state", "next_try", "shown"),
        [
            ("FAIL_WAIT", 29.6, "FAIL_WAIT (retry: 30s)"),
            ("FAILED", None, "FAILED (retry: NEVER)"),
            ("EXPIRED", 29.6, "EXPIRED"),
            ("NOREG", None, "NOREG"),
            ("DOWN", None, "DOWN"),
        ],
    )
    async def test_how_it_goes(self, type_in, switch, state, next_try, shown):
        switch.shown = replace(switch.shown, trunks=(replace(TRUNK, state=state, next_try=next_try),))
        assert f"\t{shown}\n" in await type_in("sofia status")


class TestUsage:
    async def test_the_block_is_framed_and_ends_with_help(self, type_in):
        lines = (await type_in("sofia")).splitlines()
        assert lines[:2] == ["USAGE:", "-" * 80]
        assert lines[-2:] == ["sofia help", "-" * 80]
        theirs = iter(lines)  # ours are between them
        assert all(line in theirs for line in USAGE.splitlines())
        assert await type_in("sofia help") == await type_in("sofia")

    async def test_an_unknown_word(self, type_in):
        assert await type_in("sofia frobnicate") == "Unknown Command [frobnicate]\n"


class TestLevels:
    async def test_a_component_keeps_what_it_was_told(self, type_in, caplog):
        said = "Sofia log level for component [nua] has been set to [9]"
        assert await type_in("sofia loglevel nua 9") == said
        assert "chooses nothing here" in caplog.text
        assert await type_in("sofia loglevel NUA") == "Sofia-sip loglevel for [nua] is [9]"
        assert await type_in("sofia loglevel soa") == "Sofia-sip loglevel for [soa] is [0]"
        await type_in("sofia loglevel all 3")
        assert await type_in("sofia loglevel soa") == "Sofia-sip loglevel for [soa] is [3]"

    @pytest.mark.parametrize("words", ["", "what", "what 3", "all 10"])
    async def test_what_is_none(self, type_in, words):
        assert await type_in(f"sofia loglevel {words}") == await type_in("sofia help")

    async def test_traced_messages_have_the_level_that_was_said(self, type_in, switch):
        assert await type_in("sofia tracelevel") == "+OK tracelevel is CONSOLE"
        assert await type_in("sofia tracelevel debug") == "+OK tracelevel is DEBUG"
        assert switch.trace_level == logging.DEBUG
        assert await type_in("sofia tracelevel loud") == "+OK tracelevel is DEBUG"


class TestDig:
    async def test_places_in_the_order_to_try(self, type_in, switch):
        switch.places = [("UDP", Endpoint("192.0.2.1", 5060)), ("TLS", Endpoint("2001:db8::1", 5061))]
        assert await type_in("sofia_dig sip:example.com") == (
            "Preference\t    Weight\t Transport\t      Port\t   Address\n" + "=" * 80 + "\n"
            "         1\t     1.000\t       udp\t      5060\t 192.0.2.1\n"
            "         2\t     1.000\t       tls\t      5061\t2001:db8::1\n"
        )
        assert switch.asked == [("locate", "sip:example.com")]
        route = ElementTree.fromstring(await type_in("sofia_dig example.com xml"))[0]
        assert [(each.tag, each.text) for each in route] == [
            ("preference", "1"), ("weight", "1.000"), ("transport", "udp"), ("port", "5060"),
            ("address", "192.0.2.1"),
        ]  # fmt: skip

    async def test_nowhere(self, type_in):
        assert await type_in("sofia_dig") == "-USAGE: <url> [xml]\n"
        assert (await type_in("sofia_dig a\x1bb")).endswith("\n-ERR: a\\x1bb: not found\n")


class TestGatewayData:
    @pytest.mark.parametrize(
        ("words", "value"),
        [
            ("itsp ivar a", "in"),
            ("itsp ovar a", "out"),
            ("itsp var a", "in"),
            ("itsp VAR b", "both"),
            ("external::itsp ovar b", "both"),
            ("itsp ivar c", ""),
            ("itsp what a", ""),
            ("itsp var", ""),
            ("nobody var a", ""),
        ],
    )
    async def test_a_variable_for_either_way(self, type_in, words, value):
        assert await type_in(f"sofia_gateway_data {words}") == value

    async def test_without_words(self, type_in):
        assert await type_in("sofia_gateway_data") == "-ERR Parameter missing\n"


class TestAProfileWithAFilter:
    async def test_names_it_below_the_nat(self, type_in, switch):
        profiles = tuple(replace(each, user_agent_filter="^Snom") for each in switch.shown.profiles)
        switch.shown = replace(switch.shown, profiles=profiles)
        text = await type_in("sofia status profile internal")
        assert "AGGRESSIVENAT    \tfalse\nUSER-AGENT-FILTER\t^Snom\nCALLS-IN" in text


class TestTheLayoutOf2009:
    async def test_gateways_without_their_profile_in_narrower_columns(self, type_in, switch):
        switch.layout = "2009-09"
        switch.shown = replace(switch.shown, trunks=(TRUNK,))
        assert await type_in("sofia status") == OLD_STATUS

    async def test_a_profile_has_that_ages_lines_and_its_phones_below(self, type_in, switch):
        switch.layout = "2009-09"
        text = await type_in("sofia status profile internal")
        labels = [line.split("\t")[0].strip() for line in text.partition("\n\n")[0].splitlines()[1:]]
        assert "CODECS" in labels
        assert labels[labels.index("AGGRESSIVENAT") + 1 :][:2] == ["STUN-ENABLED", "STUN-AUTO-DISABLE"]
        assert not {"Auto-NAT", "CODECS IN", "CODECS OUT", "MAX-RECV-RPS", "REGISTRATIONS"} & set(labels)

    async def test_what_a_profile_says_of_stun(self, type_in, switch):
        switch.layout = "2009-09"
        profiles = [
            replace(each, stun_enabled=False, stun_auto_disable=True) for each in switch.shown.profiles
        ]
        switch.shown = replace(switch.shown, profiles=tuple(profiles))
        text = await type_in("sofia status profile internal")
        assert "STUN-ENABLED     \tfalse\nSTUN-AUTO-DISABLE\ttrue\n" in text
        assert "\nRegistrations:\n" in text


class TestForPrograms:
    async def test_xml(self, type_in):
        root = ElementTree.fromstring(await type_in("sofia xmlstatus"))
        found = [(each.findtext("name"), each.findtext("type")) for each in root.iter("profile")]
        assert ("internal", "profile") in found
        assert root.findtext("alias/state") == "ALIASED"
        info = ElementTree.fromstring(await type_in("sofia xmlstatus profile internal reg"))
        assert info.findtext("registrations/registration/user") == "1000@192.168.1.103"
        info = ElementTree.fromstring(await type_in("sofia xmlstatus profile internal"))
        assert info.findtext("profile-info/ext-rtp-ip") == "203.0.113.9"
        assert await type_in("sofia xmlstatus profile nobody") == "Invalid Profile!\n"

    async def test_a_profile_with_tls_is_two_rows(self, type_in, switch):
        one = replace(switch.shown.profiles[0], tls_url="sip:mod_sofia@192.168.1.103:5061")
        switch.shown = replace(switch.shown, profiles=(one, *switch.shown.profiles[1:]))
        root = ElementTree.fromstring(await type_in("sofia xmlstatus"))
        states = [
            each.findtext("state") for each in root.iter("profile") if each.findtext("name") == one.name
        ]
        assert states == [f"RUNNING ({one.sessions})", f"RUNNING ({one.sessions}) (TLS)"]

    async def test_json(self, type_in):
        told = json.loads(await type_in("sofia jsonstatus"))
        assert told["profiles"]["internal"]["state"] == "RUNNING (1)"
        info = json.loads(await type_in("sofia jsonstatus profile internal"))
        assert info["profile-info"]["ext-sip-ip"] == "203.0.113.9"
        reg = json.loads(await type_in("sofia jsonstatus profile internal reg"))
        assert reg["registrations"][0]["agent"] == "Z 3.9.32144"
