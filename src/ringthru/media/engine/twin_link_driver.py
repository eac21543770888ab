"""A process beside the switch, as the switch sees it: started, asked, listened to, ended.

Lives here: messages and patience. Never here: what they mean (``twin_driver``, ``coding_driver``).
"""

from __future__ import annotations

import asyncio
import logging
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from .twin_wire import LARGEST, decode, encode

log = logging.getLogger(__name__)

PATIENCE: Final = 2.0  # seconds for an answer, or for room; a process that takes longer is given up
GRACE: Final = 2.0  # seconds that the process has to end by itself


class Link:
    """The process, and the socket to it."""

    def __init__(
        self,
        hear: Callable[[str, list[Any]], None],
        lose: Callable[[], None],
        module: str = "twin_process_driver",
        work: str = "moves the audio",
    ) -> None:
        """``module`` of this package is run, and ``work`` is what it does, for the log.

        Raises:
            OSError: no process can be started.
        """
        self._work = work
        self._hear = hear
        self._lose = lose
        self._asked = 0
        self._unasked = 0  # up to there nobody waits for an answer
        self._answers: dict[int, Any] = {}
        self._told: list[list[Any]] = []
        self._loop = asyncio.get_running_loop()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        command = [sys.executable, "-P", "-m", f"{__package__}.{module}", str(theirs.fileno())]
        try:
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        except OSError:
            self._socket.close()
            raise
        finally:
            theirs.close()
        self.process_number = self._process.pid
        self._alive = True
        self.begun = False
        self._loop.add_reader(self._socket.fileno(), self._on_ready)

    def order(self, *words: Any, descriptors: Sequence[int] = ()) -> None:
        """Send a message, in order; where there is no room for it in time, the process is given up."""
        data, deadline = encode(*words), time.monotonic() + PATIENCE
        while self._alive:
            try:
                socket.send_fds(self._socket, [data], list(descriptors))
                return
            except BlockingIOError:
                if not self._wait(select.POLLOUT, deadline):
                    self._give_up("it takes no orders")
            except OSError as error:
                self._give_up(error.strerror or "it is gone")

    def ask(self, *words: Any) -> Any:
        """Send a message and wait for its answer; None where the process is gone, or not begun yet."""
        self._asked += 1
        serial, deadline = self._asked, time.monotonic() + PATIENCE
        self.order(*words, serial)
        if not self.begun:
            self._unasked = serial
        while self._alive and self.begun and serial not in self._answers:
            if not self._wait(select.POLLIN, deadline):
                self._give_up("it does not answer")
            self._read()
        if self._told:
            self._loop.call_soon(self._tell)  # what came before the answer, but not in the asker's midst
        return self._answers.pop(serial, None)

    def deliver(self) -> None:
        """Hand over frames that came before an answer, at once; events wait for their turn."""
        frames = [each for each in self._told if each[0] == "frames"]
        self._told = [each for each in self._told if each[0] != "frames"]
        for verb, words in frames:
            self._hear(verb, words)

    async def close(self) -> None:
        """Let the process end, or end it."""
        if self._alive:
            self._alive = False
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        deadline = time.monotonic() + GRACE
        while self._process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _wait(self, what: int, deadline: float) -> bool:
        poll = select.poll()
        poll.register(self._socket.fileno(), what)
        return bool(poll.poll(max(deadline - time.monotonic(), 0) * 1000))

    def _on_ready(self) -> None:
        self._read()
        self._tell()

    def _read(self) -> None:
        while self._alive:
            try:
                data = self._socket.recv(LARGEST)
            except BlockingIOError:
                return
            except OSError as error:
                self._give_up(error.strerror or "it is gone")
                return
            if not data:
                self._give_up("it ended")
                return
            verb, *words = decode(data)
            if verb == "begun":
                self.begun = True
            elif verb == "answer" and words[0] > self._unasked:
                self._answers[words[0]] = words[1]
            elif verb == "answer":
                pass  # nobody waited for it
            else:
                self._told.append([verb, words])

    def _tell(self) -> None:
        told, self._told = self._told, []
        for verb, words in told:
            self._hear(verb, words)

    def _give_up(self, why: str) -> None:
        if self._alive:
            self._alive = False
            log.error("The process that %s is lost: %s. New calls get another.", self._work, why)
            self._loop.remove_reader(self._socket.fileno())
            self._process.kill()
            self._process.wait()
            self._loop.call_soon(self._lose)
