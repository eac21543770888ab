"""Draw what these pages say of the code, from the code: ``python docs/draw.py``.

A drawn part of a page stands between ``<!-- drawn: NAME -->`` and ``<!-- end -->``; never edit it by hand.
A test draws all of it again, and fails where a page says something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import draw_calls
import draw_commands
import draw_doctor
import draw_event_socket
import draw_lab
import draw_machines
import draw_metrics
import draw_reference
import draw_sip
import draw_web

DOCS = Path(__file__).parent
PART = re.compile(r"(<!-- drawn: ([\w. -]+) -->\n).*?(<!-- end -->)", re.DOTALL)
PARTS: dict[str, Callable[[], str]] = {
    **draw_reference.PARTS,
    **draw_metrics.PARTS,
    **draw_lab.PARTS,
    **draw_machines.PARTS,
    **draw_sip.PARTS,
    **draw_calls.PARTS,
    **draw_event_socket.PARTS,
    **draw_commands.PARTS,
    **draw_doctor.PARTS,
    **draw_web.PARTS,
}


def pages() -> list[Path]:
    return sorted((DOCS / "reference").glob("*.md")) + sorted((DOCS / "internals").glob("*.md"))


def drawn(text: str) -> str:
    """The page with every drawn part as the code is now.

    Raises:
        KeyError: a part that nobody can draw.
    """
    return PART.sub(lambda found: f"{found[1]}{PARTS[found[2]]().strip()}\n{found[3]}", text)


def main() -> None:
    for page in pages():
        before = page.read_text()
        after = drawn(before)
        if after != before:
            page.write_text(after)
            print(f"drew {page.relative_to(DOCS)}")


if __name__ == "__main__":
    main()
