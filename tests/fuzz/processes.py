"""Processes that fuzz, so many side by side; each imports the instrumented decoders once.

That takes ten seconds of a processor. Every target then runs in a copy of such a process, which takes none.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .runner import options

ROOT: Final = Path(__file__).parents[2]
START: Final = 180  # seconds that a process may need beside the fuzzing itself

Outcome = tuple[int, str]  # the exit status (0: no law was broken), and what the fuzzer said


class Fuzzers:
    """``jobs`` processes, begun as they are needed; a context manager that ends them."""

    def __init__(self, jobs: int) -> None:
        self._mine = threading.local()
        self._workers: list[Worker] = []
        self._pool = ThreadPoolExecutor(jobs, initializer=self._begin)

    def _begin(self) -> None:
        self._mine.worker = Worker()
        self._workers.append(self._mine.worker)

    def start(self, target: str, directory: Path, *limits: str, seconds: int) -> Future[Outcome]:
        """Fuzz a target as soon as a process is free; ``directory`` gets what it finds."""
        return self._pool.submit(lambda: self._mine.worker.run(target, directory, limits, seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.end()


class Worker:
    """A process that fuzzes one target after another (``runner.serve``)."""

    def __init__(self) -> None:
        self._words = tempfile.TemporaryFile()  # noqa: SIM115  # closed by ``end``
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz", "--serve"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            start_new_session=True,
        )

    def run(self, target: str, directory: Path, limits: tuple[str, ...], seconds: int) -> Outcome:
        """What comes of a target.

        Raises:
            TimeoutError: it did not end when its time was over.
            RuntimeError: the process itself has ended; with its words.
        """
        kept, found, said = (directory / name / target for name in ("kept", "found", "said"))
        for path in (kept, found, said.parent):
            path.mkdir(parents=True, exist_ok=True)
        more = options(target, kept, found, (f"-max_total_time={seconds}", *limits))
        answer = self._ask({"target": target, "options": more, "said": str(said)}, seconds + START)
        return int(answer), said.read_text(errors="replace")

    def _ask(self, order: dict[str, object], patience: float) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], patience)[0]:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise TimeoutError(f"{order['target']} does not end")
        if not (answer := self._process.stdout.readline()):
            self._words.seek(0)
            raise RuntimeError(self._words.read().decode(errors="replace"))
        return answer

    def end(self) -> None:
        """No more targets; the process ends by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._words.close()
