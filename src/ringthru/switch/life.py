"""A switch started, and taken down again.

Lives here: the order in which its parts begin and end. Never here: making them (``parts``), what people ask
of it, which is ``Switch``; one call, one address.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..media import Codes
from ..media.sound.g711 import G711
from ..net.sockets import PortInUse
from ..sip import SipUri
from .audio.codec_choice import tell_of_missing
from .configuration import ProfileSettings, misnamed_lists, weak_secrets
from .parts import SwitchParts
from .profiles.profile import Profile
from .profiles.tracing import watch

if TYPE_CHECKING:
    from ..sip.transport.locating import Target
    from .profiles.capturing import Captures
    from .trunks.book import TrunkBook

log = logging.getLogger(__name__)

NO_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
LOAD_AFTER = 0.3  # seconds: the start is for the ports; who asks for a phone before, waits for the file
EXPIRY_CHECK = 5.0  # seconds between looks at registrations that ran out


class SwitchLife(SwitchParts):
    """The life of a switch; see ``Switch``."""

    # --- life ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen on every profile, and look for a gateway beside it; never waits for one.

        Raises:
            PortInUse, OSError: a profile's port; what was opened is closed again.
        """
        self._rules.log_warnings()
        log.info("Media engine: %s (%s)", self._engine.name, self._chosen.why)
        if self._chosen.warning:
            log.warning("Media engine: %s", self._chosen.warning)
        await self._engine.start()
        weak = weak_secrets(self._rules.directory)
        self._advertising.listen()
        if self.mapper is not None:
            self.mapper.subscribe(self._sources.on_mapper_event)
        try:
            for settings in self._profile_settings:
                await self._open_if_possible(settings, weak)
        except OSError:
            await self.stop()
            raise
        tell_of_missing(self.calls.profiles.values())
        for profile in self.calls.profiles.values():
            self._start_trunks(profile)
        self._advertising.serve()
        self._loading = asyncio.get_running_loop().call_later(LOAD_AFTER, self._load_what_outlived)
        self._expire_registrations()

    @property
    def _domains(self) -> list[str]:
        return [domain.name for domain in self._rules.directory.domains.values()]

    async def _open_if_possible(self, settings: ProfileSettings, weak: list[tuple[str, str]]) -> None:
        """Open a profile; one for IPv6 is left out where there is none, and the others serve.

        FreeSWITCH's own tree has such a profile, with ``$${local_ip_v6}``, on every machine.
        """
        try:
            await self._open(settings, weak)
        except OSError as error:
            if ":" not in settings.sip_ip or error.errno not in NO_IPV6:
                raise type(error)(error.errno, f"{error.strerror}: {_cure(error, settings)}") from error
            text = "Profile %s is left out: %s is no address of this machine, or it has no IPv6"
            log.warning(text, settings.name, settings.sip_ip)

    async def _open(self, settings: ProfileSettings, weak: list[tuple[str, str]]) -> Profile:
        """Let a profile listen, and open it to the Internet where it asks.

        Raises:
            PortInUse, OSError: a port of it is taken, or an address is not ours.
        """
        self._tell_of_lists(settings)
        profile = Profile(
            settings,
            self._surroundings,
            self._lists,
            self._domains,
            self._lookups,
            self._signalling.on_event,
            locate=self._locate,
            tls_folder=self._state.path / "tls",
            screen=self._desk.screen,
            coders=self._engine.coders if isinstance(self._engine, Codes) else G711,
        )
        await profile.open()
        self.calls.profiles[profile.name] = profile
        self._advertising.open(profile, weak)
        if settings.sip_trace:
            watch(profile, "siptrace", self._tracer)
        if settings.sip_capture or self._captures is not None:
            self.captures.opened(profile)
        self._sources.on_profile_start(profile)
        return profile

    def _tell_of_lists(self, settings: ProfileSettings) -> None:
        for text in misnamed_lists(settings, self._lists):
            log.warning("%s: %s", settings.position, text)

    @property
    def captures(self) -> Captures:
        """Who sees the messages of profiles from outside; loaded when first asked for."""
        if self._captures is None:
            from .profiles.capturing import Captures

            self._captures = Captures(lambda: self._rules.loaded.tree)
        return self._captures

    async def _locate(self, uri: SipUri, transports: Sequence[str], ipv6: bool) -> list[Target]:
        """Where a URI leads. What finds it is imported with the first one: the start is a budget."""
        from ..sip.transport.locating import Kind
        from ..sip.transport.locating_driver import Resolver

        if self._resolver is None:
            self._resolver = Resolver(self._nameservers)
        return await self._resolver.locate(uri, transports, Kind.AAAA if ipv6 else Kind.A)

    def _start_trunks(self, profile: Profile) -> None:
        """Register with a profile's providers, where the configuration names any."""
        if not profile.settings.trunks:
            return
        trunks = self.calls.trunks
        if trunks is None:
            trunks = self.calls.trunks = self._new_trunks()
        trunks.start(profile)

    def _new_trunks(self) -> TrunkBook:
        from .trunks.book import TrunkBook  # not of a start without any

        trunks = TrunkBook(self._sources.on_trunk)
        self._desk.lets_call = lambda request, flow: trunks.lets_call(request, flow)
        return trunks

    def _load_what_outlived(self) -> None:
        """What outlived the last run, and what is to be said of the configuration: not of the start."""
        from .configuration.unused import unused_parts

        self._loading = None
        for note in unused_parts(self._rules.loaded.tree):
            log.log(note.level, "%s", note)
        self._map_what_is_sticky()
        self._load_registrations()

    def _map_what_is_sticky(self) -> None:
        """Want again what was mapped by hand for good (``nat_map add … sticky``), and never taken back."""
        if self.mapper is None:
            return
        for wanted in self.mapper.wishes():
            place = wanted.internal_port, wanted.protocol
            if place not in self._hand_made:
                self._hand_made[place] = self.mapper.want(wanted)

    def _load_registrations(self) -> None:
        """Beside the loop; whoever needs them sooner waits for them."""
        loading = self.calls.registrar.begin_to_load()
        if loading is not None:
            done = asyncio.wrap_future(loading)
            done.add_done_callback(lambda _: self.calls.registrar.finish_loading())

    def _expire_registrations(self) -> None:
        loop = asyncio.get_running_loop()
        self.calls.registrar.expire(loop.time())
        self.calls.subscriptions.expire(loop.time())
        self._advertising.follow()  # legs that were not up yet when it changed
        self._housekeeping = loop.call_later(EXPIRY_CHECK, self._expire_registrations)

    def request_shutdown(self) -> None:
        """End it soon; those who listen hear of it while they are still served."""
        if not self._shutdown.is_set():
            self.bus.tell("SHUTDOWN", (("Event-Info", "System Shutting Down"),))
        self._shutdown.set()

    async def until_shutdown(self) -> None:
        await self._shutdown.wait()

    async def stop(self) -> None:
        """Hang up, take our mappings off the gateway, close everything."""
        self.schedule.close()
        for timer in (self._housekeeping, self._loading):
            if timer is not None:
                timer.cancel()
        await self._lookups.close()
        await self.calls.close()
        self.calls.ports.close()
        self.calls.subscriptions.close()
        await asyncio.gather(self._stop_trunks(), self._stop_mapper())
        for profile in self.calls.profiles.values():
            profile.close()
        await self.calls.registrar.close()
        await self._engine.close()
        for thread in (self.calls.records, self._captures, self.calls.opened_database, self.calls.answering):
            if thread is not None:
                await asyncio.to_thread(thread.close)
        await asyncio.sleep(0)  # asyncio lets go of a closed transport's port in the loop's next round only

    async def _stop_trunks(self) -> None:
        if self.calls.trunks is not None:
            await self.calls.trunks.stop()

    async def _stop_mapper(self) -> None:
        if self.mapper is not None:
            await self.mapper.stop()


def _cure(error: OSError, settings: ProfileSettings) -> str:
    """What a person does where a profile cannot listen."""
    if isinstance(error, PortInUse):
        return f"end that program, or give the profile {settings.name} another sip-port"
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"no address of this machine now; with sip-ip=auto profile {settings.name} takes the one it has"
        )
    return f"the profile {settings.name} asks for it"
