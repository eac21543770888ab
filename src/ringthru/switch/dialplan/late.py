"""Applications whose code is loaded with the first call that asks for it: the start is a budget.

Lives here: their names, and where they are. Never here: what they do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel


async def intercept(calls: Calls, channel: Channel, data: str) -> None:
    """``[-bleg] UUID``: take a call that rings elsewhere, or stands there."""
    from ..answering.intercept import intercept as application

    await application(calls, channel, data)


async def ivr(calls: Calls, channel: Channel, data: str) -> None:
    """``MENU``: guide the caller through a menu of ivr.conf."""
    from ..answering.menu import ivr as application

    await application(calls, channel, data)


async def valet_park(calls: Calls, channel: Channel, data: str) -> None:
    """``LOT SLOT`` and the like (see ``parking``): leave a call in a numbered place, or fetch it."""
    from ..answering.parking import valet_park as application

    await application(calls, channel, data)


async def voicemail(calls: Calls, channel: Channel, data: str) -> None:
    """``[check] [auth] PROFILE DOMAIN [USER]``: leave a message, or hear those there are."""
    from ..voicemail.application import voicemail as application

    await application(calls, channel, data)


async def audio_test(calls: Calls, channel: Channel, data: str) -> None:
    """``[SECONDS]``: whether the peer, an echo, is heard both ways (see ``probing``)."""
    from ..audio.probing import audio_test as application

    await application(calls, channel, data)


APPLICATIONS: Final[Mapping[str, Callable[[Calls, Channel, str], Awaitable[None]]]] = {
    "audio_test": audio_test,
    "intercept": intercept,
    "ivr": ivr,
    "valet_park": valet_park,
    "voicemail": voicemail,
}
