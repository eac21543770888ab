"""Which of a device's WAN connections is worth using: all that answer, ranked, none vetoed.

Lives here: the questions asked of each service, and the order they come in.
Never here: how the device was found, or which of several devices is used.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final

from ...net.address import Endpoint, parse_address
from ...net.values import frozen, replace
from ..errors import MalformedMessage
from ..memory.profile import GatewayProfile
from ..values import printable
from ..wire import description, http, soap
from ..wire.description import Description, WanService
from ..wire.location import Location, same_host
from .upnp_calls import FETCH_DEADLINE, Unreachable, call
from .upnp_values import Ask, HttpFailure, Igd, IgdFound, NotIgd, Reply, is_no_address

CONNECTED: Final = frozenset(("connected", "up"))
MOST_TIED: Final = 4  # services of equal rank that are asked whether they translate at all

Finding = Generator[Ask, Reply, list[IgdFound] | NotIgd]


def fetch(location: Location, ahead: bool = False) -> Generator[Ask, Reply, Description | NotIgd]:
    """The description at a place; ``ahead``: its server is known to bear the next connection meanwhile."""
    request = http.get_request(location.endpoint, location.path)
    reply = yield Ask(location.endpoint, request, FETCH_DEADLINE, ahead=ahead, leads_on=True)
    if isinstance(reply, HttpFailure) and reply.ahead:
        reply = yield Ask(location.endpoint, request, FETCH_DEADLINE)
    if isinstance(reply, HttpFailure):
        return NotIgd(f"{location}: {reply.reason}")
    try:
        return description.decode(reply.body, location, reply.server)
    except MalformedMessage as error:
        return NotIgd(f"{location}: {error}")


def igd_of(described: Description, service: WanService, location: Location, own_address: str) -> Igd:
    profile = GatewayProfile(described.fingerprint)
    return Igd(location, described.words, service, own_address, profile, described.udn)


def discover(
    location: Location, own_address: str, is_public: Callable[[str], bool], ahead: bool = False
) -> Finding:
    """Every WAN connection that answers, best first.

    By status, then the kind of external address, then WANIP before WANPPP among the dead, then document
    order. The only one is not asked for its status unless its address leaves a doubt.
    """
    described = yield from fetch(location, ahead)
    if isinstance(described, NotIgd):
        return described
    found: list[_Candidate] = []
    dead: set[Endpoint] = set()  # nobody is asked there twice: each silence costs twenty seconds
    for service in described.services:
        if service.control.endpoint in dead:
            continue
        igd = igd_of(described, service, location, own_address)
        try:
            found.append((yield from _candidate(igd, is_public, len(described.services) == 1)))
        except Unreachable:
            dead.add(service.control.endpoint)
    if not found:
        return NotIgd(f"{location}: no WAN connection answers")
    found.sort(key=_Candidate.rank)
    return [each.found for each in (yield from _without_tie(found))]


@frozen
class _Candidate:
    found: IgdFound
    answers: bool  # with SOAP, be it an error
    address_rank: int  # 0 public, 1 private, 2 none

    def rank(self) -> tuple[bool, bool, int, bool]:
        dead_ppp = not self.found.connected and self.found.igd.service.is_ppp
        return not self.answers, not self.found.connected, self.address_rank, dead_ppp


def _candidate(igd: Igd, is_public: Callable[[str], bool], alone: bool) -> Generator[Ask, Reply, _Candidate]:
    answer = yield from _address_answer(igd)
    address = told_address(igd, answer) or ""
    status = ""
    if not alone or (not is_public(address) and _is_soap(answer)):
        status = yield from _status(igd)
    connected = status.lower() in CONNECTED or (alone and not status)
    kind = 0 if is_public(address) else 2 if is_no_address(address) else 1
    return _Candidate(IgdFound(igd, address, status, connected), _is_soap(answer), kind)


def _address_answer(igd: Igd) -> Generator[Ask, Reply, soap.Success | soap.Fault]:
    """The external address; where URLBase leads nowhere, at the place without it (DE02)."""
    elsewhere = igd.service.alternative
    try:
        answer = yield from call(igd, soap.get_external_address())
    except Unreachable:
        if elsewhere is None:
            raise
    else:
        if elsewhere is None or _is_soap(answer):
            return answer
    igd.service = replace(igd.service, control=elsewhere, alternative=None)
    return (yield from call(igd, soap.get_external_address()))


def _status(igd: Igd) -> Generator[Ask, Reply, str]:
    """Status ranks, it never vetoes: some say Disconnected and work, some cannot say (EX07, EX08)."""
    try:
        answer = yield from call(igd, soap.get_status())
    except Unreachable:  # though the address was told
        return ""
    return "" if isinstance(answer, soap.Fault) else printable(answer.value("NewConnectionStatus"))


def _without_tie(ranked: list[_Candidate]) -> Generator[Ask, Reply, list[_Candidate]]:
    """Of equals at the top, those that say they translate nothing go behind the others."""
    tied = [each for each in ranked if each.rank() == ranked[0].rank()][:MOST_TIED]
    if len(tied) < 2:
        return ranked
    bridges = []
    for each in tied:
        try:
            answer = yield from call(each.found.igd, soap.get_nat_status())
        except Unreachable:
            break
        if isinstance(answer, soap.Success) and answer.value("NewNATEnabled").lower() in ("0", "false", "no"):
            bridges.append(each)
    first = [each for each in tied if each not in bridges]
    return [*first, *bridges, *(each for each in ranked if each not in tied)]


def _is_soap(answer: soap.Success | soap.Fault) -> bool:
    return isinstance(answer, soap.Success) or answer.code is not None


def told_address(igd: Igd, answer: soap.Success | soap.Fault) -> str | None:
    """The address in an answer; empty when it is none, or the gateway's own inner one (EX05)."""
    if isinstance(answer, soap.Fault):
        return None
    text = answer.address("NewExternalIPAddress")
    if parse_address(text) is None or same_host(text, igd.service.control.host):
        return ""
    return text
