"""Work that waits for a disk or another machine, done by a thread of its own beside the calls.

Lives here: the bounded queue, and the thread. Never here: what is done.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

Job = Callable[[], None]
MOST_WAITING: Final = 5_000  # jobs; a disk that hangs costs this much memory, and no call


class Beside:
    """Does jobs in the order they came. What finds the queue full is counted in ``lost``, and said once.

    The thread begins with the first job: who has nothing to do pays nothing.
    """

    def __init__(self, name: str, most: int = MOST_WAITING, fate: str = "are lost") -> None:
        """``name`` says what is done, and ``fate`` what becomes of what is not, for the log."""
        self.lost = 0  # jobs
        self._name = name
        self._fate = fate
        self._jobs: queue.Queue[Job | None] = queue.Queue(most)
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, job: Job) -> bool:
        """Have it done soon; False: too much waits already, or it is closed."""
        if self._closed:
            return False
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            if not self.lost:
                text = "%s: %d wait already; more %s until they are done"
                log.error(text, self._name, self._jobs.maxsize, self._fate)
            self.lost += 1
            return False
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        return True

    def close(self, patience: float) -> None:
        """Do what waits, for ``patience`` seconds at most; blocks for so long. Safe to call twice."""
        self._closed = True
        if self._thread is None:
            return
        try:
            self._jobs.put(None, timeout=patience)
            self._thread.join(patience)
        except queue.Full:
            pass  # said below
        if self._thread.is_alive():
            text = "%s: given up after %g s; %d %s"
            log.error(text, self._name, patience, self._jobs.qsize(), self._fate)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                log.exception("%s: one failed", self._name)
