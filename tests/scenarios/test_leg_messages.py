"""What a leg's phone is told from outside: INFO, MESSAGE, NOTIFY, whom to show; and heartbeats of a call."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ringthru.sip import CallState
from ringthru.switch.calls.channel import Channel

from .events import Ear
from .home import PUBLIC, Home, Say, extension
from .phones import PhoneCall
from .waiting import eventually

PLACES = {
    PUBLIC: [
        extension("77", ("answer", ""), ("park", "")),
        extension("78", ("enable_heartbeat", "sched:3600"), ("answer", ""), ("park", "")),
    ]
}


@pytest.fixture
def edits() -> dict[str, Any]:
    return PLACES


async def parked(home: Home, number: str = "77") -> tuple[PhoneCall, Channel]:
    """A far phone's call that waits, with the ACK of our answer, and its leg."""
    call = home.far_phone().invite(number, home.reached_at("external"))
    await call.answered()
    (leg,) = home.switch.calls.channels.values()
    await eventually(lambda: leg.call is not None and leg.call.state is CallState.CONFIRMED)
    return call, leg


async def asked(call: PhoneCall, method: str) -> bytes:
    """The first request of a method that the phone got, as it came."""
    return await eventually(
        lambda: next((each for each in call.phone.heard if each.startswith(method.encode())), None),
        f"no {method}",
    )


class TestTexts:
    async def test_an_info_of_a_kind(self, home: Home, say: Say) -> None:
        call, leg = await parked(home)
        assert await say(f'uuid_send_info {leg.uuid} application json {{"a":1}}') == "+OK Success\n"
        info = await asked(call, "INFO")
        assert b"\r\nContent-Type: application/json\r\n" in info
        assert info.endswith(b'\r\n\r\n{"a":1}')

    async def test_a_message(self, home: Home, say: Say) -> None:
        call, leg = await parked(home)
        assert await say(f"uuid_send_message {leg.uuid} dinner is ready") == "+OK Success\n"
        message = await asked(call, "MESSAGE")
        assert b"\r\nContent-Type: text/plain\r\n" in message
        assert message.endswith(b"\r\n\r\ndinner is ready")

    @pytest.mark.parametrize(
        "line",
        [
            "send_info UUID appli<cation json x",
            "send_message UUID " + "x" * 1301,
            "send_info UUID " + "x" * 1301,
        ],
    )
    async def test_what_is_no_text_of_sip(self, home: Home, say: Say, line: str) -> None:
        call, leg = await parked(home)
        assert await say(f"uuid_{line.replace('UUID', leg.uuid)}") == "-ERR Operation Failed\n"
        assert call.phone.requests == []
        assert leg.up

    async def test_a_phone_is_made_to_answer(self, home: Home, say: Say) -> None:
        call, leg = await parked(home)
        assert await say(f"uuid_phone_event {leg.uuid}") == "+OK Success\n"
        notify = await asked(call, "NOTIFY")
        assert b"\r\nEvent: talk\r\n" in notify
        assert b"\r\nSubscription-State: active\r\n" in notify
        assert await say(f"uuid_phone_event {leg.uuid} hold") == "+OK Success\n"
        await eventually(lambda: b"\r\nEvent: hold\r\n" in call.phone.heard[-1])
        assert await say(f"uuid_phone_event {leg.uuid} a,b") == "-ERR Operation failed\n"


class TestWhomItShows:
    async def test_by_update_with_an_asserted_identity(self, home: Home, say: Say) -> None:
        call, leg = await parked(home)
        assert await say(f'uuid_display {leg.uuid} Jo "the" Boss|2001') == "+OK Success\n"
        update = await asked(call, "UPDATE")
        (shown,) = re.findall(rb"\r\nP-Asserted-Identity: (.*)\r\n", update)
        assert shown == rb'"Jo \"the\" Boss" <sip:2001@' + home.outside_address.encode() + b">"
        assert update.endswith(b"Content-Length: 0\r\n\r\n")

    async def test_a_number_cannot_break_out_of_its_uri(self, home: Home, say: Say) -> None:
        call, leg = await parked(home)
        await say(f"uuid_display {leg.uuid} x|1>,<sip:2@evil>")
        update = await asked(call, "UPDATE")
        assert b"<sip:1sip:2@evil@" in update.replace(b" ", b"")

    async def test_not_where_the_phone_serves_no_update(self, home: Home, say: Say, caplog: Any) -> None:
        call, leg = await parked(home)
        assert leg.call is not None
        leg.call.updates = False
        assert await say(f"uuid_display {leg.uuid} Jo") == "-ERR Operation failed\n"
        assert "serves no UPDATE" in caplog.text


class TestHeartbeats:
    async def test_now_and_again(self, home: Home, say: Say) -> None:
        _, leg = await parked(home)
        ear = Ear(home.switch, "SESSION_HEARTBEAT")
        assert await say(f"uuid_session_heartbeat {leg.uuid} 3600") == "+OK\n"
        beat = await ear.until("SESSION_HEARTBEAT")
        assert beat.get("Unique-ID") == leg.uuid
        assert leg.heartbeat is not None
        assert await say(f"uuid_session_heartbeat {leg.uuid} 0") == "+OK\n"
        assert leg.heartbeat is None
        assert await say(f"uuid_session_heartbeat {leg.uuid} sched 3600") == "+OK\n"
        assert len(ear.of("SESSION_HEARTBEAT")) == 1
        assert (await say(f"uuid_session_heartbeat {leg.uuid} soon")).startswith("-USAGE: <uuid> [sched]")

    async def test_asked_for_by_the_dialplan(self, home: Home, say: Say) -> None:
        call, leg = await parked(home, "78")
        assert leg.heartbeat is not None
        call.hang_up()
        await leg.gone.wait()
        await eventually(leg.heartbeat.done)
