"""Our own address on the LAN is another one: the switch goes with it.

A machine that comes up before its router has no address yet, and another lease may bring another address.
A profile that listens on the old one reaches nobody, however well the gateway maps. So what FreeSWITCH does
once a minute happens at once: the configuration is read with the new ``local_ip_v4``, and each profile that
listens elsewhere now starts anew there, unless ``auto-restart=false``. The mapping engine follows by itself.

While there is no network at all nothing is done: most often the same address comes back, and sockets
outlive it.

Lives here: noticing, and the steps. Never here: how a profile starts (``tending``), the kernel's tables.
"""

from __future__ import annotations

import asyncio
import logging

from ..net.changes import NetworkChanges
from ..net.surroundings import NOWHERE, Surroundings, look_around, look_around6
from .configuration import ProfileSettings
from .parts import LOOPBACK6
from .profiles.profile import AUTO, Profile
from .tending import SwitchTending

log = logging.getLogger(__name__)


class SwitchFollowing(SwitchTending):
    """A switch that notices where it is; see ``Switch``. One with ``surroundings`` of its own stays there."""

    _network: NetworkChanges | None = None
    _going: asyncio.Task[None] | None = None
    _left: frozenset[str] = frozenset()  # profiles that could not listen at the new address yet

    def _load_what_outlived(self) -> None:
        """The start is over: from now on the network is watched, and what it did meanwhile is made up for."""
        super()._load_what_outlived()
        if not self._follows_network:
            return
        if self._surroundings.address == NOWHERE:
            log.warning("There is no network yet: only this machine itself can call until there is one")
        self._network = NetworkChanges(self.look_where_we_are)
        self.look_where_we_are()

    async def stop(self) -> None:
        if self._network is not None:
            self._network.close()
        if self._going is not None:
            self._going.cancel()
        await super().stop()

    def look_where_we_are(self) -> None:
        """Go after our own address if it is another one; returns at once."""
        if self._going is None or self._going.done():
            self._going = asyncio.ensure_future(self._follow())

    async def _follow(self) -> None:
        """Until we are where the kernel says; it may have changed its mind meanwhile."""
        while self._is_elsewhere(here := look_around()):
            await self._go_to(here)
        for name in self._left:
            if here.address != NOWHERE and await self.start_profile(name):
                self._left -= {name}

    def _is_elsewhere(self, here: Surroundings) -> bool:
        return here.address not in (NOWHERE, self._surroundings.address)

    async def _go_to(self, here: Surroundings) -> None:
        before, self._surroundings = self._surroundings.address, here
        log.info("IP change detected [%s]->[%s]", before, here.address)
        here6 = look_around6()
        self.variables["local_ip_v4"] = here.address
        self.variables["local_mask_v4"] = str(here.network.netmask)
        self.variables["local_ip_v6"] = here6.address if here6 is not None else LOOPBACK6
        self._lookups.own_address = here.address
        self._advertising.private = here.address
        self._sources.on_local_address(before, here.address)
        await self.reload()
        await self._restart_those_elsewhere()

    async def _restart_those_elsewhere(self) -> None:
        """Start each profile anew that would listen on another address now, and the pool of RTP ports."""
        names = [name for name, profile in self.calls.profiles.items() if self._should_go(profile)]
        if not names:
            return
        for name in names:
            await self.stop_profile(name)
        self.calls.ports.leave()
        for name in names:
            if not await self.start_profile(name):
                self._left |= {name}

    def _should_go(self, profile: Profile) -> bool:
        written = self._written(profile.name)
        return (
            written is not None
            and written.auto_restart
            and self._place_of(written) != (profile.sip_ip, profile.rtp_ip)
        )

    def _place_of(self, written: ProfileSettings) -> tuple[str, str]:
        """Where a profile would listen now, for SIP and for RTP."""
        here = self._surroundings.address
        sip_ip = here if written.sip_ip in AUTO else written.sip_ip
        auto_rtp_ip = sip_ip if ":" in sip_ip else here
        return sip_ip, auto_rtp_ip if written.rtp_ip in AUTO else written.rtp_ip
