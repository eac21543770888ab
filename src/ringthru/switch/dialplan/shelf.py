"""What calls put down for one another: ``hash``, and what ``limit`` counts.

====================================  =======================================================
``insert/REALM/KEY/VALUE``            keep a value
``insert_ifempty/REALM/KEY/VALUE``    … where there is none
``delete/REALM/KEY``                  forget it
``delete_ifmatch/REALM/KEY/VALUE``    … where it is that one
``select/REALM/KEY``                  the value (``${hash(…)}`` alone)
====================================  =======================================================

All of it is gone with the switch, as in FreeSWITCH. Lives here: both books and their bounds.
Never here: which call is refused (``applications``).
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import Final

from ..calls.channel import Channel

MOST_VALUES: Final = 10_000  # then the oldest are forgotten
LONGEST: Final = 4096  # characters of a value, or of a key
MOST_PLACES: Final = 10_000  # that limits are counted for
UNLIMITED: Final = -1
ERROR: Final = "!err!"  # FreeSWITCH's word of `db` and `group` for whatever is wrong


class Shelf:
    """One switch's."""

    def __init__(self) -> None:
        self._values: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._used: Counter[tuple[str, str]] = Counter()
        self._begun: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def do(self, text: str) -> str | None:
        """Obey ``VERB/REALM/KEY[/VALUE]``; the value for ``select``, else what FreeSWITCH's API says; None
        for what is no order.
        """
        verb, realm, key, value = (*text.split("/", 3), "", "", "", "")[:4]
        place = (realm, key)
        if not key or len(text) > LONGEST:
            return None
        match verb.lower():
            case "select":
                return self._values.get(place, "")
            case "insert":
                self._put(place, value)
            case "insert_ifempty" if place not in self._values:
                self._put(place, value)
            case "delete":
                self._values.pop(place, None)
            case "delete_ifmatch" if self._values.get(place) == value:
                del self._values[place]
            case "insert_ifempty" | "delete_ifmatch":
                return "-ERR\n"
            case _:
                return None
        return "+OK\n"

    def _put(self, place: tuple[str, str], value: str) -> None:
        self._values[place] = value
        self._values.move_to_end(place)
        if len(self._values) > MOST_VALUES:
            self._values.popitem(last=False)

    # --- limits -------------------------------------------------------------------------------------

    def usage(self, realm: str, key: str) -> int:
        """How many calls count there now."""
        return self._used[realm, key]

    def begun(self, realm: str, key: str) -> int:
        """How many calls are remembered to have begun there lately."""
        return len(self._begun.get((realm, key), ()))

    def tracked(self) -> int:
        """How many places are counted for."""
        return len(self._used.keys() | self._begun.keys())

    def forget_lately(self, realm: str, key: str) -> None:
        """An interval begins anew: no call has begun in it."""
        self._begun.pop((realm, key), None)

    def reset(self) -> None:
        """Count from nothing; calls that go on are counted no more."""
        self._used.clear()
        self._begun.clear()

    def admit(self, channel: Channel, realm: str, key: str, most: int, seconds: int, now: float) -> bool:
        """Count a call there until it is gone, unless ``most`` do already (``UNLIMITED``: count only).

        With ``seconds`` the calls that began within so many count instead, gone or not.
        """
        place = (realm, key)
        count = self._lately(place, now - seconds) if seconds else self._used[place]
        if most != UNLIMITED and count >= most:
            return False
        if seconds:
            self._begun.setdefault(place, deque(maxlen=max(most, 1))).append(now)
        if place not in channel.counted:
            channel.counted.add(place)
            self._used[place] += 1
        return True

    def _lately(self, place: tuple[str, str], since: float) -> int:
        begun = self._begun.get(place)
        if begun is None:
            if len(self._begun) >= MOST_PLACES:
                self._begun.popitem(last=False)
            return 0
        while begun and begun[0] < since:
            begun.popleft()
        return len(begun)

    def release(self, channel: Channel, realm: str = "", key: str = "") -> None:
        """Count a call no more: in one place, in those of a realm, or, when it is gone, in none."""
        for place in tuple(channel.counted):
            if realm not in ("", place[0]) or key not in ("", place[1]):
                continue
            channel.counted.discard(place)
            self._used[place] -= 1
            if self._used[place] <= 0:  # also after a reset
                del self._used[place]
