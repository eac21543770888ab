"""Talking PCP: one request at a time, retransmitted, and the server's epoch watched (RFC 6887).

Lives here: when a request is sent again, and what comes of its answer.
Never here: the bytes of a request, the words of a refusal, sockets, or which mappings are wanted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from ...net.values import replace
from ..errors import LocalError
from ..memory.holding import Forget, Holding, Keep, Note
from ..memory.profile import GatewayProfile
from ..values import LONGEST_LIFETIME
from ..wire.pcp import (
    NONCE_SIZE,
    Mapping,
    Peering,
    Response,
    ResultCode,
    VersionRefused,
    decode,
)
from ..wire.pcp_options import Description, pack_address
from .epoch import EpochWatch, pcp_lost_state
from .orders import (
    AddressOrder,
    AddressTold,
    Declined,
    EntryOrder,
    EpochReset,
    Granted,
    Inspected,
    InspectOrder,
    MapOrder,
    NoEntry,
    Order,
    Outcome,
    PeerOrder,
    Remedy,
    Silent,
    UnmapOrder,
    Unmapped,
)
from .pcp_exchange import (
    Exchange,
    Purpose,
    address_question,
    deletion,
    mapping,
    peering,
    probe,
    state_question,
)
from .pcp_refusals import DISABLED, REFUSALS, declined, result_name
from .pcp_ways import PcpWays
from .words import CANNOT_READ, NO_GRANT, STILL_THERE, known_address

# What the RFC fixes (§8.1.1)
FIRST_WAIT: Final = 3.0  # seconds (IRT), doubled after each attempt, up to
LONGEST_WAIT: Final = 1024.0  # (MRT)
JITTER: Final = 0.1  # of each wait, either way
# What we chose
QUICK_WAITS: Final = (0.25, 0.5, 1.0)  # seconds, before those: most gateways answer within milliseconds
PROBE_ATTEMPTS: Final = 4  # 4.75 s; then it is taken not to speak PCP
MAX_ATTEMPTS: Final = 6  # 22.75 s; then it is gone
TIDY_ATTEMPTS: Final = 3  # to delete what only the address was asked with; its life is short anyway
CONTRARY_ATTEMPTS: Final = 4  # answered with the opposite alone, and that is a refusal
VERSION_ATTEMPTS: Final = 2  # told that our version is unknown by a server of that version
PLAIN_AFTER: Final = 3  # attempts: then without words, which a server may choke on in silence
ADDRESS_FRESH: Final = 4.0  # seconds the address told with a mapping is good for: asked for every minute
# or nearly, a change that nobody announces must show within that minute
EARLY_FRESH: Final = 1.0  # seconds: a grant to a probe is taken up at once, or asked for again
SPEAKS_PCP: Final = (  # refusals to a probe that do not speak against mapping
    ResultCode.MALFORMED_REQUEST,
    ResultCode.UNSUPP_OPCODE,
    ResultCode.NETWORK_FAILURE,
)


def retransmission_wait(attempt: int, random: float) -> float:
    """Seconds until the attempt after this one (counted from 0), by a random number from 0 to 1."""
    later = attempt - len(QUICK_WAITS)
    wait = min(FIRST_WAIT * 2.0 ** min(later, 20), LONGEST_WAIT) if later >= 0 else QUICK_WAITS[attempt]
    return wait * (1 + JITTER * (2 * random - 1))


class PcpClient:
    """A gateway that (perhaps) speaks PCP, driven from outside.

    Call ``probe``, ``submit``, ``receive_datagram``, ``refused`` or ``handle_timeout``; then write down
    ``notes()``, send ``datagrams_to_send()``, act on ``events()``, and come back at ``next_timeout()``.

    ``own_address`` is the address that the datagrams are sent from, IPv4 or a global IPv6 one; ``random``
    gives numbers from 0 to 1, ``own_port`` a UDP port of ours (1–65535) to ask for the address with.

    Raises:
        LocalError: an own address that is none.
    """

    def __init__(
        self,
        own_address: str,
        random_bytes: Callable[[int], bytes],
        random: Callable[[], float],
        own_port: Callable[[], int],
    ) -> None:
        pack_address(own_address)
        self._own_address = own_address
        self._random_bytes = random_bytes
        self._random = random
        self._own_port = own_port
        self._epochs = EpochWatch(pcp_lost_state)
        self._exchange: Exchange | None = None
        self._timeout: float | None = None
        self._address = ""  # external, as told with the latest mapping
        self._address_at: float | None = None
        self._ways = PcpWays()
        self._granted_early: tuple[MapOrder, Granted, float] | None = None  # with its instant
        self.early_refused = False  # the mapping that was the probe was not made
        self._asked_with: Holding | None = None  # the mapping that only the address was asked with
        self._notes: list[Note] = []
        self._counters: Counter[str] = Counter()
        self._datagrams: list[bytes] = []
        self._events: list[Outcome | EpochReset] = []

    def probe(self, now: float, early: MapOrder | None = None) -> None:
        """Ask whether anybody speaks PCP; an exchange that was still running is abandoned.

        The outcome is ``AddressTold`` (yes), ``Declined`` or ``Silent``. With ``early`` the question is a
        mapping that is wanted anyway: what is granted is told when that very order is submitted. Whoever
        refuses it, or is silent for a moment, is asked the usual way.
        """
        self.abandon()
        self._granted_early, self.early_refused = None, False
        exchange = probe(self._own_address)
        if early is not None:
            exchange = mapping(early, self._own_address, "")
            self._ways.suit(exchange, renewal=False)
            exchange.early = early
        self._begin(exchange, now)

    def submit(self, order: Order, now: float) -> None:
        """Begin an exchange; one that was still running is abandoned."""
        self.abandon()
        granted, self._granted_early = self._granted_early, None
        if granted is not None and granted[0] == order and now - granted[2] < EARLY_FRESH:
            self._events.append(granted[1])
        elif isinstance(order, AddressOrder) and self._knows_address(now):
            self._events.append(AddressTold(self._address))
        elif isinstance(order, InspectOrder):
            self._events.append(Inspected(None, verified=False, words=f"PCP {CANNOT_READ}"))
        elif isinstance(order, EntryOrder):
            self._events.append(NoEntry(f"PCP {CANNOT_READ}"))
        else:
            try:
                self._begin(self._exchange_of(order), now)
            except LocalError as error:
                self.abandon()
                self._events.append(Declined(str(error)))

    def abandon(self) -> None:
        """Forget the exchange in flight; a late answer to it is ignored."""
        self._exchange = self._timeout = None
        self._datagrams.clear()

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        """Take one datagram *already known to come from the gateway* (RFC 6887 §8.3).

        Raises:
            MalformedMessage: it is no PCP answer.
        """
        response = decode(datagram)
        exchange = self._exchange
        if exchange is None:
            self._counters["late answers"] += 1
        elif isinstance(response, VersionRefused):
            self.early_refused = exchange.early is not None
            self._finish(Declined(*REFUSALS[ResultCode.UNSUPP_VERSION]))
        elif not exchange.is_answered_by(response):
            self._counters["answers to something else, or with a wrong nonce"] += 1
        elif response.result == ResultCode.UNSUPP_VERSION:
            # A server of our version refuses a NAT-PMP request on the same socket with just these bytes
            # (§9): its answer to ours is still to come, unless it is one that copies our version.
            exchange.version_refused = True
            self._counters[f"result {result_name(response.result)}"] += 1
        else:
            if response.result:
                self._counters[f"result {result_name(response.result)}"] += 1
            if self._epochs.reset(response.epoch, now):
                self._address_at = None
                self._events.append(EpochReset())
            self._answered(exchange, response, now)

    def refused(self, now: float) -> None:
        """The gateway's port is closed (ICMP): nobody there speaks PCP."""
        if self._exchange is not None:
            self.early_refused = self._exchange.early is not None
            self._finish(Silent("the gateway does not speak PCP (port closed)"))

    def handle_timeout(self, now: float) -> None:
        exchange = self._exchange
        if exchange is None or self._timeout is None or now < self._timeout:
            return
        if exchange.early is not None:
            self._begin(probe(self._own_address), now)
        elif exchange.version_refused and exchange.attempts >= VERSION_ATTEMPTS:
            self._finish(Declined(*REFUSALS[ResultCode.UNSUPP_VERSION]))
        elif exchange.contrary and exchange.attempts >= CONTRARY_ATTEMPTS:
            self._finish(Declined(STILL_THERE if exchange.purpose is Purpose.DELETE else NO_GRANT))
        elif exchange.attempts >= _most_attempts(exchange):
            self._finish(Silent(f"no answer to {exchange.attempts} PCP requests"))
        else:
            self._transmit(exchange, now)

    def next_timeout(self) -> float | None:
        return self._timeout

    def use_profile(self, profile: GatewayProfile) -> None:
        """What is known of gateways of this kind already."""
        self._ways.use_profile(profile)

    def learned(self) -> list[GatewayProfile]:
        """The profile in use, when it has changed since this was last asked."""
        return self._ways.learned()

    def doubt_address(self) -> None:
        """Ask the server itself the next time, however fresh the address is."""
        self._address_at = None

    def datagrams_to_send(self) -> list[bytes]:
        datagrams, self._datagrams = self._datagrams, []
        return datagrams

    def notes(self) -> list[Note]:
        """What the journal must know: a question for the address makes a mapping, for a moment."""
        notes, self._notes = self._notes, []
        return notes

    def events(self) -> list[Outcome | EpochReset]:
        events, self._events = self._events, []
        return events

    def counters(self) -> dict[str, int]:
        """How often an answer was passed over, by reason, and how often one was a refusal, by its code."""
        return dict(self._counters)

    # Inside

    def _knows_address(self, now: float) -> bool:
        return self._address_at is not None and now - self._address_at < ADDRESS_FRESH

    def _exchange_of(self, order: AddressOrder | MapOrder | UnmapOrder | PeerOrder) -> Exchange:
        if isinstance(order, AddressOrder) and ":" in self._own_address:
            return state_question(self._own_address)
        if isinstance(order, AddressOrder):
            return address_question(self._own_address, self._own_port(), self._random_bytes(NONCE_SIZE))
        if isinstance(order, UnmapOrder):
            return deletion(order, self._own_address)
        if isinstance(order, PeerOrder):
            return peering(order, self._own_address)
        exchange = mapping(order, self._own_address, self._address)
        self._ways.suit(exchange, order.renewal)
        return exchange

    def _begin(self, exchange: Exchange, now: float) -> None:
        self._exchange = exchange
        if exchange.purpose is Purpose.ADDRESS:
            self._asked_with = exchange.holding()
            self._notes.append(Keep(self._asked_with))
        self._transmit(exchange, now)

    def _transmit(self, exchange: Exchange, now: float) -> None:
        if exchange.attempts == PLAIN_AFTER and not self._ways.took_words:
            exchange.leave_out(Description)
        self._timeout = now + retransmission_wait(exchange.attempts, self._random())
        self._datagrams.append(exchange.request())
        exchange.attempts += 1

    def _finish(self, outcome: Outcome) -> None:
        """The exchange is over; one that only tidied up has its outcome already."""
        exchange = self._exchange
        settled = None if exchange is None else exchange.outcome
        if exchange is not None and self._asked_with is not None:
            never_made = exchange.purpose is Purpose.ADDRESS and isinstance(outcome, Declined)
            if never_made or (settled is not None and isinstance(outcome, Unmapped)):
                self._notes.append(Forget(self._asked_with))
            self._asked_with = None
        self.abandon()
        self._events.append(outcome if settled is None else settled)

    def _answered(self, exchange: Exchange, response: Response, now: float) -> None:
        if response.result:
            self._declined(exchange, response, now)
        elif exchange.purpose is Purpose.PROBE:
            self._finish(AddressTold(""))
        elif exchange.purpose is Purpose.STATE:
            self._finish(AddressTold(self._address or self._own_address))
        elif exchange.purpose is Purpose.DELETE:
            # A grant is a late answer, the first time; told again it is this server's way to say yes.
            exchange.contrary = True
            if response.lifetime == 0 or exchange.attempts > 1:
                self._finish(Unmapped())
        else:
            self._granted(exchange, response, now)

    def _declined(self, exchange: Exchange, response: Response, now: float) -> None:
        if exchange.early is not None:
            self.early_refused = True
            self._begin(probe(self._own_address), now)
            return
        if exchange.leave_out_suspect(response.result):
            exchange.attempts = 0
            self._transmit(exchange, now)
            return
        if exchange.purpose is Purpose.PROBE and response.result in SPEAKS_PCP:
            self._finish(AddressTold(""))
        elif exchange.purpose is Purpose.STATE and response.result in SPEAKS_PCP:
            self._finish(AddressTold(self._address or self._own_address))
        elif exchange.purpose is Purpose.PROBE and response.result == ResultCode.NO_RESOURCES:
            self._finish(Declined(DISABLED, Remedy.ANOTHER_SERVICE))  # an ANNOUNCE needs none (row PC07)
        elif exchange.purpose is Purpose.ADDRESS and response.result == ResultCode.NETWORK_FAILURE:
            self._finish(AddressTold(""))  # it speaks PCP, and has no address of its own yet
        elif exchange.purpose is Purpose.DELETE and response.result == ResultCode.NO_RESOURCES:
            self._finish(Unmapped())  # miniupnpd's word for "there is no such mapping"; §15 wants SUCCESS
        elif exchange.purpose is Purpose.DELETE and response.result == ResultCode.ADDRESS_MISMATCH:
            self._finish(Unmapped())  # there is a NAT between (§7.4): of what we asked for, nothing was made
        elif self._stays_open(exchange, response):
            refusal = declined(response, exchange.needed, True)
            told = replace(refusal, reason=f"{refusal.reason}; it was asked to end soon instead")
            self._begin(exchange.shortened(told), now)
        else:
            deleting = exchange.purpose is Purpose.DELETE
            self._finish(declined(response, exchange.needed, deleting, exchange.purpose is Purpose.PEER))

    def _stays_open(self, exchange: Exchange, response: Response) -> bool:
        """A firewall that will not close what it renewed (PC21) may let it end soon; nothing is made by that,
        as what it refuses to close is there."""
        refused = response.result == ResultCode.NOT_AUTHORIZED and ":" in self._own_address
        return exchange.purpose is Purpose.DELETE and exchange.outcome is None and refused

    def _granted(self, exchange: Exchange, response: Response, now: float) -> None:
        told = response.body.mapping if isinstance(response.body, Peering) else response.body
        assert isinstance(told, Mapping)
        if not told.external_port or not response.lifetime:
            # The late answer to a deletion; or this server deletes what is asked for twice (row PC06),
            # and makes it anew when it is asked once more.
            exchange.contrary = True
            return
        self._ways.granted(exchange)
        self._address, self._address_at = known_address(told.external_address), now
        if exchange.purpose is Purpose.ADDRESS:
            self._begin(exchange.undone(AddressTold(self._address)), now)
        else:
            lifetime = min(response.lifetime, LONGEST_LIFETIME)  # so that no answer ends our renewals
            granted = Granted(told.external_port, lifetime, external_address=self._address)
            if exchange.early is not None:
                self._granted_early = exchange.early, granted, now
            self._finish(granted if exchange.early is None else AddressTold(self._address))


def _most_attempts(exchange: Exchange) -> int:
    if exchange.outcome is not None:
        return TIDY_ATTEMPTS
    # A server may be deaf to PEER alone: everybody else waits meanwhile.
    quick = exchange.purpose in (Purpose.PROBE, Purpose.PEER)
    return PROBE_ATTEMPTS if quick else MAX_ATTEMPTS
