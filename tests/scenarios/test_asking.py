"""Asking a caller for keys: what counts as an answer, and what happens where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from .hearing import hears_tone
from .home import DEFAULT, PASSWORD, Home, extension
from .phones import PhoneCall
from .waiting import eventually

BEEP, WRONG = "tone_stream://%(4000,0,640)", "tone_stream://%(600,0,400)"


async def asked(found: Any, *actions: tuple[str, str]) -> tuple[Home, PhoneCall]:
    """A call that is asked, and then parked."""
    elsewhere = extension("5099", ("set", "went=elsewhere"), ("park", ""))
    plan = extension("77", ("answer", ""), *actions, ("set", "went=on"), ("park", ""))
    home: Home = await found({DEFAULT: [plan, elsewhere]})
    await home.switch.start()
    call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
    await call.answered()
    return home, call


async def afterwards(home: Home) -> dict[str, str]:
    (leg,) = home.switch.calls.channels.values()
    await eventually(lambda: "went" in leg.variables, "it still asks")
    return leg.variables


class TestPlayAndGetDigits:
    @pytest.mark.parametrize(
        ("form", "keys", "choice"),
        [("1 4 3 5000 #", "12#", "12"), ("2 2 3 5000 none", "1#", "1#"), ("1 3 3 5000 *", "123", "123")],
    )
    async def test_a_key_ends_the_prompt_and_counts(
        self, found: Any, form: str, keys: str, choice: str
    ) -> None:
        home, call = await asked(found, ("play_and_get_digits", f"{form} {BEEP} silence choice"))
        await hears_tone(call, 640)
        call.press(keys)
        assert (await afterwards(home))["choice"] == choice

    async def test_a_wrong_answer_is_told_and_asked_again(self, found: Any) -> None:
        home, call = await asked(
            found, ("play_and_get_digits", rf"2 4 3 5000 # {BEEP} {WRONG} choice [1-4]\d")
        )
        await hears_tone(call, 640)
        call.press("99#")
        await hears_tone(call, 400)
        call.press("42#")
        variables = await afterwards(home)
        assert (variables["choice"], variables["choice_invalid"]) == ("42", "99")

    async def test_after_the_last_try_it_goes_elsewhere(self, found: Any) -> None:
        form = "1 1 2 1 # silence silence choice . 1 '5099 XML default'"
        home, _ = await asked(found, ("play_and_get_digits", form.replace("'", "&apos;")))
        variables = await afterwards(home)
        assert variables["went"] == "elsewhere"
        assert "choice" not in variables

    @pytest.mark.parametrize(
        "data", ["", "1 2 3", "1 1 1 1 # /nowhere.wav silence x", "1 1 1 3000 # silence silence x ["]
    )
    async def test_what_makes_no_sense_is_named_and_passed_by(
        self, found: Any, data: str, caplog: Any
    ) -> None:
        home, call = await asked(found, ("play_and_get_digits", data))
        if data.endswith("["):
            call.press("1")
        assert (await afterwards(home))["went"] == "on"
        assert "play_and_get_digits" in caplog.text


class TestRead:
    @pytest.mark.parametrize(
        ("keys", "heard", "result"),
        [("1234", "1234", "success"), ("12#", "12", "failure"), ("", "", "timeout")],
    )
    async def test_tells_how_it_went(self, found: Any, keys: str, heard: str, result: str) -> None:
        patience = 5000 if keys else 1
        home, call = await asked(found, ("read", f"4 4 {BEEP if keys else 'silence'} pin {patience} #"))
        if keys:
            await hears_tone(call, 640)
            call.press(keys)
        variables = await afterwards(home)
        assert (variables["pin"], variables["read_result"]) == (heard, result)
