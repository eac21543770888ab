"""What the page about the console phone shows is typed into a running switch, and its log is read."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ringthru.console.logs import Logs
from ringthru.console.plain import run_line
from ringthru.console.standard import standard_table
from ringthru.lab.phone import OutsidePhone
from ringthru.switch.configuration import load_tree
from ringthru.switch.configuration.phone_settings import load_phone
from ringthru.switch.phone.phone import ConsolePhone

from ..media.fake_sound_card import FakeCard
from .home import Home
from .waiting import eventually

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "console-phone.md").read_text()


def blocks(name: str) -> list[str]:
    return re.findall(rf"<!-- {name} -->\n```\w*\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
async def echo(home: Home) -> AsyncIterator[OutsidePhone]:
    """A phone on the Internet that returns what it hears, as the demonstration has one."""
    assert home.gateway is not None
    phone = OutsidePhone(home.place.host_outside(77), home.place.inside, masquerade=home.gateway.masquerade)
    yield phone
    phone.close()


async def typed_as_shown(home: Home, logs: Logs, session: str) -> None:
    table = standard_table(logs)
    for typed, shown in re.findall(r"^> (.*)\n((?:(?!> ).*\n)*)", session, re.MULTILINE):
        said: list[str] = []
        await run_line(home.switch, table, typed, said.append)
        pattern = re.escape(shown).replace("…", "(?s:.*)")
        answer = "".join(f"{each}\n" for each in said)
        assert re.fullmatch(pattern + r"\n*", answer), (typed, answer)


async def test_the_call_goes_as_it_is_shown(
    home: Home, echo: OutsidePhone, logs: Logs, caplog: pytest.LogCaptureFixture
) -> None:
    def here(text: str) -> str:
        return text.replace("ECHO", str(echo.address)).replace("HOST", echo.address.host)

    caplog.set_level(logging.INFO, "ringthru")
    call, test = map(here, blocks("session"))
    began, ended = map(here, blocks("log"))
    await typed_as_shown(home, logs, call)
    (channel,) = home.switch.calls.phone.legs.values()
    await eventually(lambda: channel.variables.get("ringthru_echo") == "heard both ways")
    await typed_as_shown(home, logs, "> pa hangup\nOK\n")
    await home.quiet()
    said = [record.getMessage() for record in caplog.records]
    for line in (began + ended).splitlines():
        pattern = re.compile(re.escape(line).replace("…", ".*"))
        at = next((place for place, text in enumerate(said) if pattern.fullmatch(text)), None)
        assert at is not None, line
        del said[: at + 1]
    await typed_as_shown(home, logs, test)


async def test_devices_are_chosen_as_it_is_shown(home: Home, logs: Logs) -> None:
    card = FakeCard()
    card.names, card.device = [], (-1, -1)
    home.switch.calls._phone = ConsolePhone(home.switch.calls, card)
    (session,) = blocks("devices")
    await typed_as_shown(home, logs, session)


def test_the_configuration_is_read(tmp_path: Path) -> None:
    (xml,) = blocks("conf")
    text = f'<document><section name="configuration">{xml}</section></document>'
    (tmp_path / "freeswitch.xml").write_text(text)
    settings: Any = load_phone(load_tree(tmp_path, {}, {}).tree)
    assert (settings.indev, settings.ringdev) == ("usb", "#0")
    assert settings.endpoints == {"gate": ("#1", "#1")}
    assert settings.calls_echo("sip:4443@example.org")
    assert not settings.calls_echo("sip:1000@example.org")
