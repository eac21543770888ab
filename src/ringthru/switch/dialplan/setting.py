"""The applications that set variables and say things to the log. None of them waits, so all may run inline.

Lives here: ``set`` and its kin. Never here: what the variables then do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from ..dialing.dialstring import separated
from ..dialing.leg_variables import EXPORTS
from ..variable_names import spelled, variable_name
from .meta_keys import MetaApp

if TYPE_CHECKING:
    from ..calls.channel import Channel

MOST_VARIABLES: Final = 2000
UNDEFINED: Final = "_undef_"
LOG_LEVELS: Final = {
    "CONSOLE": 60,
    "ALERT": logging.CRITICAL,
    "CRIT": logging.CRITICAL,
    "ERR": logging.ERROR,
    "ERROR": logging.ERROR,
    "WARNING": logging.WARNING,
    "NOTICE": 25,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
}


def assign(channel: Channel, name: str, value: str) -> None:
    """One variable; an empty value, or ``_undef_``, unsets it."""
    name = variable_name(name.strip())
    if not value or value == UNDEFINED:
        channel.variables.pop(name, None)
    elif name in channel.variables or len(channel.variables) < MOST_VARIABLES:
        channel.variables[name] = value
    else:
        channel.log.error("%s has %d variables; %s is not set", channel.name, MOST_VARIABLES, spelled(name))
    if name == "presence_id":
        channel.on_turn(channel)  # another lamp


def set_variable(channel: Channel, data: str) -> None:
    """``name=value`` on this channel; an empty value unsets."""
    name, _, value = data.partition("=")
    if not name.strip():
        channel.log.error("set without a variable's name: %s", data)
        return
    assign(channel, name, value.lstrip())


def unset(channel: Channel, data: str) -> None:
    """Forget a variable."""
    channel.variables.pop(data.strip().lower(), None)


def multiset(channel: Channel, data: str) -> None:
    """``a=1 b=2``, or ``^^;a=1;b=2`` with another separator."""
    for pair in separated(data.strip(), " "):
        if pair.strip():
            set_variable(channel, pair.strip())


def multiunset(channel: Channel, data: str) -> None:
    """Forget several variables."""
    for name in separated(data.strip(), " "):
        unset(channel, name)


def export(channel: Channel, data: str) -> None:
    """``name=value`` here and on the legs this channel dials; ``nolocal:name=value`` on those alone."""
    name, _, value = data.partition("=")
    assign(channel, name, value.lstrip())
    names = [each for each in channel.variables.get(EXPORTS, "").split(",") if each]
    if name.strip() and name.strip() not in names:
        assign(channel, EXPORTS, ",".join([*names, name.strip()]))


def write_log(channel: Channel, data: str) -> None:
    """``LEVEL text`` to the log."""
    word, _, text = data.partition(" ")
    level = LOG_LEVELS.get(word.upper())
    channel.log.log(level or logging.DEBUG, "%s", text if level else data)


def info(channel: Channel, data: str) -> None:
    """All variables of the channel to the log; ``data`` may name the level."""
    level = LOG_LEVELS.get(data.strip().upper(), logging.INFO)
    lines = [f"variable_{spelled(name)}: [{value}]" for name, value in sorted(channel.variables.items())]
    facts = [
        f"Channel-Name: [{channel.name}]",
        f"Unique-ID: [{channel.uuid}]",
        f"Caller-Destination-Number: [{channel.destination}]",
        f"Caller-Caller-ID-Number: [{channel.caller.number}]",
    ]
    for line in ("CHANNEL_DATA:", *facts, *lines):  # a line each: a value's line break cannot make up another
        channel.log.log(level, "%s", line)


def bind_meta_app(channel: Channel, data: str) -> None:
    """``KEY LISTEN FLAGS APPLICATION[::DATA]``: what ``*`` and a key do while the leg is bridged."""
    binding = MetaApp.read(data)
    if binding is None:
        channel.log.error("bind_meta_app %s: KEY a|b|ab FLAGS APPLICATION[::DATA] is needed", data)
        return
    channel.metas[binding.key] = binding


def unbind_meta_app(channel: Channel, data: str) -> None:
    """Forget what ``*`` and a key do; without a key, all of it."""
    if data.strip():
        channel.metas.pop(data.strip(), None)
    else:
        channel.metas.clear()


def nothing(channel: Channel, data: str) -> None:
    """``eval``: its data was expanded, and that is all."""


INLINE: Final[Mapping[str, Callable[[Channel, str], None]]] = {
    "bind_meta_app": bind_meta_app,
    "eval": nothing,
    "export": export,
    "info": info,
    "log": write_log,
    "multiset": multiset,
    "multiunset": multiunset,
    "set": set_variable,
    "unbind_meta_app": unbind_meta_app,
    "unset": unset,
}
