"""Which sources the engine in C was built from, and whether they are those that lie here.

An editable installation keeps the last extension that could be built, whatever became of the sources since.
An installed package has no sources beside it, and nothing to compare.

Lives here: their digest, for ``setup.py`` too, which runs this file alone. Never here: loading the engine.
"""

from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("native")


def digest(folder: Path = FOLDER) -> str:
    """Of all C in the folder, names included; empty where there is none."""
    sources = sorted([*folder.glob("*.c"), *folder.glob("*.h")])
    if not sources:
        return ""
    found = sha256()
    for each in sources:
        found.update(f"{each.name}\0{each.stat().st_size}\0".encode() + each.read_bytes())
    return found.hexdigest()[:16]


def is_stale(built_from: str) -> bool:
    """Whether an extension of that digest is older, or newer, than what lies here."""
    here = digest()
    return bool(here) and here != built_from
