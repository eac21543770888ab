"""What tests of voicemail, parking and menus share: prompts that take no time, keys pressed one by one."""

from __future__ import annotations

from typing import Any

from ringthru.sip import CallEnded
from ringthru.switch.audio.sound_files import PROMPTS

from .events import Ear
from .hearing import write_wav
from .home import Home
from .phones import PhoneCall
from .waiting import eventually


def short_prompts(home: Home) -> None:
    """Prompts of one's own take the place of ours: these are clicks, so that no test waits for words."""
    for each in PROMPTS.glob("*/*.wav"):
        place = home.folder / "sounds" / each.parent.name / each.name
        place.parent.mkdir(parents=True, exist_ok=True)
        write_wav(place, 0.04, 2000.0)


async def keyed(home: Home, call: PhoneCall, keys: str) -> None:
    """Press keys one after the other, as people do; a call that ends takes no more."""
    ear = Ear(home.switch, "DTMF")

    def heard(count: int) -> bool:
        return len(ear.heard) >= count or any(isinstance(each, CallEnded) for each in call.events)

    for count, key in enumerate(keys, 1):
        call.press(key)
        await eventually(lambda count=count: heard(count), f"{key} is not heard")  # type: ignore[misc]


def leg_of(home: Home, user: str) -> Any:
    """The switch's leg of a calling user."""
    return next(
        each for each in home.switch.calls.channels.values() if each.variables.get("user_name") == user
    )


async def joined(home: Home, user: str) -> None:
    """The calling user talks to somebody: what he says from now on is heard."""
    await eventually(lambda: leg_of(home, user).bridged_to is not None, f"{user} talks to nobody")
