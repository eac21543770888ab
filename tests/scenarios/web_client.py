"""A browser's part of the web page, without a screen: requests, a cookie, a stream of events."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from ringthru.net.address import Endpoint

from .waiting import PATIENCE

SECRET = "otter-lantern-71-cobalt"


@dataclass
class Answer:
    """What came back; ``status`` 0: nothing did."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass
class Client:
    """One browser at one page."""

    endpoint: Endpoint
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)  # of every request

    async def ask(self, method: str, path: str, body: str = "", **more: str) -> Answer:
        """``more`` are headers, ``_`` for ``-``; an empty one is left out."""
        reader, writer = await asyncio.open_connection(*self.endpoint)
        writer.write(self._request(method, path, body, more))
        try:
            whole = await asyncio.wait_for(reader.read(), PATIENCE)
        except ConnectionResetError:
            whole = b""
        writer.close()
        return _answer(whole)

    def _request(self, method: str, path: str, body: str, more: dict[str, str]) -> bytes:
        headers = {"host": str(self.endpoint), "cookie": self.cookie, **self.headers}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        if body:
            headers["content-length"] = str(len(body.encode()))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        return f"{method} {path} HTTP/1.1\r\n{lines}\r\n{body}".encode()

    async def get(self, path: str, **more: str) -> Answer:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, fields: dict[str, str], **more: str) -> Answer:
        return await self.ask("POST", path, urlencode(fields), **more)

    async def log_in(self, password: str = SECRET) -> Answer:
        answer = await self.post("/login", {"password": password})
        if answer.status == 303:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    async def token(self) -> str:
        """What the forms of the page carry."""
        found = re.search(r'name="token" value="([^"]+)"', (await self.get("/")).body)
        assert found
        return found[1]

    async def listen(self) -> Stream:
        reader, writer = await asyncio.open_connection(*self.endpoint)
        writer.write(self._request("GET", "/events", "", {}))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        assert head.startswith(b"HTTP/1.1 200 OK"), head
        assert b"text/event-stream" in head
        return Stream(reader, writer)


@dataclass
class Stream:
    """Events as they come; what each section was last."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sections: dict[str, str] = field(default_factory=dict)
    events: int = 0

    async def until(self, section: str, words: str) -> str:
        """The section, once it holds these words."""
        while words not in self.sections.get(section, ""):
            await self.next()
        return self.sections[section]

    async def next(self) -> dict[str, Any]:
        """One event of sections; beats are left out."""
        while True:
            lines = (await asyncio.wait_for(self.reader.readuntil(b"\n\n"), PATIENCE)).decode().splitlines()
            data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
            if data and "event: beat" not in lines:
                event: dict[str, Any] = json.loads(data[0])
                self.sections |= event["sections"]
                self.events += 1
                return event

    async def ended(self) -> None:
        """Until the switch closes it."""
        await asyncio.wait_for(self.reader.read(), PATIENCE)

    def close(self) -> None:
        self.writer.close()


def _answer(whole: bytes) -> Answer:
    if not whole:
        return Answer()
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Answer(int(first.split(" ")[1]), headers, body.decode())
