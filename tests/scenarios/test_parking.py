"""``valet_park`` of the default tree: 5900 and 6000 to 6099."""

from __future__ import annotations

from typing import Any

import pytest

from ringthru.console.logs import Logs
from ringthru.console.standard import standard_table

from .answering import joined, leg_of, short_prompts
from .events import Ear
from .hearing import hears_tone
from .home import DEFAULT, PASSWORD, VARS, Home, variables
from .phones import PhoneCall, hear_each_other
from .waiting import eventually

MUSIC = "tone_stream://%(1000,0,750);loops=-1"


@pytest.fixture
async def house(found: Any) -> Home:
    """A home whose music is a tone, and whose calls are parked for a second at most where 6099 says so."""
    made: Home = await found(
        {
            VARS: [variables(hold_music=MUSIC)],
            DEFAULT: [
                lambda text: text.replace("valet_parking_timeout=120", "valet_parking_timeout=${stay}")
            ],
        }
    )
    short_prompts(made)
    await made.switch.start()
    return made


async def talking(home: Home) -> tuple[PhoneCall, PhoneCall]:
    """1002 called 1000, and they talk: his call, and the phone's."""
    phone = await home.registered_phone("1000")
    call = home.lan_phone("1002").invite("1000", home.internal, password=PASSWORD)
    rung = await phone.rung()
    rung.answer()
    await call.answered()
    await home.both_ways()
    return call, rung


async def parked(home: Home, number: str = "6001") -> tuple[PhoneCall, PhoneCall]:
    """1000 transferred his caller to a slot."""
    call, rung = await talking(home)
    assert (await rung.refer(f"<sip:{number}@{home.address}>")).status == 202
    await hears_tone(call, 750.0)
    return call, rung


async def info(home: Home, logs: Logs, words: str = "") -> str:
    return await standard_table(logs).run(home.switch, f"valet_info {words}".strip())


class TestASlot:
    async def test_music_then_whoever_dials_it(self, house: Home, logs: Logs) -> None:
        ear = Ear(house.switch, "CUSTOM")
        call, _ = await parked(house)
        uuid = leg_of(house, "1002").uuid
        place = f'    <extension uuid="{uuid}">6001</extension>\n'
        assert await info(house, logs) == f'<lots>\n  <lot name="house">\n{place}  </lot>\n</lots>\n'
        assert await info(house, logs, "cellar") == "<lots>\n</lots>\n"
        fetching = house.lan_phone("1001").invite("6001", house.internal, password=PASSWORD)
        await fetching.answered()
        await joined(house, "1002")
        await hear_each_other(call, fetching)
        assert await info(house, logs) == "<lots>\n</lots>\n"
        actions = [each.get("Action") for each in ear.of("valet_parking::info")]
        assert actions[:2] == ["hold", "bridge"]
        fetching.hang_up()
        await call.over()
        await house.quiet()

    async def test_who_hangs_up_leaves_it_free(self, house: Home, logs: Logs) -> None:
        call, _ = await parked(house)
        call.hang_up()
        await house.quiet()
        assert await info(house, logs) == "<lots>\n</lots>\n"

    async def test_too_long_and_it_rings_who_parked_it(self, house: Home) -> None:
        house.switch.set_variable("stay", "1")
        call, rung = await parked(house)
        await rung.over()
        again = await rung.phone.rung(2)
        again.answer()
        await joined(house, "1002")
        await hear_each_other(call, again)

    async def test_nobody_parked_it_and_it_ends(self, house: Home) -> None:
        house.switch.set_variable("stay", "1")
        call = house.lan_phone("1001").invite("6005", house.internal, password=PASSWORD)
        await call.answered()
        await call.over()


class TestAFreeOne:
    async def test_the_second_gets_the_next(self, house: Home) -> None:
        ear = Ear(house.switch, "CUSTOM")
        for user in ("1001", "1002"):
            call = house.lan_phone(user).invite("5900", house.internal, password=PASSWORD)
            await call.answered()
            await eventually(lambda: leg_of(house, user).destination.startswith("60"))  # noqa: B023
        slots = [each.get("Valet-Extension") for each in ear.of("valet_parking::info")]
        assert slots == ["6000", "6001"]

    async def test_its_number_is_said(self, house: Home) -> None:
        ear = Ear(house.switch, "PLAYBACK_START")
        call = house.lan_phone("1001").invite("5900", house.internal, password=PASSWORD)
        await call.answered()
        await hears_tone(call, 750.0)
        said = [each.get("Playback-File-Path") for each in ear.heard]
        digits = [f"digits/{each}.wav" for each in "6000"]
        assert said[:5] == ["valet/parked_at.wav", *digits]

    async def test_an_attended_transfer_keeps_the_number_that_was_said(self, house: Home, logs: Logs) -> None:
        call, rung = await talking(house)
        await rung.hold()
        second = rung.phone.invite("5900", house.internal, password=PASSWORD)
        await second.answered()
        await eventually(lambda: leg_of(house, "1000").destination == "6000")
        dialog = second.call.dialog
        assert dialog is not None
        replaces = f"{dialog.call_id}%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}"
        response = await rung.refer(f"<sip:5900@{house.address}?Replaces={replaces}>")
        assert response.status == 202
        await hears_tone(call, 750.0)
        assert ">6000</extension>" in await info(house, logs)

    async def test_all_are_taken(self, found: Any) -> None:
        home = await found({DEFAULT: [lambda text: text.replace("auto in 6000 6099", "auto in 6000 6000")]})
        short_prompts(home)
        await home.switch.start()
        first = home.lan_phone("1001").invite("5900", home.internal, password=PASSWORD)
        await first.answered()
        await eventually(lambda: leg_of(home, "1001").destination == "6000")
        second = home.lan_phone("1002").invite("5900", home.internal, password=PASSWORD)
        await second.answered()
        await second.over()

    @pytest.mark.parametrize(
        "data", ["house", "house auto in", "house auto sideways 1 2", "house auto in a b"]
    )
    async def test_what_cannot_be_meant(
        self, found: Any, data: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        home = await found({DEFAULT: [lambda text: text.replace("house auto in 6000 6099", data)]})
        await home.switch.start()
        call = home.lan_phone("1001").invite("5900", home.internal, password=PASSWORD)
        await call.over()
        assert "LOT SLOT" in caplog.text
