"""Who is logged in, and who guesses.

Lives here: the password, the sessions that came of it, the token of forms, how often an address may be wrong.
Never here: requests, cookies as text, clocks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hmac import compare_digest
from typing import Final

from ..net.values import record
from ..switch.door.protection import place_of

# What we chose
MOST_SESSIONS: Final = 50  # browsers; who was not seen for longest logs in again
IDLE: Final = 12 * 3600.0  # seconds after which a browser that did not ask is forgotten
WRONG_IN_A_ROW: Final = 10  # passwords of one address; then it waits
WAIT: Final = 60.0  # seconds
MOST_WATCHED: Final = 1000  # addresses that were wrong
LONGEST_PASSWORD: Final = 256  # characters


@record
class Session:
    """One browser. ``key`` is its cookie."""

    key: str
    seen: float


@record
class _Wrong:
    times: int
    until: float  # nobody is heard before


class Sessions:
    """All of one page; bounded, and without a clock."""

    def __init__(self, password: str, random_text: Callable[[], str]) -> None:
        """``random_text`` makes words of 128 bits and more that nobody guesses."""
        self._password = password.encode()
        self._random_text = random_text
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._wrong: OrderedDict[str, _Wrong] = OrderedDict()
        self.token = random_text()  # what every POST must carry beside its cookie: other sites cannot know it

    def must_wait(self, host: str, now: float) -> bool:
        """Whether this address was wrong too often a moment ago; its passwords are not looked at."""
        wrong = self._wrong.get(place_of(host))
        return wrong is not None and now < wrong.until

    def knows(self, password: str, host: str, now: float) -> bool:
        """Whether this is the password, compared in constant time; the address is remembered if not."""
        given = password.encode("utf-8", "replace")
        right = len(password) <= LONGEST_PASSWORD and compare_digest(given, self._password)
        if right:
            self._wrong.pop(place_of(host), None)
        else:
            self._note_wrong(place_of(host), now)
        return right

    def is_token(self, token: str) -> bool:
        """Whether a POST comes from somebody who has read a page of ours."""
        return compare_digest(token.encode("utf-8", "replace"), self.token.encode())

    def begin(self, now: float) -> Session:
        """A session for somebody who showed the password."""
        session = Session(self._random_text(), now)
        self._sessions[session.key] = session
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def find(self, key: str, now: float) -> Session | None:
        """The session of a cookie; keys are of 128 bits and more, so a table may look them up."""
        session = self._sessions.get(key)
        if session is None:
            return None
        if now - session.seen > IDLE:
            del self._sessions[key]
            return None
        session.seen = now
        self._sessions.move_to_end(key)
        return session

    def keeps(self, session: Session, now: float) -> bool:
        """Whether it is still one; who goes on looking uses it."""
        return self.find(session.key, now) is session

    def end(self, session: Session) -> None:
        self._sessions.pop(session.key, None)

    def _note_wrong(self, place: str, now: float) -> None:
        wrong = self._wrong.get(place)
        if wrong is None:
            wrong = self._wrong[place] = _Wrong(0, 0.0)
        self._wrong.move_to_end(place)
        wrong.times += 1
        if wrong.times % WRONG_IN_A_ROW == 0:
            wrong.until = now + WAIT
        while len(self._wrong) > MOST_WATCHED:
            self._wrong.popitem(last=False)
