"""The commands about legs, against a switch with phones: what becomes of one leg, and of two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .home import Home, Say
from .parked import PLACES, parked
from .phones import hear_each_other, hears_itself
from .waiting import eventually


@pytest.fixture
def edits() -> dict[str, Any]:
    return PLACES


class TestOneLeg:
    async def test_transfer_elsewhere(self, home: Home, say: Say) -> None:
        call, uuid = await parked(home)
        assert await say(f"uuid_transfer {uuid} 78") == "+OK\n"
        await hears_itself(call)

    async def test_transfer_inline(self, home: Home, say: Say) -> None:
        call, uuid = await parked(home)
        assert await say(f"uuid_transfer {uuid} set:a=b,echo inline") == "+OK\n"
        await hears_itself(call)
        assert await say(f"uuid_getvar {uuid} a") == "b"

    async def test_hold_and_back(self, home: Home, say: Say) -> None:
        call, uuid = await parked(home, "78")
        assert await say(f"uuid_hold {uuid}") == "+OK Success\n"
        await eventually(lambda: any(b"a=sendonly" in each for each in call.phone.bodies("INVITE")))
        assert home.switch.calls.channels[uuid].phase.value == "HELD"
        assert await say(f"uuid_hold off {uuid}") == "+OK Success\n"
        await eventually(lambda: b"a=sendonly" not in call.phone.bodies("INVITE")[-1])
        assert home.switch.calls.channels[uuid].phase.value == "ACTIVE"
        await hears_itself(call)

    async def test_broadcast_an_application(self, home: Home, say: Say) -> None:
        call, uuid = await parked(home)
        assert await say(f"uuid_broadcast {uuid} set::colour=blue") == "+OK Message sent\n"
        await eventually(lambda: home.switch.channel_variable(uuid, "colour") == "blue")
        assert await say(f"uuid_broadcast {uuid} x.wav bleg") == "-ERR Operation failed\n"

    async def test_several_variables(self, home: Home, say: Say) -> None:
        _, uuid = await parked(home)
        assert await say(f"uuid_setvar_multi {uuid} a=1;b=two words") == "+OK\n"
        assert await say(f"uuid_getvar {uuid} b") == "two words"

    async def test_keys(self, home: Home, say: Say) -> None:
        _, uuid = await parked(home)
        assert await say(f"uuid_send_dtmf {uuid} 12#@80") == f"+OK {uuid} sent DTMF 12#@80.\n"
        assert await say(f"uuid_recv_dtmf {uuid} 4a") == f"+OK {uuid} received DTMF 4a.\n"
        assert list(home.switch.calls.channels[uuid].digits) == ["4", "A"]
        assert await say(f"uuid_recv_dtmf {uuid} 4x") == "-USAGE: <uuid> <dtmf_data>\n"
        assert await say(f"uuid_flush_dtmf {uuid}") == "+OK\n"
        assert not home.switch.calls.channels[uuid].digits

    async def test_what_is_played_is_broken_off(self, home: Home, say: Say) -> None:
        _, uuid = await parked(home)
        endless = "tone_stream://%(10000,0,440);loops=100"
        for line in (f"{uuid} {endless}", f"{uuid} set::colour=blue", f"{uuid} {endless}"):
            await say(f"uuid_broadcast {line}")
        channel = home.switch.calls.channels[uuid]
        await eventually(lambda: channel.application.startswith("playback"))
        assert await say(f"uuid_break {uuid}") == "+OK\n"
        await eventually(lambda: home.switch.channel_variable(uuid, "colour") == "blue")
        await eventually(lambda: channel.application.startswith("playback"))
        await say(f"uuid_broadcast {uuid} set::colour=red")
        assert await say(f"uuid_break {uuid} all") == "+OK\n"
        assert channel.orders is not None
        await channel.orders.idle.wait()
        assert home.switch.channel_variable(uuid, "colour") == "blue"

    async def test_what_cannot_be_done_here_fails_as_there(self, home: Home, say: Say, caplog: Any) -> None:
        _, uuid = await parked(home)
        assert await say(f"uuid_displace {uuid} start x.wav") == "-ERR Cannot displace session!\n"
        assert await say(f"uuid_jitterbuffer {uuid} 60") == "-ERR Operation failed\n"
        assert await say(f"uuid_fileman {uuid} pause") == "-ERR No file handle!\n"
        assert "uuid_displace: the leg talks to nobody here" in caplog.text
        assert "uuid_jitterbuffer: not supported in this version; the call goes on as it is" in caplog.text
        assert home.switch.calls.channels[uuid].up

    async def test_who_listens_in(self, home: Home, say: Say, tmp_path: Path) -> None:
        _, uuid = await parked(home)
        assert await say(f"uuid_buglist {uuid}") == "<media-bugs>\n</media-bugs>\n"
        await say(f"uuid_record {uuid} start {tmp_path}/x.wav")
        assert f"  <target>{tmp_path}/x.wav</target>\n" in await say(f"uuid_buglist {uuid}")

    async def test_counted_from_outside(self, home: Home, say: Say) -> None:
        _, uuid = await parked(home)
        assert await say(f"uuid_limit {uuid} hash town delft") == "+OK"
        await eventually(lambda: home.switch.calls.shelf.usage("town", "delft") == 1)
        assert await say("limit_usage hash town delft rate") == "1/0"
        assert await say("limit_usage town delft") == "1"
        assert await say("limit_status hash") == "There are 1 elements being tracked."
        assert (await say("limit_status db")).startswith("Tracking 1 resources for hostname ")
        assert await say(f"uuid_limit_release {uuid} hash town leiden") == "+OK"
        assert await say("limit_usage town delft") == "1"
        assert await say(f"uuid_limit_release {uuid} hash town") == "+OK"
        assert await say("limit_usage town delft") == "0"

    async def test_counting_begins_anew(self, home: Home, say: Say) -> None:
        _, uuid = await parked(home)
        await say(f"uuid_limit {uuid} hash town delft 5/3600")
        await eventually(lambda: home.switch.calls.shelf.usage("town", "delft") == 1)
        assert await say("limit_usage hash town delft rate") == "1/1"
        assert await say("limit_interval_reset hash town delft") == "+OK"
        assert await say("limit_usage hash town delft rate") == "1/0"
        assert await say("limit_reset hash") == "+OK"
        assert await say("limit_usage hash town delft") == "0"

    async def test_offered_again(self, home: Home, say: Say) -> None:
        call, uuid = await parked(home)
        before = len(call.phone.bodies("INVITE"))
        assert await say(f"uuid_media_reneg {uuid}") == "+OK Success\n"
        await eventually(lambda: len(call.phone.bodies("INVITE")) > before)

    async def test_sent_elsewhere_unanswered(self, home: Home, say: Say) -> None:
        _, uuid = await parked(home)
        assert await say(f"sched_broadcast @0 {uuid} x.wav") == "+OK Message scheduled\n"
        assert await say(f"uuid_set_media_stats {uuid}") == "+OK:\n"

    async def test_hang_up_later(self, home: Home, say: Say) -> None:
        call, uuid = await parked(home)
        leg = home.switch.calls.channels[uuid]
        assert await say(f"sched_hangup +0 {uuid} USER_BUSY") == "+OK\n"
        await call.over()
        assert leg.cause is not None
        assert leg.cause.name == "USER_BUSY"

    async def test_only_those_with_a_value_are_hung_up(self, home: Home, say: Say) -> None:
        one, first = await parked(home)
        _, second = await parked(home)
        await say(f"uuid_setvar {first} colour blue")
        assert (
            await say("hupall USER_BUSY colour blue")
            == "+OK hangup all channels matching [colour]=[blue] with cause: USER_BUSY\n"
        )
        await one.over()
        assert list(home.switch.calls.channels) == [second]


class TestTwoLegs:
    async def test_bridge_hold_mute_park(self, home: Home, say: Say) -> None:
        one, first = await parked(home)
        other, second = await parked(home)
        assert await say(f"uuid_bridge {first} {second}") == f"+OK {second}\n"
        await hear_each_other(one, other)
        assert json.loads(await say("show bridged_calls as json"))["rows"][0]["b_uuid"] == second
        assert await say("show calls count") == "\n1 total.\n"
        assert await say(f"uuid_audio {first} start read mute -4") == "+OK\n"
        assert await say(f"uuid_audio {first} stop") == "+OK\n"
        await hear_each_other(one, other)
        assert await say(f"uuid_park {first}") == "+OK\n"
        await other.over()
        assert home.switch.calls.channels[first].up

    async def test_each_to_a_place_of_its_own(self, home: Home, say: Say) -> None:
        one, first = await parked(home)
        other, second = await parked(home)
        assert await say(f"uuid_dual_transfer {first} 78 78") == "-ERR No bridged channel!\n"
        await say(f"uuid_bridge {first} {second}")
        await hear_each_other(one, other)
        assert await say(f"uuid_dual_transfer {first} 78 78") == "+OK\n"
        await hears_itself(one)
        await hears_itself(other)
