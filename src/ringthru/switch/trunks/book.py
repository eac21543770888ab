"""All trunks of the switch: their lives, and their calls in and out.

Lives here: finding a trunk by its name, or by a call that came from it.
Never here: one registration's course, whether a provider is there, dial strings, the dialplan.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from ...net.address import Endpoint
from ...net.values import frozen
from ...sip import Direction, Flow, MalformedMessage, Request, SipUri
from ..calls.causes import HangupCause
from ..configuration.trunk_settings import TrunkSettings, place_uri
from ..profiles.target import Target
from ..snapshots import TrunkSnapshot
from . import requests
from .asking import Asking
from .registration import TrunkRegistration
from .trunk import Changed, TrunkState
from .trunk_view import Counters, snapshot_of

if TYPE_CHECKING:
    from ..profiles.profile import Profile

log = logging.getLogger(__name__)

START_PATIENCE: Final = 2.0  # seconds that the first REGISTER waits for the gateway's word on our address
SETTLE: Final = 0.2  # seconds from news about our address to the look at it: news come in flocks
STOP_PATIENCE: Final = 1.0  # seconds that all of them have to unregister at a stop
AUTO_TO_USER: Final = "auto_to_user"  # extension: the user part of To is the number


@frozen
class TrunkCall:
    """A call that came over a trunk: it needs no password."""

    trunk: str
    context: str
    extension: str  # "": the number that was called
    variables: Mapping[str, str]


class TrunkBook:
    """Every trunk of every running profile."""

    def __init__(self, tell: Callable[[Callable[[], TrunkSnapshot]], None] = lambda show: None) -> None:
        """``tell`` hears that a trunk's state, or whether it is up, is another one now."""
        self._tell = tell
        self._trunks: dict[str, TrunkRegistration] = {}
        self._counters: dict[str, Counters] = {}
        self._addresses: dict[str, set[str]] = {}  # hosts of the providers → trunks they serve
        self._asking = Asking(self._trunks, self._tell_of)
        self._held: list[TrunkRegistration] = []  # not started yet: our address is not known
        self._looking: asyncio.TimerHandle | None = None

    # --- life ---------------------------------------------------------------------------------------

    def start(self, profile: Profile) -> None:
        """Begin with the trunks of a profile that has just been opened, or with those that are new to it."""
        for settings in profile.settings.trunks:
            known = self._trunks.get(settings.name)
            if known is not None and known.profile is profile:
                continue
            if known is not None:
                log.error("%s: a second gateway %s is ignored", settings.position, settings.name)
                continue
            trunk = self._trunks[settings.name] = TrunkRegistration(settings, profile)
            self._counters[settings.name] = Counters()
            trunk.on_change, trunk.on_located = self._changed, self._located
            self._held.append(trunk)
            self._asking.watch(settings, profile.now())
        self._release()
        if self._held and self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(START_PATIENCE, self._look, True)

    async def leave(self, profile: str) -> None:
        """Unregister and forget the trunks of a profile that is about to be closed."""
        await asyncio.gather(*(self.kill(name) for name in self.names(profile)))

    async def stop(self) -> None:
        """Unregister everywhere, for a second at most."""
        self._asking.stop()
        if self._looking is not None:
            self._looking.cancel()
        self._held.clear()
        await asyncio.gather(*(each.stop(STOP_PATIENCE) for each in self._trunks.values()))
        self._trunks.clear()

    def check_addresses(self) -> None:
        """Our address may have changed: whoever was told another one registers again at once."""
        loop = asyncio.get_running_loop()
        if self._looking is None:
            self._looking = loop.call_later(SETTLE, self._look)
        elif self._looking.when() > loop.time() + SETTLE:
            self._looking.cancel()
            self._looking = loop.call_later(SETTLE, self._look)

    def _look(self, at_last: bool = False) -> None:
        """Start who waited for our address, and compare what the others were told with what holds now.

        While the gateway has not said what holds now, nobody is told anything else: a wrong address would
        be worse than the old one.
        """
        self._looking = None
        self._release(at_last)
        for trunk in self._trunks.values():
            if trunk.profile.address_settled:
                trunk.check_address()
        if self._held:
            self._looking = asyncio.get_running_loop().call_later(START_PATIENCE, self._look, True)

    def _release(self, at_last: bool = False) -> None:
        ready = [each for each in self._held if at_last or each.profile.address_settled]
        self._held = [each for each in self._held if each not in ready]
        for trunk in ready:
            trunk.start()

    def _changed(self, trunk: TrunkRegistration, changed: Changed) -> None:
        if changed.state is TrunkState.TRYING:
            self._forget_addresses(trunk.name)
        self._remember_addresses(trunk)
        if changed.state is TrunkState.REGED:
            self._asking.registered(trunk)
        self._tell_of(trunk)

    def _located(self, trunk: TrunkRegistration) -> None:
        """The addresses of a trunk were looked up: its calls come from there from now on."""
        self._forget_addresses(trunk.name)
        self._remember_addresses(trunk)

    def _tell_of(self, trunk: TrunkRegistration) -> None:
        self._tell(lambda: self._row(trunk, asyncio.get_running_loop().time()))

    # --- what operators say -------------------------------------------------------------------------

    def names(self, profile: str) -> list[str]:
        return [each.name for each in self._trunks.values() if each.profile.name == profile]

    def settings(self, name: str) -> TrunkSettings | None:
        trunk = self._trunks.get(name)
        return None if trunk is None else trunk.settings

    def register(self, name: str) -> bool | None:
        """Register at once. None: there is no such trunk; False: it is not to be registered with."""
        trunk = self._trunks.get(name)
        return None if trunk is None else trunk.register()

    def unregister(self, name: str) -> bool | None:
        """End a registration until ``register``; None and False as there."""
        trunk = self._trunks.get(name)
        return None if trunk is None else trunk.unregister()

    async def kill(self, name: str) -> bool:
        """Unregister, and forget the trunk until the next start (``killgw``); False when there is none."""
        trunk = self._trunks.pop(name, None)
        if trunk is None:
            return False
        self._held = [each for each in self._held if each is not trunk]
        self._asking.forget(name)
        self._forget_addresses(name)
        await trunk.stop(STOP_PATIENCE)
        return True

    # --- calls --------------------------------------------------------------------------------------

    async def target(self, name: str, number: str) -> Target | HangupCause:
        """Where ``sofia/gateway/NAME/NUMBER`` goes; INVALID_GATEWAY or GATEWAY_DOWN when it goes nowhere."""
        trunk = self._trunks.get(name)
        if trunk is None:
            return HangupCause.INVALID_GATEWAY
        flow = trunk.trunk.flow or next(iter(trunk.trunk.flows), None)
        if flow is None or not self._is_up(trunk):
            return HangupCause.GATEWAY_DOWN
        proxy = place_uri(trunk.settings.proxy)
        try:
            uri = SipUri.parse(f"{proxy.scheme}:{number}@{Endpoint(proxy.host, proxy.port or 5060)}")
        except MalformedMessage:
            return HangupCause.INVALID_NUMBER_FORMAT
        self._counters[name].calls_out += 1
        routes = [*requests.outbound_route(trunk.settings), *self._service_route(trunk)]
        return Target(
            trunk.profile,
            SipUri(uri.scheme, uri.user, proxy.host, proxy.port, proxy.parameters),
            (flow, *(each for each in trunk.trunk.flows if each != flow)),
            "" if trunk.settings.caller_id_in_from else requests.from_uri(trunk.settings),
            trunk.login,
            route=tuple(routes),
            identity="none" if trunk.settings.caller_id_in_from else trunk.settings.cid_type or "rpid",
            variables=(*trunk.settings.variables_for("outbound").items(), *_names(trunk)),
        )

    @staticmethod
    def _service_route(trunk: TrunkRegistration) -> Iterable[str]:
        return trunk.trunk.registered.service_route if trunk.trunk.registered is not None else ()

    def caller(self, request: Request, flow: Flow) -> TrunkCall | None:
        """The trunk an INVITE came over: by our Contact, else by the provider's address.

        Anybody can guess ``gw+NAME``, so that counts from the provider's addresses alone, unless the rest of
        the Contact is there too: many a provider calls from other machines than he is registered with.
        """
        here = self._addresses.get(flow.remote.host, set())
        uri = request.request_uri
        by_contact = next((each for each in self._trunks.values() if _is_contact(each, uri, here)), None)
        trunk = by_contact or self._by_address(request, here)
        if trunk is None:
            return None
        settings = trunk.settings
        extension = ""
        if by_contact is not None and not settings.extension_in_contact:
            extension = settings.extension or settings.username
        if extension == AUTO_TO_USER:
            extension = request.to.uri.decoded_user
        variables = {**settings.variables_for("inbound"), **dict(_names(trunk))}
        context = settings.context or trunk.profile.settings.context
        return TrunkCall(settings.name, context, extension, variables)

    def _by_address(self, request: Request, here: Iterable[str]) -> TrunkRegistration | None:
        """The trunk among those of one address: the account that was called, else the first."""
        those = [self._trunks[name] for name in sorted(here) if name in self._trunks]
        called = (request.request_uri.decoded_user, request.to.uri.decoded_user)
        meant = (each for each in those if each.settings.username in called and each.settings.username)
        return next(meant, those[0] if those else None)

    def lets_call(self, request: Request, flow: Flow) -> bool:
        """Whether an INVITE comes from a provider, who has no password of ours."""
        return self.caller(request, flow) is not None

    def began(self, name: str) -> None:
        """A call came in over a trunk."""
        if (counters := self._counters.get(name)) is not None:
            counters.calls_in += 1

    def ended(self, name: str, direction: Direction, answered: bool) -> None:
        """A leg over a trunk is over."""
        counters = self._counters.get(name)
        if counters is None or answered:
            return
        if direction is Direction.INBOUND:
            counters.failed_calls_in += 1
        else:
            counters.failed_calls_out += 1

    def serves(self, host: str) -> bool:
        """Whether an address is one of a provider of ours."""
        return host in self._addresses

    def _remember_addresses(self, trunk: TrunkRegistration) -> None:
        for flow in (*trunk.trunk.flows, *([trunk.trunk.flow] if trunk.trunk.flow else [])):
            self._addresses.setdefault(flow.remote.host, set()).add(trunk.name)

    def _forget_addresses(self, name: str) -> None:
        for host in [host for host, names in self._addresses.items() if name in names]:
            self._addresses[host].discard(name)
            if not self._addresses[host]:
                del self._addresses[host]

    def _is_up(self, trunk: TrunkRegistration) -> bool:
        """Whether calls may go out: OPTIONS are answered, and the registration holds where there is one."""
        if not self._asking.ping(trunk.name).reachable:
            return False
        return not trunk.settings.register or trunk.trunk.registered is not None

    # --- showing ------------------------------------------------------------------------------------

    def snapshot(self, now: float) -> tuple[TrunkSnapshot, ...]:
        return tuple(self._row(each, now) for each in self._trunks.values())

    def _row(self, each: TrunkRegistration, now: float) -> TrunkSnapshot:
        ping, counters = self._asking.ping(each.name), self._counters[each.name]
        return snapshot_of(each, ping, counters, up=self._is_up(each), now=now)


def _names(trunk: TrunkRegistration) -> tuple[tuple[str, str], ...]:
    """The variables by which a leg is known to be this trunk's."""
    return (("sip_gateway", trunk.name), ("sip_gateway_name", trunk.name))


def _is_contact(trunk: TrunkRegistration, uri: SipUri, here: Iterable[str]) -> bool:
    """Whether a Request-URI is this trunk's Contact, and comes from who may know it."""
    if uri.decoded_user != trunk.settings.contact_user:
        return False
    return trunk.name in here or requests.bears_mark(trunk.settings, uri)
