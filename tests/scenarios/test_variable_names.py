"""Variables whose names are written in another case than where they are used, as old dialplans do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ringthru.console.logs import Logs
from ringthru.console.standard import standard_table
from ringthru.switch.calls.channel import Channel
from ringthru.switch.events.channel_data import described

from .home import DEFAULT, DIRECTORY, PASSWORD, Home, extension
from .waiting import eventually

ASKS = (
    ("set", "My_Colour=red"),
    ("set", "MY_COLOUR=blue"),
    ("set", "colour=${my_colour}"),
    ("set", "caller=${Caller_ID_Number}"),
    ("set", "toll=${TOLL_allow}"),
    ("set", "there=${Main_Street}"),
    ("set", "Gone=1"),
    ("unset", "gONE"),
    ("answer", ""),
    ("park", ""),
)


@pytest.fixture
async def home(found: Callable[..., Any]) -> Home:
    user = '<user id="1000"><variables><variable name="Toll_Allow" value="local"/></variables>'
    edits = {
        DEFAULT: [
            extension("77", *ASKS),
            extension("78", ("export", "SIP_H_X-Both=1"), ("bridge", "user/1002")),
        ],
        DIRECTORY: lambda text: text.replace('<user id="1000">', user),
    }
    made: Home = await found(edits)
    await made.switch.start()
    made.switch.set_variable("MAIN_street", "5")
    return made


async def parked(home: Home) -> Channel:
    call = home.lan_phone("1000").invite("77", home.internal, password=PASSWORD)
    await call.answered()
    (leg,) = home.switch.calls.channels.values()
    await eventually(lambda: leg.application.startswith("park"))
    return leg


async def test_the_dialplan_finds_them(home: Home):
    leg = await parked(home)
    told = leg.variables
    found = [told[name] for name in ("colour", "caller", "toll", "there")]
    assert found == ["blue", "1000", "local", "5"]
    assert "gone" not in told


async def test_they_are_shown_as_first_written(home: Home):
    headers = dict(described(await parked(home), "CHANNEL_DATA"))
    assert headers["variable_My_Colour"] == "blue"
    assert headers["variable_Toll_Allow"] == "local"
    assert not [name for name in headers if name in ("variable_my_colour", "variable_MY_COLOUR")]


async def test_commands_find_them(home: Home, logs: Logs):
    table, leg = standard_table(logs), await parked(home)

    async def say(line: str) -> str:
        return await table.run(home.switch, line)

    assert await say(f"uuid_getvar {leg.uuid} MY_colour") == "blue"
    assert await say(f"uuid_setvar {leg.uuid} my_COLOUR green") == "+OK\n"
    assert await say(f"uuid_getvar {leg.uuid} My_Colour") == "green"
    assert await say("global_getvar main_STREET") == "5"
    assert "MAIN_street=5\n" in await say("global_getvar")


async def test_what_the_switch_itself_asks_for_is_found(home: Home):
    phone = await home.registered_phone("1000")
    string = "{Absolute_Codec_String=PCMA,sip_H_X-Account=7,Origination_Caller_ID_Name=Door}user/1000"
    asked = asyncio.ensure_future(home.switch.originate(string, "&park"))
    rung = await phone.rung()
    request = rung.call.request
    assert b"PCMU" not in request.body
    assert request.get("X-Account") == "7"
    assert request.from_.display == "Door"
    rung.answer()
    assert (await asked).startswith("+OK")


async def test_an_exported_header_keeps_its_name_on_the_wire(home: Home):
    phone = await home.registered_phone("1002")
    home.lan_phone("1000").invite("78", home.internal, password=PASSWORD)
    await phone.rung()
    assert "\r\nX-Both: 1\r\n" in phone.text
