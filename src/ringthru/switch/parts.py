"""The parts of a switch, made of its configuration; nothing is opened, and nothing is sent.

Lives here: what there is, and who knows whom. Never here: starting and stopping (``life``), one call, one
address.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..net.acl import AccessList, matches
from ..net.address import Endpoint
from ..net.surroundings import look_around
from ..portmap import Mapping as PortMapping
from ..portmap import PortMapper, Protocol
from .addresses.address_lookup import AddressLookups
from .addresses.advertising import Advertising
from .assembling import call_records, engine_of, guard_settings
from .builtin_variables import folder_variables, machine_variables, nat_variables
from .calls.book import Calls
from .calls.signalling import Signalling
from .configuration import ProfileSettings, SwitchSettings, load_profiles
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
    from ..sip.transport.locating_driver import Resolver
    from .profiles.capturing import Captures
    from .registrations.store import RegistrationStore

log = logging.getLogger(__name__)

LOOPBACK6 = "::1"  # what FreeSWITCH's local_ip_v6 is where there is no other


class SwitchParts:
    """What a switch is made of; see ``Switch``."""

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
        self._chosen = engine_of(self._settings, self._rules.loaded.tree)
        self._engine = self._chosen.engine
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
        registrar.subscribe(lambda what, binding: self.calls.answering.on_binding(what, binding))
        registrar.subscribe(lambda what, binding: self.calls.subscriptions.on_binding(what, binding))
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
        calls.sounds.phrases = rules.phrases
        calls.conferences.profiles = rules.conferences
        calls.phone_settings = rules.phone
        calls.answering.mailboxes = rules.voicemail
        calls.answering.menus = rules.menus
        calls.answering.conf = Path(self.variables["conf_dir"])
        settings = self._settings
        calls.answering.mailer = (settings.mailer_app, settings.mailer_app_args, self._allow_exec)
        calls.answering.folder = Path(self.variables["storage_dir"]) / "voicemail"
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

    def _registration_store(self) -> RegistrationStore:
        from .registrations.rows import Clocks
        from .registrations.store import RegistrationStore  # not of the start

        loop = asyncio.get_running_loop()
        path = self._state.path / "registrations.sqlite3"
        return RegistrationStore(path, lambda: Clocks(loop.time(), time.time()))

    def _is_known(self, source: Endpoint) -> bool:
        """Whether a registered phone or a provider speaks from there, whom no flood in its name may harm."""
        trunks = self.calls.trunks
        return self.calls.registrar.knows(source) or (trunks is not None and trunks.serves(source.host))

    def _is_neighbour(self, host: str) -> bool:
        """Whether an address is of our own networks, by the profiles' own word."""
        acls = {LOOPBACK, *(each.local_network_acl for each in self._profile_settings)}
        return any(matches(self._lists, acl, host) for acl in acls)
