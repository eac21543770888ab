"""The headers of a message, in order and raw (RFC 3261 §7.3).

Lives here: finding, adding, replacing and removing header rows.
Never here: what a value means.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .grammar import split_list
from .names import LIST_HEADERS, SPELLED, canonical


class HeaderList:
    """(canonical name, raw value) pairs. Change them through the methods only.

    ``_typed`` belongs to the subclass: what it has read from the pairs under a name (or the
    name and an s, for lists), dropped when a header of that name changes.
    """

    __slots__ = ("_first", "_typed", "headers")

    def __init__(self, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.headers: list[tuple[str, str]] = (
            [(SPELLED.get(name) or canonical(name), value) for name, value in headers] if headers else []
        )
        self._first: dict[str, str] | None = None
        self._typed: dict[str, Any] = {}

    def get(self, name: str) -> str | None:
        """The raw value of the first header of that name, long or compact, any case."""
        first = self._first or self._index()
        value = first.get(name)
        if value is not None or SPELLED.get(name) == name:  # as the pairs are spelled
            return value
        name = canonical(name)
        if name in first or name in SPELLED:
            return first.get(name)
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    def get_all(self, name: str) -> list[str]:
        """Every value of that name; list headers are cut at their commas.

        Raises:
            MalformedMessage: an unclosed quote or bracket in a list header.
        """
        if SPELLED.get(name) == name and name not in (self._first or self._index()):
            return []
        name = canonical(name)
        values = self._rows(name)
        if name not in LIST_HEADERS:
            return values
        return [element for value in values for element in split_list(value)]

    def add(self, name: str, value: str) -> None:
        """Append a header at the end."""
        name = canonical(name)
        self.headers.append((name, value))
        self._changed(name)

    def prepend(self, name: str, value: str) -> None:
        """Put a header before all others (a Via, a Route)."""
        name = canonical(name)
        self.headers.insert(0, (name, value))
        self._changed(name)

    def set(self, name: str, value: str) -> None:
        """Replace every header of that name by one, in the place of the first, else at the end."""
        name = canonical(name)
        place = next((i for i, (each, _) in enumerate(self.headers) if _same(each, name)), len(self.headers))
        self.remove(name)
        self.headers.insert(place, (name, value))

    def remove(self, name: str) -> None:
        """Remove every header of that name."""
        name = canonical(name)
        self.headers = [pair for pair in self.headers if not _same(pair[0], name)]
        self._changed(name)

    def replace_top(self, name: str, value: str) -> None:
        """Replace the first element of a list header (the top Via), and leave the others alone."""
        name = canonical(name)
        for place, (each, old) in enumerate(self.headers):
            if each == name:
                self.headers[place] = (name, ", ".join([value, *split_list(old)[1:]]))
                break
        self._changed(name)

    def _index(self) -> dict[str, str]:
        """The first value of each name, built once per change."""
        if self._first is None:
            self._first = dict(reversed(self.headers))
        return self._first

    def _rows(self, name: str) -> list[str]:
        if name in SPELLED:  # a canonical name, and so are those of the pairs
            return [value for each, value in self.headers if each == name]
        return [value for each, value in self.headers if _same(each, name)]

    def _changed(self, name: str) -> None:
        self._first = None
        self._typed.pop(name, None)
        self._typed.pop(name + "s", None)


def _same(one: str, other: str) -> bool:
    return one == other or one.lower() == other.lower()
