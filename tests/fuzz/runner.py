"""One target in this process, under atheris: coverage guides the bytes. Never returns; see ``__main__``."""

from __future__ import annotations

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


def fuzz(target: str, arguments: Sequence[str]) -> None:
    """Try bytes on a target until libFuzzer ends the process: with 0, or with a broken law."""
    import atheris  # late: only this process is instrumented, and only here it must be installed

    with atheris.instrument_imports(include=DECODERS):
        from .targets import TARGETS

        run = TARGETS[target]
    atheris.Setup([sys.argv[0], *arguments], lambda data: run(bytes(data)))
    atheris.Fuzz()
