"""``ivr`` and ivr.conf: the menu of the default tree at 5000, and menus of every kind."""

from __future__ import annotations

from typing import Any

import pytest

from ringthru.switch.configuration import ConfigurationError

from .answering import keyed, leg_of, short_prompts
from .events import Ear
from .hearing import hears_tone
from .home import DEFAULT, PASSWORD, Edit, Home, extension
from .phones import PhoneCall, hears_itself
from .waiting import eventually

IVR = "autoload_configs/ivr.conf.xml"


def menus(*written: str) -> Edit:
    return lambda text: f'<configuration name="ivr.conf"><menus>{"".join(written)}</menus></configuration>'


def menu(entries: str, name: str = "tried", **attributes: str) -> str:
    usual = {
        "greet-long": "tone_stream://%(500,0,400)",
        "greet-short": "tone_stream://%(500,0,600)",
        "invalid-sound": "tone_stream://%(500,0,900)",
        "exit-sound": "tone_stream://%(500,0,1200)",
        "timeout": "3000",
        "inter-digit-timeout": "300",
    }
    whole = usual | {each.replace("_", "-"): value for each, value in attributes.items()}
    rows = " ".join(f'{each}="{value}"' for each, value in whole.items())
    return f'<menu name="{name}" {rows}>{entries}</menu>'


@pytest.fixture
def calling(found: Any) -> Any:
    """Call 77, which goes through the menu ``tried`` and is refused with 486 behind it."""

    async def call(*written: str) -> tuple[Home, PhoneCall]:
        actions = ("ivr", "tried"), ("set", "left=${ivr_menu_status}"), ("echo", "")
        home: Home = await found({IVR: menus(*written), DEFAULT: [extension("77", *actions)]})
        short_prompts(home)
        await home.switch.start()
        made = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD)
        await made.answered()
        return home, made

    return call


def left(home: Home) -> str:
    return str(leg_of(home, "1001").variables.get("left", ""))


class TestTheDefaultOne:
    async def test_an_echo_at_one(self, home: Home) -> None:
        short_prompts(home)
        call = home.lan_phone("1001").invite("5000", home.internal, password=PASSWORD)
        await call.answered()
        call.press("1")
        await eventually(lambda: leg_of(home, "1001").application == "echo()")
        await hears_itself(call)

    async def test_an_extension(self, home: Home) -> None:
        short_prompts(home)
        phone = await home.registered_phone("1000")
        call = home.lan_phone("1001").invite("5000", home.internal, password=PASSWORD)
        await call.answered()
        await keyed(home, call, "1000")
        await phone.rung()

    async def test_down_and_up_again(self, home: Home) -> None:
        short_prompts(home)
        ear = Ear(home.switch, "PLAYBACK_START")
        call = home.lan_phone("1001").invite("5000", home.internal, password=PASSWORD)
        await call.answered()
        call.press("6")
        path = "Playback-File-Path"
        await ear.until("PLAYBACK_START", lambda each: each.get(path) == "ivr/ivr-demo_sub_menu.wav")
        before = len(ear.heard)
        call.press("*")
        await eventually(
            lambda: [each.get(path) for each in ear.heard[before:]] == ["ivr/ivr-demo_menu.wav"],
            "not the top",
        )


class TestGreetings:
    async def test_the_long_one_first_then_the_short_one(self, calling: Any) -> None:
        _, call = await calling(menu('<entry action="menu-exit" digits="9"/>', timeout="500"))
        await hears_tone(call, 400.0)
        await hears_tone(call, 600.0)

    async def test_any_key_cuts_it_short(self, calling: Any) -> None:
        long = "tone_stream://%(60000,0,400)"
        home, call = await calling(menu('<entry action="menu-exit" digits="9"/>', greet_long=long))
        await hears_tone(call, 400.0)
        call.press("9")
        await eventually(lambda: left(home) == "success")


class TestWhatIsWrong:
    async def test_is_told_and_ends_it_at_last(self, calling: Any) -> None:
        home, call = await calling(menu('<entry action="menu-exit" digits="9"/>', max_failures="1"))
        call.press("5")
        await hears_tone(call, 900.0)
        call.press("5")
        await hears_tone(call, 1200.0)
        await eventually(lambda: left(home) == "failure")

    async def test_silence_ends_it_too(self, calling: Any) -> None:
        home, call = await calling(menu("", timeout="50", max_timeouts="1"))
        await hears_tone(call, 1200.0)
        await eventually(lambda: left(home) == "timeout")

    async def test_something_else_instead(self, calling: Any) -> None:
        _, call = await calling(
            menu(
                "",
                timeout="50",
                max_timeouts="0",
                exec_on_max_timeouts="playback tone_stream://%(900,0,1700)",
            )
        )
        await hears_tone(call, 1700.0)

    async def test_a_menu_that_is_not_there(self, calling: Any, caplog: pytest.LogCaptureFixture) -> None:
        _, call = await calling(menu("", name="other"))
        await hears_itself(call)
        assert "has no menu tried" in caplog.text

    async def test_speech_is_passed_over(self, calling: Any, caplog: pytest.LogCaptureFixture) -> None:
        home, call = await calling(menu('<entry action="menu-exit" digits="9"/>', greet_long="say:hello"))
        call.press("9")
        await eventually(lambda: left(home) == "success")
        assert "Name a file in its place" in caplog.text


class TestEntries:
    async def test_a_sound(self, calling: Any) -> None:
        _, call = await calling(
            menu('<entry action="menu-play-sound" digits="1" param="tone_stream://%(900,0,1700)"/>')
        )
        call.press("1")
        await hears_tone(call, 1700.0)

    async def test_captures_of_an_expression(self, calling: Any) -> None:
        home, call = await calling(
            menu(
                '<entry action="menu-exec-app" digits="/^(\\d)(\\d\\d)$/" param="set got=$2-$1-$0"/>'
                '<entry action="menu-exit" digits="9"/>',
                digit_len="3",
            )
        )
        await keyed(home, call, "123")
        await eventually(lambda: leg_of(home, "1001").variables.get("got") == "23-1-123")

    async def test_the_keys_themselves_go_before_expressions(self, calling: Any) -> None:
        home, call = await calling(
            menu(
                '<entry action="menu-exec-app" digits="/./" param="set got=expression"/>'
                '<entry action="menu-exec-app" digits="1" param="set got=key"/>'
            )
        )
        call.press("1")
        await eventually(lambda: leg_of(home, "1001").variables.get("got") == "key")

    async def test_one_up_is_not_the_top(self, calling: Any) -> None:
        down = '<entry action="menu-sub" digits="1" param="{}"/><entry action="menu-back" digits="0"/>'
        home, call = await calling(
            menu(down.format("second")),
            menu(down.format("third"), "second", greet_long="tone_stream://%(500,0,1500)"),
            menu(down.format("third"), "third", greet_long="tone_stream://%(500,0,1800)"),
        )
        call.press("1")
        await hears_tone(call, 1500.0)
        call.press("1")
        await hears_tone(call, 1800.0)
        call.press("0")
        await hears_tone(call, 1500.0)
        call.press("0")
        await hears_tone(call, 400.0)
        call.press("0")
        await eventually(lambda: left(home) == "success")

    async def test_a_pin(self, calling: Any) -> None:
        home, call = await calling(menu('<entry action="menu-exit" digits="9"/>', pin="4711"))
        await keyed(home, call, "123#")
        await keyed(home, call, "4711#")
        await hears_tone(call, 400.0)

    async def test_who_does_not_know_it_is_sent_away(self, calling: Any) -> None:
        home, call = await calling(menu("", pin="4711"))
        for _ in range(3):
            await keyed(home, call, "1#")
        await call.over()


class TestTheFile:
    @pytest.mark.parametrize(
        "written",
        [
            "<menu/>",
            menu("", timeout="soon"),
            menu("", digit_len="0"),
            menu('<entry action="menu-exec-app" digits="/(/" param="hangup"/>'),
        ],
    )
    async def test_what_cannot_be_meant_is_named(self, found: Any, written: str) -> None:
        with pytest.raises(ConfigurationError, match=r"ivr\.conf"):
            await found({IVR: menus(written)})

    async def test_what_is_not_done_is_said(self, found: Any, caplog: pytest.LogCaptureFixture) -> None:
        await found(
            {
                IVR: menus(
                    menu('<entry action="menu-exec-api" digits="1"/><entry action="menu-sub" digits="2"/>')
                )
            }
        )
        assert "'menu-exec-api' on '1' is not supported" in caplog.text
        assert "which is not there" in caplog.text
