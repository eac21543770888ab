"""The dialplan's applications: what a channel can be told to do.

Each is a coroutine ``(calls, channel, data)`` that returns when it is done or the channel is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from ..media import MediaError
from .causes import HangupCause, cause_named
from .dialing import DialFailed
from .dialstring import BadDialString
from .joining import join

if TYPE_CHECKING:
    from .calls import Calls
    from .channel import Channel

Application = Callable[["Calls", "Channel", str], Awaitable[None]]

LOG_LEVELS: Final = {
    "CONSOLE": 60,
    "ALERT": logging.CRITICAL,
    "CRIT": logging.CRITICAL,
    "ERR": logging.ERROR,
    "WARNING": logging.WARNING,
    "NOTICE": 25,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
}


async def answer(calls: Calls, channel: Channel, data: str) -> None:
    """Answer the caller."""
    await channel.answer()


async def echo(calls: Calls, channel: Channel, data: str) -> None:
    """Send every frame back to where it came from, until the caller hangs up."""
    await channel.answer()
    if channel.media is not None:
        channel.media.leg.echo(True)
    await channel.gone.wait()


async def bridge(calls: Calls, channel: Channel, data: str) -> None:
    """Dial, and join what answers to this channel until either side hangs up."""
    try:
        other = await calls.dialer.dial(data, parent=channel)
    except BadDialString as error:
        channel.log.error("bridge: %s", error)
        channel.hang_up(HangupCause.INVALID_URL)
        return
    except DialFailed as failure:
        channel.variables["originate_disposition"] = failure.cause.name
        if channel.variables.get("continue_on_fail", "false").lower() not in ("true", "yes", "1"):
            channel.hang_up(failure.cause)
        return
    try:
        await channel.answer(prefer=other.media.codec if other.media else None)
    except MediaError:
        other.hang_up(HangupCause.INCOMPATIBLE_DESTINATION)
        raise
    if await join(channel, other):
        channel.hang_up(other.cause or HangupCause.NORMAL_CLEARING)
    else:
        await channel.gone.wait()  # its partner was transferred away; it waits to be hung up


async def hangup(calls: Calls, channel: Channel, data: str) -> None:
    """Hang up, with a cause by name or number."""
    channel.hang_up(cause_named(data or "NORMAL_CLEARING"))


async def set_variable(calls: Calls, channel: Channel, data: str) -> None:
    """``name=value`` on this channel; an empty value unsets."""
    name, _, value = data.partition("=")
    if value:
        channel.variables[name.strip()] = value
    else:
        channel.variables.pop(name.strip(), None)


async def write_log(calls: Calls, channel: Channel, data: str) -> None:
    """``LEVEL text`` to the log."""
    word, _, text = data.partition(" ")
    level = LOG_LEVELS.get(word.upper())
    channel.log.log(level or logging.DEBUG, "%s", text if level else data)


async def park(calls: Calls, channel: Channel, data: str) -> None:
    """Keep the channel until somebody ends it."""
    await channel.gone.wait()


APPLICATIONS: Final[dict[str, Application]] = {
    "answer": answer,
    "echo": echo,
    "bridge": bridge,
    "hangup": hangup,
    "set": set_variable,
    "log": write_log,
    "park": park,
}
