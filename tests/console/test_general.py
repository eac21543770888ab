"""The other commands, the table itself, and what is typed around them."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import re

import pytest

from ringthru.console import general
from ringthru.console.commands import split_commands
from ringthru.console.lists import USAGE as SHOW
from ringthru.console.logs import setup
from ringthru.console.standard import standard_table
from ringthru.console.text import aligned, count, port_of, span, visible, words_of
from ringthru.net.values import replace

USAGE = (
    "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] "
    "[<cid_name>] [<cid_num>] [<timeout_sec>]\n"
)


UPTIME = "[us|ms|s|m|h|d|microseconds|milliseconds|seconds|minutes|hours|days]"
DEPRECATED = "This option is deprecated, we now always reloadxml.\n"


class TestAboutTheSwitch:
    @pytest.mark.parametrize(
        ("line", "body"),
        [
            ("version", "Ringthru Version 0.1.0 (0.1.0)\n"),
            ("version short", "0.1.0\n"),
            ("uptime", "5\n"),
            ("uptime ms", "5944\n"),
            ("uptime Seconds", "5\n"),
            ("uptime weeks", f"-USAGE: {UPTIME}\n"),
            ("hostname", "pbx1"),
            ("switchname", "pbx1"),
            ("global_getvar nat_type", "upnp"),
            ("global_getvar nothing", ""),
            ("global_getvar", "domain=192.168.1.103\nnat_type=upnp\n"),
            ("acl 10.1.2.3 rfc1918.auto", "true"),
            ("acl 8.8.8.8 rfc1918.auto", "false"),
            ("acl 8.8.8.8 nothing", "false"),
            ("acl", "false"),
            ("reloadacl", "+OK acl reloaded\n"),
            ("reloadacl reloadxml", f"{DEPRECATED}+OK acl reloaded\n"),
            ("nonsense 1 2", "Unknown Command: nonsense"),
            ("show channels", "\n0 total.\n"),
            ("show what", f"-USAGE: {SHOW}\n"),
            ("", ""),
        ],
    )
    async def test_bodies(self, type_in, line, body):
        assert await type_in(line) == body

    async def test_names_of_commands_have_no_case(self, type_in):
        assert await type_in("VERSION short") == "0.1.0\n"

    async def test_status_is_what_exporters_match(self, type_in):
        text = await type_in("status")
        assert text.startswith(
            "UP 0 years, 0 days, 0 hours, 0 minutes, 5 seconds, 944 milliseconds, 532 microseconds\n"
            "Ringthru (Version 0.1.0) is ready\n"
            "3 session(s) since startup\n"
            "0 session(s) - peak 2, last 5min 1 \n"
            "0 session(s) per Sec out of max 30, peak 2, last 5min 1 \n"
            "1000 session(s) max\n"
        )
        assert re.search(
            r"(\d+) session\(s\) since startup\s+(\d+) session\(s\) - peak (\d+), last 5min (\d+)\s+(\d+) "
            r"session\(s\) per Sec out of max (\d+), peak (\d+), last 5min (\d+)\s+(\d+) session\(s\) max\s+"
            r"min idle cpu (\d+\.\d+)\/(\d+\.\d+)",
            text,
        )
        assert re.search(r"\nCurrent Stack Size/Max -?\d+K/-?\d+K\nMedia engine: c \(built\)\n$", text)

    async def test_one_of_each_has_no_plural(self, type_in, switch):
        seconds = ((365 + 1) * 24 + 1) * 3600 + 61.001001
        switch.shown = replace(switch.shown, uptime=seconds + 1e-7)
        assert (await type_in("status")).startswith(
            "UP 1 year, 1 day, 1 hour, 1 minute, 1 second, 1 millisecond, 1 microsecond\n"
        )


class TestStun:
    async def test_what_it_sees_and_why_not(self, type_in, switch, monkeypatch):
        async def sees(server):
            return "203.0.113.9:40000"

        async def refuses(server):
            raise ValueError("it refused")

        async def is_silent(server):
            await asyncio.Event().wait()

        assert await type_in("stun") == "-STUN Failed! NO STUN SERVER\n"
        switch.ask_stun = sees
        assert await type_in("stun stun.example.org") == "203.0.113.9:40000\n"
        switch.ask_stun = refuses
        assert await type_in("stun stun.example.org") == "-STUN Failed! [it refused]\n"
        switch.ask_stun = is_silent
        monkeypatch.setattr(general, "STUN_PATIENCE", 0.001)
        assert await type_in("stun stun.example.org") == "-STUN Failed! [Timeout]\n"


class TestCalls:
    async def test_originate_fills_in_what_is_left_out(self, type_in, switch):
        assert await type_in("originate user/1000 &echo") == f"{switch.answer}\n"
        url, extension, rest = switch.asked[0]
        assert (url, extension) == ("user/1000", "&echo")
        assert rest == {
            "dialplan": "XML",
            "context": "default",
            "caller_name": "",
            "caller_number": "",
            "timeout": 60,
        }

    async def test_originate_with_every_word(self, type_in, switch):
        await type_in("originate '{a=1,b=x y}user/1000' 9196 undef public 'Jo Doe' 555 30")
        assert switch.asked == [
            (
                "{a=1,b=x y}user/1000",
                "9196",
                {
                    "dialplan": "XML",
                    "context": "public",
                    "caller_name": "Jo Doe",
                    "caller_number": "555",
                    "timeout": 30,
                },
            )
        ]

    @pytest.mark.parametrize("words", ["", "user/1000", "1 2 3 4 5 6 7 8"])
    async def test_originate_wants_two_to_seven_words(self, type_in, words):
        assert await type_in(f"originate {words}") == USAGE

    async def test_originate_says_why_not(self, type_in, switch):
        switch.answer = "-ERR USER_NOT_REGISTERED"
        assert await type_in("originate user/1000 &echo") == "-ERR USER_NOT_REGISTERED\n"
        assert await type_in("originate a b XML c d e soon") == "-ERR 'soon' is not a number of seconds\n"

    async def test_reloadxml_says_what_became_of_it(self, type_in, switch):
        assert await type_in("reloadxml") == "+OK [Success]\n"
        switch.reloaded = "dialplan/default.xml:7: '^(' is not a regular expression"
        assert await type_in("reloadxml") == f"-ERR [{switch.reloaded}]\n"

    async def test_hanging_up(self, type_in, switch):
        assert await type_in("hupall") == "+OK hangup all channels with cause MANAGER_REQUEST\n"
        assert await type_in("hupall user_busy") == "+OK hangup all channels with cause USER_BUSY\n"
        assert await type_in("uuid_kill abc") == "+OK\n"
        switch.agrees = False
        assert await type_in("uuid_kill abc USER_BUSY") == "-ERR No such channel!\n"
        assert await type_in("uuid_kill") == "-USAGE: <uuid> [cause]\n"
        assert switch.asked[1:3] == [("hupall", "USER_BUSY"), ("kill", "abc", "NORMAL_CLEARING")]

    @pytest.mark.parametrize("line", ["shutdown", "...", "fsctl shutdown"])
    async def test_three_ways_to_stop(self, type_in, switch, line):
        assert await type_in(line) == "+OK\n"
        assert switch.asked == ["shutdown"]


class TestHelp:
    async def test_the_line_for_nat_map_is_freeswitchs(self, type_in):
        text = await type_in("help")
        line = (
            "nat_map,[status|republish|reinit] | [add|del] <port> [tcp|udp] [static],Manage NAT,mod_commands"
        )
        assert line in text.splitlines()
        assert text.startswith("\nValid Commands:\n\n...,")
        assert "total." not in text

    async def test_every_command_has_a_line_that_fits_its_columns(self, type_in, table):
        rows = (await type_in("show api")).splitlines()
        assert rows[-1] == f"{len(list(table))} total."
        assert {len(row) for row in csv.reader(rows[:-2])} == {4}

    async def test_help_for_one_command_names_our_own_forms(self, type_in):
        assert "nat_map explain <peer>" in await type_in("help nat_map")
        assert await type_in("help what") == "Unknown Command: what"
        assert await type_in("help hostname") == "hostname    Return the system hostname\n"


class TestLoglevel:
    @pytest.mark.parametrize(
        ("word", "name"), [("7", "DEBUG"), ("err", "ERR"), ("Error", "ERR"), ("0", "CONSOLE"), ("1", "ALERT")]
    )
    async def test_by_number_or_name(self, type_in, word, name):
        assert await type_in(f"console loglevel {word}") == f"+OK console log level set to {name}\n"

    @pytest.mark.parametrize("word", ["8", "loud", "-1", "²", "errors"])
    async def test_anything_else_is_refused(self, type_in, word):
        assert await type_in(f"console loglevel {word}") == "-ERR syntax error, console log level not set!\n"


class TestConsole:
    async def test_its_usage(self, type_in):
        rule = "-" * 80
        usage = await type_in("console help")
        assert usage.startswith(f"USAGE:\n{rule}\nconsole help\n")
        assert await type_in("console") == usage
        assert "  7 debug\n" in await type_in("console loglevel help")

    async def test_colours(self, switch):
        logs = setup(console=logging.StreamHandler(io.StringIO()))
        table = standard_table(logs)

        async def colorize(words):
            return await table.run(switch, f"console colorize {words}")

        try:
            assert await colorize("") == "+OK console color disabled\n"
            assert await colorize("on") == "+OK console color enabled\n"
            assert logs.colours
            assert await colorize("toggle") == "+OK console color disabled\n"
            assert (await colorize("pink")).startswith("USAGE:")
        finally:
            logs.close()


class TestTrouble:
    async def test_a_command_that_breaks_is_one_line_and_a_log_entry(self, type_in, switch, caplog):
        async def broken():
            raise RuntimeError("the gateway\x1b[2J bit us")

        switch.nat_republish = broken
        assert await type_in("nat_map republish") == "-ERR nat_map failed: the gateway\\x1b[2J bit us\n"
        assert "command 'nat_map republish' failed" in caplog.text

    async def test_an_unknown_name_is_escaped(self, type_in):
        assert await type_in("\x1b[2J") == "Unknown Command: \\x1b[2J"


class TestCompletion:
    @pytest.mark.parametrize(
        ("typed", "words"),
        [
            ("nat_map re", ["reinit", "republish"]),
            ("nat_map mapping ", ["disable", "enable"]),
            ("na", ["nat_map"]),
            ("show na", ["nat_map"]),
            ("sofia status ", ["gateway", "profile"]),
            ("sofia status profile ", ["192.168.1.103", "external", "internal"]),
            ("sofia status profile int", ["internal"]),
            ("sofia status profile internal ", ["reg", "sub"]),
            ("console loglevel d", ["debug"]),
            ("nothing ", []),
        ],
    )
    def test_the_next_word(self, table, switch, typed, words):
        assert table.completions(switch.shown, typed) == words

    def test_an_empty_line_offers_every_command(self, table, switch):
        assert table.completions(switch.shown, "") == sorted(each.name for each in table)


class TestText:
    def test_two_commands_on_a_line(self):
        assert split_commands("status;; nat_map status ;;;;") == ["status", "nat_map status"]

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("a  b\tc", ["a", "b", "c"]),
            ("'a b' c", ["a b", "c"]),
            ("{k='v w'}x '' z", ["{k=v w}x", "", "z"]),
            (r"it\'s 'un closed", ["it's", "un closed"]),
            ("   ", []),
        ],
    )
    def test_words_and_quotes(self, line, words):
        assert words_of(line) == words

    def test_what_a_terminal_would_obey_is_written_out(self):
        assert visible("ü %s \x1b\x9b\u202e\u2028") == "ü %s \\x1b\\x9b\\u202e\\u2028"

    def test_small_things(self):
        assert (count(1, "alias", "es"), count(0, "alias", "es")) == ("1 alias", "0 aliases")
        assert [span(each) for each in (-1, 7, 60, 3599, 90061)] == ["0s", "7s", "1m 0s", "59m 59s", "1d 1h"]
        assert [port_of(each) for each in ("1", "65535", "65536", "0", "", "１")] == [1, 65535, *[None] * 4]
        assert aligned([("a", "b"), ("long", "")]) == "a     b\nlong\n"
