"""Session timers (RFC 4028): a session that nobody refreshes any more is ended.

Lives here: what is asked and agreed, who refreshes, when it is due and when it is too late.
Never here: the refresh itself (`call.py`), SDP.

==============  =====================  ==========================================
request says    2xx of ours says       who refreshes (table 2 of the RFC)
==============  =====================  ==========================================
no ``timer``    refresher=uas          we, whatever was asked
``timer``       what was asked         as asked
``timer``,      as before, else uac    whoever did before; at first the caller
nobody named
==============  =====================  ==========================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...net.values import frozen, replace
from ..timers import Timer, Timers
from ..wire.call_headers import SessionExpires, options_of, read_seconds
from ..wire.message import Request, Response

SHORTEST: Final = 90  # seconds; the least Min-SE there may be (§5)
TOO_LATE: Final = 32.0  # seconds before the end, or a third, when the BYE goes out (§10)
LEAST: Final = 30  # seconds; what a peer may agree on against the RFC, and still be followed
LONGEST: Final = 7 * 86400  # seconds; what is asked beyond is as good as no timer

Rows = list[tuple[str, str]]


@frozen
class SessionSettings:
    """What a user agent wants of session timers; ``interval`` and ``shortest`` in seconds."""

    enabled: bool = True
    interval: int = 0  # what we ask for; 0: nothing, but what peers ask for is granted
    shortest: int = SHORTEST  # Min-SE; less is refused with 422


def too_short(settings: SessionSettings, request: Request) -> int | None:
    """The Min-SE for a 422, when a request asks for less (§9); None when nothing is wrong.

    Who does not know of timers would not know of a 422 either: a proxy asked, and gets the shortest.
    """
    if not settings.enabled or request.method not in ("INVITE", "UPDATE"):
        return None
    asked = SessionExpires.read(request)
    if asked is None or asked.seconds >= settings.shortest or "timer" not in options_of(request, "Supported"):
        return None
    return settings.shortest


class SessionTimer:
    """One dialog's timer; ``refresh(now)`` and ``expire(now)`` are called when it is time."""

    __slots__ = (
        "_due",
        "_end",
        "_expire",
        "_interval",
        "_min_se",
        "_ours",
        "_refresh",
        "_settings",
        "_timers",
    )

    def __init__(
        self,
        settings: SessionSettings,
        timers: Timers,
        refresh: Callable[[float], None],
        expire: Callable[[float], None],
    ) -> None:
        self._settings = settings
        self._timers = timers
        self._refresh = refresh
        self._expire = expire
        self._interval = 0  # agreed on; 0: no timer runs
        self._min_se = settings.shortest
        self._ours = False
        self._due: Timer | None = None
        self._end: Timer | None = None

    @property
    def interval(self) -> int:
        """Seconds agreed on; 0 while no timer runs."""
        return self._interval

    @property
    def ours(self) -> bool:
        """Whether we are the one who refreshes."""
        return self._ours

    def shorten(self, seconds: int) -> None:
        """Want this call's session refreshed at least so often; not where timers are switched off."""
        wish, shortest = self._settings.interval or seconds, self._settings.shortest
        self._settings = replace(self._settings, interval=min(wish, seconds), shortest=min(shortest, seconds))
        self._min_se = min(self._min_se, seconds)

    # What we ask

    def request_rows(self) -> Rows:
        """For an INVITE, re-INVITE or UPDATE of ours: a running timer keeps its refresher (§7.4)."""
        seconds = self._interval or self._settings.interval
        if not self._settings.enabled or not seconds:
            return []
        seconds = max(seconds, self._min_se)
        refresher = ("uac" if self._ours else "uas") if self._interval else None
        rows = [("Session-Expires", str(SessionExpires(seconds, refresher)))]
        if self._min_se > SHORTEST:
            rows.append(("Min-SE", str(self._min_se)))
        return rows

    def ask_again(self, request: Request, response: Response) -> bool:
        """Raise the interval after a 422 (§7.3), in the request too; False when that is hopeless."""
        wanted = read_seconds(response.get("Min-SE"))
        if response.status != 422 or not self._settings.enabled or wanted is None:
            return False
        if not self._min_se < wanted <= LONGEST:
            return False
        self._min_se = wanted
        asked = SessionExpires.read(request)
        seconds = max(wanted, asked.seconds if asked is not None else 0)
        refresher = asked.refresher if asked is not None else None
        request.set("Session-Expires", str(SessionExpires(seconds, refresher)))
        request.set("Min-SE", str(wanted))
        return True

    def take_response(self, response: Response, now: float) -> None:
        """The 2xx to a request of ours (§7.2): without the header there is no timer.

        But a peer that knows nothing of timers answers each refresh so: the timer that we run for it goes on.
        """
        agreed = SessionExpires.read(response) if self._settings.enabled else None
        if agreed is not None:
            self._run(agreed.seconds, agreed.refresher != "uas", now)
        elif self._settings.enabled and self._interval and self._ours:
            self._run(self._interval, True, now)
        else:
            self.stop()

    # What we are asked

    def answer_rows(self, request: Request, now: float) -> Rows:
        """For our 2xx to an INVITE, re-INVITE or UPDATE (§9); the timer starts anew."""
        if not self._settings.enabled:
            return []
        asked = SessionExpires.read(request)
        if asked is None and not self._settings.interval:
            self.stop()
            return []
        theirs = "timer" in options_of(request, "Supported")
        least = max(read_seconds(request.get("Min-SE")) or 0, self._settings.shortest)
        seconds = self._granted(asked, least)
        self._min_se = max(self._min_se, least)
        ours = not theirs or self._refresher(asked) == "uas"
        self._run(seconds, ours, now)
        agreed = SessionExpires(seconds, "uas" if ours else "uac")
        return [("Session-Expires", str(agreed)), *([] if ours else [("Require", "timer")])]

    def _granted(self, asked: SessionExpires | None, least: int) -> int:
        wished = self._settings.interval
        if asked is None:
            return max(wished, least)
        return max(min(asked.seconds, wished or asked.seconds), least)

    def _refresher(self, asked: SessionExpires | None) -> str:
        if asked is not None and asked.refresher is not None:
            return asked.refresher
        return "uas" if self._interval and self._ours else "uac"

    # Time

    def _run(self, seconds: int, ours: bool, now: float) -> None:
        self.stop()
        if seconds > LONGEST:
            return
        seconds = max(seconds, LEAST)
        self._interval, self._ours = seconds, ours
        if ours:
            self._due = self._timers.start(now + seconds / 2, self._refresh)
        self._end = self._timers.start(now + seconds - min(TOO_LATE, seconds / 3), self._expire)

    def later(self, now: float, seconds: float) -> None:
        """Try the refresh again, for it could not be sent now."""
        self._timers.cancel(self._due)
        self._due = self._timers.start(now + seconds, self._refresh)

    def close(self) -> None:
        """Stop for good, and let go of the call: what refers to each other is garbage only a search finds."""
        self.stop()
        self._refresh = self._expire = _nothing

    def stop(self) -> None:
        if self._due is not None or self._end is not None:
            self._timers.cancel(self._due)
            self._timers.cancel(self._end)
            self._due = self._end = None
        self._interval = 0


def _nothing(now: float) -> None:
    """What is due for a call that has ended."""
