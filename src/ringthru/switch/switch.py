"""The switch: profiles, registrar, calls and the mapping engine as one, and what people may ask of it.

Lives here: what belongs to the whole. Never here: its parts and their order (``life``), one call, one
address, one command's text.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from .. import __version__
from ..media import Elsewhere
from ..net.acl import matches
from ..net.address import Endpoint, parse_address
from ..portmap import (
    GatewayListing,
    MapperSnapshot,
    Protocol,
    Wanted,
)
from ..sip import SipError, SipUri
from .addresses.address_lookup import LookupFailed, ask_stun, resolve, server_of
from .calls.caller import Caller
from .calls.causes import HangupCause, cause_named
from .dialing.originate import originate
from .dialplan.setting import assign
from .door.protection import Ban
from .following import SwitchFollowing
from .options import SwitchOptions as SwitchOptions
from .snapshots import BanSnapshot, ProfileSnapshot, RegistrationSnapshot, SwitchSnapshot
from .variable_names import variable_name

if TYPE_CHECKING:
    from ..net.surroundings import Surroundings
    from .configuration import SwitchSettings, Tree
    from .events.bus import SwitchEvent

log = logging.getLogger(__name__)

TRANSPORTS: Final = ("UDP", "TCP", "TLS")
FUNCTION_KEYS: Final = frozenset(str(number) for number in range(1, 13))


class Switch(SwitchFollowing):
    """One switch. Any number of them can run in one process."""

    @property
    def loglevel(self) -> str:
        """What switch.conf says the console should show at first."""
        return self._settings.loglevel

    @property
    def layout(self) -> str:
        """In which age's layout it answers and logs (console-layout of switch.conf)."""
        return self._settings.console_layout

    @property
    def console_keys(self) -> dict[str, str]:
        """``<cli-keybindings>`` of switch.conf: what the keys f1 to f12 run at the prompt."""
        element = self.tree.configuration("switch.conf")
        keys = element.named_values("cli-keybindings", "key") if element is not None else {}
        return {f"f{name}": value for name, value in keys.items() if name in FUNCTION_KEYS}

    def set_variable(self, name: str, value: str) -> None:
        """A global one; an empty value unsets."""
        if value:
            self.variables[variable_name(name)] = value
        else:
            self.variables.pop(name.lower(), None)

    @property
    def surroundings(self) -> Surroundings:
        """Where we stand in the network."""
        return self._surroundings

    @property
    def settings(self) -> SwitchSettings:
        """What switch.conf says."""
        return self._settings

    @property
    def gateway_restarted(self) -> float | None:
        """Seconds since the gateway lost its state; None: not while we ran."""
        at = self._sources.gateway_reset_at
        return None if at is None else asyncio.get_running_loop().time() - at

    @property
    def tree(self) -> Tree:
        """The configuration in force, for those beside the switch who have parts of it."""
        return self._rules.loaded.tree

    def event_socket_password(self) -> str:
        """The one that is made where the configuration names none."""
        return self._state.event_socket_password()

    def web_password(self) -> str:
        """The one that is made where the configuration names none."""
        return self._state.web_password()

    def heartbeat(self, idle_cpu: float) -> None:
        """Tell those who listen that the switch is alive; ``idle_cpu`` is a percentage."""
        self._sources.heartbeat(self.snapshot(), idle_cpu)

    def allows(self, acl: str, address: str) -> bool:
        """Whether a list, or the networks written there, hold an address."""
        return matches(self._lists, acl, address)

    # --- what people ask for ------------------------------------------------------------------------

    async def nat_add(self, port: int, protocol: Protocol, sticky: bool) -> bool:
        """Map a port by hand; True when the gateway agreed."""
        if self.mapper is None:
            return False
        mapping = self.mapper.want(
            Wanted(protocol, port, label=f"Ringthru {protocol.value} {port}", sticky=sticky)
        )
        self._hand_made[port, protocol] = mapping
        accepted = False
        try:
            async with asyncio.timeout(10):
                accepted = await mapping.settled()
        except TimeoutError:
            log.warning("nat_map add %d %s: the gateway did not answer", port, protocol.value)
        if not accepted:
            log.warning("nat_map add %d %s: %s", port, protocol.value, mapping.reason or "no gateway")
            await self.nat_delete(port, protocol)
        return accepted

    async def nat_delete(self, port: int, protocol: Protocol) -> bool:
        """Take back a mapping of ours, hand-made or a profile's."""
        mapping = self._hand_made.pop((port, protocol), None)
        if self.mapper is None or mapping is None:
            return False
        return await self.mapper.release(mapping)

    async def nat_reinit(self) -> None:
        if self.mapper is not None:
            await self.mapper.reinit()

    async def nat_republish(self) -> None:
        if self.mapper is not None:
            await self.mapper.republish()

    async def nat_list(self) -> GatewayListing:
        """The gateway's own table, whoever made its entries; it may take 10 seconds."""
        if self.mapper is None:
            return GatewayListing((), False, "NAT is switched off")
        return await self.mapper.list_gateway()

    def nat_left_over(self) -> int:
        """How many mappings of earlier runs are still to be deleted; the engine does that by itself."""
        return self.mapper.left_over if self.mapper is not None else 0

    def nat_set_mapping(self, enabled: bool) -> None:
        if self.mapper is not None:
            self.mapper.set_mapping_enabled(enabled)
            self._advertising.fill_pool()

    async def explain(self, peer: str) -> str:
        """For each profile: what this peer (an address or a name) sees, and by which rule and evidence."""
        lines: list[str] = []
        address = peer
        if parse_address(peer) is None:
            try:
                address = await resolve(peer)
                lines.append(f"{peer} is {address}")
            except LookupFailed:
                lines.append(f"{peer} has no address that we could find: it is taken for far")
        for profile in self.calls.profiles.values():
            seen = profile.seen_by(address)
            result, *why = seen.explained(profile.name, address)
            lines.append(result)
            for transport in profile.transports.served:
                over = profile.seen_by(address, transport).signalling
                if over != seen.signalling:
                    lines.append(f"  over {transport} it sees {over}")
            lines += why
        return "\n".join(lines)

    async def ask_stun(self, server: str) -> str:
        """``ADDRESS:PORT`` as a STUN server sees a socket of ours.

        Raises:
            ValueError: it did not answer, or cannot be found; the text says why.
        """
        host, port = server_of(server)
        try:
            return str(await ask_stun(self._surroundings.address, Endpoint(await resolve(host), port)))
        except (LookupFailed, OSError) as error:
            raise ValueError(str(error)) from error

    async def locate(self, url: str) -> list[tuple[str, Endpoint]]:
        """Transport and place for a SIP address (``sip:`` may be missing), in the order to try.

        Raises:
            ValueError: it is none, or DNS knows no place; the text says why.
        """
        try:
            uri = SipUri.parse(url if url.lower().startswith(("sip:", "sips:")) else f"sip:{url}")
            targets = await self._locate(uri, TRANSPORTS, ":" in uri.host)
        except SipError as error:
            raise ValueError(str(error)) from error
        return [(each.transport, each.endpoint) for each in targets]

    async def originate(
        self,
        call_url: str,
        extension: str,
        *,
        dialplan: str = "XML",
        context: str = "default",
        caller_name: str = "",
        caller_number: str = "",
        timeout: float = 60,
    ) -> str:
        """Call, then run; ``+OK uuid`` or ``-ERR CAUSE``."""
        caller = Caller(caller_name, caller_number or "0000000000")
        return await originate(
            self.calls,
            call_url,
            extension,
            dialplan=dialplan,
            context=context,
            caller=caller,
            timeout=timeout,
        )

    async def hang_up_all(self, cause: str) -> int:
        return self.calls.hang_up_all(cause_named(cause) if cause else HangupCause.MANAGER_REQUEST)

    def kill(self, uuid: str, cause: str) -> bool:
        channel = self.calls.channels.get(uuid)
        if channel is not None:
            channel.hang_up(cause_named(cause))
        return channel is not None

    def picture(self, uuid: str) -> SwitchEvent | None:
        """A leg as an event shows it; None when there is none of that UUID."""
        channel = self.calls.channels.get(uuid)
        return self.bus.picture(channel, "CHANNEL_DATA") if channel is not None else None

    def channel_variable(self, uuid: str, name: str) -> str | None:
        """A leg's variable, or a field of its call; None: there is no such leg, or it has none."""
        channel = self.calls.channels.get(uuid)
        return self.calls.router.value(channel, name) if channel is not None else None

    def set_channel_variable(self, uuid: str, name: str, value: str) -> bool:
        """An empty value unsets; False: there is no such leg."""
        channel = self.calls.channels.get(uuid)
        if channel is not None:
            assign(channel, name, value)
        return channel is not None

    def acl_allows(self, address: str, list_name: str) -> bool | None:
        """Whether a list holds an address; None when there is no such list."""
        known = list_name in self._lists or "/" in list_name
        return matches(self._lists, list_name, address) if known else None

    # --- showing ------------------------------------------------------------------------------------

    def snapshot(self) -> SwitchSnapshot:
        now = asyncio.get_running_loop().time()
        registrations = self.calls.registrar.snapshot(now)
        mapper: MapperSnapshot | None = self.mapper.snapshot() if self.mapper else None
        records = self.calls.records
        return SwitchSnapshot(
            version=__version__,
            hostname=self.variables.get("hostname", ""),
            uptime=time.monotonic() - self._began,
            nat_enabled=self.nat_enabled,
            mapper=mapper,
            profiles=tuple(self._profile_rows(registrations)),
            registrations=registrations,
            channels=tuple(channel.snapshot() for channel in self.calls.channels.values()),
            sessions_since_start=self.calls.started,
            sessions_max=self.calls.max_channels,
            sessions_peak=self.calls.peak.ever,
            sessions_peak_5min=self.calls.peak.lately(now),
            per_second=self.calls.pace.current(now),
            per_second_max=self.calls.pace.limit,
            per_second_peak=self.calls.pace.peak.ever,
            per_second_peak_5min=self.calls.pace.peak.lately(now),
            trunks=self.calls.trunks.snapshot(now) if self.calls.trunks is not None else (),
            bans=tuple(_ban_row(each, now) for each in self.guard.bans(now)),
            subscriptions=tuple(self.calls.subscriptions.rows(now)),
            media_engine=self._engine.name,
            media_engine_why=self._chosen.why,
            records_written=records.written if records is not None else 0,
            records_lost=records.lost if records is not None else 0,
            media_nodes=tuple(self._engine.nodes()) if isinstance(self._engine, Elsewhere) else (),
            ended=self.calls.recent.snapshot(),
        )

    def _profile_rows(self, registrations: tuple[RegistrationSnapshot, ...]) -> list[ProfileSnapshot]:
        return [
            profile.snapshot(sum(1 for row in registrations if row.profile == profile.name))
            for profile in self.calls.profiles.values()
        ]


def _ban_row(ban: Ban, now: float) -> BanSnapshot:
    return BanSnapshot(ban.source, ban.reason, now - ban.since, ban.until - now, ban.dropped)
