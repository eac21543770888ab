"""``ivr MENU``: say what there is, read keys, and do what the menu says of them.

It leaves behind ``ivr_menu_status``: ``success``, ``timeout`` or ``failure``.

Lives here: a caller in menus. Never here: what is written in ivr.conf (``menu_settings``).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from ...media import BadSound
from ..calls.causes import HangupCause
from ..configuration.expressions import compile_expression, fill_captures
from ..dialplan import asking, sounding

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel
    from ..configuration.menu_settings import Menu, MenuEntry

DEEPEST: Final = 8  # menus within menus
MOST_ROUNDS: Final = 1000  # of one menu; a caller who goes round for ever is sent away
PIN_TRIES: Final = 3
PIN_WAIT: Final = 10.0  # seconds
SPOKEN: Final = "say:"


class Leave(Enum):
    """Where a caller goes who leaves a menu."""

    STAY = "stay"
    BACK = "back"  # to the menu above
    TOP = "top"  # to the first one
    OUT = "out"  # on in the dialplan


async def ivr(calls: Calls, channel: Channel, data: str) -> None:
    """Guide a caller through a menu of ivr.conf."""
    name = data.strip()
    menu = calls.answering.menus.get(name)
    if menu is None:
        channel.log.error("ivr: ivr.conf has no menu %s", name[:80])
        return
    await channel.answer()
    channel.digits.clear()
    for _ in range(MOST_ROUNDS):
        if await _Guide(calls, channel).through(menu, 0) is not Leave.TOP:
            return


class _Guide:
    """One caller's way."""

    def __init__(self, calls: Calls, channel: Channel) -> None:
        self._calls = calls
        self._channel = channel

    async def through(self, menu: Menu, depth: int) -> Leave:
        """One menu, until it is left; BACK at most."""
        if not await self._lets_in(menu):
            return Leave.OUT
        failures = timeouts = 0
        greeting = menu.sound("greet-long")
        for _ in range(MOST_ROUNDS):
            keys = await self._ask(menu, greeting)
            greeting = menu.sound("greet-short") or greeting
            if self._is_over:
                return Leave.OUT
            found = _meant(menu, keys)
            if found is not None:
                failures = timeouts = 0
                leave, again = await self._do(menu, *found, depth)
                greeting = menu.sound("greet-long") if again else greeting
                if leave is not Leave.STAY:
                    return leave
                continue
            failures, timeouts = failures + bool(keys), timeouts + (not keys)
            if keys:
                await self._say(menu.sound("invalid-sound"))
            if failures > menu.failures or timeouts > menu.timeouts:
                return await self._give_up(menu, "failure" if keys else "timeout")
        return Leave.OUT

    @property
    def _is_over(self) -> bool:
        return self._channel.gone.is_set() or self._channel.rerouted

    async def _ask(self, menu: Menu, greeting: str) -> str:
        sound = self._playable(greeting)
        return await asking.ask(self._channel, sound, menu.digits, menu.timeout, "#", menu.between)

    async def _do(self, menu: Menu, entry: MenuEntry, param: str, depth: int) -> tuple[Leave, bool]:
        """What an entry says: where the caller goes, and whether he hears the long greeting again."""
        self._channel.variables["ivr_menu_status"] = "success"
        match entry.action:
            case "menu-exec-app":
                application, _, data = param.partition(" ")
                await self._calls.router.execute(self._channel, application, data)
                return (Leave.OUT if self._is_over else Leave.STAY), False
            case "menu-play-sound":
                await self._say(param)
            case "menu-sub":
                return await self._below(param, depth)
            case "menu-back":
                return (Leave.BACK if depth else Leave.OUT), False
            case "menu-top":
                return (Leave.TOP if depth else Leave.STAY), True
            case "menu-exit":
                await self._say(menu.sound("exit-sound"))
                return Leave.OUT, False
        return Leave.STAY, False

    async def _below(self, name: str, depth: int) -> tuple[Leave, bool]:
        menu = self._calls.answering.menus.get(name)
        if menu is None or depth + 1 >= DEEPEST:
            self._channel.log.error("ivr: there is no menu %s, or it is too deep", name[:80])
            return Leave.STAY, True
        leave = await self.through(menu, depth + 1)
        return (Leave.STAY if leave is Leave.BACK else leave), True

    async def _give_up(self, menu: Menu, status: str) -> Leave:
        """He pressed nothing, or nothing that is anything, too often."""
        self._channel.variables["ivr_menu_status"] = status
        instead = menu.on_failures if status == "failure" else menu.on_timeouts
        if instead:
            application, _, data = instead.partition(" ")
            await self._calls.router.execute(self._channel, application, data)
        else:
            await self._say(menu.sound("exit-sound"))
        return Leave.OUT

    async def _lets_in(self, menu: Menu) -> bool:
        """Ask for the PIN of a menu that has one; False: the caller does not know it, and is hung up."""
        if not menu.pin:
            return True
        for _ in range(PIN_TRIES):
            sound = self._playable(menu.sound("prompt-pin-file")) or "voicemail/vm-enter_pass.wav"
            keys = await asking.ask(self._channel, sound, len(menu.pin) + 1, PIN_WAIT, "#")
            if self._is_over:
                return False
            if keys == menu.pin:
                return True
            await self._say(menu.sound("bad-pin-file") or "voicemail/vm-fail_auth.wav")
        self._channel.log.warning("%s does not know the PIN of menu %s", self._channel.name, menu.name)
        self._channel.hang_up(HangupCause.CALL_REJECTED)
        return False

    # --- sounds -------------------------------------------------------------------------------------

    def _playable(self, sound: str) -> str:
        """A sound, or nothing in place of what nobody here can speak."""
        if not sound.startswith(SPOKEN):
            return self._calls.router.expanded(self._channel, sound)
        text = "ivr: %s is not said: no speech is made here. Name a file in its place, or a phrase"
        self._channel.log.warning(text, sound[:80])
        return ""

    async def _say(self, sound: str) -> None:
        if not (text := self._playable(sound)):
            return
        try:
            await sounding.play(self._channel, text, asking=True)
        except BadSound as error:
            self._channel.log.error("ivr: %s", error)


def _meant(menu: Menu, keys: str) -> tuple[MenuEntry, str] | None:
    """The entry of these keys, with its parameter: the keys themselves first, then expressions in order."""
    if not keys:
        return None
    for entry in menu.entries:
        if entry.digits == keys:
            return entry, entry.param
    for entry in menu.entries:
        found = compile_expression(entry.expression).search(keys) if entry.expression else None
        if found is not None:
            return entry, fill_captures(entry.param, found)
    return None
