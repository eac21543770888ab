"""The registrar: phones prove who they are, and say where they are reached.

Lives here: one REGISTER from question to answer, and who is told of what changed.
Never here: digest checks (``authentication``), the rules of bindings (``sip``), NAT rules, files.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from ...net.acl import AccessList
from ...net.address import Endpoint
from ...net.levels import NOTICE
from ...sip import Binding, Bindings, IncomingRequest, RegisterOutcome, Request, Response
from ..configuration import Directory, User
from ..door.authentication import Denied, LoginDesk
from ..snapshots import RegistrationSnapshot, RegistrationState
from .admission import Admission
from .nat import behind_nat, dialled_uri, next_flow, request_uri

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ..profiles.profile import Profile
    from .keepalive import PingRules
    from .pinger import Pinger
    from .store import RegistrationStore

log = logging.getLogger(__name__)

LOAD_PATIENCE: Final = 1.0  # seconds that the first who needs the stored registrations waits for them


class Registrar:
    """Bindings of every profile."""

    def __init__(
        self,
        directory: Directory,
        desk: LoginDesk,
        lists: Mapping[str, AccessList],
        profiles: Mapping[str, Profile],
        store: Callable[[], RegistrationStore],
    ) -> None:
        """``profiles`` is the switch's own book of running profiles; ``store`` is made when it is needed."""
        self.desk = desk
        self.lists = lists
        self._admission = Admission(desk, lists)
        self._bindings = Bindings()
        self._profiles = profiles
        self._make_store = store
        self._made: RegistrationStore | None = None
        self._loading: Future[list[Binding]] | None = None
        self._loaded = False
        self._sources: Counter[Endpoint] = Counter()  # where living bindings came from
        self._source_of: dict[tuple[str, ...], Endpoint] = {}
        self._syncing: set[asyncio.Future[None]] = set()
        self._pinger: Pinger | None = None  # while nobody is asked whether he is there
        self._listeners: list[Callable[[str, Binding], None]] = []

    # --- life ---------------------------------------------------------------------------------------

    def begin_to_load(self) -> Future[list[Binding]] | None:
        """Start reading what outlived the last run; ``finish_loading`` takes it in."""
        if not self._loaded and self._loading is None:
            self._loading = self._store.begin_to_load()
        return self._loading

    @property
    def _store(self) -> RegistrationStore:
        if self._made is None:
            self._made = self._make_store()
        return self._made

    def finish_loading(self) -> None:
        """Take in the stored registrations; waits for them where somebody cannot do without."""
        if self._loaded:
            return
        loading = self.begin_to_load()
        self._loaded, self._loading = True, None
        if loading is None:
            return
        try:
            found = loading.result(LOAD_PATIENCE)
        except Exception as error:
            log.error("The stored registrations could not be read: %r", error)
            return
        kept = [each for each in found if self._still_belongs(each)]
        for binding in kept:
            self._bindings.restore(binding)
            self._note(binding, 1)
        if found:
            log.info("Registrations of the last run that hold again: %d", len(kept))

    async def close(self) -> None:
        if self._pinger is not None:
            self._pinger.close()
        for task in self._syncing:
            task.cancel()
        self._loaded = True
        if self._made is not None:
            await self._made.close()

    def subscribe(self, listener: Callable[[str, Binding], None]) -> None:
        """Hear of ``register``, ``refresh``, ``unregister``, ``expire`` and ``unreachable``."""
        self._listeners.append(listener)

    @property
    def directory(self) -> Directory:
        """Who exists; another one holds from the next request on."""
        return self.desk.directory

    @directory.setter
    def directory(self, directory: Directory) -> None:
        self.desk.directory = directory

    def _still_belongs(self, binding: Binding) -> bool:
        """Whether profile and user are still in the configuration."""
        profile = self._profiles.get(binding.origin.profile)
        if profile is None:
            return False
        user, _, domain = binding.aor.partition("@")
        blind = profile.settings.registration.accept_blind_reg
        return blind or self.directory.find_user(domain, user) is not None

    # --- who is it? ---------------------------------------------------------------------------------

    def authenticate(self, profile: Profile, request: Request, source: Endpoint, now: float) -> User | Denied:
        """The directory user a request proves to be, or what to answer instead."""
        return self.desk.authenticate(profile, request, source, now)

    def knows(self, source: Endpoint) -> bool:
        """Whether a registered phone speaks from exactly there."""
        return source in self._sources

    # --- where is it? -------------------------------------------------------------------------------

    def register(self, profile: Profile, incoming: IncomingRequest, now: float) -> None:
        """Answer a REGISTER (RFC 3261 §10.3)."""
        admitted = self._admission.admit(profile, incoming, now)
        if isinstance(admitted, Denied):
            profile.respond(incoming, admitted.status, headers=admitted.headers)
            return
        self.finish_loading()
        aor, origin = admitted.aor, admitted.origin
        outcome = self._bindings.process(aor, incoming.request, origin, now, admitted.terms())
        headers = admitted.headers(outcome)
        profile.respond(incoming, outcome.status, reason=outcome.reason, headers=headers)
        self._take_in(aor, outcome, now)

    # --- what changed -------------------------------------------------------------------------------

    def _take_in(self, aor: str, outcome: RegisterOutcome, now: float) -> None:
        """Keep the books beside the bindings: sources, pings, the store, the log."""
        if not (outcome.added or outcome.refreshed or outcome.removed):
            return
        new = {_key(each): each for each in (*outcome.added, *outcome.refreshed)}
        for binding in outcome.gone:
            if _key(binding) not in new:
                self._note(binding, 0)
        for binding in new.values():
            self._note(binding, 1)
        for binding in outcome.removed:
            self._tell("unregister", binding, "Unregistered %s at %s", aor, binding.contact)
        for binding in outcome.added:
            self._tell(
                "register", binding, "Registered %s at %s from %s", aor, binding.contact, binding.source
            )
        for binding in outcome.refreshed:
            self._hear("refresh", binding)
        self._keep(aor, now)

    def _note(self, binding: Binding, living: int) -> None:
        """Count a binding's source, and ask it now and then whether it is there; or no longer."""
        key = _key(binding)
        before = self._source_of.pop(key, None)
        if before is not None:
            self._sources[before] -= 1
            if self._sources[before] <= 0:
                del self._sources[before]
        if not living:
            self._watch(key, binding, None)
            return
        self._source_of[key] = binding.source
        self._sources[binding.source] += 1
        self._watch(key, binding, self._ping_rules(binding))

    def _keep(self, aor: str, now: float) -> None:
        self._store.keep(aor, self._bindings.lookup(aor, now))

    def _tell(self, what: str, binding: Binding, text: str, *values: object) -> None:
        log.log(NOTICE, text, *values)
        self._hear(what, binding)

    def _hear(self, what: str, binding: Binding) -> None:
        for listener in self._listeners:
            listener(what, binding)

    def _drop(self, binding: Binding, now: float, what: str, text: str) -> None:
        self._bindings.drop(binding)
        self._note(binding, 0)
        self._tell(what, binding, text, binding.aor, binding.contact)
        self._keep(binding.aor, now)

    # --- is it still there? -------------------------------------------------------------------------

    def _watch(self, key: tuple[str, ...], binding: Binding, rules: PingRules | None) -> None:
        """Ask a phone from now on whether it is there; or no longer."""
        if rules is not None:
            if self._pinger is None:
                from .pinger import Pinger  # not of the start

                self._pinger = Pinger(self._ask, self._lost, self._back)
            self._pinger.watch(key, binding, rules)
        elif self._pinger is not None:
            self._pinger.forget(key)

    def _ping_rules(self, binding: Binding) -> PingRules | None:
        profile = self._profiles.get(binding.origin.profile)
        if profile is None:
            return None
        settings = profile.settings.registration
        nat = settings.nat_options_ping
        udp = binding.origin.flow.transport == "UDP"
        wanted = nat == "true" or (nat == "udp-only" and udp)
        if not settings.all_reg_options_ping and not (wanted and behind_nat(binding)):
            return None
        from .keepalive import PingRules  # not of the start

        return PingRules(settings.ping_mean_interval, settings.sip_user_ping_min, settings.sip_user_ping_max)

    async def _ask(self, binding: Binding) -> Response | None:
        """One OPTIONS to a phone; None when it does not answer, or there is no way to it."""
        profile = self._profiles.get(binding.origin.profile)
        if profile is None or not profile.running:
            return None
        return await profile.ask_if_there(request_uri(binding), binding.path, next_flow(binding))

    def _lost(self, binding: Binding) -> None:
        log.warning("%s at %s does not answer any more", binding.aor, binding.contact)
        profile = self._profiles.get(binding.origin.profile)
        if profile is not None and profile.settings.registration.unregister_on_options_fail:
            text = "Unregistered %s at %s: it answers no OPTIONS"
            self._drop(binding, profile.now(), "unreachable", text)

    @staticmethod
    def _back(binding: Binding) -> None:
        log.log(NOTICE, "%s at %s answers again", binding.aor, binding.contact)

    # --- asked by others ----------------------------------------------------------------------------

    def bindings(self, address_of_record: str, profile: str, now: float) -> list[Binding]:
        """A user's living bindings, best first; ``profile`` may be ``*``."""
        self.finish_loading()
        found = self._bindings.lookup(address_of_record, now)
        return [each for each in found if profile in ("*", each.origin.profile)]

    def contacts(self, address_of_record: str, profile: str, now: float) -> list[str]:
        """Dial strings of a user's bindings, best first; ``profile`` may be ``*``.

        The way to a phone that is not reached where it says stands beside its contact, in ``fs_path``.
        """
        found = self.bindings(address_of_record, profile, now)
        return [f"sofia/{each.origin.profile}/{dialled_uri(each)}" for each in found]

    def check_sync(self, profile: str, which: str, now: float, *, reboot: bool) -> int:
        """Ask phones to fetch their configuration anew, or to start anew; returns how many are asked."""
        asked = self._chosen(profile, which, now)
        for binding in asked:
            task = asyncio.ensure_future(self._notify_sync(binding, reboot))
            self._syncing.add(task)
            task.add_done_callback(self._syncing.discard)
        return len(asked)

    async def _notify_sync(self, binding: Binding, reboot: bool) -> None:
        """An unsolicited NOTIFY, which all makers understand (``Event: check-sync``)."""
        profile = self._profiles.get(binding.origin.profile)
        if profile is None:
            return
        event = f"check-sync;reboot={'true' if reboot else 'false'}"
        rows = (("Event", event), ("Subscription-State", "terminated;reason=noresource"))
        uri, flow = request_uri(binding), next_flow(binding)
        await profile.ask_at("NOTIFY", uri, binding.path, flow, rows)

    def flush(self, profile: str, which: str, now: float) -> int:
        """Take registrations away (``flush_inbound_reg``): a Call-ID's, ``user@domain``'s, ``@domain``'s; all
        for "". Returns how many there were.
        """
        doomed = self._chosen(profile, which, now)
        for binding in doomed:
            self._drop(binding, now, "unregister", "Unregistered %s at %s by an operator")
        return len(doomed)

    def _chosen(self, profile: str, which: str, now: float) -> list[Binding]:
        self.finish_loading()
        return [
            each
            for each in self._living(now)
            if each.origin.profile == profile
            and (not which or which in (each.call_id, each.aor) or _is_domain_of(which, each.aor))
        ]

    def expire(self, now: float) -> None:
        """Forget what ran out."""
        due = self._bindings.next_timeout()
        if due is None or due > now:
            return
        for binding in self._bindings.expire(now):
            self._note(binding, 0)
            self._tell("expire", binding, "Registration of %s at %s expired", binding.aor, binding.contact)
            self._keep(binding.aor, now)

    def snapshot(self, now: float) -> tuple[RegistrationSnapshot, ...]:
        self.finish_loading()
        return tuple(self._row(binding, now) for binding in self._living(now))

    def _living(self, now: float) -> Iterable[Binding]:
        return (each for aor in sorted(self._bindings.aors()) for each in self._bindings.lookup(aor, now))

    def _row(self, binding: Binding, now: float) -> RegistrationSnapshot:
        user, _, domain = binding.aor.partition("@")
        known = self.directory.find_user(domain, user)
        ping = self._pinger.ping(_key(binding)) if self._pinger is not None else None
        return RegistrationSnapshot(
            call_id=binding.call_id,
            user=binding.aor,
            contact=f'"{user}" <{dialled_uri(binding)}>',
            agent=binding.user_agent,
            state=RegistrationState(binding.origin.status),
            expires_in=max(binding.expires_at - now, 0.0),
            source=binding.source,
            auth_user=binding.origin.username,
            auth_realm=binding.origin.realm,
            profile=binding.origin.profile,
            reachable=ping is None or ping.reachable,
            ping_seconds=ping.seconds if ping is not None else 0.0,
            mwi_account=known.mwi_account if known is not None else "",
        )


def _key(binding: Binding) -> tuple[str, ...]:
    """One binding among all, however often it is refreshed."""
    if binding.reg_id:
        return (binding.aor, binding.instance, str(binding.reg_id))
    return (binding.aor, str(binding.contact))


def _is_domain_of(which: str, aor: str) -> bool:
    return which.startswith("@") and aor.endswith(which)
