"""``sofia profile`` and ``sofia global``, in FreeSWITCH's words; ``bans``, in ours."""

from __future__ import annotations

import pytest

from ringthru.net.values import replace
from ringthru.switch.snapshots import BanSnapshot

RELOADED = "Reload XML [Success]\n"


class TestWhichProfile:
    @pytest.mark.parametrize("line", ["sofia profile", "sofia profile internal"])
    async def test_a_word_is_missing(self, type_in, line):
        assert await type_in(line) == "Invalid Args!\n"

    async def test_none_of_that_name(self, type_in, switch):
        assert await type_in("sofia profile nobody rescan") == "Invalid Profile [nobody]"
        assert switch.asked == []

    async def test_an_alias_stands_for_its_profile(self, type_in, switch):
        await type_in("sofia profile 192.168.1.103 rescan")
        assert switch.asked == [("rescan", "internal")]

    async def test_an_unknown_action(self, type_in):
        assert await type_in("sofia profile internal frobnicate") == "-ERR Unknown command!\n"


class TestItsLife:
    @pytest.mark.parametrize(
        ("line", "agrees", "said"),
        [
            ("start", True, "internal started successfully\n"),
            ("start", False, "Failure starting internal\n"),
            ("stop", True, "stopping: internal"),
            ("restart", True, "restarting: internal"),
            ("restart", False, "Failure starting internal\n"),
            ("rescan", True, "+OK scan complete\n"),
            ("rescan", False, "-ERR cannot find config for profile internal\n"),
        ],
    )
    async def test_the_configuration_is_read_first(self, type_in, switch, line, agrees, said):
        switch.agrees = agrees
        assert await type_in(f"sofia profile internal {line}") == RELOADED + said
        assert switch.asked == [(line, "internal")]

    async def test_one_that_does_not_run_is_started_by_its_name(self, type_in, switch):
        assert await type_in("sofia profile third start") == f"{RELOADED}third started successfully\n"

    @pytest.mark.parametrize("action", ["stop", "restart"])
    @pytest.mark.parametrize(("seconds", "words"), [(4, "4 seconds"), (1, "1 second")])
    async def test_not_in_the_first_ten_seconds(self, type_in, switch, action, seconds, words):
        switch.seconds_to_wait = seconds
        assert await type_in(f"sofia profile internal {action}") == (
            f"Profile internal must be up for at least 10 seconds to stop/restart.\nPlease wait {words}\n"
        )
        assert switch.asked == []

    async def test_a_broken_configuration_changes_nothing(self, type_in, switch):
        switch.reloaded = "internal.xml:3: no"
        said = await type_in("sofia profile internal rescan")
        assert said == "Reload XML [internal.xml:3: no]\n-ERR the configuration that was in force holds\n"
        assert switch.asked == []

    async def test_all_are_restarted_in_silence(self, type_in, switch):
        assert await type_in("sofia profile restart all") == ""
        assert switch.asked == [("restart", "internal"), ("restart", "external")]


class TestRegistrationsOfPhones:
    @pytest.mark.parametrize(
        ("line", "asked", "said"),
        [
            ("flush_inbound_reg", ("flush", "internal", "", False), "flushing all registrations"),
            (
                "flush_inbound_reg 1000@x",
                ("flush", "internal", "1000@x", False),
                "flushing all registrations matching specified call_id",
            ),
            (
                "flush_inbound_reg 1000@x reboot",
                ("flush", "internal", "1000@x", True),
                "rebooting all registrations matching specified call_id",
            ),
            ("flush_inbound_reg reboot", ("flush", "internal", "", True), "rebooting all registrations"),
            ("check_sync", ("check_sync", "internal", ""), "syncing all registrations"),
            (
                "check_sync @x",
                ("check_sync", "internal", "@x"),
                "syncing all registrations matching specified call_id",
            ),
        ],
    )
    async def test_flush_and_sync(self, type_in, switch, line, asked, said):
        assert await type_in(f"sofia profile internal {line}") == f"+OK {said}\n"
        assert switch.asked == [asked]


class TestGateways:
    @pytest.mark.parametrize("action", ["register", "unregister"])
    async def test_one_and_all(self, type_in, switch, action):
        assert await type_in(f"sofia profile internal {action} itsp") == "+OK\n"
        assert await type_in(f"sofia profile internal {action} all") == "+OK\n"
        assert switch.asked == [(action, "itsp"), (action, "itsp"), (action, "other")]

    @pytest.mark.parametrize(
        ("line", "agrees", "said"),
        [
            ("register", True, "No gateway name provided!\n"),
            ("register nobody", True, "Invalid gateway!\n"),
            ("register itsp", False, "-ERR NOREG gateway [itsp] can't be registered!\n"),
            ("unregister itsp", False, "-ERR NOREG gateway [itsp] can't be unregistered!\n"),
            ("killgw", True, "-ERR missing gw name\n"),
            ("killgw nobody", True, "-ERR no such gateway.\n"),
            ("killgw itsp", True, "+OK gateway marked for deletion.\n"),
            ("killgw _all_", True, "+OK every gateway marked for deletion.\n"),
            ("startgw itsp", True, f"{RELOADED}+OK start gateway itsp complete\n"),
            ("startgw new", True, f"{RELOADED}-ERR cannot add gateway new for profile internal\n"),
        ],
    )
    async def test_texts(self, type_in, switch, line, agrees, said):
        switch.agrees = agrees
        assert await type_in(f"sofia profile internal {line}") == said


class TestTracing:
    @pytest.mark.parametrize(("state", "word"), [("on", "Enabled"), ("off", "Disabled")])
    async def test_of_one_profile(self, type_in, switch, state, word):
        said = await type_in(f"sofia profile internal siptrace {state}")
        assert said == f"{word} sip debugging on internal"
        assert switch.asked == [("trace", state == "on", "internal")]

    async def test_the_other_words(self, type_in, switch):
        assert await type_in("sofia profile internal siptrace yes") == "Enabled sip debugging on internal"
        assert await type_in("sofia profile internal watchdog off") == "Disabled sip debugging on internal"
        assert await type_in("sofia profile internal watchdog") == (
            "Usage: sofia profile <name> watchdog <on/off>\n"
        )
        assert await type_in("sofia profile internal recover") == "No sessions to recover.\n"
        assert await type_in("sofia profile internal recover flush") == "Flushing recovery database.\n"
        assert await type_in("sofia recover") == "No calls to recover.\n"
        assert await type_in("sofia global watchdog on") == "+OK Global watchdog on"
        assert await type_in("sofia global debug none") == (
            "+OK Debugging nothing\n+OK Debugging summary: presence: off sla: off\n"
        )
        assert await type_in("sofia profile internal stun-enabled") == "+OK stun-enabled=true"
        assert await type_in("sofia profile internal stun-auto-disable on") == "+OK stun-auto-disable=true"

    async def test_of_all(self, type_in, switch):
        assert await type_in("sofia global siptrace on") == "+OK Global siptrace on"
        assert switch.asked == [("trace", True, None)]

    async def test_usage(self, type_in):
        usage = "Usage: sofia profile <name> siptrace <on/off>\n"
        assert await type_in("sofia profile internal siptrace") == usage
        assert await type_in("sofia global") == (
            "-ERR Usage: siptrace <on|off>|capture <on|off>|watchdog <on|off>|debug <sla|presence|none"
        )


class TestBans:
    async def test_none(self, type_in):
        assert await type_in("bans") == "0 addresses banned.\n"

    async def test_each_with_its_reason(self, type_in, switch):
        ban = BanSnapshot("198.51.100.7", "it guesses \x1b passwords", 60.0, 540.0, 12)
        switch.shown = replace(switch.shown, bans=(ban,))
        assert await type_in("bans list") == (
            "ip            left   dropped  reason\n"
            "198.51.100.7  9m 0s  12       it guesses \\x1b passwords\n"
            "1 address banned.\n"
        )

    async def test_one_is_lifted(self, type_in, switch):
        assert await type_in("bans lift 198.51.100.7") == "+OK\n"
        assert switch.asked == [("unban", "198.51.100.7")]
        switch.agrees = False
        assert await type_in("bans lift 198.51.100.8") == "-ERR 198.51.100.8 is not banned\n"
        assert (await type_in("bans lift")).startswith("-USAGE: ")
