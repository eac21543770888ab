"""The web page of a switch: where it listens, who is let in, and what it is made of.

Lives here: the parts put together, sockets, clocks. Never here: what is answered (``site``).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from ..console.phone_setup import people_of, setup_of
from ..net.address import INTERNET, AddressRules, Endpoint
from ..net.values import replace
from ..switch.configuration.web_settings import WebSettings
from .access import is_loopback, is_public, refusal
from .data import snapshot_json
from .deeds import Deeds, deed_json
from .examining_driver import Examine, Examining, nothing
from .http import Request, Response
from .looking_driver import Looking
from .page import page, sections
from .server_driver import Ends, HttpServer
from .sessions import Sessions
from .site import Parts, Site
from .view import View

if TYPE_CHECKING:
    from ..console.recent_lines import LogLine
    from ..switch.switch import Switch

log = logging.getLogger(__name__)

MOST_CONNECTIONS: Final = 64  # at once, those that look and go on looking among them
MOST_OF_ONE: Final = 32  # of one address
FILES: Final = (
    ("page.css", "text/css; charset=utf-8"),
    ("page.js", "text/javascript; charset=utf-8"),
    ("icon.svg", "image/svg+xml"),
)
LOOPBACK: Final = "127.0.0.1"


class WebPage:
    """Serves from ``start`` to ``stop``."""

    def __init__(
        self,
        switch: Switch,
        settings: WebSettings,
        lines: Callable[[], Sequence[LogLine]],
        examine: Examine = nothing,
        rules: AddressRules = INTERNET,
    ) -> None:
        """``lines`` are those of the log to show, the latest first; ``examine`` finds what is wrong with the
        whole; ``rules`` say what is the Internet."""
        self._switch = switch
        own = switch.variables.get("local_ip_v4", LOOPBACK)
        self._settings = settings = _safe(settings, own, rules)
        self._lines = lines
        self._examining = Examining(examine)
        self._rules = rules
        self._clock = asyncio.get_running_loop().time
        self._where = Endpoint(settings.listen_ip, settings.listen_port)
        sessions = Sessions(settings.password or switch.web_password(), lambda: secrets.token_urlsafe(24))
        self.looking = Looking(lambda: sections(self.view(), sessions.token), time.time)
        self._site = Site(self._parts(), sessions, settings.host_names, f"ringthru-{settings.listen_port}")
        self.server = HttpServer(
            self._where, self._admits, self._answer, most=MOST_CONNECTIONS, most_of_one=MOST_OF_ONE
        )

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it listens; None while it does not."""
        return self.server.endpoint

    async def start(self) -> None:
        """Listen. A port that somebody else has is said, and there is no page then."""
        try:
            await self.server.start()
        except OSError as error:
            log.error(
                "No web page: %s cannot be listened on: %s. Set another one in web.conf", self._where, error
            )
            return
        log.info("Web page: http://%s/", self.endpoint)

    async def stop(self) -> None:
        self._examining.stop()
        await self.server.stop()

    def view(self) -> View:
        """Everything now."""
        users = tuple(f"{each.id}@{each.domain}" for each in people_of(self._switch))
        return View(
            time.time(),
            self._switch.snapshot(),
            setup_of(self._switch),
            users,
            tuple(self._lines()),
            self._examining.latest(),
        )

    def _parts(self) -> Parts:
        static = files(__package__).joinpath("static")
        return Parts(
            page=lambda token: page(self.view(), token),
            # Beside the loop: of a thousand calls it takes a tenth of a second, and the values are frozen.
            snapshot=lambda token: asyncio.to_thread(snapshot_json, self.view(), token),
            watch=lambda may_go_on: self.looking.watch(may_go_on),
            deeds=Deeds(self._switch).by_path(),
            files={f"/static/{name}": (kind, static.joinpath(name).read_bytes()) for name, kind in FILES},
            deed_json=deed_json,
            judged=self._judged,
        )

    # --- the door -----------------------------------------------------------------------------------

    def _admits(self, ends: Ends) -> bool:
        peer, local = _unmapped(ends.peer), _unmapped(ends.local)
        if not all(self._switch.allows(acl, peer.host) for acl in self._settings.acls):
            log.warning("Web page: IP %s rejected by acl %s", peer.host, ",".join(self._settings.acls))
            return False
        here = is_loopback(peer.host) and is_loopback(local.host)
        mapper = None if here or self._switch.mapper is None else self._switch.mapper.snapshot()
        if why := refusal(peer, local, mapper, self._rules):
            log.warning("Web page: %s is refused: %s", peer.host, why)
            return False
        return self._switch.guard.admits(peer, "", self._clock())

    async def _answer(self, request: Request, ends: Ends) -> Response:
        return await self._site.answer(request, _unmapped(ends.peer).host, self._clock())

    def _judged(self, host: str, right: bool) -> None:
        if right:
            self._switch.guard.succeeded(host)
            return
        log.warning("Web page: a wrong password from %s", host)
        self._switch.guard.failed(Endpoint(host, 0), "it guesses the password of the web page", self._clock())


def _unmapped(end: Endpoint) -> Endpoint:
    """An IPv4 address of a socket that serves both families (RFC 4291 §2.5.5.2)."""
    return Endpoint(end.host.removeprefix("::ffff:"), end.port)


def _safe(settings: WebSettings, own: str, rules: AddressRules) -> WebSettings:
    """Nothing listens at an address of the Internet, nor for other machines with a password they guess."""
    if settings.listen_ip == "auto":
        settings = replace(settings, listen_ip=own)
    if is_public(settings.listen_ip, rules):
        text = "web.conf: %s is an address of the Internet: the page is shown on %s alone"
        log.error(text, settings.listen_ip, LOOPBACK)
        return replace(settings, listen_ip=LOOPBACK)
    if settings.weakness and not settings.on_loopback:
        text = "web.conf: the password %s: not listening on %s, but on %s alone"
        log.error(text, settings.weakness, settings.listen_ip, LOOPBACK)
        return replace(settings, listen_ip=LOOPBACK)
    return settings
