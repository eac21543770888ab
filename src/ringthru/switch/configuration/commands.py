"""Running the commands that a configuration tree names, where ``-allowexec`` lets it.

Lives here: the shell, its time, how much of its output counts. Never here: whether it may.
"""

from __future__ import annotations

from typing import Final

# What we chose: a start must end, whatever a tree asks for
LONGEST_RUN: Final = 10.0  # seconds
MOST_OUTPUT: Final = 1 << 20  # characters


def run_command(line: str) -> str:
    """What a line of the shell prints.

    Raises:
        ValueError: it cannot be run, took too long, printed too much, or ended with another status than 0.
    """
    import subprocess  # with the first command only

    argv = ["/bin/sh", "-c", line]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_RUN, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"it took more than {LONGEST_RUN:.0f} s") from error
    except (OSError, ValueError) as error:
        raise ValueError(str(error)) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[:200]
        raise ValueError(f"exit status {done.returncode}" + (f", {said}" if said else ""))
    if len(done.stdout) > MOST_OUTPUT:
        raise ValueError(f"it printed more than {MOST_OUTPUT} bytes")
    return done.stdout.decode("utf-8", "replace")
