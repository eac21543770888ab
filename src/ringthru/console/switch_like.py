"""What the console needs of a switch: the one interface between the faces and what they show.

Lives here: the protocol.
Never here: a switch.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping

from ..switch.events.bus import EventBus, SwitchEvent
from ..switch.snapshots import GatewayListing, Protocol, SwitchSnapshot


class SwitchLike(typing.Protocol):
    """A running switch, as the commands use it. ``ringthru.switch.switch.Switch`` is one."""

    @property
    def nat_enabled(self) -> bool:
        """False when started with ``-nonat``."""

    @property
    def bus(self) -> EventBus:
        """Where events are told."""

    @property
    def variables(self) -> Mapping[str, str]:
        """The global variables."""

    def snapshot(self) -> SwitchSnapshot: ...
    async def nat_add(self, port: int, protocol: Protocol, sticky: bool) -> bool: ...
    async def nat_delete(self, port: int, protocol: Protocol) -> bool: ...
    async def nat_reinit(self) -> None: ...
    async def nat_republish(self) -> None: ...
    async def nat_list(self) -> GatewayListing: ...
    def nat_set_mapping(self, enabled: bool) -> None: ...
    async def explain(self, peer: str) -> str: ...
    async def originate(
        self,
        call_url: str,
        extension: str,
        *,
        dialplan: str = "XML",
        context: str = "default",
        caller_name: str = "",
        caller_number: str = "",
        timeout: int = 60,
    ) -> str: ...
    async def reload(self) -> str: ...
    async def hang_up_all(self, cause: str) -> int: ...
    def kill(self, uuid: str, cause: str) -> bool: ...
    def picture(self, uuid: str) -> SwitchEvent | None:
        """A leg as an event shows it; None when there is none of that UUID."""

    def channel_variable(self, uuid: str, name: str) -> str | None: ...
    def set_channel_variable(self, uuid: str, name: str, value: str) -> bool: ...
    def acl_allows(self, address: str, list_name: str) -> bool | None: ...
    def request_shutdown(self) -> None: ...


class RunnableSwitch(SwitchLike, typing.Protocol):
    """A switch that can be started and stopped: what the entry point runs."""

    async def start(self) -> None: ...
    async def until_shutdown(self) -> None: ...
    async def stop(self) -> None: ...
