"""Commands within the dialplan, and what it puts down for good."""

from __future__ import annotations

from typing import Any

import pytest

from ringthru.console.commands import Command
from ringthru.console.in_dialplan import AT_ONCE, InDialplan
from ringthru.console.logs import Logs
from ringthru.console.small import msleep
from ringthru.console.standard import standard_table
from ringthru.switch.calls.channel import Channel
from ringthru.switch.dialplan.database import Database

from .home import PUBLIC, Home, extension
from .waiting import eventually

ASKS = (
    ("answer", ""),
    ("set", "done=${uuid_setvar(${uuid} told yes)}"),
    ("set", "legs=${show(channels count)}"),
    ("set", "late=${sched_hangup(+3600 ${uuid})}"),
    ("set", "slow=${originate(user/1000 &amp;park)}"),
    ("set", "unknown=${moonphase(now)}"),
    ("set", "lan=${acl(127.0.0.1 loopback.auto)}-${acl(8.8.8.8 loopback.auto)}"),
    ("park", ""),
)
KEEPS = (
    ("db", "insert/forward/${destination_number}/1001"),
    ("db", "nonsense"),
    ("group", "insert:sales:user/1001"),
    ("set", "to=${db(select/forward/78)}"),
    ("set", "sales=${group(call:sales)}"),
    ("answer", ""),
    ("park", ""),
)


@pytest.fixture
async def home(found: Any, logs: Logs) -> Home:
    made: Home = await found({PUBLIC: [extension("77", *ASKS), extension("78", *KEEPS)]})
    await made.switch.start()
    await made.mapped()
    made.switch.calls.router.functions.others = InDialplan(made.switch, logs)
    return made


async def parked(home: Home, number: str) -> Channel:
    call = home.far_phone().invite(number, home.reached_at("external"))
    await call.answered()
    (leg,) = home.switch.calls.channels.values()
    await eventually(lambda: leg.application.startswith("park"))
    return leg


async def test_commands_are_asked(home: Home, caplog: Any) -> None:
    leg = await parked(home, "77")
    told = leg.variables
    assert (told["done"].strip(), told["told"]) == ("+OK", "yes")
    assert told["legs"].strip() == "1 total."
    assert [each.group for each in home.switch.schedule.entries()] == [leg.uuid]
    assert told["lan"] == "true-false"
    assert "unknown" not in told


async def test_one_that_takes_its_time_is_not(home: Home, caplog: Any) -> None:
    leg = await parked(home, "77")
    assert "slow" not in leg.variables
    assert "Write ${bgapi(originate …)}" in caplog.text
    assert len(home.switch.calls.channels) == 1


async def test_what_is_put_down_outlives_the_switch(home: Home, caplog: Any) -> None:
    leg = await parked(home, "78")
    assert (leg.variables["to"], leg.variables["sales"]) == ("1001", "user/1001")
    assert "db nonsense: insert/REALM/KEY/VALUE" in caplog.text
    await home.switch.stop()
    later = Database(home.folder / "db" / "db.sqlite3")
    assert (later.do("select/forward/78"), later.do_group("call:sales")) == ("1001", "user/1001")


def test_each_that_may_be_asked_is_there(logs: Logs) -> None:
    table = standard_table(logs)
    assert [each for each in sorted(AT_ONCE) if table.get(each) is None] == []


async def test_one_that_turns_out_to_wait_is_given_up(home: Home, logs: Logs, caplog: Any) -> None:
    ask = InDialplan(home.switch, logs)
    assert (ask("hostname", ""), ask("moonphase", "")) == (home.switch.variables["hostname"], None)
    ask._commands().add(Command("hostname", "", "", msleep))
    assert ask("hostname", "60000") is None
    assert "wanted to wait" in caplog.text
