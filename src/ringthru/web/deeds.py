"""The few things that the page does: hang up, ask the router again, rescan a profile, show a password.

Lives here: what each asks of the switch, and the words for what came of it.
Never here: who may (``site``), buttons.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from ..console.phone_setup import password_of
from .page import password_page
from .site import Deed

if TYPE_CHECKING:
    from ..console.switch_like import SwitchLike

log = logging.getLogger(__name__)


class Deeds:
    """Those of one switch; each takes the fields of a form."""

    def __init__(self, switch: SwitchLike) -> None:
        self._switch = switch

    def by_path(self) -> Mapping[str, Callable[[Mapping[str, str]], Awaitable[Deed]]]:
        return {
            "/hangup": self._hang_up,
            "/republish": self._republish,
            "/rescan": self._rescan,
            "/reveal": self._reveal,
        }

    async def _hang_up(self, form: Mapping[str, str]) -> Deed:
        done = self._switch.kill(form.get("uuid", ""), "MANAGER_REQUEST")
        return Deed(done, "The call is hung up." if done else "That call is over already.")

    async def _republish(self, form: Mapping[str, str]) -> Deed:
        await self._switch.nat_republish()
        return Deed(True, "The router is being asked again for every port.")

    async def _rescan(self, form: Mapping[str, str]) -> Deed:
        name = form.get("profile", "")
        if name not in self._switch.calls.profiles:
            return Deed(False, "There is no such profile.")
        done = await self._switch.rescan_profile(name)
        return Deed(
            done, f"Profile {name} was read anew." if done else f"Profile {name} cannot be read anew."
        )

    async def _reveal(self, form: Mapping[str, str]) -> Deed:
        name = form.get("user", "")
        user = self._switch.calls.dialer.endpoints.user(name) if name else None
        if user is None:
            return Deed(False, "The directory has no such user.")
        log.info("The web page shows the password of user %s", user.id)
        password = password_of(user)
        return Deed(True, password, password_page(user.id, password))


def deed_json(deed: Deed) -> bytes:
    return json.dumps({"done": deed.done, "words": deed.words}).encode()
