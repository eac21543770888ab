"""Says aloud that nothing was fuzzed."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [
        each for each in terminalreporter.stats.get("skipped", []) if "atheris is not" in str(each.longrepr)
    ]
    if skipped:
        terminalreporter.write_line(
            f"!!! {len(skipped)} DECODERS WERE NOT FUZZED: atheris is not installed !!!", red=True, bold=True
        )
