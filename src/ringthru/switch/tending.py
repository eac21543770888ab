"""What operators change while the switch runs: the configuration, and which profiles serve.

=============  ==================================================================================
``reload``     dialplan, directory, access lists and variables, all at once; profiles go on
``rescan``     a profile's parameters as well, all but those of its sockets, and its new gateways
``start``      a profile that does not run
``stop``       its gateways unregister, its calls end, its mappings and sockets go
``restart``    both
=============  ==================================================================================

Lives here: the steps. Never here: what a command says of them (``console``).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from .audio.codec_choice import tell_of_missing
from .builtin_variables import NAT_VARIABLES
from .calls.causes import HangupCause
from .configuration import ConfigurationError, ProfileSettings, load_profiles, weak_secrets
from .life import SwitchLife
from .profiles.tracing import watch
from .rules import Rules

if TYPE_CHECKING:
    from .configuration.trunk_settings import TrunkSettings

log = logging.getLogger(__name__)

SETTLED: Final = 10.0  # seconds a profile must be up before it is stopped, as in FreeSWITCH


class SwitchTending(SwitchLife):
    """The hands on a running switch; see ``Switch``."""

    _reading_again: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """As ``SwitchLife``; files that name the gateway's address are read again once there is one."""
        self._advertising.on_address = self._tell_files
        await super().start()

    async def stop(self) -> None:
        if self._reading_again is not None:
            self._reading_again.cancel()
        await super().stop()

    def _tell_files(self, address: str) -> None:
        """A tree with ``$${nat_public_addr}`` was read before a gateway had an address: it is read again.

        FreeSWITCH waits for the gateway first, and its files see the variables after a ``reloadxml`` only.
        """
        if address != self._read_with and NAT_VARIABLES & self._rules.loaded.names:
            self._read_with = address
            log.info("The configuration names the gateway's address, now %s: it is read again", address)
            self._reading_again = asyncio.ensure_future(self._read_again())

    async def _read_again(self) -> None:
        if await self.reload() == "Success":
            for name in list(self.calls.profiles):
                await self.rescan_profile(name)

    async def reload(self) -> str:
        """Read the configuration again: ``Success``, or what is wrong with it, and then the old one holds.

        New are the dialplan, the directory, the access lists and the global variables, all at once; calls in
        progress go on with the actions they have. What a profile listens on, it keeps until it starts anew.
        """
        known = dict(self.variables)
        try:
            rules = await asyncio.to_thread(
                Rules.read, self._conf, known, self._surroundings, allow_exec=self._allow_exec
            )
        except ConfigurationError as error:
            log.error("The configuration is not reloaded, the old one holds: %s", error)
            return str(error)
        rules.log_warnings()
        self._rules = rules
        self.variables.update(rules.variables)
        self._lists.clear()
        self._lists.update(rules.lists)
        self.calls.use(rules.dialplan, rules.directory)
        self.calls.subscriptions.review()
        self.calls.sounds.use(rules.streams)
        self.calls.sounds.phrases = rules.phrases
        self.calls.conferences.profiles = rules.conferences
        self.calls.phone_settings = rules.phone
        self.calls.answering.mailboxes = rules.voicemail
        self.calls.answering.menus = rules.menus
        log.info("The configuration is reloaded from %s", self._conf)
        self.bus.tell("RELOADXML")
        return "Success"

    # --- profiles -----------------------------------------------------------------------------------

    def wait_before_stop(self, profile: str) -> int:
        """The seconds until a profile may be stopped; 0 from ten seconds after its start on."""
        found = self.calls.profile(profile)
        left = 0.0 if found is None else found.started_at + SETTLED - found.now()
        return max(int(left + 0.999), 0)

    async def start_profile(self, name: str) -> bool:
        """Start a profile of the configuration; one that runs already is rescanned. False: it cannot be."""
        if self.calls.profile(name) is not None:
            return await self.rescan_profile(name)
        settings = self._written(name)
        if settings is None:
            return False
        try:
            profile = await self._open(settings, weak_secrets(self._rules.directory))
        except OSError as error:
            log.error("Profile %s does not start: %s", name, error)
            return False
        tell_of_missing([profile])
        self._note_settings(settings)
        self._start_trunks(profile)
        self._advertising.serve()
        return True

    async def stop_profile(self, name: str) -> bool:
        """Stop a profile; False when there is none of that name."""
        profile = self.calls.profile(name)
        if profile is None:
            return False
        if self.calls.trunks is not None:
            await self.calls.trunks.leave(profile.name)
        for channel in list(self.calls.channels.values()):
            if channel.profile is profile:
                channel.hang_up(HangupCause.MANAGER_REQUEST)
        self.calls.subscriptions.close(profile)
        if self.mapper is not None:
            await profile.transports.unmap(self.mapper)
        self.calls.profiles.pop(profile.name, None)
        profile.close()
        await asyncio.sleep(0)  # asyncio lets go of a closed transport's port in the loop's next round only
        log.info("Stopped profile %s", profile.name)
        return True

    async def restart_profile(self, name: str) -> bool:
        """Stop and start a profile with what is written now; its sockets are opened anew."""
        profile = self.calls.profile(name)
        if profile is None or self._written(profile.name) is None:
            return False  # better the one that runs than none
        await self.stop_profile(profile.name)
        return await self.start_profile(profile.name)

    async def rescan_profile(self, name: str) -> bool:
        """Take what is written of a running profile now, and drop no call; False: it is not written."""
        profile = self.calls.profile(name)
        settings = self._written(profile.name if profile is not None else name)
        if profile is None or settings is None:
            return False
        waiting = profile.rescan(settings, self._domains)
        tell_of_missing([profile])
        self._tell_of_lists(settings)
        if waiting:
            text = "Profile %s takes a new %s when it is restarted"
            log.warning(text, profile.name, ", ".join(waiting))
        self._note_settings(settings)
        self._desk.forget(profile.name)
        if self.mapper is not None and profile.mapped and not profile.wants_mapping:
            await profile.transports.unmap(self.mapper)
        if not profile.mapped:
            self._advertising.open(profile, weak_secrets(self._rules.directory))
        self._start_trunks(profile)
        self._advertising.serve()
        self._advertising.changed()
        return True

    def _written(self, name: str) -> ProfileSettings | None:
        """A profile as the configuration in force has it."""
        try:
            return next((each for each in load_profiles(self._rules.loaded.tree) if each.name == name), None)
        except ConfigurationError as error:
            log.error("The profiles cannot be read: %s", error)
            return None

    def _note_settings(self, settings: ProfileSettings) -> None:
        others = [each for each in self._profile_settings if each.name != settings.name]
        self._profile_settings = [*others, settings]

    # --- registrations, both ways -------------------------------------------------------------------

    def flush_registrations(self, profile: str, which: str, *, reboot: bool = False) -> int:
        """Take phones' registrations away; ``reboot`` asks the phones to start anew first (check-sync)."""
        now, registrar = asyncio.get_running_loop().time(), self.calls.registrar
        if reboot:
            registrar.check_sync(profile, which, now, reboot=True)
        return registrar.flush(profile, which, now)

    def check_sync(self, profile: str, which: str) -> int:
        """Ask phones to fetch their configuration anew; how many were asked."""
        now = asyncio.get_running_loop().time()
        return self.calls.registrar.check_sync(profile, which, now, reboot=False)

    def gateway_names(self, profile: str) -> list[str]:
        return self.calls.trunks.names(profile) if self.calls.trunks is not None else []

    def gateway_settings(self, name: str) -> TrunkSettings | None:
        """What the file says of a gateway; None when there is none."""
        return self.calls.trunks.settings(name) if self.calls.trunks is not None else None

    def register_gateway(self, name: str) -> bool | None:
        """Register at once. None: there is no such gateway; False: it is not to be registered with."""
        return self.calls.trunks.register(name) if self.calls.trunks is not None else None

    def unregister_gateway(self, name: str) -> bool | None:
        return self.calls.trunks.unregister(name) if self.calls.trunks is not None else None

    async def kill_gateway(self, name: str) -> bool:
        """Unregister and forget a gateway; False when there is none."""
        return self.calls.trunks is not None and await self.calls.trunks.kill(name)

    # --- looking and letting go ---------------------------------------------------------------------

    def trace(self, on: bool, profile: str | None = None) -> bool:
        """Write every message of a profile (of all) to the log, or no longer; False: no such profile."""
        running = self.calls.profiles.values()
        chosen = [each for each in running if profile is None or profile in (each.name, *each.aliases)]
        for each in chosen:
            watch(each, "siptrace", self._tracer if on else None)
        return bool(chosen)

    @property
    def trace_level(self) -> int:
        """As which level traced messages are logged; CONSOLE, which every level shows, at first."""
        return self._tracer.level

    @trace_level.setter
    def trace_level(self, level: int) -> None:
        self._tracer.level = level

    def capture(self, on: bool, profile: str | None = None) -> bool:
        """Send every message of a profile (of all) to the capture server, or no longer.

        False: there is no such profile, or no capture-server is written.
        """
        running = self.calls.profiles.values()
        chosen = [each for each in running if profile is None or profile in (each.name, *each.aliases)]
        return bool(chosen) and self.captures.turn(on, chosen, for_all=profile is None)

    def unban(self, host: str) -> bool:
        """Listen to a banned address again; False when it is not banned."""
        return self.guard.lift(host)
