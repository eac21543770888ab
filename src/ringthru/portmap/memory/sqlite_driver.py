"""SQLite as Python binds it, without what ``sqlite3`` puts around it: adapters for dates.

With them comes ``datetime``: as much time as all the rest, in which somebody waits for a port (2 of 5 ms).
What we store are numbers, texts and bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        import _sqlite3 as sqlite3
    except ImportError:  # another Python than CPython
        import sqlite3

__all__ = ["sqlite3"]
