"""The switch: profiles, registrar, calls and the mapping engine, started and stopped as one.

Lives here: what belongs to the whole. Never here: one call, one address, one command's text.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..media import MediaEngine
from ..net.acl import AccessList, matches
from ..net.address import Endpoint, parse_address
from ..net.surroundings import Surroundings, Surroundings6, look_around
from ..net.values import frozen
from ..portmap import (
    Event,
    ExternalAddressChanged,
    GatewayFound,
    GatewayListing,
    GatewayLost,
    MapperSnapshot,
    MappingAdded,
    PortMapper,
    Protocol,
    Wanted,
)
from ..portmap import Mapping as PortMapping
from ..sip import SipUri
from .address_lookup import AddressLookups, LookupFailed, resolve
from .authentication import LoginDesk
from .caller import Caller
from .calls import Calls
from .causes import HangupCause, cause_named
from .configuration import (
    ConfigurationError,
    ProfileSettings,
    SwitchSettings,
    load_profiles,
    weak_secrets,
)
from .moving import follow_address
from .originate import originate
from .profile import Profile
from .protection import Ban, Guard, GuardSettings
from .reachability import LOOPBACK
from .registrar import Registrar
from .rtp_pool import RtpPool
from .rules import Rules
from .signalling import Signalling
from .snapshots import BanSnapshot, ProfileSnapshot, RegistrationSnapshot, SwitchSnapshot
from .state import PASSWORD_VARIABLE, StateFolder, default_tree, names_variable

if TYPE_CHECKING:
    from ..sip.locating import Target
    from ..sip.locating_driver import Resolver
    from .registrations.store import RegistrationStore

log = logging.getLogger(__name__)

LOOPBACK6 = "::1"  # what FreeSWITCH's local_ip_v6 is where there is no other
LOAD_AFTER = 0.3  # seconds: the start is for the ports; who asks for a phone before, waits for the file
EXPIRY_CHECK = 5.0  # seconds between looks at registrations that ran out


@frozen
class SwitchOptions:
    """How to start: the command line, as a value."""

    conf: Path | None = None  # None: the default tree that we ship
    db: Path | None = None  # None: ~/.local/state/ringthru
    nat_enabled: bool = True  # False: -nonat
    mapping_enabled: bool = True  # False: -nonatmap
    surroundings: Surroundings | None = None  # None: ask the kernel
    surroundings6: Surroundings6 | None = None  # None: there is no IPv6 to be called at
    nameservers: tuple[Endpoint, ...] = ()  # in place of those of /etc/resolv.conf


class Switch:
    """One switch. Any number of them can run in one process."""

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
        self._address6 = options.surroundings6.address if options.surroundings6 else LOOPBACK6
        self._state = StateFolder(options.db)
        self._conf = conf = options.conf or default_tree()
        self._rules = Rules.read(conf, self._builtin_variables(conf), self._surroundings)
        self.variables: dict[str, str] = dict(self._rules.variables)
        tree = self._rules.loaded.tree
        self._settings = SwitchSettings.read(tree)
        self._lists: dict[str, AccessList] = dict(self._rules.lists)  # the profiles hold on to this one
        self._profile_settings: list[ProfileSettings] = load_profiles(tree)
        self._engine = MediaEngine(self._settings.rtp_start_port, self._settings.rtp_end_port)
        self.guard = Guard(
            _guard_settings(self._settings),
            is_known=self._is_known,
            is_neighbour=self._is_neighbour,
            tell=log.warning,
        )
        self._desk = LoginDesk(self._rules.directory, self.guard)
        profiles: dict[str, Profile] = {}
        registrar = Registrar(
            self._rules.directory, self._desk, self._lists, profiles, self._registration_store
        )
        self.calls = Calls(
            profiles=profiles,
            engine=self._engine,
            dialplan=self._rules.dialplan,
            directory=self._rules.directory,
            registrar=registrar,
            variables=self.variables,
            max_channels=self._settings.max_sessions,
            max_per_second=self._settings.sessions_per_second,
        )
        self._signalling = Signalling(self.calls)
        self._nameservers = options.nameservers
        self._resolver: Resolver | None = None
        here = self._surroundings
        self._lookups = AddressLookups(here.address, here.rules, self._follow)
        self.mapper = mapper
        if mapper is None and options.nat_enabled:
            self.mapper = PortMapper(self._surroundings, mapping_enabled=options.mapping_enabled)
        self._hand_made: dict[tuple[int, Protocol], PortMapping] = {}
        self._shutdown = asyncio.Event()
        self._housekeeping: asyncio.TimerHandle | None = None
        self._loading: asyncio.TimerHandle | None = None
        self._serving = False
        self._external: str | None = None

    def _builtin_variables(self, conf: Path) -> dict[str, str]:
        """The variables that exist before any file is read."""
        hostname = socket.gethostname()
        variables = {
            "hostname": hostname,
            "switchname": hostname,
            "local_ip_v4": self._surroundings.address,
            "local_ip_v6": self._address6,
            "local_mask_v4": str(self._surroundings.network.netmask),
            "conf_dir": str(conf),
            "certs_dir": str(conf / "tls"),
            "base_dir": str(conf.parent),
            "db_dir": str(self._state.path),
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
        weak = weak_secrets(self._rules.directory)
        if self.mapper is not None:
            self.mapper.subscribe(self._on_mapper_event)
            self.mapper.start()
            self._external_address(self.mapper.snapshot().external_address)  # found before we listened
        try:
            for settings in self._profile_settings:
                profile = Profile(
                    settings,
                    self._surroundings,
                    self._lists,
                    [domain.name for domain in self._rules.directory.domains.values()],
                    self._lookups,
                    self._signalling.on_event,
                    locate=self._locate,
                    tls_folder=self._state.path / "tls",
                    screen=self._desk.screen,
                )
                await profile.open()
                self.calls.profiles[profile.name] = profile
                self._map(profile, weak)
                self._advertise(profile)  # the gateway may have been quicker
        except OSError:
            await self.stop()
            raise
        self._serving = True
        self._start_trunks()
        self._fill_pool()
        self._loading = asyncio.get_running_loop().call_later(LOAD_AFTER, self._load_registrations)
        self._expire_registrations()

    async def reload(self) -> str:
        """Read the configuration again: ``Success``, or what is wrong with it, and then the old one holds.

        New are the dialplan, the directory, the access lists and the global variables, all at once; calls in
        progress go on with the actions they have. What a profile listens on, it keeps until it starts anew.
        """
        known = dict(self.variables)
        try:
            rules = await asyncio.to_thread(Rules.read, self._conf, known, self._surroundings)
        except ConfigurationError as error:
            log.error("The configuration is not reloaded, the old one holds: %s", error)
            return str(error)
        rules.log_warnings()
        self._rules = rules
        self.variables.update(rules.variables)
        self._lists.clear()
        self._lists.update(rules.lists)
        self.calls.use(rules.dialplan, rules.directory)
        log.info("The configuration is reloaded from %s", self._conf)
        return "Success"

    def _map(self, profile: Profile, weak: list[tuple[str, str]]) -> None:
        """Open a profile to the Internet if it asks and its secrets bear it (the guard)."""
        if self.mapper is None or not profile.wants_mapping:
            return
        if weak and not profile.settings.allow_weak_secrets:
            for user, reason in weak:
                log.warning("Profile %s is not mapped: the password of %s %s", profile.name, user, reason)
            log.warning(
                "Set better passwords in the directory, or allow-weak-secrets=true in profile %s",
                profile.name,
            )
            return
        profile.map_ports(self.mapper)

    async def _locate(self, uri: SipUri, transports: Sequence[str], ipv6: bool) -> list[Target]:
        """Where a URI leads. What finds it is imported with the first one: the start is a budget."""
        from ..sip.locating import Kind
        from ..sip.locating_driver import Resolver

        if self._resolver is None:
            self._resolver = Resolver(self._nameservers)
        return await self._resolver.locate(uri, transports, Kind.AAAA if ipv6 else Kind.A)

    def _start_trunks(self) -> None:
        """Register with the providers, where the configuration names any."""
        if not any(each.trunks for each in self._profile_settings):
            return
        from .trunks.book import TrunkBook  # not of a start without any

        trunks = self.calls.trunks = TrunkBook()
        self._desk.lets_call = lambda request, flow: trunks.lets_call(request, flow)
        for profile in self.calls.profiles.values():
            trunks.start(profile)

    def _registration_store(self) -> RegistrationStore:
        from .registrations.rows import Clocks
        from .registrations.store import RegistrationStore  # not of the start

        loop = asyncio.get_running_loop()
        path = self._state.path / "registrations.sqlite3"
        return RegistrationStore(path, lambda: Clocks(loop.time(), time.time()))

    def _load_registrations(self) -> None:
        """Read beside the loop what outlived the last run; whoever needs it sooner waits for it."""
        self._loading = None
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
        follow_address(self.calls)  # legs that were not up yet when it changed
        self._housekeeping = loop.call_later(EXPIRY_CHECK, self._expire_registrations)

    @property
    def loglevel(self) -> str:
        """What switch.conf says the console should show at first."""
        return self._settings.loglevel

    def request_shutdown(self) -> None:
        self._shutdown.set()

    async def until_shutdown(self) -> None:
        await self._shutdown.wait()

    async def stop(self) -> None:
        """Hang up, take our mappings off the gateway, close everything."""
        for timer in (self._housekeeping, self._loading):
            if timer is not None:
                timer.cancel()
        await self._lookups.close()
        await self.calls.close()
        if self.calls.pool is not None:
            self.calls.pool.close()
        await asyncio.gather(self._stop_trunks(), self._stop_mapper())
        for profile in self.calls.profiles.values():
            profile.close()
        await self.calls.registrar.close()
        await self._engine.close()
        await asyncio.sleep(0)  # asyncio lets go of a closed transport's port in the loop's next round only

    async def _stop_trunks(self) -> None:
        if self.calls.trunks is not None:
            await self.calls.trunks.stop()

    async def _stop_mapper(self) -> None:
        if self.mapper is not None:
            await self.mapper.stop()

    # --- what the gateway tells us ------------------------------------------------------------------

    def _on_mapper_event(self, event: Event) -> None:
        match event:
            case GatewayFound(external_address=address):
                self._external_address(address)
            case ExternalAddressChanged(current=address):
                self._external_address(address)
            case GatewayLost():
                self._external_address(None)
            case MappingAdded():
                follow_address(self.calls)  # another external port, perhaps
        if self.calls.trunks is not None:  # whatever happened, a port may be another one now
            self.calls.trunks.check_addresses()

    def _follow(self) -> None:
        """Somebody else told us another address of ours."""
        follow_address(self.calls)

    def _external_address(self, address: str | None) -> None:
        """From now on far peers see this address; a None takes it back."""
        self.variables["nat_public_addr"] = address or ""
        self.variables["nat_private_addr"] = self._surroundings.address
        self._external = address
        for profile in self.calls.profiles.values():
            self._advertise(profile)
        self._fill_pool()
        follow_address(self.calls)

    def _advertise(self, profile: Profile) -> None:
        """Tell a profile the external address; not one the guard keeps closed, for nobody could reach it."""
        address = self._external if profile.mapped else None
        if address and address != profile.external_address:
            log.info("NAT detected setting external ip to %s for profile %s", address, profile.name)
        profile.external_address = address

    def _fill_pool(self) -> None:
        """Have RTP ports mapped before the first far call, and after every SIP port."""
        if not (self._serving and self._external) or self.calls.pool is not None:
            return
        mapped = [p for p in self.calls.profiles.values() if p.mapped]
        if self.mapper is not None and mapped and self.mapper.mapping_enabled:
            self.calls.pool = RtpPool(self._engine, self.mapper, mapped[0].rtp_ip, self.calls.spawn)
            self.calls.pool.fill()

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

    def nat_set_mapping(self, enabled: bool) -> None:
        if self.mapper is not None:
            self.mapper.set_mapping_enabled(enabled)
            self._fill_pool()

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

    def acl_allows(self, address: str, list_name: str) -> bool | None:
        """Whether a list holds an address; None when there is no such list."""
        known = list_name in self._lists or "/" in list_name
        return matches(self._lists, list_name, address) if known else None

    # --- showing ------------------------------------------------------------------------------------

    def snapshot(self) -> SwitchSnapshot:
        now = asyncio.get_running_loop().time()
        registrations = self.calls.registrar.snapshot(now)
        mapper: MapperSnapshot | None = self.mapper.snapshot() if self.mapper else None
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
        )

    def _profile_rows(self, registrations: tuple[RegistrationSnapshot, ...]) -> list[ProfileSnapshot]:
        return [
            profile.snapshot(sum(1 for row in registrations if row.profile == profile.name))
            for profile in self.calls.profiles.values()
        ]


def _ban_row(ban: Ban, now: float) -> BanSnapshot:
    return BanSnapshot(ban.source, ban.reason, now - ban.since, ban.until - now, ban.dropped)


def _guard_settings(settings: SwitchSettings) -> GuardSettings:
    return GuardSettings(
        failures=settings.auth_failures_before_ban,
        ban=settings.ban_seconds,
        requests_per_second=settings.strangers_requests_per_second,
    )
