"""A lamp of a phone: one subscription, and what its NOTIFYs say, read as a phone reads it."""

from __future__ import annotations

import secrets
from xml.etree import ElementTree

from ringthru.net.address import Endpoint
from ringthru.sip import Login, Request, Response

from .home import PASSWORD, Home
from .phones import Phone
from .waiting import eventually

DIALOGS = "{urn:ietf:params:xml:ns:dialog-info}"
PIDF = "{urn:ietf:params:xml:ns:pidf}"


class Lamp:
    """One key of a phone, with its lamp."""

    def __init__(
        self,
        home: Home,
        phone: Phone,
        name: str,
        event: str = "dialog",
        at: Endpoint | None = None,
        host: str = "",
    ) -> None:
        self.phone = phone
        self.entity = f"sip:{name}@{host or home.address}"
        self._event = event
        self._at = at or home.internal
        self._from = f"<sip:{phone.user}@{home.address}>;tag={secrets.token_hex(4)}"
        self._to = f"<{self.entity}>"
        self._cseq = 0
        self.call_id = secrets.token_hex(8)
        phone.notified[self.call_id] = 200

    async def subscribe(self, password: str = PASSWORD, **headers: str) -> Response:
        """SUBSCRIBE, the first or a later one; the last response, whatever it is."""
        self._cseq += 10  # each challenge takes one
        rows = {
            "From": self._from,
            "To": self._to,
            "Call-ID": self.call_id,
            "CSeq": f"{self._cseq} SUBSCRIBE",
            "Contact": f"<sip:{self.phone.user}@{self.phone.shown}>",
            "Event": self._event,
            **headers,
        }
        request = Request("SUBSCRIBE", self.entity, list(rows.items()))
        response = await self.phone.ask(request, self._at, Login(self.phone.user, password))
        if response.status == 200:
            self._to = response.get("To") or ""
        return response

    @property
    def notifies(self) -> list[Request]:
        return [each for each in self.phone.requests if each.call_id == self.call_id]

    @property
    def documents(self) -> list[ElementTree.Element]:
        return [ElementTree.fromstring(each.body) for each in self.notifies]

    @property
    def shown(self) -> list[list[tuple[str, str]]]:
        """Of each document, the calls in it: direction and state."""
        return [
            [(each.get("direction") or "", each.findtext(f"{DIALOGS}state") or "") for each in document]
            for document in self.documents
        ]

    @property
    def ever(self) -> set[tuple[str, str]]:
        """All that was shown at any time."""
        return {each for document in self.shown for each in document}

    @property
    def notes(self) -> list[tuple[str, str]]:
        """Of each presence document: open or closed, and the note."""
        return [
            (
                each.findtext(f"{PIDF}tuple/{PIDF}status/{PIDF}basic") or "",
                each.findtext(f"{PIDF}tuple/{PIDF}note") or "",
            )
            for each in self.documents
        ]

    async def shows(self, *calls: tuple[str, str]) -> ElementTree.Element:
        """Until the last document has these calls; that document."""
        await eventually(lambda: self.shown[-1:] == [list(calls)], f"not {calls}")
        return self.documents[-1]

    async def says(self, basic: str, note: str) -> None:
        await eventually(lambda: self.notes[-1:] == [(basic, note)], f"not {basic}, {note}")


async def lamp(home: Home, name: str, event: str = "dialog", phone: Phone | None = None) -> Lamp:
    """A lamp of 1001's phone that is subscribed."""
    made = Lamp(home, phone or home.lan_phone("1001"), name, event)
    response = await made.subscribe()
    assert response.status == 200, response.reason
    await eventually(lambda: made.notifies, "no NOTIFY")
    return made
