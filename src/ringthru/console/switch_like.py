"""What the console needs of a switch: the one interface between the faces and what they show.

Lives here: the protocol.
Never here: a switch.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping

from ..net.address import Endpoint
from ..net.surroundings import Surroundings
from ..switch.calls.book import Calls
from ..switch.configuration import SwitchSettings, Tree
from ..switch.events.bus import EventBus, SwitchEvent
from ..switch.schedule import Schedule
from ..switch.snapshots import GatewayListing, Protocol, SwitchSnapshot

if typing.TYPE_CHECKING:
    from ..switch.configuration.trunk_settings import TrunkSettings  # not of a start without any


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

    @property
    def calls(self) -> Calls:
        """Its legs."""

    @property
    def tree(self) -> Tree:
        """The configuration in force."""

    @property
    def schedule(self) -> Schedule:
        """What it shall do later."""

    @property
    def aliases(self) -> dict[str, str]:
        """What words of the console stand for."""

    @property
    def layout(self) -> str:
        """In which age's layout it answers: ``current``, ``2009-09``, ``2009-06``."""

    @property
    def console_keys(self) -> dict[str, str]:
        """What F-keys run, where the configuration says so: ``f1`` and so on."""

    @property
    def settings(self) -> SwitchSettings:
        """What switch.conf says."""

    @property
    def surroundings(self) -> Surroundings:
        """Where it stands in the network."""

    @property
    def gateway_restarted(self) -> float | None:
        """Seconds since the gateway lost its state; None: not while the switch ran."""

    def set_variable(self, name: str, value: str) -> None:
        """A global one; an empty value unsets."""

    def snapshot(self) -> SwitchSnapshot: ...
    async def nat_add(self, port: int, protocol: Protocol, sticky: bool) -> bool: ...
    async def nat_delete(self, port: int, protocol: Protocol) -> bool: ...
    async def nat_reinit(self) -> None: ...
    async def nat_republish(self) -> None: ...
    async def nat_list(self) -> GatewayListing: ...
    def nat_left_over(self) -> int: ...
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
    async def ask_stun(self, server: str) -> str:
        """``ADDRESS:PORT`` as a STUN server sees us. Raises ValueError: it did not answer."""

    async def locate(self, url: str) -> list[tuple[str, Endpoint]]:
        """Transport and place for a SIP address, best first. Raises ValueError: there is none."""

    def gateway_settings(self, name: str) -> TrunkSettings | None: ...
    async def hang_up_all(self, cause: str) -> int: ...
    def kill(self, uuid: str, cause: str) -> bool: ...
    def picture(self, uuid: str) -> SwitchEvent | None:
        """A leg as an event shows it; None when there is none of that UUID."""

    def channel_variable(self, uuid: str, name: str) -> str | None: ...
    def set_channel_variable(self, uuid: str, name: str, value: str) -> bool: ...
    def wait_before_stop(self, profile: str) -> int:
        """Seconds."""

    async def start_profile(self, name: str) -> bool: ...
    async def stop_profile(self, name: str) -> bool: ...
    async def restart_profile(self, name: str) -> bool: ...
    async def rescan_profile(self, name: str) -> bool: ...
    def flush_registrations(self, profile: str, which: str, *, reboot: bool = False) -> int: ...
    def check_sync(self, profile: str, which: str) -> int: ...
    def gateway_names(self, profile: str) -> list[str]: ...
    def register_gateway(self, name: str) -> bool | None: ...
    def unregister_gateway(self, name: str) -> bool | None: ...
    async def kill_gateway(self, name: str) -> bool: ...
    def trace(self, on: bool, profile: str | None = None) -> bool: ...
    @property
    def trace_level(self) -> int:
        """As which level traced messages are logged."""

    @trace_level.setter
    def trace_level(self, level: int) -> None: ...
    def capture(self, on: bool, profile: str | None = None) -> bool: ...
    def unban(self, host: str) -> bool: ...
    def acl_allows(self, address: str, list_name: str) -> bool | None: ...
    def request_shutdown(self) -> None: ...


class RunnableSwitch(SwitchLike, typing.Protocol):
    """A switch that can be started and stopped: what the entry point runs."""

    async def start(self) -> None: ...
    async def until_shutdown(self) -> None: ...
    async def stop(self) -> None: ...
