"""From a channel to what it runs: the dialplan, applications, and the variables they name.

Lives here: hunting, running actions in order, sending a channel elsewhere, expanding ``${…}``.
Never here: what an application does, SIP.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ...media import MediaError, NoFreePorts
from ..audio.media_statistics import statistic
from ..calls.causes import HangupCause
from ..calls.channel import Channel
from ..configuration import FOREVER, Action, Dialplan, expand
from ..dialing.dialstring import harmless, separated
from ..dialing.identity import PREFIX
from ..words import random_uuid
from .applications import APPLICATIONS, LEFT_OUT
from .call_fields import FIELDS
from .functions import Functions
from .setting import INLINE

if TYPE_CHECKING:
    from datetime import datetime

    from ..calls.book import Calls

MOST_REROUTES: Final = 100  # a channel that is sent elsewhere more often goes in circles
DEEPEST: Final = 16  # execute_extension within execute_extension
EXECUTING: Final = frozenset(("CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE"))
LOOP_PAUSE: Final = 0.02  # seconds between rounds of an endless loop, so that it leaves the others their turn


class Router:
    """Runs the dialplan for channels."""

    def __init__(self, calls: Calls, dialplan: Dialplan, variables: Mapping[str, str]) -> None:
        self._calls = calls
        self.dialplan = dialplan
        self.functions = Functions(calls, variables)
        self._variables = variables

    async def run(self, channel: Channel) -> None:
        """Find the channel's extension and do what it says, wherever it is sent; hang up at its end."""
        for _ in range(MOST_REROUTES):
            channel.rerouted = False
            actions = self.hunt(channel)
            if not actions:
                _tell_of_no_extension(channel)
                if not await channel.fails(HangupCause.NO_ROUTE_DESTINATION):
                    channel.hang_up(HangupCause.NO_ROUTE_DESTINATION)
            else:
                await self.execute_all(channel, actions)
            if not channel.rerouted:
                channel.hang_up(channel.parting or HangupCause.NORMAL_CLEARING)
            if channel.gone.is_set():
                return
            await asyncio.sleep(0)
        channel.log.error("%s is sent from extension to extension without end", channel.name)
        channel.hang_up(HangupCause.EXCHANGE_ROUTING_ERROR)

    def hunt(
        self, channel: Channel, extension: str = "", context: str = "", dialplan: str = ""
    ) -> list[Action]:
        """What a channel is to do at an extension, by default at its own destination."""
        extension, context = extension or channel.destination, context or channel.context
        dialplan = (dialplan or channel.dialplan).upper()
        if dialplan == "INLINE":
            return inline_actions(extension)
        if dialplan != "XML":
            channel.log.error("There is no dialplan %s; those that are: XML, inline", dialplan)
            return []
        channel.enter("CS_ROUTING")
        who, number = channel.caller.name, channel.caller.number
        channel.log.info("Processing %s <%s>->%s in context %s", who, number, extension, context)

        traced = channel.log.isEnabledFor(logging.DEBUG)  # the lines are built for nobody else
        steps: list[str] = []

        def tell() -> None:
            channel.log.debug_lines([f"Dialplan: {channel.name} {each}" for each in steps])
            steps.clear()

        def run_inline(action: Action) -> None:
            tell()  # what led to it stands before it in the log
            self._run_inline(channel, action)

        def lookup(name: str) -> str | None:
            if name == "destination_number":
                return extension
            if name == "context":
                return context
            return self.value(channel, name)

        trace = steps.append if traced else None
        try:
            route = self.dialplan.route(context, lookup, now, run_inline=run_inline, trace=trace)
        finally:
            tell()
        channel.variables.update(route.variables)
        return list(route.actions)

    def _run_inline(self, channel: Channel, action: Action) -> None:
        """An action marked ``inline``: it runs while the hunt goes on, so it may not wait for anything."""
        run = INLINE.get(action.application.lower())
        if run is None:
            text = "%s cannot be run inline: only %s can; left out"
            channel.log.error(text, action.application, ", ".join(INLINE))
            return
        text = self.expanded(channel, action.data)
        channel.log.debug("EXECUTE %s %s(%s) INLINE", channel.name, action.application, text)
        run(channel, text)

    async def execute_all(self, channel: Channel, actions: Sequence[Action]) -> None:
        """Run actions in order, until the channel is gone or sent elsewhere."""
        for action in actions:
            left = action.loops
            while left:
                await self.execute(channel, action.application, action.data)
                if channel.gone.is_set() or channel.rerouted:
                    return
                if left == FOREVER:
                    await asyncio.sleep(LOOP_PAUSE)
                else:
                    left -= 1

    async def execute_extension(self, channel: Channel, extension: str, context: str, dialplan: str) -> None:
        """Run another extension's actions in the midst of this one's, and come back."""
        if channel.depth >= DEEPEST:
            channel.log.error("execute_extension within itself, without end: %s", extension)
            channel.hang_up(HangupCause.EXCHANGE_ROUTING_ERROR)
            return
        channel.depth += 1
        try:
            await self.execute_all(channel, self.hunt(channel, extension, context, dialplan))
        finally:
            channel.depth -= 1

    async def run_application(self, channel: Channel, application: str, data: str) -> None:
        """Run one application, then whatever it sent the channel to, and hang up."""
        await self.execute(channel, application, data)
        if channel.rerouted and not channel.gone.is_set():
            await self.run(channel)
        channel.hang_up(channel.parting or HangupCause.NORMAL_CLEARING)

    async def execute(self, channel: Channel, application: str, data: str, serial: str = "") -> None:
        """Run one application; what it cannot do ends the call with a cause and a line in the log.

        Names compare without case. ``serial`` is how the events of it are known (Application-UUID); made up
        where it is empty.
        """
        channel.enter("CS_EXECUTE")
        application = application.lower()
        run = APPLICATIONS.get(application)
        if run is None and application in LEFT_OUT:
            channel.log.warning("%s is not supported in this version: left out", application)
            return
        if run is None:
            channel.log.error("Invalid Application %s", application)
            channel.hang_up(HangupCause.DESTINATION_OUT_OF_ORDER)
            return
        channel.parting = None
        text = self.expanded(channel, data)
        channel.application = f"{application}({text})"
        channel.variables["current_application"] = application
        channel.variables["current_application_data"] = text
        channel.log.debug("EXECUTE %s %s(%s)", channel.name, application, text)
        told = self._told_of(channel, application, text, serial)
        channel.tell("CHANNEL_EXECUTE", *told)
        try:
            await run(self._calls, channel, text)
        except MediaError as error:
            channel.log.warning("%s failed: %s", channel.application, error)
            ours = isinstance(error, NoFreePorts)  # the caller may come again; it did nothing wrong
            channel.hang_up(
                HangupCause.NORMAL_CIRCUIT_CONGESTION if ours else HangupCause.INCOMPATIBLE_DESTINATION
            )
        finally:
            if told:
                answer = channel.variables.get("application_response", "_none_")
                channel.tell("CHANNEL_EXECUTE_COMPLETE", *told, ("Application-Response", answer))

    def _told_of(
        self, channel: Channel, application: str, data: str, serial: str
    ) -> tuple[tuple[str, str], ...]:
        """What the events of an application begin with; empty while nobody listens to them."""
        if not EXECUTING & self._calls.bus.wanted:
            return ()
        serial = serial or random_uuid()
        return (("Application", application), ("Application-Data", data), ("Application-UUID", serial))

    # --- variables ----------------------------------------------------------------------------------

    def expanded(self, channel: Channel, text: str) -> str:
        """A text with every ``${…}`` of it replaced for this channel."""
        return expand(text, lambda name: self.value(channel, name)) if "$" in text else text

    def value(self, channel: Channel, name: str) -> str | None:
        """A field of the call, a channel variable, a global one, or a function's answer."""
        field = FIELDS.get(name)
        if field is not None:
            return field(channel)
        if name.startswith(PREFIX):  # a stranger may have written it into his INVITE
            return harmless(channel.variables.get(name.lower(), ""))
        for layer in (channel.variables, self._variables):
            if name in layer:
                return layer[name]
        if (counted := statistic(channel, name)) is not None:
            return counted
        if "(" not in name and (small := name.lower()) != name:  # late, as most are written in small letters
            return self.value(channel, small)
        return self.functions.call(name)

    def variable(self, channel: Channel, name: str) -> str | None:
        """A channel variable, or a global one: for names that no field and no function has."""
        name = name.lower()
        value = channel.variables.get(name)
        return self._variables.get(name) if value is None else value

    def lookup(self, *layers: Mapping[str, str]) -> Callable[[str], str | None]:
        """Values for ``${…}`` without a channel: the layers, the global variables, the functions."""

        def find(name: str) -> str | None:
            key = name.lower()
            for layer in (*layers, self._variables):
                if key in layer:
                    return layer[key]
            return self.functions.call(name)

        return find


def _tell_of_no_extension(channel: Channel) -> None:
    """A wrong number is the caller's affair; a provider's call that leads nowhere is ours."""
    number, context = channel.destination, channel.context
    channel.log.info("No extension for %s in context %s", number, context)
    if provider := channel.variables.get("sip_gateway_name"):
        text = "A call from the gateway %s to %s is refused: context %s of the dialplan has no extension "
        text += "for it. Write one there, or name one that it has as extension of the gateway"
        channel.log.warning(text, provider, number, context)
    elif number.startswith("gw+"):
        text = (
            "%s came from none of the addresses of gateway %s, without what only the provider knows of our "
        )
        text += "Contact, so it is a stranger's call. If it is the provider's, write an extension for %s in "
        text += "context %s, with a condition on network_addr"
        channel.log.warning(text, channel.name, number.removeprefix("gw+"), number, context)


def now() -> datetime:
    """The moment, in the machine's own zone."""
    from datetime import datetime  # late: see the dialplan

    return datetime.now().astimezone()


def inline_actions(text: str) -> list[Action]:
    """``answer,playback:hello.wav,hangup`` as actions; ``m:;:`` at the start makes ``;`` the separator."""
    separator = ","
    if text.startswith("m:") and text[3:4] == ":":
        separator, text = text[2], text[4:]
    parts = [part.strip() for part in separated(text, separator)]
    split = [part.partition(":") for part in parts if part]
    return [Action(name.strip(), data.strip("'")) for name, _, data in split]
