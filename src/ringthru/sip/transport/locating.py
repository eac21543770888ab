"""Where a SIP URI is to be sent: transport, address and port, in the order to try (RFC 3263, RFC 2782).

Lives here: which names must be asked for, what the answers come to, and a memory of them.
Never here: DNS messages, sockets (`locating_driver.py`), or trying one target after another (`outbound.py`).

NAPTR (§4.1) says which transports a domain prefers, and where their SRV records are. It is asked for together
with the SRV records that are there in most cases, so that it costs no time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

from ...net.address import Endpoint, parse_address
from ...net.values import frozen
from ..errors import LocalError, RemoteError
from ..flow import default_port
from ..wire.uri import SipUri

SERVICES: Final = {"UDP": "_sip._udp.", "TCP": "_sip._tcp.", "TLS": "_sips._tcp."}
POINTED_AT: Final = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}  # NAPTR's services (§4.1)
PREFERRED: Final = ("UDP", "TCP", "TLS")  # where neither the URI nor DNS chooses (§4.1)
MOST_SERVERS: Final = 8  # of one domain
MOST_ADDRESSES: Final = 4  # of one server

# The memory
MOST_REMEMBERED: Final = 512  # answers
LONGEST_MEMORY: Final = 86_400.0  # seconds, whatever a TTL says
SHORTEST_MEMORY: Final = 1.0
NOTHING_THERE: Final = 30.0  # seconds that "no such name" is believed
NO_REPLY: Final = 5.0  # seconds before a name that nobody answered for is asked for again
NO_NAPTR_REPLY: Final = 300.0  # the same for NAPTR, which some routers swallow: not every call shall wait


class Kind(Enum):
    """The record types that are asked for."""

    NAPTR = "NAPTR"
    SRV = "SRV"
    A = "A"
    AAAA = "AAAA"


@frozen
class Question:
    """One look-up; ``name`` is lower-case and without the root's dot."""

    kind: Kind
    name: str

    @property
    def host(self) -> str:
        """Whose host or service it is about."""
        return self.name.split(".", 2)[2] if self.kind is Kind.SRV else self.name


@frozen
class Service:
    """One SRV record (RFC 2782); ``target`` is "" when the domain says that it has no such service."""

    priority: int
    weight: int
    port: int
    target: str


@frozen
class Pointer:
    """One NAPTR record with the flag ``s`` (RFC 3403 §4.1): ``target`` is where SRV records of it are."""

    order: int
    preference: int
    service: str  # as in POINTED_AT
    target: str


@frozen
class Target:
    """One place to try. ``name`` is the domain that was meant, which TLS must find there (RFC 5922 §4)."""

    transport: str
    endpoint: Endpoint
    name: str = ""


class NotFound(RemoteError):
    """Nobody can be reached under a URI; the text says why."""


Answer = Sequence[Pointer | Service | str]  # addresses as text


class Location:
    """The look-up of one URI, driven from outside.

    Ask ``questions()``, hand in each answer with ``receive_answer`` (an empty one where there is nothing, or
    nobody answered), and again, until there are no more; then take ``targets()``.

    ``transports`` are those the profile serves, ``family`` is the record type of its addresses. ``chance``
    gives numbers from 0 to 1, for the weights.
    """

    def __init__(
        self, uri: SipUri, *, transports: Sequence[str], family: Kind, chance: Callable[[], float]
    ) -> None:
        """
        Raises:
            LocalError: the URI asks for a transport that is not served, or is none of SIP.
            NotFound: its host is an address of the other family.
        """
        if not uri.is_sip:
            raise LocalError(f"{uri} is no SIP address")
        self._uri = uri
        self._host = uri.host.lower().rstrip(".")
        self._family = family
        self._chance = chance
        self._candidates = _candidates(uri, transports)
        self._questions: list[Question] = []
        self._open: set[Question] = set()
        self._names = [(each, SERVICES[each] + self._host) for each in self._candidates]  # of SRV, best first
        self._services: dict[str, list[Service]] = {}  # by the name they were asked for
        self._addresses: dict[str, Sequence[str]] = {}  # by name
        self._servers: list[tuple[str, str, int]] = []  # transport, name, port, in the order to try
        self._numeric = parse_address(self._host) is not None
        if self._numeric:
            self._check_family()
        elif uri.port is None:
            if len(self._candidates) > 1:  # else the transport is chosen already
                self._ask(Question(Kind.NAPTR, self._host))
            self._ask(*(Question(Kind.SRV, name) for _, name in self._names))
        else:
            self._ask_addresses([(self._candidates[0], self._host, uri.port)])

    def questions(self) -> list[Question]:
        questions, self._questions = self._questions, []
        return questions

    def receive_answer(self, question: Question, answer: Answer) -> None:
        """Take the answer to one of our questions; another's is ignored."""
        if question not in self._open:
            return
        self._open.discard(question)
        if question.kind is Kind.SRV:
            self._services[question.name] = [each for each in answer if isinstance(each, Service)]
        elif question.kind is Kind.NAPTR:
            self._follow([each for each in answer if isinstance(each, Pointer)])
        else:
            self._addresses[question.name] = [each for each in answer if isinstance(each, str)]
            return
        if not self._open:
            self._choose_servers()

    def targets(self) -> list[Target]:
        """The places to try, best first; [] before all was answered.

        Raises:
            NotFound: DNS knows none.
        """
        if self._open:
            return []
        transport = self._candidates[0]
        if self._numeric:
            return [Target(transport, Endpoint(self._host, self._uri.port or default_port(transport)))]
        found = [
            Target(transport, Endpoint(address, port), self._host)
            for transport, name, port in self._servers
            for address in self._addresses.get(name, ())[:MOST_ADDRESSES]
        ]
        if not found:
            raise NotFound(f"{self._host} has no address that a SIP server is at")
        return found

    def _check_family(self) -> None:
        if (":" in self._host) != (self._family is Kind.AAAA):
            own = "IPv6" if self._family is Kind.AAAA else "IPv4"
            raise NotFound(f"{self._host} cannot be reached from a profile that speaks {own}")

    def _follow(self, pointers: list[Pointer]) -> None:
        """§4.1: the transports that the domain prefers, where we speak them; else our own order."""
        pointers.sort(key=lambda each: (each.order, each.preference))
        usable = [(POINTED_AT[each.service], each.target) for each in pointers if each.service in POINTED_AT]
        names = [each for each in usable if each[0] in self._candidates][:MOST_SERVERS]
        if names:
            self._names = names
            self._ask(*dict.fromkeys(Question(Kind.SRV, name) for _, name in names))

    def _choose_servers(self) -> None:
        """§4.2: by SRV where there is any, else by the address of the domain itself."""
        servers = [
            (transport, service.target, service.port)
            for transport, name in self._names
            for service in in_order(self._services.get(name, []), self._chance)
            if service.target
        ]
        if not any(self._services.get(name) for _, name in self._names):
            transport = self._names[0][0]
            servers = [(transport, self._host, default_port(transport))]
        self._ask_addresses(servers[:MOST_SERVERS])

    def _ask_addresses(self, servers: list[tuple[str, str, int]]) -> None:
        self._servers = servers
        self._ask(*dict.fromkeys(Question(self._family, name) for _, name, _ in servers))

    def _ask(self, *questions: Question) -> None:
        new = [each for each in questions if each not in self._open and each.name not in self._services]
        self._questions += new
        self._open.update(new)


def _candidates(uri: SipUri, transports: Sequence[str]) -> list[str]:
    """The transports to try, by what the URI says (§4.1) and we serve."""
    said = (uri.parameter("transport") or "").upper()
    if uri.scheme == "sips":
        wanted: Sequence[str] = () if said == "UDP" else ("TLS",)  # RFC 5630 §3.1.1: over TCP it is TLS
    else:
        wanted = (said,) if said else PREFERRED
    found = [each for each in wanted if each in transports]
    if not found:
        what = "TLS" if uri.scheme == "sips" else said or "SIP"
        raise LocalError(f"{uri} wants {what}, which the profile does not serve")
    return found


def in_order(services: Sequence[Service], chance: Callable[[], float]) -> list[Service]:
    """Lowest priority first; among equals each stands first as often as its weight says (RFC 2782)."""
    ordered: list[Service] = []
    for priority in sorted({each.priority for each in services}):
        left = sorted((each for each in services if each.priority == priority), key=lambda each: each.weight)
        while left:
            mark = chance() * sum(each.weight for each in left)
            for each in left:
                mark -= each.weight
                if mark <= 0:
                    break
            left.remove(each)
            ordered.append(each)
    return ordered


class Memory:
    """Answers, for as long as they hold; of very many the oldest are forgotten."""

    def __init__(self) -> None:
        self._answers: dict[Question, tuple[Answer, float]] = {}

    def recall(self, question: Question, now: float) -> Answer | None:
        """The answer, if it still holds; an empty one is an answer too."""
        answer, until = self._answers.get(question, ((), 0.0))
        return answer if now < until else None

    def keep(self, question: Question, answer: Answer, lifetime: float, now: float) -> None:
        """``lifetime`` is in seconds: the TTL, or one of ours for an empty answer."""
        lifetime = min(max(lifetime, SHORTEST_MEMORY), LONGEST_MEMORY)
        self._answers.pop(question, None)
        while len(self._answers) >= MOST_REMEMBERED:
            del self._answers[next(iter(self._answers))]
        self._answers[question] = (answer, now + lifetime)

    def __len__(self) -> int:
        return len(self._answers)
