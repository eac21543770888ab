"""From a channel to what it runs: the dialplan, applications, and the variables they name.

Lives here: hunting, running actions in order, expanding ``${…}``.
Never here: what an application does, SIP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..media import MediaError, NoFreePorts
from .applications import APPLICATIONS
from .causes import HangupCause
from .channel import Channel
from .configuration import Dialplan, expand
from .dialstring import harmless

if TYPE_CHECKING:
    from .calls import Calls

CONTACT = "sofia_contact("


class Router:
    """Runs the dialplan for channels."""

    def __init__(self, calls: Calls, dialplan: Dialplan, variables: Mapping[str, str]) -> None:
        self._calls = calls
        self._dialplan = dialplan
        self._variables = variables

    async def run(self, channel: Channel) -> None:
        """Find the channel's extension and do what it says; hang up at its end."""
        channel.state = "CS_ROUTING"
        who, number = channel.caller.name, channel.caller.number
        where, context = channel.destination, channel.context
        channel.log.info("Processing %s <%s>->%s in context %s", who, number, where, context)
        actions = self._dialplan.actions(channel.context, self.fields(channel))
        if not actions:
            channel.log.info("No extension for %s in context %s", where, context)
            channel.hang_up(HangupCause.NO_ROUTE_DESTINATION)
            return
        for action in actions:
            await self.execute(channel, action.application, action.data)
            if channel.gone.is_set():
                return
        channel.hang_up(HangupCause.NORMAL_CLEARING)

    async def run_application(self, channel: Channel, application: str, data: str) -> None:
        """Run one application, then hang up."""
        await self.execute(channel, application, data)
        channel.hang_up(HangupCause.NORMAL_CLEARING)

    async def execute(self, channel: Channel, application: str, data: str) -> None:
        """Run one application; what it cannot do ends the call with a cause and a line in the log."""
        channel.state = "CS_EXECUTE"
        run = APPLICATIONS.get(application)
        if run is None:
            channel.log.error("Invalid Application %s", application)
            channel.hang_up(HangupCause.DESTINATION_OUT_OF_ORDER)
            return
        text = expand(data, self.lookup(channel.variables, self.fields(channel)))
        channel.application = f"{application}({text})"
        channel.log.debug("EXECUTE %s %s(%s)", channel.name, application, text)
        try:
            await run(self._calls, channel, text)
        except MediaError as error:
            channel.log.warning("%s failed: %s", channel.application, error)
            ours = isinstance(error, NoFreePorts)  # the caller may come again; it did nothing wrong
            channel.hang_up(
                HangupCause.NORMAL_CIRCUIT_CONGESTION if ours else HangupCause.INCOMPATIBLE_DESTINATION
            )

    @staticmethod
    def fields(channel: Channel) -> dict[str, str]:
        """What dialplan conditions may test and actions may name."""
        return {
            **channel.variables,
            "destination_number": channel.destination,
            "caller_id_number": channel.caller.number,
            "caller_id_name": harmless(channel.caller.name),
            "context": channel.context,
            "network_addr": channel.call.flow.remote.host if channel.call else "",
            "chan_name": channel.name,
            "uuid": channel.uuid,
        }

    def lookup(self, *layers: Mapping[str, str]) -> Callable[[str], str | None]:
        """Values for ``${…}``: the layers, the global variables, ``${sofia_contact(*/user@domain)}``."""

        def find(name: str) -> str | None:
            if name.startswith(CONTACT) and name.endswith(")"):
                return self._sofia_contact(name[len(CONTACT) : -1])
            return next((layer[name] for layer in (*layers, self._variables) if name in layer), None)

        return find

    def _sofia_contact(self, argument: str) -> str:
        """``[PROFILE/]user@domain``: its bindings as dial strings, or the error that says there are none."""
        profile, slash, who = argument.rpartition("/")
        now = asyncio.get_running_loop().time()
        found = self._calls.registrar.contacts(who, profile if slash else "*", now)
        return ",".join(found) or "error/user_not_registered"
