"""The tree we ship, and trees that look like FreeSWITCH's."""

from __future__ import annotations

import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from ringthru.switch.configuration import (
    Action,
    AddressKind,
    Dialplan,
    Directory,
    LoadedConfiguration,
    SwitchSettings,
    load_access_lists,
    load_profiles,
    load_tree,
    weak_secrets,
)

CONF = Path(__file__).parents[2] / "conf"
BUILT_IN = {"local_ip_v4": "192.168.1.103", "generated_password": "xK93-fjw0-Qpzm"}
LAN = "192.168.1.0/24"


def nobody_asks() -> NoReturn:
    raise AssertionError("no condition looks at the time")


def hunt(loaded: LoadedConfiguration, context: str, number: str, **more: str) -> tuple[Action, ...]:
    fields = {"destination_number": number, **more}
    return Dialplan.read(loaded.tree).route(context, fields.get, nobody_asks).actions


@pytest.fixture(scope="module")
def ours() -> LoadedConfiguration:
    return load_tree(CONF, BUILT_IN, {})


class TestOurTree:
    def test_loads_without_a_complaint(self, ours, caplog):
        caplog.set_level(logging.INFO)
        directory = Directory.read(ours.tree)
        load_profiles(ours.tree)
        SwitchSettings.read(ours.tree)
        Dialplan.read(ours.tree)
        load_access_lists(ours.tree, directory, LAN)
        assert ours.warnings == ()
        assert [r.getMessage() for r in caplog.records] == ["Created ip list domains default (deny)"]

    def test_two_profiles_behind_whatever_gateway_there_is(self, ours):
        profiles = {each.name: each for each in load_profiles(ours.tree)}
        found = {name: (p.sip_port, p.auth_calls, p.context) for name, p in profiles.items()}
        assert found == {"internal": (5060, True, "public"), "external": (5080, False, "public")}
        assert {p.ext_sip_ip.kind for p in profiles.values()} == {AddressKind.AUTO_NAT}
        assert {p.ext_rtp_ip.kind for p in profiles.values()} == {AddressKind.AUTO_NAT}

    def test_four_users_with_the_generated_password(self, ours):
        directory = Directory.read(ours.tree)
        assert [str(user) for user in directory.users()] == [f"100{i}@192.168.1.103" for i in range(4)]
        assert {user.password for user in directory.users()} == {"xK93-fjw0-Qpzm"}
        assert {user.variables["user_context"] for user in directory.users()} == {"default"}
        assert weak_secrets(directory) == []
        assert directory.find_user(None, "1000").dial_string == (
            "${sofia_contact(*/${dialed_user}@${dialed_domain})}"
        )

    def test_without_a_generated_password_the_guard_would_speak(self):
        directory = Directory.read(load_tree(CONF, {"local_ip_v4": "192.168.1.103"}, {}).tree)
        assert {reason for _, reason in weak_secrets(directory)} == {"is empty"}

    @pytest.mark.parametrize("context", ["default", "public"])
    @pytest.mark.parametrize("number", ["9196", "9996"])
    def test_the_echo_test_is_everywhere(self, ours, context, number):
        actions = hunt(ours, context, number)
        assert [action.application for action in actions] == ["answer", "echo"]

    def test_our_users_reach_each_other(self, ours):
        first, *_, bridge, last = hunt(ours, "default", "1002")
        assert (first.application, first.data) == ("export", "dialed_extension=1002")
        assert (bridge.application, bridge.data) == ("bridge", "user/${dialed_extension}@${domain_name}")
        assert (last.application, last.data) == ("voicemail", "default 192.168.1.103 ${dialed_extension}")
        assert ours.variables["domain_name"] == "192.168.1.103"

    @pytest.mark.parametrize(
        "number", ["1000", "1003", "2000", "9195", "9197", "91960", "0044123456789", "sip:x@y", ""]
    )
    def test_strangers_reach_nothing_else(self, ours, number):
        assert hunt(ours, "public", number) == ()

    @pytest.mark.parametrize(
        ("number", "last"),
        [
            ("9195", ("delay_echo", "5000")),
            ("9995", ("delay_echo", "5000")),
            ("9664", ("playback", "${hold_music}")),
            ("9197", ("playback", "tone_stream://%(10000,0,1004);loops=-1")),
            ("2000", ("bridge", "group/default@${domain_name}")),
        ],
    )
    def test_what_else_our_users_can_dial(self, ours, number, last):
        *_, action = hunt(ours, "default", number)
        assert (action.application, action.data) == last

    @pytest.mark.parametrize("number", ["1000", "1003", "1099", "2000"])
    def test_a_provider_reaches_the_phones(self, ours, number):
        (action,) = hunt(ours, "public", number, sip_gateway_name="example.com")
        assert (action.application, action.data) == ("execute_extension", f"{number} XML default")

    @pytest.mark.parametrize("number", ["0044123456789", "1100", "3000", "9195", "sip:x@y"])
    def test_a_provider_reaches_nothing_else(self, ours, number):
        assert hunt(ours, "public", number, sip_gateway_name="example.com") == ()

    @pytest.mark.parametrize(
        ("dialled", "sent"),
        [
            ("00441234", "0441234"),
            ("0+441234", "+441234"),
            ("+441234", "+441234"),
            ("112", "112"),
            ("911", "911"),
        ],
    )
    def test_with_a_default_gateway_nought_leads_out(self, ours, dialled, sent):
        *_, action = hunt(ours, "default", dialled, default_gateway="itsp")
        assert (action.application, action.data) == ("bridge", f"sofia/gateway/${{default_gateway}}/{sent}")

    def test_a_user_that_is_added_can_be_called(self, ours):
        *_, bridge, _ = hunt(ours, "default", "1004")
        assert (bridge.application, bridge.data) == ("bridge", "user/${dialed_extension}@${domain_name}")

    def test_without_one_it_leads_nowhere(self, ours):
        assert ours.variables["default_gateway"] == ""
        for number in ("00441234", "+441234", "112"):
            assert hunt(ours, "default", number, default_gateway="") == ()
        assert hunt(ours, "public", "00441234", default_gateway="itsp") == ()


def test_the_example_of_a_provider_is_one_when_its_comment_marks_are_gone(tmp_path):
    shutil.copytree(CONF, tmp_path, dirs_exist_ok=True)
    example = tmp_path / "sip_profiles" / "external" / "example.xml"
    example.write_text(example.read_text().replace("<!--", "").replace("-->", ""))
    external, _ = load_profiles(load_tree(tmp_path, BUILT_IN, {}).tree)
    (trunk,) = external.trunks
    assert (trunk.name, trunk.proxy, trunk.extension, trunk.ping) == (
        "example.com",
        "sip.example.com",
        "1000",
        25,
    )


LOOKALIKE = {
    "freeswitch.xml": """<?xml version="1.0"?>
<document type="freeswitch/xml">
  <X-PRE-PROCESS cmd="exec-set" data="test=echo 1234"/>
  <X-PRE-PROCESS cmd="include" data="vars.xml"/>
  <section name="configuration" description="Various Configuration">
    <X-PRE-PROCESS cmd="include" data="autoload_configs/*.xml"/>
  </section>
  <section name="dialplan"><X-PRE-PROCESS cmd="include" data="dialplan/*.xml"/></section>
  <section name="chatplan"><X-PRE-PROCESS cmd="include" data="chatplan/*.xml"/></section>
  <section name="directory"><X-PRE-PROCESS cmd="include" data="directory/*.xml"/></section>
  <section name="languages"><language name="en"/></section>
</document>""",
    "vars.xml": """<include>
  <!-- NOTICE: X-PRE-PROCESS lines cannot be commented out -- really: $${hostname} -->
  <X-PRE-PROCESS cmd="set" data="default_password=1234"/>
  <X-PRE-PROCESS cmd="set" data="domain=$${local_ip_v4}"/>
  <X-PRE-PROCESS cmd="set" data="bong-ring=v=-7;%(100,0,941.0,1477.0);v=-7;>=2;+=.1"/>
  <X-PRE-PROCESS cmd="stun-set" data="external_rtp_ip=stun:stun.example.org"/>
  <X-PRE-PROCESS cmd="stun-set" data="external_sip_ip=stun:stun.example.org"/>
</include>""",
    "autoload_configs/modules.conf.xml": """<configuration name="modules.conf"><modules>
  <load module="mod_sofia"/></modules></configuration>""",
    "autoload_configs/sofia.conf.xml": """<configuration name="sofia.conf">
  <global_settings><param name="log-level" value="0"/></global_settings>
  <profiles><X-PRE-PROCESS cmd="include" data="../sip_profiles/*.xml"/></profiles></configuration>""",
    "autoload_configs/switch.conf.xml": """<configuration name="switch.conf">
  <cli-keybindings><key name="1" value="help"/></cli-keybindings>
  <settings><param name="colorize-console" value="true"/><param name="max-sessions" value="1000"/></settings>
</configuration>""",
    "sip_profiles/internal.xml": """<profile name="internal">
  <gateways></gateways>
  <domains><domain name="all" alias="true" parse="false"/></domains>
  <settings>
    <param name="context" value="public"/>
    <param name="sip-ip" value="$${local_ip_v4}"/>
    <param name="auth-calls" value="true"/>
    <param name="record-template" value="${caller_id_number}.${strftime(%Y)}.wav"/>
    <param name="force-register-db-domain" value="$${domain}"/>
    <param name="ext-rtp-ip" value="$${external_rtp_ip}"/>
    <param name="ext-sip-ip" value="$${external_sip_ip}"/>
  </settings></profile>""",
    "sip_profiles/external.xml": """<profile name="external">
  <gateways><X-PRE-PROCESS cmd="include" data="external/*.xml"/></gateways>
  <settings><param name="sip-port" value="5080"/><param name="auth-calls" value="false"/></settings>
</profile>""",
    "sip_profiles/external/example.xml": '<include>\n<gateway name="asterlink.com"/>\n</include>',
    "directory/default.xml": """<include><domain name="$${domain}">
  <groups><group name="default"><users><X-PRE-PROCESS cmd="include" data="default/*.xml"/></users></group>
  <group name="sales"><users><user id="1000" type="pointer"/></users></group></groups></domain></include>""",
    "directory/default/1000.xml": """<include><user id="1000"><params>
  <param name="password" value="$${default_password}"/>
  <param name="vm-password" value="1000"/></params></user>
</include>""",
    "dialplan/default.xml": """<?xml version="1.0" encoding="utf-8"?>
<include><context name="default">
  <extension name="unloop">
    <condition field="${unroll_loops}" expression="^true$"/>
    <condition field="${sip_looped_call}" expression="^true$"><action application="deflect"/></condition>
  </extension>
  <extension name="tod_example" continue="true">
    <condition wday="2-6" hour="9-18"><action application="set" data="open=true"/></condition>
  </extension>
  <extension name="global" continue="true">
    <condition field="${call_debug}" expression="^true$" break="never">
      <action application="info"/></condition>
    <condition><action application="hash" data="insert/${domain_name}/${uuid}"/></condition>
  </extension>
  <extension name="Local_Extension">
    <condition field="destination_number" expression="^(10[01][0-9])$">
      <action application="export" data="dialed_extension=$1"/>
      <action application="bridge" data="user/${dialed_extension}@${domain_name}"/>
    </condition>
  </extension>
</context></include>""",
}


class TestFreeswitchsLayout:
    @pytest.fixture
    def theirs(self, tmp_path) -> LoadedConfiguration:
        for name, text in LOOKALIKE.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return load_tree(tmp_path, BUILT_IN, {})

    def test_only_what_would_be_executed_is_warned_of(self, theirs):
        assert [warning.split(": ")[1].split()[0] for warning in theirs.warnings] == [
            "exec-set",
        ]

    def test_unknown_sections_are_nobodys_business(self, theirs):
        assert theirs.tree.sections == ("configuration", "dialplan", "chatplan", "directory", "languages")

    def test_profiles(self, theirs, caplog):
        external, internal = load_profiles(theirs.tree)
        assert (external.name, external.sip_port) == ("external", 5080)
        assert internal.sip_ip == "192.168.1.103"
        assert internal.ext_sip_ip.kind is AddressKind.STUN  # asked once the switch runs
        assert "gateway asterlink.com is to be registered with, but has no username" in caplog.text

    def test_the_password_everybody_knows_is_found(self, theirs):
        assert weak_secrets(Directory.read(theirs.tree)) == [
            ("1000@192.168.1.103", "is on every list of common passwords")
        ]

    def test_the_dialplan_hunts_as_there(self, theirs):
        fields = {"destination_number": "1000", "unroll_loops": "true"}
        sunday, monday = (datetime(2026, 11, day, 12, tzinfo=UTC) for day in (29, 30))
        plan = Dialplan.read(theirs.tree)
        actions = plan.route("default", fields.get, lambda: sunday).actions
        assert [action.application for action in actions] == ["hash", "export", "bridge"]
        opened, *_ = plan.route("default", fields.get, lambda: monday).actions
        assert opened.data == "open=true"
        assert actions[1].data == "dialed_extension=1000"
