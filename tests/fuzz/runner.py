"""Targets under atheris: coverage guides the bytes. ``processes`` starts it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
CORPUS: Final = HERE / "corpus"
WORDS: Final = HERE / "words"
DECODERS: Final = [  # what coverage is measured of
    "ringthru.portmap.wire",
    "ringthru.portmap.capture",
    "ringthru.portmap.memory.profile_codec",
    "ringthru.portmap.memory.rows",
    "ringthru.portmap.discovery",
    "ringthru.portmap.engine",
    "ringthru.portmap.gateway",
    "ringthru.portmap.mapping",
    "ringthru.net.address",
    "ringthru.net.stun",
    "ringthru.media.sound.tone_script",
    "ringthru.media.sound.wav",
    "ringthru.switch.dialing.dialstring",
    "ringthru.switch.configuration.expand",
    "urllib.parse",
]
LONGEST: Final = {"http_response": 300_000, "http_request": 80_000, "xml": 16384}  # bytes of one input
LONG_ENOUGH: Final = 4096  # … for the others
SLOWEST: Final = 15  # seconds for one input, on a machine that does other things too
MOST_MEMORY: Final = 640  # MiB of the whole process, the instrumented modules included


def options(target: str, kept: Path, found: Path, more: Sequence[str]) -> list[str]:
    """libFuzzer's command line; new inputs that reach new code go to ``kept``, breaking ones to ``found``."""
    words = WORDS / f"{target.partition('_')[0]}.dict"
    return [
        f"-max_len={LONGEST.get(target, LONG_ENOUGH)}",
        f"-timeout={SLOWEST}",
        f"-rss_limit_mb={MOST_MEMORY}",
        f"-artifact_prefix={found}/",
        "-print_final_stats=1",
        *([f"-dict={words}"] if words.exists() else []),
        *more,
        str(kept),
        str(CORPUS / target),
    ]


def serve() -> None:
    """Fuzz as a line of standard input says, each time in a copy of this process, whose exit status is told.

    A line is JSON: the target, libFuzzer's options, and the file for what is said.
    """
    import atheris  # late: only this process is instrumented, and only here it must be installed

    with atheris.instrument_imports(include=DECODERS):
        from .targets import TARGETS
    for line in sys.stdin:
        order = json.loads(line)
        if not (child := os.fork()):
            _hand_over_output(order["said"])
            run = TARGETS[order["target"]]
            atheris.Setup([sys.argv[0], *order["options"]], lambda data: run(bytes(data)))  # noqa: B023
            atheris.Fuzz()  # never returns
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _hand_over_output(path: str) -> None:
    """Let all that this process says, in C too, go to a file, and let it read nothing."""
    descriptors = os.open(os.devnull, os.O_RDONLY), os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptors[0], 0)
    for number in (1, 2):
        os.dup2(descriptors[1], number)
