"""What people from other switches may copy from their page, tried by calls."""

from __future__ import annotations

import re
import wave
from pathlib import Path
from typing import Any

from .home import DEFAULT, PASSWORD, Home
from .phones import frame_of
from .waiting import eventually

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "coming-from.md").read_text()


def shown(name: str) -> str:
    (xml,) = re.findall(rf'```xml\n(<extension name="{name}">.*?)```', PAGE, re.DOTALL)
    return str(xml)


async def test_the_answering_machine_takes_the_call_of_a_phone_that_is_not_there(found: Any) -> None:
    def first(text: str) -> str:
        return text.replace(
            '<context name="default">', f'<context name="default">{shown("answering machine")}'
        )

    home: Home = await found({DEFAULT: first})
    await home.switch.start()
    call = home.lan_phone("1001").invite("1002", home.internal, password=PASSWORD)
    await call.answered()
    folder = Path(home.switch.variables["recordings_dir"])
    (file,) = await eventually(lambda: list(folder.glob("1002-*.wav")), "nothing is recorded")

    def grows() -> bool:
        call.say(frame_of(7))
        return file.stat().st_size > 2000

    await eventually(grows, "what the caller says is not in the file")
    call.hang_up()
    await home.quiet()
    with wave.open(str(file)) as recorded:
        assert recorded.getnframes() > 0
