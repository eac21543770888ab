"""The sessions of the guide to the console, typed into a running switch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ringthru.console.logs import Logs
from ringthru.console.plain import run_line
from ringthru.console.standard import standard_table

from .home import PUBLIC, extension
from .waiting import eventually

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "console.md").read_text()
SESSIONS = re.findall(r"<!-- session -->\n```\n(.*?)```", PAGE, re.DOTALL)


async def test_the_sessions_go_as_they_are_shown(found: Any, logs: Logs) -> None:
    home = await found({PUBLIC: extension("77", ("answer", ""), ("park", ""))})
    await home.switch.start()
    await home.mapped()
    await home.far_phone().invite("77", home.reached_at("external")).answered()
    (uuid,) = home.switch.calls.channels
    await eventually(lambda: home.switch.calls.channels[uuid].application == "park()")
    table = standard_table(logs)
    assert len(SESSIONS) == 2
    for session in SESSIONS:
        for typed, shown in re.findall(r"^> (.*)\n((?:(?!> ).*\n)*)", session, re.MULTILINE):
            said: list[str] = []
            await run_line(home.switch, table, typed.replace("UUID", uuid), said.append)
            pattern = re.escape(shown.replace("UUID", uuid)).replace("…", "(?s:.*)")
            answer = "".join(f"{each}\n" for each in said)
            assert re.fullmatch(pattern, answer), (typed, answer)


async def test_the_layout_of_2009_has_a_line_before_each_answer(found: Any, logs: Logs) -> None:
    home = await found({"autoload_configs/switch.conf.xml": in_2009})
    await home.switch.start()
    said: list[str] = []
    await run_line(home.switch, standard_table(logs), "version short", said.append)
    assert said == ["API CALL [version(short)] output:\n0.1.0\n"]


def in_2009(text: str) -> str:
    return text.replace("<settings>", '<settings><param name="console-layout" value="2009-09"/>', 1)
