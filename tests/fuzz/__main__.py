"""Fuzz the decoders: ``python -m tests.fuzz [TARGET …] [-k PART] [--seconds N] [--jobs N]``.

Each target runs in a process of its own. What breaks a law is kept in ``.fuzz/found``, and
``python -m tests.fuzz TARGET --input FILE`` tries it again. Inputs that reached new code are kept in
``.fuzz/kept`` and used the next time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from .runner import CORPUS, fuzz, options

ROOT: Final = Path(__file__).parents[2]
START: Final = 180  # seconds that a process may need beside the fuzzing itself
NAMES: Final = tuple(sorted(path.name for path in CORPUS.iterdir()))


def run(target: str, directory: Path, *limits: str, seconds: int) -> tuple[int, str]:
    """Fuzz one target in a process of its own; its exit code (0: no law was broken), and what it said."""
    kept, found = directory / "kept" / target, directory / "found" / target
    for path in (kept, found):
        path.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.fuzz", "--in-here", target]
    command += ["--", *options(target, kept, found, (f"-max_total_time={seconds}", *limits))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds + START,
        check=False,
    )
    return ended.returncode, ended.stdout.decode(errors="replace")


def last_words(said: str) -> str:
    """What of a fuzzer's many lines tells how it went."""
    told = [line for line in said.splitlines() if line.startswith("stat::") or "DONE" in line]
    return " ".join(" ".join(line.split()) for line in told[:3])


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--in-here"]:
        fuzz(arguments[1], arguments[3:])
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the decoders.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"all, or some of: {', '.join(NAMES)}")
    parser.add_argument("-k", dest="part", default="", help="only those with this in their name")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--input", type=Path, help="try this one input only")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.targets) - set(NAMES):
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    targets = [each for each in asked.targets or NAMES if asked.part in each]
    if not targets:
        parser.error(f"no target has {asked.part!r} in its name: there are {', '.join(NAMES)}")
    if asked.input is not None:
        from .targets import TARGETS

        for target in targets:
            TARGETS[target](asked.input.read_bytes())
        return 0
    with ThreadPoolExecutor(asked.jobs) as pool:
        runs = [pool.submit(run, each, ROOT / ".fuzz", seconds=asked.seconds) for each in targets]
        broken = 0
        for target, each in zip(targets, runs, strict=True):
            code, said = each.result()
            broken += code != 0
            print(f"{target:20} {'ok' if code == 0 else 'BROKEN'}  {last_words(said)}", flush=True)
            if code != 0:
                print(said[-4000:])
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
