"""What all connections share: one ear for the switch's events, one for its log, and the commands they run.

Lives here: who is connected, and what is done for them. Never here: bytes, the rules of a connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Final

from ..console.commands import CommandTable, split_commands, tell_of_job, unaliased
from ..net.levels import CONSOLE, NOTICE
from ..switch.audio.unicast import Unicast, UnicastRefused
from ..switch.events.bus import Header, SwitchEvent
from ..switch.events.channel_data import profile_headers
from ..switch.events.forms import plain_lines
from ..switch.events.names import CUSTOM, KNOWN, PRIVATE
from ..switch.events.sources import HEARTBEAT_INTERVAL
from . import texts
from .control import DONE, UNICAST, command_of, open_unicast, send_message
from .encoding import EncodedEvent
from .framing import Request

if TYPE_CHECKING:
    from ..console.logs import Logs
    from ..switch.calls.channel import Channel
    from ..switch.switch import Switch
    from .link_driver import Link
    from .session import ControlledCall

log = logging.getLogger(__name__)

OWN: Final = frozenset(("event-name", "event-subclass", "core-uuid"))  # not for clients to say
THRESHOLDS: Final = (  # FreeSWITCH's levels 0–7 as the library counts
    CONSOLE,
    55,
    logging.CRITICAL,
    logging.ERROR,
    logging.WARNING,
    NOTICE,
    logging.INFO,
    logging.DEBUG,
)


class Hub:
    """The links of one event socket, inbound and outbound."""

    def __init__(self, switch: Switch, table: CommandTable, logs: Logs | None) -> None:
        """Without ``logs`` no client gets lines of the log."""
        self.switch = switch
        self.links: set[Link] = set()
        self._table = table
        self._logs = logs
        self._subscription = switch.bus.subscribe(self._on_event)
        self._tap: LogTap | None = None
        self._unicasts: dict[str, Unicast] = {}  # by channel
        self._tasks: set[asyncio.Future[Any]] = set()
        self._heartbeat = asyncio.get_running_loop().call_later(HEARTBEAT_INTERVAL, self._beat)

    async def close(self) -> None:
        """Say goodbye to all, once they have heard what there was to hear."""
        self._heartbeat.cancel()
        for link in tuple(self.links):
            link.close("the switch stops")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._subscription.close()
        self._untap()

    def join(self, link: Link) -> None:
        self.links.add(link)

    def leave(self, link: Link) -> None:
        self.links.discard(link)
        self.listen()
        self.tap()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("A task of the event socket failed", exc_info=task.exception())

    # --- events and log -----------------------------------------------------------------------------

    def listen(self) -> None:
        """Have those events made that any link wants."""
        self._subscription.want(frozenset().union(*(link.listens for link in self.links)))

    def _on_event(self, event: SwitchEvent) -> None:
        encoded = EncodedEvent(event)
        for link in self._diverted_to(event) or tuple(self.links):
            link.receive_event(encoded)

    def _diverted_to(self, event: SwitchEvent) -> list[Link]:
        """The programs that have an event of their call to themselves."""
        return [link for link in self.links if link.diverts(event)] if event.name in PRIVATE else []

    def _beat(self) -> None:
        self._heartbeat = asyncio.get_running_loop().call_later(HEARTBEAT_INTERVAL, self._beat)
        if "HEARTBEAT" in self.switch.bus.wanted:
            self.switch.heartbeat(self._logs.idle_cpu() if self._logs is not None else 0.0)

    def tap(self) -> None:
        """Take those lines of the log that any link wants."""
        levels = [link.tap_level for link in self.links if link.tap_level is not None]
        if not levels:
            self._untap()
        elif self._logs is not None:
            if self._tap is None:
                self._tap = LogTap(self, self._logs)
            self._tap.setLevel(THRESHOLDS[max(levels)])
            self._logs.attach(self._tap)

    def _untap(self) -> None:
        if self._tap is not None and self._logs is not None:
            self._logs.detach(self._tap)
            self._tap = None

    def receive_log(self, levelno: int, frame: bytes) -> None:
        for link in tuple(self.links):
            if link.tap_level is not None and levelno >= THRESHOLDS[link.tap_level]:
                link.receive_log(frame)

    # --- commands -----------------------------------------------------------------------------------

    async def run(self, line: str, *, console: bool = False) -> str:
        """A command's body; of several, as the console takes them, one after another."""
        aliases = self.switch.aliases
        commands = [unaliased(each, aliases) for each in split_commands(line)] if console else [line]
        return "".join([await self._run_one(each) for each in commands])

    async def _run_one(self, line: str) -> str:
        name = line.strip().partition(" ")[0]
        if self._table.get(name) is None:
            return f"-ERR {name} Command not found!\n"
        return await self._table.run(self.switch, line)

    async def run_job(self, line: str, uuid: str, call: ControlledCall | None) -> None:
        """Run a command; an event tells of its end, and of the call on whose connection it was asked for."""
        owner = call.uuid if call is not None else ""
        tell_of_job(self.switch.bus, line, uuid, await self.run(line), owner)

    def fire(self, name: str, headers: Iterable[Header], body: str) -> None:
        """An event that a client made up. One whose name nobody knows is a CUSTOM of that subclass."""
        given = list(headers)
        subclass = next((value for key, value in given if key.lower() == "event-subclass"), "")
        kept = [each for each in given if each[0].lower() not in OWN]
        if name not in KNOWN:
            name, subclass = CUSTOM, subclass or name
        self.switch.bus.tell(name, kept, body, subclass if name == CUSTOM else "")

    async def send_message(self, uuid: str, request: Request, *, wait: bool) -> str:
        """``sendmsg``; with ``wait`` the answer comes when the application has ended."""
        channel = self.switch.calls.channels.get(uuid)
        if channel is not None and command_of(request) == UNICAST:
            return await self._unicast(channel, request)
        said = send_message(self.switch.calls, uuid, request)
        if wait and channel is not None and channel.orders is not None:
            await channel.orders.idle.wait()
        return said

    async def _unicast(self, channel: Channel, request: Request) -> str:
        """Exchange audio until the call ends, or until the next ``unicast`` of the same leg."""
        if (before := self._unicasts.pop(channel.uuid, None)) is not None:
            before.close()
        try:
            unicast = self._unicasts[channel.uuid] = await open_unicast(channel, request)
        except UnicastRefused as error:
            return f"-ERR {error}"
        self.spawn(self._until_gone(channel, unicast))
        return DONE

    async def _until_gone(self, channel: Channel, unicast: Unicast) -> None:
        try:
            await channel.gone.wait()
        finally:
            unicast.close()
            if self._unicasts.get(channel.uuid) is unicast:
                del self._unicasts[channel.uuid]

    def variable(self, uuid: str, name: str) -> str:
        return self.switch.channel_variable(uuid, name) or "_undef_"

    def picture(self, call: ControlledCall) -> str:
        """What ``connect`` is answered: a channel's headers, and how it is controlled."""
        picture = self.switch.picture(call.uuid)
        if picture is None:
            return f"Content-Type: command/reply\nReply-Text: -ERR invalid session id [{call.uuid}]\n"
        headers = (
            *picture.headers,
            *profile_headers(self.switch.calls.channels[call.uuid], "Channel"),
            ("Reply-Text", "+OK\n"),
            ("Socket-Mode", "async" if call.asynchronous else "static"),
            ("Control", "full" if call.full else "single-channel"),
        )
        return f"Content-Type: command/reply\n{plain_lines(headers)}"


class LogTap(logging.Handler):
    """Hands lines of the log to the hub, from whichever thread they come."""

    def __init__(self, hub: Hub, logs: Logs) -> None:
        super().__init__()
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self.setFormatter(logs.plain_formatter())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            frame = texts.log_line(
                self.format(record) + "\n",
                next((n for n, least in enumerate(THRESHOLDS) if record.levelno >= least), 7),
                record.filename,
                record.funcName or "",
                record.lineno,
                getattr(record, "uuid", ""),
            )
            self._loop.call_soon_threadsafe(self._hub.receive_log, record.levelno, frame)
        except RuntimeError:
            pass  # the loop is closed: nobody listens any more
        except Exception:
            self.handleError(record)
