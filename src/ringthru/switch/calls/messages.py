"""MESSAGE: a text from one user to another (RFC 3428), passed on to where the other is registered.

Lives here: who may send, to whom it goes, what the sender is told.
Never here: storing texts for later; what they say.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ...sip import IncomingRequest, NameAddr, Request, SipUri
from ..dialing.dialstring import Destination
from ..dialing.endpoints import DialFailed
from ..door.authentication import Denied

if TYPE_CHECKING:
    from ..profiles.profile import Profile
    from .book import Calls

Rows = list[tuple[str, str]]

log = logging.getLogger(__name__)

HOST: Final = re.compile(r"[\w.:\[\]-]{1,255}", re.ASCII)
KIND: Final = re.compile(r"[\w.+-]+/[\w.+-]+(;[\w.+=\" -]*)?", re.ASCII)
MAX_TEXT: Final = 1300  # bytes; RFC 3428 §8 allows no more over UDP
MAX_COPIES: Final = 8  # phones of one user
MAX_UNDER_WAY: Final = 200  # texts waiting for their receivers' answers


class Messages:
    """Passes texts on."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._under_way = 0

    def receive(self, profile: Profile, incoming: IncomingRequest) -> None:
        """Answer a MESSAGE: at once where it cannot be passed on, else as its receivers do."""
        request, source, sender = incoming.request, incoming.flow.remote, incoming.request.from_
        if profile.must_authenticate(source) and incoming.call is None:
            user = self._calls.registrar.authenticate(profile, request, source, profile.now())
            if isinstance(user, Denied):
                profile.respond(incoming, user.status, headers=user.headers)
                return
            if sender.uri.user != user.id:  # From is whatever a phone writes; he is who he proved to be
                sender = NameAddr("", SipUri("sip", user.id, user.domain))
        elif not profile.settings.auth_calls:
            profile.respond(incoming, 405)  # strangers may call; they may not write
            return
        if len(request.body) > MAX_TEXT:
            profile.respond(incoming, 413)
            return
        if self._under_way >= MAX_UNDER_WAY:
            profile.respond(incoming, 503, headers=(("Retry-After", "5"),))
            return
        to = request.request_uri
        domain = profile.settings.force_register_domain or to.host
        contacts = self._calls.registrar.contacts(f"{to.user or ''}@{domain}", "*", profile.now())
        if not contacts:
            self._calls.tell_undelivered(profile, request)
            profile.respond(incoming, 480)
            return
        self._calls.spawn(self._pass_on(profile, incoming, sender, contacts[:MAX_COPIES]))

    def send(self, sender: str, receiver: str, text: str, kind: str = "") -> bool:
        """A text of ours to ``USER@DOMAIN``, as if ``sender`` had written it; False: it cannot be sent.

        It goes to each of his phones; what they say of it is a line of the log. ``kind`` is its Content-Type.
        """
        body, kind = text.encode(), kind or "text/plain"
        profile = next(iter(self._calls.profiles.values()), None)
        if profile is None or len(body) > MAX_TEXT or self._under_way >= MAX_UNDER_WAY:
            return False
        user, _, domain = sender.removeprefix("sip:").partition("@")
        who, _, his = receiver.partition("@")
        home = his or self._calls.directory.default_domain or ""
        if not all(HOST.fullmatch(each) for each in (domain or home, home)) or not KIND.fullmatch(kind):
            return False
        contacts = self._calls.registrar.contacts(f"{who}@{home}", "*", profile.now())
        rows = [
            ("From", f"<sip:{quote(user or 'ringthru')}@{domain or home}>"),
            ("To", f"<sip:{quote(who)}@{home}>"),
            ("Content-Type", kind),
        ]
        for contact in contacts[:MAX_COPIES]:
            self._calls.spawn(self._send_ours(contact, rows, body))
        return bool(contacts)

    async def _send_ours(self, contact: str, rows: Rows, body: bytes) -> None:
        self._under_way += 1
        try:
            status = await self._send(contact, rows, body)
        finally:
            self._under_way -= 1
        if not 200 <= status < 300:
            log.warning("A text was not taken by %s: %d", contact, status)

    async def _pass_on(
        self, profile: Profile, incoming: IncomingRequest, sender: NameAddr, contacts: list[str]
    ) -> None:
        self._under_way += 1
        try:
            rows, body = _rows_of(incoming.request, sender), incoming.request.body
            statuses = await asyncio.gather(*(self._send(each, rows, body) for each in contacts))
        finally:
            self._under_way -= 1
        best = min(statuses, key=lambda status: (not 200 <= status < 300, status))
        profile.respond(incoming, best)

    async def _send(self, contact: str, rows: Rows, body: bytes) -> int:
        """One copy, to one binding (a dial string of the registrar's); the status it met."""
        try:
            target = await self._calls.dialer.endpoints.target(
                Destination("sofia", contact.removeprefix("sofia/"))
            )
        except DialFailed as failure:
            log.info("A text cannot be sent to %s: %s", contact, failure.cause.name)
            return 480
        request = Request("MESSAGE", str(target.uri), list(rows), body)
        response = await target.profile.ask(request, *target.flows)
        return response.status if response is not None else 408


def _rows_of(original: Request, sender: NameAddr) -> Rows:
    """The headers of a text that is passed on, in the name that its sender proved."""
    rows = [
        ("From", str(NameAddr(sender.display, sender.uri))),
        ("To", f"<{original.to.uri}>"),
        *((each, original.get(each) or "") for each in ("Content-Type",) if original.get(each)),
    ]
    hops = original.max_forwards
    if hops is not None:
        rows.append(("Max-Forwards", str(max(hops - 1, 0))))
    return rows
