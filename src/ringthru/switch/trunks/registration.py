"""One trunk on a loop: carries out what its machine orders.

Lives here: time, requests, the comparison of the address we showed with the one we would show now.
Never here: when to try again, what an answer means (``trunk``), headers (``requests``).
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from ...net.address import Endpoint, parse_address
from ...net.levels import NOTICE
from ...sip import HERE, Flow, Login, MalformedMessage, Request, RequestHandle, Response, SipError, SipUri
from ...sip.wire.headers import read_expires
from ..configuration.trunk_settings import TrunkSettings, place_uri
from . import requests
from .mirror import meddling
from .trunk import (
    Changed,
    ForgetContact,
    Granted,
    Order,
    Resolve,
    SendRegister,
    Trunk,
    TrunkState,
    TrunkTiming,
)

if TYPE_CHECKING:
    from ..profiles.profile import Profile

log = logging.getLogger(__name__)

MEDDLING: Final = (
    "Gateway %s answers with a Via that is not ours: %s. Something on the way rewrites SIP, as a rule a SIP"
    " ALG in the router, and calls may fail by it. Switch it off there; or let it see no SIP:"
    " register-transport=tls, or other ports than 5060 on both sides"
)
LEVELS = {
    TrunkState.FAIL_WAIT: logging.WARNING,
    TrunkState.FAILED: logging.ERROR,
    TrunkState.EXPIRED: logging.ERROR,
}


class TrunkRegistration:
    """Keeps one trunk registered from ``start`` to ``stop``."""

    def __init__(self, settings: TrunkSettings, profile: Profile) -> None:
        self.settings = settings
        self.profile = profile
        timing = TrunkTiming(settings.register, settings.expire_seconds, settings.retry_seconds)
        self.trunk = Trunk(timing, random.random)
        self.shown: Endpoint | None = None  # our address in the Contact that was last sent
        self.mirrored: Endpoint | None = None  # where the registrar says that our REGISTER came from
        self.located = False  # whether the way to the registrar was looked for, found or not
        self.since = 0.0  # of the present registration
        self.on_change: Callable[[TrunkRegistration, Changed], None] = lambda trunk, changed: None
        self.on_located: Callable[[TrunkRegistration], None] = lambda trunk: None
        self.rewritten = ""  # what became of our Via on the way, when last looked at
        self._login = Login(settings.auth_username, settings.password) if settings.password else None
        self._call_id = secrets.token_hex(12)
        self._cseq = 0
        self._tasks: set[asyncio.Future[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def login(self) -> Login | None:
        return self._login

    # --- life ---------------------------------------------------------------------------------------

    def start(self) -> None:
        self._act(self.trunk.start)

    async def stop(self, patience: float) -> None:
        """Unregister, wait for the answer as long as ``patience`` seconds, and be gone."""
        if self.trunk.unregister(self._now()):
            self._carry_out()
            if self.trunk.state is TrunkState.UNREGISTER and self._tasks:
                await asyncio.wait(list(self._tasks), timeout=patience)
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()

    def register(self, *, elsewhere: bool = False) -> bool:
        """Register at once, ``elsewhere`` first; False for a trunk that is not to be registered with."""
        return bool(self._act(lambda now: self.trunk.register(now, elsewhere=elsewhere)))

    def unregister(self) -> bool:
        return bool(self._act(self.trunk.unregister))

    def check_address(self) -> None:
        """Register at once when the registrar would see another address of ours than the one we told it."""
        flow = self.trunk.flow
        if self.shown is None or flow is None or self.trunk.state is TrunkState.DOWN:
            return
        now = self._seen(flow)
        if now.host == flow.local.host != self.shown.host:
            return  # the gateway is gone: what we told may hold again when it comes back, this never would
        if now != self.shown:
            text = "Gateway %s: our address is %s now, not %s: registering again at once"
            log.log(NOTICE, text, self.name, now, self.shown)
            self.shown = now
            self.register()

    # --- the machine's orders -----------------------------------------------------------------------

    def _act(self, action: Callable[[float], Any]) -> Any:
        result = action(self._now())
        self._carry_out()
        return result

    def _carry_out(self) -> None:
        while orders := self.trunk.orders():
            for order in orders:
                self._carry_out_one(order)
        self._set_timer()

    def _carry_out_one(self, order: Order) -> None:
        match order:
            case Resolve():
                self._spawn(self._resolve())
            case SendRegister(flow=flow, expires=expires):
                self._spawn(self._register(flow, expires))
            case ForgetContact(flow=flow, contact=contact):
                self._spawn(self._forget(flow, contact))
            case Changed():
                self._tell(order)

    def _tell(self, changed: Changed) -> None:
        log.log(
            logging.DEBUG if changed.passing else LEVELS.get(changed.state, logging.INFO),
            "Gateway %s is %s%s",
            self.name,
            changed.state.value,
            f": {changed.reason}" if changed.reason else "",
        )
        if changed.state is TrunkState.REGED:
            self.since = self.since or self._now()
        elif self.trunk.registered is None:
            self.since = 0.0
        self.on_change(self, changed)

    async def _resolve(self) -> None:
        """Find the registrar, or the proxy that leads to it."""
        reason, flows = "", []
        try:
            flows = await self.profile.locate(self._first_place())
        except SipError as error:
            reason = str(error)
        if reason and not self.settings.register:  # nothing else will say it
            log.warning("Gateway %s cannot be found, and is looked up again: %s", self.name, reason)
        self.located = True
        self._act(lambda now: self.trunk.receive_flows(flows, now, reason))
        self.on_located(self)

    def _first_place(self) -> SipUri:
        """Where requests go first; ``register-transport`` decides where the URI itself does not."""
        settings = self.settings
        uri = place_uri(settings.outbound_proxy or settings.register_proxy)
        if settings.register_transport and uri.parameter("transport") is None:
            uri = SipUri.parse(f"{uri};transport={settings.register_transport}")
        return uri

    async def _register(self, flow: Flow, expires: int) -> None:
        whole = self.profile.seen_by(flow.remote.host, flow.transport)
        self.profile.talks_to(flow.remote.host, whole)
        seen = whole.signalling
        host = requests.contact_host(self.settings, flow.local, seen)
        self._cseq += 1
        request = requests.register_request(
            self.settings, flow.transport, expires, self._call_id, self._cseq, host
        )
        contact = requests.contact_uri(self.settings, flow.transport, host.replace(HERE, _host(seen)))
        self.shown = seen
        response = await self._ask(request, flow)
        if response is None:
            self._act(self.trunk.receive_silence)
            return
        self._look_for_meddling(response, seen, flow)
        granted = self._granted(response, contact, expires)
        self._act(
            lambda now: self.trunk.receive_answer(
                response.status,
                response.reason,
                now,
                granted=granted,
                min_expires=read_expires(response.get("Min-Expires")),
                retry_after=read_expires((response.get("Retry-After") or "").split(";")[0].split(" ")[0]),
            )
        )

    def _granted(self, response: Response, contact: str, expires: int) -> Granted | None:
        if response.status != 200 or not expires:
            return None
        self._look_into_mirror(response)
        try:
            return requests.granted_by(response, contact, expires)
        except MalformedMessage:
            return Granted(expires, contact)

    def _look_into_mirror(self, response: Response) -> None:
        """The registrar's ``received`` and ``rport``: what a NAT made of us, and a check of what we show."""
        via = response.via
        if via.received is None or parse_address(via.received) is None:
            return
        seen = Endpoint(via.received, via.rport or 5060)
        if seen != self.mirrored and self.shown is not None and seen.host != self.shown.host:
            text = "Gateway %s sees us at %s, but we show it %s: calls from it may not reach us"
            log.warning(text, self.name, seen, self.shown)
        self.mirrored = seen

    def _look_for_meddling(self, response: Response, sent: Endpoint, flow: Flow) -> None:
        """Say once of each way it is done that something rewrites SIP between us and the registrar."""
        if flow.transport != "UDP":  # elsewhere the port of a Via may be another than the one we show
            return
        found = meddling(response.via, sent, self.profile.settings.registration.asks_rport) or ""
        if found and found != self.rewritten:
            log.warning(MEDDLING, self.name, found)
        self.rewritten = found

    async def _forget(self, flow: Flow, contact: str) -> None:
        self._cseq += 1
        await self._ask(requests.forget_request(self.settings, contact, self._call_id, self._cseq), flow)

    async def ask_if_there(self) -> Response | None:
        """One OPTIONS to the provider; None when it does not answer."""
        flow = self.trunk.flow or next(iter(self.trunk.flows), None)
        if flow is None:
            return None
        seen = self._seen(flow)
        host = requests.contact_host(self.settings, flow.local, seen)
        return await self._ask(requests.options_request(self.settings, host), flow)

    def _seen(self, flow: Flow) -> Endpoint:
        """Our address and port, as whoever is at the end of a flow sees them."""
        return self.profile.seen_by(flow.remote.host, flow.transport).signalling

    async def _ask(self, request: Request, flow: Flow) -> Response | None:
        handle: RequestHandle = self.profile.act(
            lambda now: self.profile.agent.request(request, flow, now, credentials=self._login)
        )
        response = await self.profile.answer_to(handle)
        if handle.request.method == "REGISTER":
            self._cseq = max(self._cseq, handle.request.cseq.number)
        return response

    # --- time ---------------------------------------------------------------------------------------

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._closed:
            work.close()
            return
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("Gateway %s: unexpected failure", self.name, exc_info=task.exception())

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        when = self.trunk.next_timeout()
        if when is not None and not self._closed:
            self._timer = asyncio.get_running_loop().call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._act(self.trunk.handle_timeout)


def _host(endpoint: Endpoint) -> str:
    """An address as a hole is filled with it: without the port when that is 5060."""
    if endpoint.port != 5060:
        return str(endpoint)
    return f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
