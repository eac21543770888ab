"""``python -m tests``: every test, in two runs beside each other.

The tests against real programs mostly wait, in namespaces of their own, and several of their files can go on
at the same time. All others share this machine's loopback addresses, and run one after another. What the
first have to say is shown at the end.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

REAL = Path("tests/interop")
AT_ONCE = 3  # files of real programs


def main() -> int:
    pytest = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    with tempfile.TemporaryFile() as said:
        beside = subprocess.Popen(
            [*pytest, "-n", str(AT_ONCE), "--dist", "loadfile", str(REAL)], stdout=said, stderr=said
        )
        try:
            status = subprocess.call([*pytest, f"--ignore={REAL}"])
            other = beside.wait()
        finally:
            beside.kill()
            beside.wait()
        said.seek(0)
        print(f"\nAgainst real programs ({REAL}):", flush=True)
        sys.stdout.buffer.write(said.read())
        sys.stdout.flush()
    return max(status, other)


if __name__ == "__main__":
    sys.exit(main())
