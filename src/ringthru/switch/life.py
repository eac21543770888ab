"""A switch put together, started, and taken down again.

Lives here: the parts of the whole and their order. Never here: what people ask of it, which is ``Switch``;
one call, one address.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..media import Codes
from ..media.sound.g711 import G711
from ..net.acl import AccessList, matches
from ..net.address import Endpoint
from ..net.sockets import PortInUse
from ..net.surroundings import look_around
from ..portmap import Mapping as PortMapping
from ..portmap import PortMapper, Protocol
from ..sip import SipUri
from .addresses.address_lookup import AddressLookups
from .addresses.advertising import Advertising
from .assembling import call_records, engine_of, guard_settings
from .audio.codec_choice import tell_of_missing
from .builtin_variables import folder_variables, machine_variables, nat_variables
from .calls.book import Calls
from .calls.signalling import Signalling
from .configuration import ProfileSettings, SwitchSettings, load_profiles, misnamed_lists, weak_secrets
from .door.authentication import LoginDesk
from .door.protection import Guard
from .events.bus import EventBus
from .events.channel_data import described
from .events.sources import Sources
from .options import SwitchOptions
from .profiles.profile import Profile
from .profiles.tracing import Tracer
from .reachability import LOOPBACK
from .registrations.registrar import Registrar
from .rules import Rules
from .schedule import Schedule
from .state import PASSWORD_VARIABLE, StateFolder, default_tree, names_variable

if TYPE_CHECKING:
    from ..sip.transport.locating import Target
    from ..sip.transport.locating_driver import Resolver
    from .profiles.capturing import Captures
    from .registrations.store import RegistrationStore
    from .trunks.book import TrunkBook

log = logging.getLogger(__name__)

LOOPBACK6 = "::1"  # what FreeSWITCH's local_ip_v6 is where there is no other
NO_IPV6 = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
LOAD_AFTER = 0.3  # seconds: the start is for the ports; who asks for a phone before, waits for the file
EXPIRY_CHECK = 5.0  # seconds between looks at registrations that ran out


class SwitchLife:
    """The life of a switch; see ``Switch``."""

    def __init__(self, options: SwitchOptions, mapper: PortMapper | None = None) -> None:
        """Read the configuration; nothing is opened and nothing is sent.

        ``mapper`` is one that looks for the gateway already; without it the switch makes its own. From now
        on it is the switch's in any case.

        Raises:
            ConfigurationError: a file is missing or broken; the message names file and line.
        """
        self._began = time.monotonic()
        self.nat_enabled = options.nat_enabled
        self._surroundings = options.surroundings or look_around()
        self._follows_network = options.follows_network
        self._address6 = options.surroundings6.address if options.surroundings6 else LOOPBACK6
        self._state = StateFolder(options.db)
        self._conf = options.conf or default_tree()
        self._allow_exec = options.allow_exec
        self._read_files(self._builtin_variables(self._conf, options, mapper))
        self._engine, self._engine_why = engine_of(self._settings, self._rules.loaded.tree)
        self.guard = self._make_guard()
        self._desk = LoginDesk(self._rules.directory, self.guard)
        self.bus = EventBus(self.variables, self.variables["core_uuid"], described)
        self._sources = Sources(self.bus, lambda: self.mapper.snapshot() if self.mapper else None)
        self._desk.on_refusal = self._sources.on_register_failure
        self.calls = self._make_calls()
        self._signalling = Signalling(self.calls)
        self._nameservers = options.nameservers
        self._resolver: Resolver | None = None
        self.mapper = mapper
        if mapper is None and options.nat_enabled:
            self.mapper = PortMapper(self._surroundings, mapping_enabled=options.mapping_enabled)
        here = self._surroundings
        self._advertising = Advertising(self.mapper, self.calls, self._engine, self.variables, here.address)
        self._lookups = AddressLookups(here.address, here.rules, self._advertising.changed)
        self._captures: Captures | None = None
        self._tracer = Tracer()
        self._hand_made: dict[tuple[int, Protocol], PortMapping] = {}
        self._shutdown = asyncio.Event()
        self.schedule = Schedule()
        self.aliases: dict[str, str] = {}  # of the console: what a word stands for
        self._housekeeping: asyncio.TimerHandle | None = None
        self._loading: asyncio.TimerHandle | None = None

    def _read_files(self, variables: dict[str, str]) -> None:
        """Take over what the configuration's files say, read with these variables."""
        rules = Rules.read(self._conf, variables, self._surroundings, allow_exec=self._allow_exec)
        self._rules = rules
        self.variables: dict[str, str] = dict(rules.variables)
        self._read_with = self.variables.get("nat_public_addr", "")  # what the files saw
        self._settings = SwitchSettings.read(rules.loaded.tree)
        self._lists: dict[str, AccessList] = dict(rules.lists)  # the profiles hold on to this one
        self._profile_settings: list[ProfileSettings] = load_profiles(rules.loaded.tree)

    def _make_guard(self) -> Guard:
        return Guard(
            guard_settings(self._settings),
            is_known=self._is_known,
            is_neighbour=self._is_neighbour,
            tell=log.warning,
        )

    def _make_calls(self) -> Calls:
        """The book of calls, with the registrar that it asks for phones."""
        rules, profiles = self._rules, dict[str, Profile]()
        registrar = Registrar(rules.directory, self._desk, self._lists, profiles, self._registration_store)
        registrar.subscribe(self._sources.on_binding)
        calls = Calls(
            profiles=profiles,
            engine=self._engine,
            dialplan=rules.dialplan,
            directory=rules.directory,
            registrar=registrar,
            variables=self.variables,
            max_channels=self._settings.max_sessions,
            max_per_second=self._settings.sessions_per_second,
            bus=self.bus,
        )
        calls.tell_undelivered = self._sources.on_undeliverable
        folder = Path(self.variables.get("log_dir") or self._state.path)
        calls.records = call_records(rules.loaded.tree, folder, self.bus, self.variables)
        calls.database_file = self._state.path / "db.sqlite3"
        calls.sounds.use(rules.streams)
        calls.conferences.profiles = rules.conferences
        calls.phone_settings = rules.phone
        return calls

    def _builtin_variables(
        self, conf: Path, options: SwitchOptions, mapper: PortMapper | None
    ) -> dict[str, str]:
        """The variables that exist before any file is read."""
        variables = {
            **machine_variables(self._surroundings, self._address6),
            **folder_variables(conf, self._state.path, options.log, options.run, dict(options.folders)),
            **nat_variables(mapper.snapshot() if mapper is not None else None, self._surroundings.address),
        }
        if names_variable(conf, PASSWORD_VARIABLE):  # a tree with passwords of its own needs none of ours
            variables[PASSWORD_VARIABLE] = self._state.password()
        return variables

    # --- life ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen on every profile, and look for a gateway beside it; never waits for one.

        Raises:
            PortInUse, OSError: a profile's port; what was opened is closed again.
        """
        self._rules.log_warnings()
        log.info("Media engine: %s (%s)", self._engine.name, self._engine_why)
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

    def _registration_store(self) -> RegistrationStore:
        from .registrations.rows import Clocks
        from .registrations.store import RegistrationStore  # not of the start

        loop = asyncio.get_running_loop()
        path = self._state.path / "registrations.sqlite3"
        return RegistrationStore(path, lambda: Clocks(loop.time(), time.time()))

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

    def _is_known(self, source: Endpoint) -> bool:
        """Whether a registered phone or a provider speaks from there, whom no flood in its name may harm."""
        trunks = self.calls.trunks
        return self.calls.registrar.knows(source) or (trunks is not None and trunks.serves(source.host))

    def _is_neighbour(self, host: str) -> bool:
        """Whether an address is of our own networks, by the profiles' own word."""
        acls = {LOOPBACK, *(each.local_network_acl for each in self._profile_settings)}
        return any(matches(self._lists, acl, host) for acl in acls)

    def _expire_registrations(self) -> None:
        loop = asyncio.get_running_loop()
        self.calls.registrar.expire(loop.time())
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
        await asyncio.gather(self._stop_trunks(), self._stop_mapper())
        for profile in self.calls.profiles.values():
            profile.close()
        await self.calls.registrar.close()
        await self._engine.close()
        for thread in (self.calls.records, self._captures, self.calls.opened_database):
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
