"""The answers of ``show``: rows as csv, with another delimiter, as XML or as JSON (FreeSWITCH's layouts).

Lives here: the layouts.
Never here: which rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..net.values import frozen
from .text import visible


@frozen
class Table:
    """Named columns and their rows, everything text already."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def like(self, text: str) -> Table:
        """The rows that have it in any cell, whatever its case."""
        folded = text.strip("%").lower()
        rows = (row for row in self.rows if any(folded in cell.lower() for cell in row))
        return Table(self.columns, tuple(rows))

    def as_text(self, delimiter: str = ",") -> str:
        """A header only when there are rows, then an empty line and ``N total.``."""
        head = Table(self.columns, (self.columns,)).lines(delimiter) if self.rows else ""
        return f"{head}{self.lines(delimiter)}\n{len(self.rows)} total.\n"

    def lines(self, delimiter: str = ",") -> str:
        """The rows alone."""
        return "".join(delimiter.join(_cell(cell, delimiter) for cell in row) + "\n" for row in self.rows)

    def as_xml(self) -> str:
        if not self.rows:
            return '<result row_count="0"/>\n'
        rows = "".join(self._xml_row(number, row) for number, row in enumerate(self.rows, 1))
        return f'<result row_count="{len(self.rows)}">\n{rows}</result>\n'

    def _xml_row(self, number: int, row: tuple[str, ...]) -> str:
        cells = "".join(
            f"    <{column}>{xml_text(cell)}</{column}>\n"
            for column, cell in zip(self.columns, row, strict=True)
        )
        return f'  <row row_id="{number}">\n{cells}  </row>\n'

    def as_json(self, *, counted: bool = False) -> str:
        """Values are strings; FreeSWITCH writes a blank after the colon only when there is no row.

        ``counted``: the number alone; FreeSWITCH has an empty list beside it.
        """
        if not self.rows:
            return '{"row_count": 0}\n'
        rows = [] if counted else [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return json.dumps({"row_count": len(self.rows), "rows": rows}, separators=(",", ":"))

    def in_format(self, words: Sequence[str]) -> str:
        """What follows the table's name: nothing, ``count``, or ``as csv|delim X|xml|json``."""
        match [word.lower() for word in words[:2]]:
            case ["count", "as"] if words[2:] and words[2].lower() == "xml":
                return f'<result row_count="{len(self.rows)}"/>\n'
            case ["count"]:
                return f"\n{len(self.rows)} total.\n"
            case ["count", "as"] if words[2:] and words[2].lower() == "json":
                return self.as_json(counted=True)
            case ["as", "xml"]:
                return self.as_xml()
            case ["as", "json"]:
                return self.as_json()
            case ["as", "delim"]:
                return self.as_text(words[2] if len(words) > 2 else ",")
            case ["as", other] if other != "csv":
                return f"-ERR Cannot find format {visible(words[1])}\n"
        return self.as_text()


def xml_text(text: str) -> str:
    """Ours, because the standard library's ``escape`` costs 25 ms of the start: it imports a web client."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cell(text: str, delimiter: str) -> str:
    """A cell that holds the delimiter is quoted, so that a row keeps its number of columns."""
    text = visible(text)
    if delimiter not in text:
        return text
    return '"' + text.replace('"', '""') + '"'
