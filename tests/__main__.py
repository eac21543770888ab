"""``python -m tests``: every test, in runs beside each other.

The tests against real programs mostly wait, in namespaces of their own, and several of their files can go on
at the same time. All others share this machine's loopback addresses, and run one after another; as root,
those of port mapping and the fuzzers have a network of their own, and go on beside the rest. What the runs
beside had to say is shown at the end.
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO

SOURCE = Path("src")
REAL = Path("tests/interop")
AT_ONCE = 3  # files of real programs
APART = (Path("tests/portmap"), Path("tests/fuzz"))
OWN_NETWORK = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


class Beside:
    """A run of pytest beside the others, which is not heard until it is over."""

    def __init__(self, what: str, command: list[str], said: IO[bytes]) -> None:
        self._what = what
        self._said = said
        self._process = subprocess.Popen(command, stdout=said, stderr=said)

    def end(self) -> int:
        """Wait for it; its exit status."""
        return self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def tell(self) -> None:
        self._said.seek(0)
        print(f"\nBeside them, {self._what}:", flush=True)
        sys.stdout.buffer.write(self._said.read())
        sys.stdout.flush()


def main() -> int:
    # Here once: where PYTHONDONTWRITEBYTECODE is set, each switch that a test starts would compile all of it.
    compileall.compile_dir(str(SOURCE), quiet=1)
    pytest = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    apart = [str(each) for each in APART]
    beside = [str(REAL)]
    commands = {str(REAL): [*pytest, "-n", str(AT_ONCE), "--dist", "loadfile", str(REAL)]}
    if os.geteuid() == 0 and shutil.which("unshare") and shutil.which("ip"):
        beside += apart
        commands[" and ".join(apart)] = [*OWN_NETWORK, *pytest, *apart]
    with ExitStack() as stack:
        runs = []
        for what, command in commands.items():
            run = Beside(what, command, stack.enter_context(tempfile.TemporaryFile()))
            stack.callback(run.kill)
            runs.append(run)
        status = subprocess.call([*pytest, *(f"--ignore={what}" for what in beside)])
        statuses = [run.end() for run in runs]
        for run in runs:
            run.tell()
    return max(status, *statuses)


if __name__ == "__main__":
    sys.exit(main())
