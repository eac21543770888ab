"""``capture``: every SIP message to a capture server (Homer, sngrep …), with the addresses that peers see.

Of our own side that is the one which the gateway gives us, so that a call's messages and its audio are found
together though a NAT stands between. Packets are made and sent by a thread.

Lives here: the setting, who is sent what. Never here: the packet, which is ``sip.hep``.
"""

from __future__ import annotations

import logging
import re
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from ...net.address import Endpoint
from ...net.values import frozen
from ...sip import Flow
from ...sip.wire.hep import HepPacket
from ..beside import Beside
from .tracing import watch, without_keys

if TYPE_CHECKING:
    from ..configuration import Tree
    from .profile import Profile

log = logging.getLogger(__name__)

PATIENCE: Final = 1.0  # seconds that a stop waits for what is still to be sent
MOST_WAITING: Final = 2_000  # messages
CALL_ID: Final = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)
FORM: Final = "udp:HOST:PORT;hep=3;capture_id=NUMBER"


@frozen
class CaptureServer:
    """Where captured messages go."""

    host: str
    port: int
    capture_id: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``udp:192.0.2.1:9060;hep=3;capture_id=100``.

        Raises:
            ValueError: another form, or a HEP that is not 3; the message says what is allowed.
        """
        place, *options = (each.strip() for each in text.split(";"))
        given = dict(option.partition("=")[::2] for option in options if option)
        found = re.fullmatch(r"udp:\[?([^\]]+)\]?:(\d{1,5})", place, re.IGNORECASE)
        number = given.get("capture_id", "0")
        if found is None or not 0 < int(found[2]) < 65536 or given.get("hep", "3") != "3":
            raise ValueError(FORM)
        if not number.isdecimal() or int(number) >= 1 << 32:
            raise ValueError(FORM)
        return cls(found[1], int(found[2]), int(number))


def server_of(tree: Tree) -> CaptureServer | None:
    """``capture-server`` of sofia.conf's global_settings; None where there is none that can be meant."""
    element = tree.configuration("sofia.conf")
    text = (
        "" if element is None else element.named_values("global_settings", "param").get("capture-server", "")
    )
    if element is None or not text:
        return None
    try:
        return CaptureServer.parse(text)
    except ValueError as error:
        log.error("%s: capture-server '%s' is ignored: it must be %s", element.position, text, error)
        return None


class Capturer:
    """Sends messages to one server. What it cannot send is counted in ``lost``, and said once."""

    def __init__(self, server: CaptureServer) -> None:
        self.server = server
        self.failures = 0
        self._beside = Beside("captured messages", MOST_WAITING)
        self._socket: socket.socket | None = None

    @property
    def lost(self) -> int:
        return self.failures + self._beside.lost

    def trace(self, profile: Profile, way: str, data: bytes, flow: Flow) -> None:
        """Take one message; ``way`` is ``recv`` or ``send``. It returns at once."""
        ours, now = profile.seen_by(flow.remote.host, flow.transport).signalling, time.time()
        self._beside.put(lambda: self._send(way, data, flow, ours, now))

    def close(self) -> None:
        """Send what waits; blocks for a second at most."""
        self._beside.close(PATIENCE)
        if self._socket is not None:
            self._socket.close()

    # --- in the thread ------------------------------------------------------------------------------

    def _send(self, way: str, data: bytes, flow: Flow, ours: Endpoint, now: float) -> None:
        ends = (flow.remote, ours) if way == "recv" else (ours, flow.remote)
        found = CALL_ID.search(data)
        try:
            packet = HepPacket(
                flow.transport,
                *ends,
                int(now),
                int(now % 1 * 1e6),
                without_keys(data),
                self.server.capture_id,
                found[1].decode("utf-8", "replace").strip() if found else "",
            )
            self._open().send(packet.encode())
        except (OSError, ValueError) as error:
            self.failures += 1
            if self.failures == 1:
                text = "Captured messages do not reach %s:%d: %s; calls go on"
                log.warning(text, self.server.host, self.server.port, error)

    def _open(self) -> socket.socket:
        """A socket to the server; its name is looked up once.

        Raises:
            OSError: it has no address.
        """
        if self._socket is None:
            where = (self.server.host, self.server.port)
            family, kind, number, _, address = socket.getaddrinfo(*where, type=socket.SOCK_DGRAM)[0]
            opened = socket.socket(family, kind, number)
            opened.setblocking(False)
            opened.connect(address)
            self._socket = opened
        return self._socket


class Captures:
    """Which profiles are captured: those that say so (``sip-capture``), and those that somebody asked for."""

    def __init__(self, tree: Callable[[], Tree]) -> None:
        """``tree`` is the configuration in force; the server is read when it is first needed."""
        self._tree = tree
        self._capturer: Capturer | None = None
        self._all = False  # profiles that are opened later, too

    def turn(self, on: bool, profiles: Iterable[Profile], *, for_all: bool) -> bool:
        """Capture these from now on, or no longer; False: there is no server to send them to."""
        capturer = self._server() if on else None
        if on and capturer is None:
            log.error("Nothing is captured: sofia.conf has no capture-server in its global_settings")
            return False
        if for_all:
            self._all = on
        for each in profiles:
            watch(each, "capture", partial(capturer.trace, each) if capturer is not None else None)
        return True

    def opened(self, profile: Profile) -> None:
        """A profile has begun to serve."""
        if self._all or profile.settings.sip_capture:
            self.turn(True, (profile,), for_all=False)

    def close(self) -> None:
        """Send what waits; blocks for a second at most."""
        if self._capturer is not None:
            self._capturer.close()

    def _server(self) -> Capturer | None:
        if self._capturer is None and (server := server_of(self._tree())) is not None:
            self._capturer = Capturer(server)
        return self._capturer
