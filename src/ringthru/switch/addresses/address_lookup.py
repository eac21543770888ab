"""Addresses that somebody else tells us: DNS for ``host:NAME``, a server on the Internet for ``stun:SERVER``.

Each is asked beside everything else, and again for as long as the switch runs. Until the first answer there
is no address, and nothing waits for it; when a later question fails, the last answer holds.

Lives here: asking, and what was answered. Never here: which peers are shown it (``external_address``).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Final

from ...net.address import AddressKind, AddressRules, Endpoint, parse_address
from ...net.sockets import bind_udp, open_datagram
from ...net.stun import PORT, Mapped, Refused, StunClient
from ...net.values import record
from ..configuration import AddressKind as Setting
from ..configuration import AddressSetting

log = logging.getLogger(__name__)

AGAIN: Final = 60.0  # seconds after an answer: an address that changes silently is noticed so soon
RETRIES: Final = (5.0, 10.0, 30.0, 60.0, 300.0)  # seconds after a failure, then the last one
UNUSABLE: Final = (AddressKind.UNSPECIFIED, AddressKind.INVALID, AddressKind.LINK_LOCAL)


class LookupFailed(Exception):
    """Nothing usable was answered; the text says what."""


@record
class Answer:
    """What is known of one question."""

    address: str | None = None
    failure: str = ""  # of the last time; empty after an answer
    asked: int = 0


class AddressLookups:
    """The questions of all profiles; each is asked once, whoever needs it."""

    def __init__(self, own_address: str, rules: AddressRules, on_change: Callable[[], None]) -> None:
        self.own_address = own_address
        self._rules = rules
        self.on_change = on_change
        self._answers: dict[tuple[Setting, str], Answer] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def want(self, setting: AddressSetting) -> None:
        """Begin to ask for a setting that has to be looked up."""
        key = (setting.kind, setting.value)
        if setting.is_looked_up and key not in self._answers:
            self._answers[key] = Answer()
            self._tasks.append(asyncio.ensure_future(self._keep_asking(setting)))

    def address(self, setting: AddressSetting) -> str | None:
        """The answer so far."""
        answer = self._answers.get((setting.kind, setting.value))
        return answer.address if answer else None

    def words(self, setting: AddressSetting) -> str:
        """How the answer came about, for people."""
        answer = self._answers.get((setting.kind, setting.value)) or Answer()
        who = (
            f"the STUN server {setting.value}" if setting.kind is Setting.STUN else f"DNS for {setting.value}"
        )
        if answer.failure:
            return f"{who}, which fails now: {answer.failure}"
        return who if answer.asked else f"{who}, which has not answered yet"

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _keep_asking(self, setting: AddressSetting) -> None:
        failures = 0
        while True:
            try:
                address = await self._ask(setting)
            except (LookupFailed, OSError) as error:
                self._failed(setting, str(error))
                pause = RETRIES[min(failures, len(RETRIES) - 1)]
                failures += 1
            else:
                self._answered(setting, address)
                pause, failures = AGAIN, 0
            await asyncio.sleep(pause)

    def _answered(self, setting: AddressSetting, address: str) -> None:
        answer = self._answers[setting.kind, setting.value]
        before, answer.address, answer.failure = answer.address, address, ""
        answer.asked += 1
        if address == before:
            return
        how = "using STUN" if setting.kind is Setting.STUN else f"by the name {setting.value}"
        log.info("External ip address detected %s: %s", how, address)
        self.on_change()

    def _failed(self, setting: AddressSetting, reason: str) -> None:
        answer = self._answers[setting.kind, setting.value]
        answer.asked += 1
        if reason == answer.failure:
            return  # said already
        answer.failure = reason
        holds = f"{answer.address} still holds" if answer.address else "there is no external address yet"
        kind = "STUN" if setting.kind is Setting.STUN else "Lookup"
        log.error("%s Failed! %s [%s]; %s", kind, setting.value, reason, holds)

    async def _ask(self, setting: AddressSetting) -> str:
        if setting.kind is Setting.HOST:
            address = await resolve(setting.value)
            if not self._rules.is_public(address):
                log.warning("%s is %s, which is no public address: far peers are shown it all the same",
                            setting.value, address)  # fmt: skip
            return address
        host, port = server_of(setting.value)
        server = Endpoint(await resolve(host), port)
        address = (await ask_stun(self.own_address, server)).host
        if not self._rules.is_public(address):
            raise LookupFailed(f"it sees us at {address}, which is no public address")
        return address


def server_of(text: str) -> tuple[str, int]:
    """``HOST[:PORT]`` of a STUN server."""
    host, colon, port = text.rpartition(":")
    if (
        colon
        and port.isascii()
        and port.isdigit()
        and 0 < int(port[:6]) < 65536
        and ":" not in host.strip("[]")
    ):
        return host.strip("[]"), int(port)
    return text.strip("[]"), PORT


async def resolve(host: str) -> str:
    """An IPv4 address for a name, asked of the system's resolver off the loop.

    Raises:
        LookupFailed: there is none that can be used.
    """
    if parse_address(host) is not None:
        return host
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, family=2)
    except (OSError, UnicodeError) as error:
        raise LookupFailed(f"{host} cannot be found: {getattr(error, 'strerror', None) or error}") from error
    address = str(found[0][4][0])
    if AddressRules().kind(address) in UNUSABLE:
        raise LookupFailed(f"{host} is {address}, which nobody can be reached at")
    return address


async def ask_stun(own_address: str, server: Endpoint) -> Endpoint:
    """Where a STUN server sees a socket of ours.

    Raises:
        LookupFailed: no answer, or a refusal.
        OSError: no socket.
    """
    family = "::" if ":" in server.host else own_address
    exchange = StunExchange(server)
    transport = await open_datagram(bind_udp(Endpoint(family, 0)), _Socket(exchange))
    try:
        return await exchange.run(lambda data: transport.sendto(data, server))
    finally:
        transport.close()


class StunExchange:
    """One question to a STUN server, over a socket that is somebody else's."""

    def __init__(self, server: Endpoint) -> None:
        self._client = StunClient(server, secrets.token_bytes(12))
        self._done = asyncio.Event()
        self._outcome: object = None

    def receive(self, data: bytes, source: Endpoint) -> None:
        """A datagram that may be the answer."""
        self._client.receive_datagram(data, source, asyncio.get_running_loop().time())
        self._read_events()

    async def run(self, send: Callable[[bytes], None]) -> Endpoint:
        """Ask until it is answered.

        Raises:
            LookupFailed: no answer, or a refusal.
        """
        loop, client = asyncio.get_running_loop(), self._client
        client.start(loop.time())
        while not self._done.is_set():
            for datagram in client.datagrams_to_send():
                send(datagram)
            self._read_events()
            due = client.next_timeout()
            if due is None:
                continue
            try:
                async with asyncio.timeout_at(due):
                    await self._done.wait()
            except TimeoutError:
                client.handle_timeout(loop.time())
        if isinstance(self._outcome, Mapped):
            return self._outcome.endpoint
        raise LookupFailed(self._outcome.reason if isinstance(self._outcome, Refused) else "Timeout")

    def _read_events(self) -> None:
        for event in self._client.events():
            self._outcome = event
            self._done.set()


class _Socket(asyncio.DatagramProtocol):
    """Hands datagrams to the exchange."""

    def __init__(self, exchange: StunExchange) -> None:
        self._exchange = exchange

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._exchange.receive(data, Endpoint(*addr[:2]))
