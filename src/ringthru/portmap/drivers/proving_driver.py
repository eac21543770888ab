"""The outside echo in the engine: every mapping that is granted is knocked at from outside, now and again.

Lives here: which mapping is proved when, and how often. Never here: the question itself (``echo_proof``), or
what a proof leads to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ...net.address import Endpoint, parse_address
from ...net.values import record
from ..echo.echo_driver import EchoClient
from ..echo.echo_proof import Proof, compared
from ..errors import LocalError
from ..mapping.filtering import is_allowed
from ..values import Family, MappingState, Protocol, Rung
from ..wire.echo import PORT
from .handles_driver import Mapping, lease_of

PROVE_EVERY: Final = 600.0  # seconds until a mapping that was judged is knocked at again
FIRST_RETRY: Final = 30.0  # seconds after a proof that failed or could not be made, doubled up to the above
AT_ONCE: Final = 8.0  # proofs with no pause between them; below what echo hosts allow an address
REFILL: Final = 3.0  # seconds until one more is allowed

Place = tuple[str, int]  # the external address and port that were proved


@record
class _Plan:
    """When a mapping is proved next."""

    place: Place
    due_at: float
    retry: float = FIRST_RETRY
    held: bool = False  # somebody came through, the last time


class Proving:
    """Proves one mapping after another by the hosts ``echoes``, from ``local_host()`` by ``interface()``.

    ``mappings`` gives those there are, ``external_address`` the gateway's; ``tell`` is called with what each
    host found. The first host that can tell will do; at a mapping that is not for everybody (``allow_from``)
    all of them knock, since some may come in and some may not. A port is knocked at when its owner hands what
    comes in to ``saw`` (``Mapping.watched``), or when it carries TCP, where being let in is proof on the
    host's word. With ``listens`` a port that nobody has is bound for the moment: not for a program that is
    about to bind it.
    """

    def __init__(
        self,
        echoes: Sequence[Endpoint],
        local_host: Callable[[], str],
        mappings: Callable[[], Iterable[Mapping]],
        external_address: Callable[[], str],
        tell: Callable[[Mapping, Endpoint, Proof], None],
        *,
        interface: Callable[[], str] = lambda: "",
        listens: bool = False,
    ) -> None:
        self._echoes = tuple(echoes)
        self._interface = interface
        self._local_host = local_host
        self._mappings = mappings
        self._external_address = external_address
        self._tell = tell
        self._listens = listens
        self._plans: dict[Mapping, _Plan] = {}
        self._client: EchoClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._allowed, self._allowed_at = AT_ONCE, 0.0
        self._closed = False

    def look(self) -> None:
        """Something changed: new mappings, and those that are elsewhere now, are due."""
        now = asyncio.get_running_loop().time()
        address = self._external_address()
        provable = {each: port for each in self._mappings() if (port := self._port_of(each)) is not None}
        self._plans = {each: plan for each, plan in self._plans.items() if each in provable}
        for mapping, port in provable.items():
            plan = self._plans.get(mapping)
            if plan is None or plan.place != (address, port) or _was_made_anew(mapping, plan):
                self._plans[mapping] = _Plan((address, port), now)
        self._set_timer()

    def saw(self, datagram: bytes) -> bool:
        """Take what came in at a mapped port; True when it was a probe, and of no use to anybody else."""
        return self._client is not None and self._client.saw(datagram)

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _port_of(self, mapping: Mapping) -> int | None:
        """The external port to knock at; None: there is none, or nobody could tell whether it opens."""
        wanted = lease_of(mapping).wanted
        fits = bool(self._fitting(mapping)) and wanted.internal_client is None
        shows = mapping.watched or self._listens or wanted.protocol is Protocol.TCP
        granted = mapping.state is MappingState.ACCEPTED
        return mapping.external_port if fits and shows and granted else None

    def _fitting(self, mapping: Mapping) -> list[Endpoint]:
        """The hosts of the mapping's family; first those who may come in."""
        wanted = lease_of(mapping).wanted
        six = wanted.family is Family.IPV6
        fitting = [each for each in self._echoes if (":" in each.host) is six]
        return sorted(fitting, key=lambda each: not is_allowed(each.host, wanted.allow_from))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._closed or self._task is not None or not self._plans:
            return
        loop = asyncio.get_running_loop()
        pause = 0.0 if self._has_allowance(loop.time()) else REFILL
        due_at = min(plan.due_at for plan in self._plans.values())
        self._timer = loop.call_at(max(due_at, loop.time() + pause), self._start)

    def _has_allowance(self, now: float) -> bool:
        self._allowed = min(AT_ONCE, self._allowed + (now - self._allowed_at) / REFILL)
        self._allowed_at = now
        return self._allowed >= 1.0

    def _start(self) -> None:
        self._timer = None
        mapping, plan = min(self._plans.items(), key=lambda each: each[1].due_at)
        self._allowed -= 1.0
        self._task = asyncio.get_running_loop().create_task(self._prove(mapping, plan))

    async def _prove(self, mapping: Mapping, plan: _Plan) -> None:
        wanted = lease_of(mapping).wanted
        found: list[tuple[Endpoint, Proof]] = []
        for echo in self._fitting(mapping):
            proof = compared(await self._ask(mapping, plan, echo), plan.place[0])
            found.append((echo, proof))
            if self._closed or (proof.holds is not None and not wanted.allow_from):
                break
        self._task = None
        if self._closed:
            return
        self._plan_next(plan, any(proof.holds for _, proof in found))
        for echo, proof in found:
            if self._plans.get(mapping) is plan:  # else: it went away, moved, or is made anew
                self._tell(mapping, echo, proof)
        self._set_timer()

    async def _ask(self, mapping: Mapping, plan: _Plan, echo: Endpoint) -> Proof:
        wanted = lease_of(mapping).wanted
        self._client = EchoClient(echo, self._local_host(), self._interface())
        try:
            return await self._client.prove(
                wanted.protocol,
                plan.place[1],
                wanted.internal_port,
                watched=mapping.watched,
                listens=self._listens,
            )
        finally:
            self._client = None

    def _plan_next(self, plan: _Plan, held: bool) -> None:
        plan.held = held
        pause = PROVE_EVERY if held else plan.retry
        plan.retry = FIRST_RETRY if held else min(plan.retry * 2, PROVE_EVERY)
        plan.due_at = asyncio.get_running_loop().time() + pause


def _was_made_anew(mapping: Mapping, plan: _Plan) -> bool:
    """The gateway lost it, or another one has it now: what was proved is not known any more."""
    return plan.held and lease_of(mapping).ladder.holds(Rung.REACHABLE) is None


def read_echo(text: str) -> Endpoint:
    """An echo host as people write it: an address in numbers, and a port where it is not 4478.

    Raises:
        LocalError: it is not one.
    """
    host, colon, number = text, "", ""
    if text.startswith("[") or text.count(":") == 1:
        host, colon, number = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    host = host.removeprefix("[").removesuffix("]")
    port = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 0
    if parse_address(host) is None or (colon and not 1 <= port <= 65535):
        raise LocalError(
            f"echo host {text!r}: give an address in numbers, as in 203.0.113.7 or 203.0.113.7:{PORT}"
        )
    return Endpoint(host, port if colon else PORT)
