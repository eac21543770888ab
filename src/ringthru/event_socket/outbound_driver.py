"""``socket`` of the dialplan: connect to a program, and do with the call what it says until it leaves.

``HOST[:PORT][|HOST…] [async] [full]``: the first host that answers gets the call. With ``async`` a command
is answered before it is carried out, and the call stays parked when the program leaves, unless it said
``resume`` or the call's variable ``socket_resume`` is true. With ``full`` the program may do whatever an
inbound client may.

Lives here: connecting, waiting. Never here: what is said (``connection``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ..net.address import Endpoint
from ..switch.dialing.dialstring import truth
from ..switch.waiting import first_of
from .link_driver import Link
from .session import ControlledCall

if TYPE_CHECKING:
    from ..switch.calls.channel import Channel
    from .hub_driver import Hub

DEFAULT_PORT: Final = 8084
PATIENCE: Final = 5.0  # seconds for each host
MOST_HOSTS: Final = 8
RESUME: Final = "socket_resume"  # FreeSWITCH's variable: the dialplan goes on when the program leaves


class OutboundSockets:
    """Makes a link for each call that asks for one."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def serve(self, channel: Channel, data: str) -> None:
        """Until the program closes the connection, or the call is over."""
        where, *flags = data.split() or [""]
        call = ControlledCall(channel.uuid, channel.name, "async" in flags, "full" in flags)
        link = await self._connect(channel, where, call)
        if link is None:
            channel.log.error("socket %s: nobody answers there; the dialplan goes on", data)
            return
        self._hub.spawn(_tell_of_hangup(channel, link))
        await first_of(link.closed, channel.gone)
        if channel.orders is not None and not channel.gone.is_set():
            await first_of(channel.orders.idle, channel.gone)
        if link.keeps_the_call and not truth(channel.variables.get(RESUME)):
            await self._hub.switch.calls.router.execute(channel, "park", "")

    async def _connect(self, channel: Channel, where: str, call: ControlledCall) -> Link | None:
        loop = asyncio.get_running_loop()
        for host, port in places(where):
            try:
                async with asyncio.timeout(PATIENCE):
                    _, link = await loop.create_connection(lambda: Link(self._hub, call=call), host, port)
            except (OSError, TimeoutError) as error:
                channel.log.warning("socket %s:%d: %s", host, port, error or "no answer")
            else:
                return link
        return None


async def _tell_of_hangup(channel: Channel, link: Link) -> None:
    await first_of(channel.gone, link.closed)
    link.hung_up()


def places(text: str) -> Iterator[Endpoint]:
    """The hosts of ``HOST[:PORT]|…``; an IPv6 address stands in brackets."""
    for each in text.split("|")[:MOST_HOSTS]:
        host, colon, port = each.strip().rpartition(":")
        if not colon or port.endswith("]"):
            host, port = each.strip(), ""
        known = port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536
        if host:
            yield Endpoint(host.strip("[]"), int(port) if known else DEFAULT_PORT)
