"""What is answered at which path, and to whom.

Every answer says that nothing from elsewhere may be loaded, framed or run. Only the form to log in, the
style, the script and the icon are for everybody whom the door lets in; all else needs the password.

Lives here: paths, methods, who may. Never here: sockets, what a page says, how a deed is done.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

from ..net.values import frozen
from .access import is_from_our_page, is_named_rightly
from .http import Header, Request, Response
from .page import login_page
from .sessions import IDLE, Session, Sessions

HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
GUARDED: Final = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
CHALLENGE: Final = ("WWW-Authenticate", 'Basic realm="Ringthru", charset="UTF-8"')
PROGRAM: Final = object()  # who showed the password with the request itself
WRONG: Final = "That is not the password."
WAIT_WORDS: Final = "Too many wrong passwords came from your address. Wait a minute, then try again."


@frozen
class Deed:
    """What came of a POST: words for people, and what a script puts in place."""

    done: bool
    words: str
    page: bytes = b""  # instead of the page itself, where no script runs


@frozen
class Parts:
    """What the site is made of."""

    page: Callable[[str], bytes]  # by token
    snapshot: Callable[[str], Awaitable[bytes]]
    watch: Callable[[Callable[[float], bool]], AsyncGenerator[bytes, None] | None]  # None: too many look
    deeds: Mapping[str, Callable[[Mapping[str, str]], Awaitable[Deed]]]  # by path
    files: Mapping[str, tuple[str, bytes]]  # kind and content, by path
    deed_json: Callable[[Deed], bytes]
    judged: Callable[[str, bool], None]  # a password came from this address, and it was right or wrong


class Site:
    """One page; a machine: it is asked, and answers."""

    def __init__(self, parts: Parts, sessions: Sessions, names: tuple[str, ...], cookie: str) -> None:
        self._parts = parts
        self._sessions = sessions
        self._names = names
        self._cookie = cookie

    async def answer(self, request: Request, host: str, now: float) -> Response:
        """``host`` is who asks, ``now`` seconds of any clock."""
        response = await self._answered(request, host, now)
        return Response(
            response.status, response.body, response.kind, (*GUARDED, *response.headers), response.stream
        )

    async def _answered(self, request: Request, host: str, now: float) -> Response:
        if not is_named_rightly(request, self._names):
            words = "Ask by an address, by localhost, or by a name that host-name of web.conf has."
            return Response.text(HTTPStatus.MISDIRECTED_REQUEST, words)
        if request.method in ("GET", "HEAD"):
            return await self._shown(request, host, now)
        if request.method == "POST":
            return await self._posted(request, host, now)
        return Response.text(HTTPStatus.METHOD_NOT_ALLOWED, "GET or POST.", ("Allow", "GET, HEAD, POST"))

    # --- GET ----------------------------------------------------------------------------------------

    async def _shown(self, request: Request, host: str, now: float) -> Response:
        path = request.path
        if (file := self._parts.files.get(path)) is not None:
            return Response(kind=file[0], body=file[1])
        who = self._who(request, host, now)
        match path:
            case "/":
                return self._html(self._parts.page(self._sessions.token)) if who else Response.to("/login")
            case "/login":
                return Response.to("/") if who else self._html(login_page(""))
            case "/api/snapshot" if who:
                return Response(kind=JSON, body=await self._parts.snapshot(self._sessions.token))
            case "/api/snapshot":
                return self._not_in(host, now, CHALLENGE)
            case "/events" if isinstance(who, Session):
                return self._stream(request, who)
            case "/events":
                return self._not_in(host, now)
        return Response.text(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _stream(self, request: Request, session: Session) -> Response:
        if request.method == "HEAD":
            return Response(kind=EVENTS)
        stream = self._parts.watch(lambda now: self._sessions.keeps(session, now))
        if stream is None:
            return Response.text(HTTPStatus.SERVICE_UNAVAILABLE, "Too many look at once.")
        return Response(kind=EVENTS, stream=stream)

    # --- POST ---------------------------------------------------------------------------------------

    async def _posted(self, request: Request, host: str, now: float) -> Response:
        if not is_from_our_page(request):
            return Response.text(HTTPStatus.FORBIDDEN, "This came from another site.")
        if request.path == "/login":
            return self._login(request, host, now)
        who = self._who(request, host, now)
        if not who:
            return self._not_in(host, now) if _wants_json(request) else Response.to("/login")
        form = request.form
        if not self._sessions.is_token(form.get("token", "")):
            return Response.text(HTTPStatus.FORBIDDEN, "The token is missing or old: load the page anew.")
        if request.path == "/logout" and isinstance(who, Session):
            self._sessions.end(who)
            return Response.to("/login", self._cookie_header("", 0))
        if (deed := self._parts.deeds.get(request.path)) is None:
            return Response.text(HTTPStatus.NOT_FOUND, "There is nothing here.")
        return self._told(await deed(form), wants_json=_wants_json(request) or who is PROGRAM)

    def _told(self, deed: Deed, *, wants_json: bool) -> Response:
        if wants_json:
            return Response(kind=JSON, body=self._parts.deed_json(deed))
        return self._html(deed.page) if deed.page else Response.to("/")

    def _login(self, request: Request, host: str, now: float) -> Response:
        if self._sessions.must_wait(host, now):
            return self._html(login_page(WAIT_WORDS), HTTPStatus.TOO_MANY_REQUESTS)
        if not self._knows(request.form.get("password", ""), host, now):
            return self._html(login_page(WRONG), HTTPStatus.FORBIDDEN)
        session = self._sessions.begin(now)
        return Response.to("/", self._cookie_header(session.key, round(IDLE)))

    # --- who ----------------------------------------------------------------------------------------

    def _who(self, request: Request, host: str, now: float) -> object | None:
        """A session by its cookie, or ``PROGRAM``; None: neither."""
        session = self._sessions.find(request.cookie(self._cookie), now)
        if session is not None:
            return session
        password = _basic_password(request)
        if password is None or self._sessions.must_wait(host, now):
            return None
        return PROGRAM if self._knows(password, host, now) else None

    def _knows(self, password: str, host: str, now: float) -> bool:
        right = self._sessions.knows(password, host, now)
        self._parts.judged(host, right)
        return right

    def _not_in(self, host: str, now: float, *headers: Header) -> Response:
        if self._sessions.must_wait(host, now):
            return Response.text(HTTPStatus.TOO_MANY_REQUESTS, WAIT_WORDS)
        return Response.text(HTTPStatus.UNAUTHORIZED, "Log in first.", *headers)

    def _cookie_header(self, key: str, age: int) -> Header:
        value = f"{self._cookie}={key}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict"
        return ("Set-Cookie", value)

    def _html(self, body: bytes, status: HTTPStatus = HTTPStatus.OK) -> Response:
        return Response(status, body, HTML)


def _wants_json(request: Request) -> bool:
    return JSON in request.header("accept")


def _basic_password(request: Request) -> str | None:
    """The password of Basic authentication (RFC 7617), whatever the user's name; None: there is none."""
    scheme, _, coded = request.header("authorization").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(coded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return None
