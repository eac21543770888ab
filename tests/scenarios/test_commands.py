"""The commands against a switch with phones: FreeSWITCH's texts, and that what they say is so."""

from __future__ import annotations

import asyncio
import json
import re
import wave
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ringthru.console import general
from ringthru.console.logs import Logs
from ringthru.console.standard import standard_table
from ringthru.switch.configuration.local_stream_settings import StreamSettings

from .home import PASSWORD, Home, Say
from .parked import PLACES, parked
from .stun_server import StunServer
from .waiting import eventually

NOBODY = "7f4de4bc-17d7-4b8a-8e2f-4d0f8c1b0a11"
NO_CHANNEL = "-ERR No such channel!\n"


@pytest.fixture
def edits() -> dict[str, Any]:
    return PLACES


class TestWrongWords:
    @pytest.mark.parametrize(
        ("line", "body"),
        [
            ("uuid_answer", "-ERROR\n"),
            ("uuid_park", "-USAGE: <uuid>\n"),
            ("uuid_bridge x", "-USAGE: <uuid> <other_uuid>\n"),
            ("uuid_transfer x", "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"),
            ("uuid_hold", "-USAGE: [off|toggle] <uuid> [<display>]\n"),
            ("uuid_broadcast x", "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"),
            ("uuid_send_dtmf x", "-USAGE: <uuid> <dtmf_data>\n"),
            ("uuid_break", "-USAGE: <uuid> [all]\n"),
            ("uuid_audio x", "-USAGE: <uuid> [start [read|write] [mute|level <level>]|stop]\n"),
            ("uuid_displace x start", "-USAGE: <uuid> [start|stop] <path> [<limit>] [mux]\n"),
            ("uuid_flush_dtmf", "-ERR No such session\n"),
            ("uuid_set_media_stats", "-USAGE: <uuid>\n"),
            ("sched_hangup +5", "-USAGE: [+]<time> <uuid> [<cause>]\n"),
            (
                "sched_api soon none status",
                "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n",
            ),
            ("sched_broadcast +5 x", "-USAGE: [[+]<time>|@time] <uuid> <path> [aleg|bleg|both]\n"),
            ("sched_del", "-ERR Invalid syntax\n"),
            ("unsched_api", "-ERR Invalid syntax. USAGE: <task_id>\n"),
            ("bgapi", "-ERR Invalid syntax\n"),
            ("user_exists id", "false"),
            ("user_data 1000", ""),
            ("in_group 1000", "false"),
            ("cond", "-ERR"),
            ("regex x", "-ERR"),
            ("md5", "!err!"),
            ("group_call", "error/NO_ROUTE_DESTINATION"),
            ("host_lookup", "parameter missing\n"),
            ("limit_usage hash", "USAGE: limit_usage <backend> <realm> <id> [rate]\n"),
            ("stun", "-STUN Failed! NO STUN SERVER\n"),
            ("json", "-ERR No JSON supplied.\n"),
            ("json {", "-ERR Parse error.\n"),
            ("expand", "-ERR No input\n"),
            ("reload", "-USAGE: [-f] <mod_name>\n"),
            ("global_setvar x", "-USAGE: <var>=<value> [=<value2>]\n"),
            ("coalesce", "-USAGE: [^^<delim>]<value1>,<value2>,...\n"),
            ("sql_escape", "-USAGE: <string>\n"),
            ("escape", ""),
            ("db", "!err!"),
            ("db insert/a/b", "!err!"),
            ("group", "!err!"),
            ("chat", "Invalid"),
            ("chat sip|1000|1001", "Invalid"),
            ("chat telex|1000|1001|hello", "Error! Message Not Sent"),
            ("chat sip|1000@a b|1001|hello", "Error! Message Not Sent"),
            ("chat sip|1000|1001|hello|not a kind", "Error! Message Not Sent"),
            ("limit_status", "USAGE: limit_status <backend>\n"),
            ("limit_status redis", "-ERR"),
            ("limit_reset", "USAGE: limit_reset <backend>\n"),
            ("limit_reset redis", "-ERR"),
            ("limit_interval_reset hash a", "USAGE: limit_interval_reset <backend> <realm> <resource>\n"),
            ("uuid_limit_release x", "USAGE: uuid_limit_release <uuid> <backend> [realm] [resource]\n"),
            ("local_stream", "-USAGE: <show|start|reload|stop|hup> <local_stream_name>\n"),
            ("local_stream reload nothing", "-ERR Cannot locate local_stream nothing!\n"),
            ("xml_locate", "-Error bad args\n"),
            ("xml_locate a b c", "-Error bad args\n"),
            ("xml_locate nothing", "can't find anything\n"),
            ("find_user_xml id 1000", "-Error bad args\n"),
            ("find_user_xml id 4711 nowhere", "-Error can't find user\n"),
            ("time_test", "parameter missing\n"),
            ("expand nothing 1", "-ERR Cannot execute command\n"),
            ("show calls as pdf", "-ERR Cannot find format pdf\n"),
        ],
    )
    async def test_are_answered_with_what_is_meant(self, say: Say, line: str, body: str) -> None:
        assert await say(line) == body

    @pytest.mark.parametrize("name", ["park", "dump", "kill", "getvar a", "fileman pause"])
    async def test_a_leg_that_is_not_there(self, say: Say, name: str) -> None:
        name, _, rest = name.partition(" ")
        assert await say(f"uuid_{name} {NOBODY} {rest}".strip()) == NO_CHANNEL

    @pytest.mark.parametrize(
        ("line", "body"),
        [
            ("answer UUID", "-ERROR\n"),
            ("pre_answer UUID", "-ERROR\n"),
            ("ring_ready UUID", "-ERROR\n"),
            ("early_ok UUID", "-ERROR\n"),
            ("flush_dtmf UUID", "-ERR No such session\n"),
            ("send_dtmf UUID 1", "-ERR Cannot locate session!\n"),
            ("recv_dtmf UUID 1", "-ERR Cannot locate session!\n"),
            ("displace UUID start x.wav", "-ERR Cannot locate session!\n"),
            ("record UUID start x.wav", "-ERR Cannot locate session!\n"),
            ("deflect UUID sip:1@host", "-ERR No such channel UUID!\n"),
            ("chat UUID hello", "-ERR No such channel UUID!\n"),
            ("set_media_stats UUID", "-ERR No such channel UUID!\n"),
            ("limit UUID hash a b", "-ERR Cannot find session with uuid UUID\n"),
            ("limit_release UUID hash", "-ERR Cannot find session with uuid UUID\n"),
            ("phone_event UUID", "-ERR Operation failed\n"),
            ("send_info UUID x", "-ERR Operation Failed\n"),
            ("media UUID", "-ERR Operation failed\n"),
            ("display UUID x", "-ERR Operation failed\n"),
            ("media_reneg UUID", "-ERR Operation Failed\n"),
            ("buglist UUID", ""),
        ],
    )
    async def test_each_has_freeswitchs_word_for_it(self, say: Say, line: str, body: str) -> None:
        assert await say(f"uuid_{line.replace('UUID', NOBODY)}") == body.replace("UUID", NOBODY)

    async def test_legs_that_are_not_there(self, say: Say) -> None:
        assert await say(f"uuid_bridge {NOBODY} {NOBODY}") == "-ERR Invalid uuid\n"
        assert await say(f"uuid_broadcast {NOBODY} x.wav") == "-ERR invalid uuid\n"
        assert await say(f"uuid_transfer {NOBODY} 77") == NO_CHANNEL
        assert await say(f"uuid_send_message {NOBODY} hello") == "-ERR Unable to find session for UUID\n"
        assert await say(f"uuid_hold {NOBODY}") == "-ERR Operation failed\n"
        assert await say(f"sched_hangup +5 {NOBODY}") == NO_CHANNEL

    async def test_whatever_stands_behind_a_name_nothing_breaks(
        self, home: Home, logs: Logs, caplog: Any
    ) -> None:
        table = standard_table(logs)
        words = (
            "",
            "x",
            NOBODY,
            f"{NOBODY} x",
            "a b c d e f g h i j k l",
            "' \x1b[2J \u202e %s",
            "-1 +1 @1 0",
        )
        for command in table:
            if command.name in ("shutdown", "...", "nat_map", "fsctl"):
                continue
            for behind in words:
                async with asyncio.timeout(30):
                    said = await table.run(home.switch, f"{command.name} {behind}")
                assert " failed: " not in said, (command.name, behind, said)
                if command.name.startswith(("uuid_", "sofia", "show", "sched_")):  # others return their words
                    assert "\x1b" not in said, (command.name, behind)
        assert not [each for each in caplog.records if each.exc_info]
        assert await table.run(home.switch, "fsctl shutdown_check") == "false"
        await parked(home)  # calls are taken as before


class TestQuestions:
    @pytest.mark.parametrize(
        ("line", "body"),
        [
            ("md5 secret", "5ebe2294ecd0e0f08eab7690d2a6ee69"),
            ("url_encode a b&c", "a%20b%26c"),
            ("url_decode a%20b", "a b"),
            ("regex 1000|^1(...)$|%1", "000"),
            ("regex 1000|^2", "false"),
            ("cond 5 > 3 ? yes : no", "yes"),
            ("expr 6*7", "42"),
            ("echo  what I said ", "what I said"),
            ("eval ${hostname}-${expr(1+1)}", "HOST-2"),
            ("expand echo ${expr(2+2)}", "4"),
            ("user_exists id 1000 DOMAIN", "true"),
            ("user_data 1000@DOMAIN var user_context", "default"),
            ("domain_exists nowhere", "false"),
            ("in_group 1000@DOMAIN default", "true"),
            ("in_group 4711@DOMAIN default", "false"),
            ("sofia_contact 1000@DOMAIN", "error/user_not_registered"),
            ("module_exists mod_sofia", "true"),
            ("module_exists mod_db", "true"),
            ("db insert/forward/1000/2000", "+OK"),
            ("group insert:sales:user/1000", "+OK"),
            ("escape a b$", r"a\sb\$"),
            ("sql_escape it's", "it''s"),
            ("coalesce ,b", "b"),
            ("acl 10.1.2.3 rfc1918.auto", "true"),
            ("domain_data DOMAIN var nothing", ""),
            ("domain_data DOMAIN param dial-string", "${sofia_contact(*/${dialed_user}@${dialed_domain})}"),
            ("domain_data DOMAIN param password", ""),
            ("domain_data nowhere attr name", ""),
            ("sofia_username_of 1000@DOMAIN", ""),
            ("xml_flush_cache", "+OK cleared 0 entries\n"),
            ("module_exists mod_moonphase", "false"),
        ],
    )
    async def test_are_answered_as_in_the_dialplan(self, home: Home, say: Say, line: str, body: str) -> None:
        domain = home.switch.calls.directory.default_domain
        answer = await say(line.replace("DOMAIN", domain))
        assert answer == body.replace("HOST", home.switch.variables["hostname"])

    async def test_the_directory_and_who_is_registered(self, home: Home, say: Say) -> None:
        domain = home.switch.calls.directory.default_domain
        assert await say(f"sofia_count_reg 1000@{domain}") == "0"
        await home.registered_phone()
        assert await say(f"sofia_count_reg internal/1000@{domain}") == "1"
        head, *rows, _, last = (await say("list_users user 1000")).splitlines()
        assert (head[:22], last) == ("userid|context|domain|", "+OK")
        assert [each.split("|")[:4] for each in rows] == [["1000", "default", domain, "default"]]
        assert "sofia/internal/" in rows[0]
        assert len((await say("list_users group default")).splitlines()) > 4
        assert (await say("list_users colour blue")).startswith("-USAGE: [group")

    async def test_as_whom_a_phone_logged_in(self, home: Home, say: Say) -> None:
        domain = home.switch.calls.directory.default_domain
        await home.registered_phone()
        assert await say(f"sofia_username_of internal/1000@{domain}") == "1000"

    async def test_a_text_to_a_users_phones(self, home: Home, say: Say) -> None:
        phone = await home.registered_phone("1001")
        domain = home.switch.calls.directory.default_domain
        assert await say(f"chat sip|1000@{domain}|internal/1001@{domain}|dinner is ready") == "Sent"
        (message,) = await eventually(lambda: phone.requests)
        assert (message.method, message.body) == ("MESSAGE", b"dinner is ready")
        assert (message.from_.uri.user, message.get("Content-Type")) == ("1000", "text/plain")
        assert await say("chat sip|1000|1002|is anybody there?") == "Error! Message Not Sent"

    async def test_the_configuration_as_xml_without_its_secrets(self, home: Home, say: Say) -> None:
        domain = home.switch.calls.directory.default_domain
        root = ElementTree.fromstring(await say("xml_locate root"))
        assert {each.get("name") for each in root.findall("section")} >= {"directory", "dialplan"}
        found = ElementTree.fromstring(await say(f"xml_locate directory domain name {domain}"))
        assert (found.tag, found.get("name")) == ("domain", domain)
        users = {each.get("id"): each for each in found.iter("user")}
        assert "1000" in users
        user = ElementTree.fromstring(await say(f"find_user_xml id 1000 {domain}"))
        params = {each.get("name"): each.get("value") for each in user.iter("param")}
        assert params["password"] == ""
        assert params["dial-string"].startswith("${sofia_contact(")
        for line in ("xml_locate root", "xml_locate directory", f"find_user_xml id 1000 {domain}"):
            assert PASSWORD not in await say(line)

    async def test_how_long_a_nap_takes(self, say: Say) -> None:
        first, second, average = (await say("time_test 1 2")).splitlines()
        assert re.fullmatch(r"test 1 sleep 1 \d+", first)
        assert re.fullmatch(r"test 2 sleep 1 \d+", second)
        assert re.fullmatch(r"avg \d+", average)

    async def test_music(self, home: Home, say: Say) -> None:
        home.switch.calls.sounds.use([StreamSettings("moh", Path("/music"))])
        assert await say("local_stream show") == "moh,/music\n"
        assert await say("local_stream show moh") == "moh\n  location: /music\n  shuffle:  false\n"
        assert await say("local_stream start moh") == "+OK stream: moh"
        assert (await say("local_stream stop moh")).startswith("-ERR a stream is only played")

    async def test_music_whose_files_have_changed(self, home: Home, say: Say, tmp_path: Path) -> None:
        sounds = home.switch.calls.sounds
        sounds.use([StreamSettings("moh", tmp_path)])
        tones = await sounds.load("local_stream://moh", {})
        with wave.open(str(tmp_path / "a.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(16_000))
        assert await say("local_stream reload moh") == "+OK"
        music = await sounds.load("local_stream://moh", {})
        assert (len(music.ulaw), len(tones.ulaw) != 8000) == (8000, True)

    async def test_a_name(self, say: Say) -> None:
        assert await say("host_lookup 192.0.2.7") == "192.0.2.7"

    async def test_an_identifier(self, say: Say) -> None:
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", await say("create_uuid"))

    async def test_global_variables(self, say: Say) -> None:
        assert await say("global_setvar town=Delft") == "+OK"
        assert await say("global_getvar town") == "Delft"
        assert await say("global_setvar town=Gouda =Leiden") == "-ERR Not set\n"
        assert await say("global_setvar town=Gouda =Delft") == "+OK"
        await say("global_setvar town=")
        assert await say("global_getvar town") == ""

    async def test_modules_cannot_be_loaded(self, say: Say) -> None:
        assert await say("load mod_sofia") == "+OK Reloading XML\n-ERR [Module already loaded]\n"
        assert (await say("load mod_moonphase")).startswith(
            "+OK Reloading XML\n-ERR [mod_moonphase: there is"
        )
        assert await say("unload mod_moonphase") == "-ERR [No such module!]\n"
        first, second, third = (await say("reload -f mod_sofia")).splitlines()
        assert first == "+OK Reloading XML"
        assert second.startswith("-ERR unloading module [Module is not unloadable")
        assert third == "-ERR loading module [Module already loaded]"


class TestStun:
    async def test_what_a_server_sees_of_us(self, home: Home, say: Say) -> None:
        server = StunServer(home.place.host_outside(53))
        server.says, server.shift = "203.0.113.9", 1
        said = await say(f"stun {server.address}")
        seen = re.fullmatch(r"203\.0\.113\.9:(\d+)\n", said)
        assert seen, said
        assert server.asked == 1
        server.close()

    async def test_one_that_says_nothing_or_is_not_there(
        self, home: Home, say: Say, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(general, "STUN_PATIENCE", 0.05)
        server = StunServer(home.place.host_outside(53))
        assert await say(f"stun {server.address}") == "-STUN Failed! [Timeout]\n"
        assert server.asked
        server.close()
        assert re.fullmatch(r"-STUN Failed! \[.+\]\n", await say("stun nobody.invalid"))


class TestSmallOnes:
    @pytest.mark.parametrize(
        ("line", "body"),
        [
            ("coalesce ,,b,c", "b"),
            ("coalesce ^^:x:y", "x"),
            ("coalesce", "-USAGE: [^^<delim>]<value1>,<value2>,...\n"),
            ("replace a b c|b|x", "a x c"),
            ("replace m:~a~b", "-ERR"),
            ("quote_shell_arg it's", "'it'\"'\"'s'"),
            ("is_lan_addr 192.168.1.1", "true"),
            ("is_lan_addr 8.8.8.8", "false"),
            ("interface_ip ipv4 lo", "127.0.0.1"),
            ("interface_ip ipv4 none0", ""),
            ("interface_ip", "USAGE: interface_ip [auto|ipv4|ipv6] <ifname>\n"),
            ("gethost 192.0.2.7", "192.0.2.7"),
            ("file_exists /", "true"),
            ("file_exists /no/such", "false"),
            ("msleep 1", "+OK"),
            ("strftime_tz UTC 0|%Y-%m-%d %H", "1970-01-01 00"),
            ("strftime_tz Nowhere/Land", "-ERR Invalid timezone/format\n"),
            ("log", "-ERR\n"),
            ("xml_wrap echo a<b", '<result>\n  <row id="1">\n    <data>a&lt;b</data>\n  </row>\n</result>\n'),
            ("limit_hash_usage", "USAGE: limit_hash_usage <realm> <id> [rate]\n"),
        ],
    )
    async def test_texts(self, say: Say, line: str, body: str) -> None:
        assert await say(line) == body

    async def test_a_line_of_the_log(self, say: Say, caplog: Any) -> None:
        assert await say("log WARNING mind the gap") == "+OK\n"
        assert ("WARNING", "mind the gap") in [(each.levelname, each.message) for each in caplog.records]

    async def test_processor_time(self, say: Say) -> None:
        assert re.fullmatch(r"\d+, \d+", await say("getcputime"))


class TestLater:
    async def test_a_command_later_is_listed_and_taken_back(self, home: Home, say: Say) -> None:
        said = await say("sched_api +3600 evening hupall")
        number = said.removeprefix("+OK Added: ").strip()
        rows = json.loads(await say("show tasks as json"))["rows"]
        assert [each["task_desc"] for each in rows] == ["nat_republish", "hupall"]
        assert await say(f"unsched_api {number}") == "+OK\n"
        assert await say(f"unsched_api {number}") == "-ERR No such id\n"
        await say("sched_api +3600 evening status")
        assert await say("sched_del evening") == "+OK Deleted: 1\n"

    async def test_a_command_now_and_again(self, home: Home, say: Say) -> None:
        await say("sched_api +0 none global_setvar done=1")
        await eventually(lambda: home.switch.variables.get("done") == "1")

    async def test_in_the_background(self, home: Home, say: Say) -> None:
        heard = []
        home.switch.bus.subscribe(heard.append).want({"BACKGROUND_JOB"})
        uuid = (await say("bgapi version short")).removeprefix("+OK Job-UUID: ").strip()
        await eventually(lambda: heard)
        assert (heard[0].get("Job-UUID"), heard[0].body) == (uuid, "0.1.0\n")
        assert await say("bgapi uuid:mine version short") == "+OK Job-UUID: mine\n"
        await eventually(lambda: len(heard) == 2)
        assert heard[1].get("Job-UUID") == "mine"


class TestControl:
    async def test_a_pause_refuses_calls(self, home: Home, say: Say) -> None:
        assert await say("fsctl pause_check") == "false"
        assert await say("fsctl pause inbound") == "+OK\n"
        call = home.far_phone().invite("77", home.reached_at("external"))
        assert (await call.refused()).status == 503
        assert await say("fsctl pause_check inbound") == "true"
        assert await say("fsctl resume") == "+OK\n"
        await parked(home)

    async def test_limits(self, home: Home, say: Say) -> None:
        assert await say("fsctl max_sessions 7") == "+OK max sessions: 7\n"
        assert await say("fsctl sps 9") == "+OK sessions per second: 9\n"
        assert await say("fsctl sps many") == "+OK sessions per second: 9\n"
        assert "7 session(s) max" in await say("status")
        assert (await say("fsctl what")).startswith("-ERR Invalid command\nUSAGE: fsctl [send_sighup")
        assert (await say("fsctl")).startswith("-USAGE: [send_sighup")
        assert await say("fsctl loglevel 7") == "+OK log level: DEBUG [7]\n"
        assert await say("fsctl loglevel err") == "+OK log level: ERR [3]\n"
        assert await say("fsctl loglevel loud") == "-ERR syntax error, log level not set!\n"
        assert await say("fsctl min_idle_cpu") == "+OK min idle cpu: DISABLED\n"
        assert (await say("fsctl shutdown restart")).startswith("-ERR it does not start itself again")

    async def test_a_hang_up_signal_by_hand(self, home: Home, say: Say) -> None:
        heard = []
        home.switch.bus.subscribe(heard.append).want({"TRAP"})
        assert await say("fsctl send_sighup") == "+OK\n"
        await eventually(lambda: [each for each in heard if each.get("Trapped-Signal") == "HUP"])

    async def test_it_stops_when_the_last_call_has_ended(self, home: Home, say: Say) -> None:
        call, _ = await parked(home)
        assert await say("fsctl shutdown asap") == "+OK\n"
        assert await say("fsctl shutdown_check") == "true"
        assert await say("fsctl shutdown cancel") == "+OK\n"
        assert await say("fsctl shutdown_check") == "false"
        assert await say("fsctl shutdown elegant") == "+OK\n"
        assert not home.switch._shutdown.is_set()
        call.hang_up()
        async with asyncio.timeout(30):
            await home.switch.until_shutdown()


class TestAtThePrompt:
    async def test_completion_as_fs_cli_reads_it(self, say: Say) -> None:
        assert await say("console_complete c=11;nat_map rep") == "\n\nwrite=3:republish "
        said = await say("console_complete c=10;nat_map re")
        assert said.endswith("\n\nwrite=0:")
        assert {"reinit", "republish"} <= set(said.split())
        assert "<item>reinit</item>" in await say("console_complete_xml nat_map re")

    async def test_an_alias(self, home: Home, say: Say) -> None:
        assert await say("alias add nm nat_map") == "+OK\n"
        assert "0,nm,nat_map," in await say("show aliases")
        assert await say("alias del nm") == "+OK\n"
        assert await say("alias del nm") == "-ERR there is no alias nm\n"
        assert (await say("alias")).startswith("-USAGE:")
