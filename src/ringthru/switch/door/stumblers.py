"""Old phones that stumble over a challenge they do not know, and are offered MD5 alone from then on.

RFC 8760 §2.2 has the strongest algorithm first, and a client pass over what it does not know. Some phones
read the first challenge only, cannot answer it, and come again without an answer: so they are known.

Lives here: who came again. Never here: challenges.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MOST: Final = 10_000  # phones remembered; those not heard of for longest go
STUMBLED: Final = -1


class Stumblers:
    """Remembers, for each user at each address, the number of the request that was challenged last."""

    def __init__(self) -> None:
        self._challenged: OrderedDict[tuple[str, str], int] = OrderedDict()

    def challenged(self, user: str, host: str, number: int) -> bool:
        """A request without an answer to a challenge came; True when the phone is known to stumble.

        ``number`` is its CSeq: a repetition of one request says nothing.
        """
        key = (user, host)
        before = self._challenged.get(key)
        stumbles = before == STUMBLED or (before is not None and number > before)
        self._challenged[key] = STUMBLED if stumbles else number
        self._challenged.move_to_end(key)
        if len(self._challenged) > MOST:
            self._challenged.popitem(last=False)
        return stumbles

    def answered(self, user: str, host: str) -> None:
        """It answered a challenge: unless it is known to stumble, it understood both."""
        if self._challenged.get((user, host)) not in (None, STUMBLED):
            del self._challenged[user, host]
