"""One round of the search: who has answered, who is waited for, and the best of those that are there.

Lives here: head starts, patience and rank. Never here: asking, and what follows from a round.

A host that is not our gateway may say that it is one: a second router, the bridge of a container network, a
liar. What it maps leads nowhere as long as our packets leave by our gateway (TO01, TO02), and the external
address it tells may be a lie (TO11). So it counts only where our gateway has never said a word.
"""

from __future__ import annotations

from typing import Final

from ..gateway.orders import AddressTold, Declined, GatewayClient, Silent
from ..gateway.port5351 import Port5351
from ..gateway.upnp_client import UpnpClient
from ..gateway.upnp_values import IgdFound, is_no_address
from ..values import GatewayType
from .services import Service, best_first
from .site import Site
from .ssdp_search import PATIENCE, ROUNDS

HEAD_START: Final = (
    0.05  # seconds a UPnP answer waits for the others, which need fewer round trips ever after
)
PCP_HEAD_START: Final = 0.02  # seconds a NAT-PMP answer waits for PCP, and PCP for an external address
PMP_PATIENCE: Final = 4.75  # seconds: five attempts by NAT-PMP, and one more second for the last of them
SEARCH_PATIENCE: Final = ROUNDS[-1] + PATIENCE
MOST_IGDS: Final = 16

Answer = AddressTold | Declined | Silent


class Race:
    """Starts anew with each round; ``searches``: somebody is asked by SSDP."""

    def __init__(self, site: Site, port5351: Port5351, upnp: UpnpClient, searches: bool) -> None:
        self._site = site
        self._port5351 = port5351
        self._upnp = upnp
        self._searches = searches
        self._round_at = 0.0
        self._answers: dict[GatewayType, Answer] = {}  # missing: pending
        self._answered_at: dict[GatewayType, float] = {}
        self._igds: list[IgdFound] = []
        self._upnp_at: float | None = None  # when UPnP first answered
        self._gateway_speaks = False  # it has answered something, in this round or one before

    @property
    def found_upnp(self) -> bool:
        """Whether our gateway's UPnP side was found."""
        return any(self._is_ours(each) for each in self._igds)

    @property
    def upnp_hesitates(self) -> bool:
        """Whether somebody answered the search of whom nothing more is known yet."""
        return self._upnp_at is not None and not self._igds and self._upnp.busy

    def begin(self, now: float) -> None:
        self._round_at = now
        self._answers, self._answered_at, self._igds = {}, {}, []
        self._upnp_at = None

    def leave_out(self, kind: GatewayType) -> None:
        """Nobody is asked by this protocol."""
        self._answers[kind] = Silent("there is no gateway to ask by this protocol")

    def lacks(self, kind: GatewayType) -> bool:
        """Whether that protocol has not answered yet."""
        return kind not in self._answers

    def answered(self, kind: GatewayType, answer: Answer, now: float) -> None:
        """What came of asking port 5351 by that protocol."""
        self._answers[kind] = answer
        self._answered_at[kind] = now
        self._gateway_speaks = self._gateway_speaks or not isinstance(answer, Silent)

    def upnp_stirs(self, now: float, host: str) -> None:
        """An answer to the search, or a description, of that host."""
        self._upnp_at = now if self._upnp_at is None else self._upnp_at
        self._gateway_speaks = self._gateway_speaks or self._site.is_gateway(host)

    def take_igd(self, found: IgdFound, now: float) -> None:
        if len(self._igds) < MOST_IGDS:
            self._igds.append(found)
            self.upnp_stirs(now, found.igd.service.control.host)

    def next_timeout(self) -> float | None:
        """When time itself may decide."""
        times = [self._pmp_hold() if _is_good(self._pmp_services()) else None]
        if not self._waits_for_our_gateway:
            times.append(self._upnp_hold() if self._igds else None)
        elif not self._upnp.busy:
            times.append(self._quiet_at())
        return min((each for each in times if each is not None), default=None)

    def winners(self, now: float) -> list[Service]:
        """The services to go with, or none while it is too early to say."""
        pmp = self._pmp_services()
        if _is_good(pmp):
            hold = self._pmp_hold()
            return [] if hold is not None and now < hold else self._with_upnp(pmp)
        if self._waits_for_our_gateway and not self._is_quiet(now):
            return []
        if self._eligible_igds():
            hold = self._upnp_hold()
            return [] if hold is not None and now < hold else self._with_upnp(pmp)
        return self._with_upnp(pmp) if pmp and self.is_over(now) else []

    def _with_upnp(self, pmp: list[Service]) -> list[Service]:
        upnp = [upnp_service(self._upnp, each) for each in self._ranked_igds()]
        return best_first(pmp + upnp)

    def _pmp_services(self) -> list[Service]:
        told = {
            kind: answer.address for kind, answer in self._answers.items() if isinstance(answer, AddressTold)
        }
        address = told.get(GatewayType.NAT_PMP, "") or told.get(GatewayType.PCP, "")
        gateway = self._site.port_5351_at
        clients: dict[GatewayType, GatewayClient] = {
            GatewayType.PCP: self._port5351.pcp,
            GatewayType.NAT_PMP: self._port5351.natpmp,
        }
        if gateway is None:
            return []
        return [Service(kind, gateway, "", address, clients[kind]) for kind in clients if kind in told]

    @property
    def _waits_for_our_gateway(self) -> bool:
        """Whether others, if there are any, must let our gateway have the whole round."""
        return self._site.gateway is not None and not self.found_upnp

    def _is_ours(self, found: IgdFound) -> bool:
        return self._site.is_gateway(found.igd.service.control.host)

    def _eligible_igds(self) -> list[IgdFound]:
        """Our gateway's; others only where it has never said a word, or nobody knows which it is."""
        ours = [each for each in self._igds if self._is_ours(each)]
        return ours if ours or self._gateway_speaks else self._igds

    def _ranked_igds(self) -> list[IgdFound]:
        """Public addresses first, then what says that it is connected."""

        def rank(found: IgdFound) -> tuple[bool, bool, bool]:
            public = self._site.rules.is_public(found.address)
            return not public, not found.connected, is_no_address(found.address)

        return sorted(self._eligible_igds(), key=rank)

    def _pmp_hold(self) -> float | None:
        """Until when an answer on port 5351 waits for the other protocol there.

        PCP that has told an address, with an early mapping, has nothing to wait for.
        """
        by_pcp = self._answers.get(GatewayType.PCP)
        if isinstance(by_pcp, AddressTold) and by_pcp.address:
            return None
        if not self._answered_at or len(self._answers) == len((GatewayType.PCP, GatewayType.NAT_PMP)):
            return None
        return min(self._answered_at.values()) + PCP_HEAD_START

    def _upnp_hold(self) -> float | None:
        """Until when a UPnP gateway that we found waits for other protocols; None: it need not."""
        pending = len(self._answers) < len((GatewayType.PCP, GatewayType.NAT_PMP))
        return self._upnp_at + HEAD_START if pending and self._upnp_at is not None else None

    def is_over(self, now: float) -> bool:
        """Whether this round has nothing left to hope for."""
        return self._is_quiet(now) and not self._eligible_igds()

    def _is_quiet(self, now: float) -> bool:
        return now >= self._quiet_at() and not self._upnp.busy

    def _quiet_at(self) -> float:
        pending = len(self._answers) < len((GatewayType.PCP, GatewayType.NAT_PMP))
        if not self._searches and not pending:
            return self._round_at
        return self._round_at + (PMP_PATIENCE if pending else SEARCH_PATIENCE)


def _is_good(pmp: list[Service]) -> bool:
    """PCP tells the address with the first mapping; NAT-PMP without one has no way out yet."""
    return any(each.address or each.type is GatewayType.PCP for each in pmp)


def upnp_service(client: UpnpClient, found: IgdFound) -> Service:
    host = found.igd.service.control.host
    return Service(GatewayType.UPNP, host, found.igd.words, found.address, client, found.igd, found.status)
