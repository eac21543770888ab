"""The event socket beside a switch that serves: loaded after it, stopped before it.

Lives here: when. Never here: what it does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..console.logs import Logs
    from ..switch.configuration.event_socket_settings import EventSocketSettings
    from ..switch.switch import Switch

OPEN_AFTER: Final = 0.2  # seconds: the start belongs to the ports, and loading this takes a while


async def serve_clients(switch: Switch, logs: Logs, settings: EventSocketSettings) -> None:
    """Serve until cancelled."""
    await asyncio.sleep(OPEN_AFTER)
    from ..console.standard import standard_table
    from .driver import EventSocket

    event_socket = EventSocket(switch, standard_table(logs), logs, settings)
    try:
        await event_socket.start()
        await asyncio.Event().wait()
    finally:
        await event_socket.stop()
