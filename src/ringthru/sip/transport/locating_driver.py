"""Looking names up: DNS by dnspython, and the system's own ways for names of the local network.

Lives here: questions sent and answers awaited, without ever holding up the loop.
Never here: which questions to ask, or what the answers mean (`locating.py`).
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import random
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ...net.address import Endpoint, parse_address
from ..wire.uri import SipUri
from .locating import (
    NO_NAPTR_REPLY,
    NO_REPLY,
    NOTHING_THERE,
    Answer,
    Kind,
    Location,
    Memory,
    NotFound,
    Pointer,
    Question,
    Service,
    Target,
)

log = logging.getLogger(__name__)

PATIENCE: Final = 4.0  # seconds for one name, over all servers and repetitions
NAPTR_PATIENCE: Final = 1.0  # the same for NAPTR, which can be done without
SYSTEM_KINDS: Final = {Kind.A: socket.AF_INET, Kind.AAAA: socket.AF_INET6}  # what it can be asked for
AT_ONCE: Final = 100  # look-ups under way; beyond, a name is not found
SYSTEM_LIFETIME: Final = 60.0  # seconds that the system's own answers are believed: they have no TTL
HOSTS: Final = Path("/etc/hosts")
LARGEST_HOSTS: Final = 1024 * 1024  # bytes read of it


class Resolver:
    """Finds where URIs lead. Answers are remembered for their TTL, and one question is asked once at a time.

    Names with a dot are looked up in ``/etc/hosts``, then in DNS. ``localhost``, names of one label and those
    that end in ``.local`` are the system's business (`getaddrinfo`), which knows of multicast DNS and
    search lists. ``nameservers`` stand in for those of ``/etc/resolv.conf``, for a laboratory.
    """

    def __init__(self, nameservers: Sequence[Endpoint] = (), hosts: Path = HOSTS) -> None:
        self._nameservers = tuple(nameservers)
        self._hosts = hosts
        self._memory = Memory()
        self._asking: dict[Question, asyncio.Task[Answer]] = {}
        self._dns: Any = None

    async def locate(self, uri: SipUri, transports: Sequence[str], family: Kind) -> list[Target]:
        """The places to try for ``uri``, best first; at once for an address, and for what is remembered.

        Raises:
            LocalError: the URI asks for what the profile does not serve.
            NotFound: no place is known; also when DNS does not answer.
        """
        location = Location(uri, transports=transports, family=family, chance=random.random)
        while questions := location.questions():
            answers = await asyncio.gather(*(self.ask(each) for each in questions))
            for question, answer in zip(questions, answers, strict=True):
                location.receive_answer(question, answer)
        return location.targets()

    async def ask(self, question: Question) -> Answer:
        """The answer to one question; empty where there is none."""
        now = asyncio.get_running_loop().time()
        remembered = self._memory.recall(question, now)
        if remembered is not None:
            return remembered
        task = self._asking.get(question)
        if task is None:
            if len(self._asking) >= AT_ONCE:
                raise NotFound(f"{question.name} was not looked up: {AT_ONCE} other look-ups are under way")
            task = self._asking[question] = asyncio.ensure_future(self._ask(question))
            task.add_done_callback(lambda _: self._asking.pop(question, None))
        return await asyncio.shield(task)  # another may wait for the same answer

    async def _ask(self, question: Question) -> Answer:
        if _is_local(question.host):
            answer, lifetime = await self._ask_the_system(question), SYSTEM_LIFETIME
        elif written := self._in_hosts_file(question):
            answer, lifetime = written, SYSTEM_LIFETIME
        else:
            answer, lifetime = await self._ask_dns(question)
        self._memory.keep(question, answer, lifetime, asyncio.get_running_loop().time())
        return answer

    async def _ask_the_system(self, question: Question) -> Answer:
        family = SYSTEM_KINDS.get(question.kind)
        if family is None:
            return ()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE):
                found = await loop.getaddrinfo(question.name, None, family=family, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            log.debug("The system does not know %s: %s", question.name, error)
            return ()
        return tuple(dict.fromkeys(str(each[4][0]) for each in found))

    def _in_hosts_file(self, question: Question) -> Answer:
        if question.kind not in SYSTEM_KINDS:
            return ()
        try:
            with self._hosts.open(errors="replace") as file:
                text = file.read(LARGEST_HOSTS)
        except OSError:
            return ()
        rows = (line.partition("#")[0].lower().split() for line in text.splitlines())
        found = [row[0] for row in rows if question.name in row[1:] and parse_address(row[0]) is not None]
        return tuple(each for each in found if (":" in each) == (question.kind is Kind.AAAA))

    async def _ask_dns(self, question: Question) -> tuple[Answer, float]:
        """Records and their TTL in seconds."""
        if self._dns is None:  # a tenth of a second, which only the first look-up of a name waits for
            loop = asyncio.get_running_loop()
            self._dns = await loop.run_in_executor(None, importlib.import_module, "dns.asyncresolver")
        naptr = question.kind is Kind.NAPTR
        failures = (self._dns.dns.exception.DNSException, OSError, ValueError)
        try:
            answer = await self._resolver().resolve(
                question.name + ".",
                question.kind.value,
                lifetime=NAPTR_PATIENCE if naptr else PATIENCE,
                raise_on_no_answer=False,
            )
        except self._dns.NXDOMAIN:
            return (), NOTHING_THERE
        except failures as error:
            log.debug("DNS: %s %s: %s", question.name, question.kind.value, error)
            return (), NO_NAPTR_REPLY if naptr else NO_REPLY
        if not answer.rrset:
            return (), NOTHING_THERE
        records = (_record(question.kind, each) for each in answer.rrset)
        return tuple(each for each in records if each is not None), float(answer.rrset.ttl)

    def _resolver(self) -> Any:
        """dnspython's; its settings are read anew each time, because laptops move."""
        if not self._nameservers:
            return self._dns.Resolver()
        resolver = self._dns.Resolver(configure=False)
        resolver.nameservers = [each.host for each in self._nameservers]
        resolver.nameserver_ports = {each.host: each.port for each in self._nameservers}
        return resolver


def _is_local(name: str) -> bool:
    return "." not in name or name.endswith((".local", ".localhost"))


def _record(kind: Kind, record: Any) -> Pointer | Service | str | None:
    """None for a NAPTR record that leads elsewhere than to SRV records."""
    if kind is Kind.SRV:
        return Service(record.priority, record.weight, record.port, _name(record.target))
    if kind is not Kind.NAPTR:
        return str(record.address)
    target = _name(record.replacement)
    if record.flags.lower() != b"s" or record.regexp or not target:
        return None
    service = record.service.decode("ascii", "replace").upper()
    return Pointer(record.order, record.preference, service, target)


def _name(name: Any) -> str:
    """Lower-case; "" for the root, which stands for nothing."""
    text = str(name.to_text(omit_final_dot=True)).lower()
    return "" if text in ("", ".", "@") else text
