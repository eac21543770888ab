"""The guard at the door: who asks too often, who guesses passwords, who is a scanner.

It judges requests of strangers only. The flow of a registered phone, a trunk's address and our own networks
go on whatever happens, because over UDP anybody can write anybody's address on a datagram. For that reason a
ban needs evidence that cannot be forged: wrong answers to nonces that only the banned address can have heard.

Lives here: counts, bans, their end. Never here: passwords, sockets, answers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from ...net.address import Endpoint, parse_address
from ...net.values import frozen, record

MAX_SOURCES: Final = 10_000  # addresses remembered; those not heard of for longest go
MAX_BANS: Final = 10_000
FORGIVEN_AFTER: Final = 600.0  # seconds after which failures do not count any more
LONGEST_BAN: Final = 86_400.0  # seconds; each further ban of an address lasts twice as long
BURST: Final = 10  # seconds' worth of requests that may come at once
# What scanners call themselves in User-Agent. Who is quiet about it meets the limits instead.
SCANNERS: Final = (
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sip-scan",
    "sipcli",
    "sundayddr",
    "iwar",
    "sipsak",
    "smap",
    "sipptk",
    "pplsip",
    "vaxsipuseragent",
    "eyebeam release 3006o stamp 17551",  # a constant of toll-fraud tools
    "scanner",
)


@frozen
class GuardSettings:
    """Spans are seconds; 0 failures: nobody is banned; 0 requests: no limit."""

    failures: int = 10
    ban: float = 600.0
    requests_per_second: int = 100  # of one address that proved nothing


@frozen
class Ban:
    """One address that is not listened to; instants of the switch's clock."""

    source: str
    reason: str
    since: float
    until: float
    dropped: int  # requests since


@record
class _Source:
    """What is remembered of an address."""

    neighbour: bool
    tokens: float
    at: float  # of the last request
    failures: int = 0
    first_failure: float = 0.0
    told: bool = False  # of its flood, or that it is a scanner


@record
class _Ban:
    reason: str
    since: float
    until: float
    dropped: int = 0
    times: int = 1


class Guard:
    """One switch's guard; bounded, and without a clock."""

    def __init__(
        self,
        settings: GuardSettings,
        *,
        is_known: Callable[[Endpoint], bool],
        is_neighbour: Callable[[str], bool],
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        """``is_known``: a registered phone's flow, or a trunk's; ``is_neighbour``: an address of our own
        networks; ``tell`` takes a line for the log.
        """
        self.settings = settings
        self.dropped = 0
        self._is_known = is_known
        self._is_neighbour = is_neighbour
        self._tell = tell
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._bans: OrderedDict[str, _Ban] = OrderedDict()

    def admits(self, source: Endpoint, user_agent: str, now: float) -> bool:
        """Whether a request outside any dialog is looked at; whoever is not admitted hears nothing."""
        if self._is_known(source):
            return True
        seen = self._source(source.host, now)
        if seen.neighbour:
            return True
        ban = self._bans.get(place_of(source.host))
        if ban is not None and now < ban.until:
            ban.dropped += 1
            self.dropped += 1
            return False
        if is_scanner(user_agent):
            return self._drop(seen, f"Scanner {user_agent[:40]!r} from {source.host} is not answered")
        if not self._within_rate(seen, now):
            rate = self.settings.requests_per_second
            return self._drop(seen, f"More than {rate} requests/s from {source.host}: some are not answered")
        return True

    def failed(self, source: Endpoint, what: str, now: float) -> bool:
        """Note a wrong password from an address that surely gave it; True when that was once too often."""
        seen = self._source(source.host, now)
        if self._is_known(source) or seen.neighbour or not self.settings.failures:
            return False
        if now - seen.first_failure > FORGIVEN_AFTER:
            seen.failures, seen.first_failure = 0, now
        seen.failures += 1
        if seen.failures < self.settings.failures:
            return False
        seen.failures = 0
        self._ban(place_of(source.host), what, now)
        return True

    def succeeded(self, host: str) -> None:
        """A right password wipes out earlier wrong ones: somebody mistyped."""
        if (seen := self._sources.get(place_of(host))) is not None:
            seen.failures = 0

    def bans(self, now: float) -> tuple[Ban, ...]:
        """Who is banned, the latest last."""
        return tuple(
            Ban(host, each.reason, each.since, each.until, each.dropped)
            for host, each in self._bans.items()
            if now < each.until
        )

    def lift(self, host: str) -> bool:
        """End a ban by hand; False when there is none."""
        return self._bans.pop(place_of(host), None) is not None

    def _source(self, host: str, now: float) -> _Source:
        place = place_of(host)
        seen = self._sources.get(place)
        if seen is None:
            tokens = float(self.settings.requests_per_second * BURST)
            seen = self._sources[place] = _Source(self._is_neighbour(host), tokens, now)
            if len(self._sources) > MAX_SOURCES:
                self._sources.popitem(last=False)
        else:
            self._sources.move_to_end(place)
        return seen

    def _within_rate(self, seen: _Source, now: float) -> bool:
        """A bucket that fills by requests_per_second and holds BURST seconds' worth."""
        rate = self.settings.requests_per_second
        if not rate:
            return True
        seen.tokens = min(seen.tokens + (now - seen.at) * rate, rate * BURST)
        seen.at = now
        if seen.tokens < 1:
            return False
        seen.tokens -= 1
        return True

    def _drop(self, seen: _Source, text: str) -> bool:
        self.dropped += 1
        if not seen.told:
            seen.told = True
            self._tell(text)
        return False

    def _ban(self, host: str, reason: str, now: float) -> None:
        before = self._bans.pop(host, None)
        times = 1 if before is None else before.times + 1
        length = min(self.settings.ban * 2 ** min(times - 1, 20), LONGEST_BAN)
        self._bans[host] = _Ban(reason, now, now + length, times=times)
        if len(self._bans) > MAX_BANS:
            self._bans.popitem(last=False)
        self._tell(f"Banned {host} for {length:.0f} s: {reason}")


def place_of(host: str) -> str:
    """Whom an address stands for: itself; in IPv6 its network of 64 bits, all of it one customer's."""
    if ":" not in host:
        return host
    address = parse_address(host)
    return host if address is None else f"{address.exploded[:19]}::/64"


def is_scanner(user_agent: str) -> bool:
    """Whether a program says of itself that it looks for switches to misuse."""
    return bool(user_agent) and user_agent.lower().startswith(SCANNERS)
