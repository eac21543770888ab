"""Reads the XML that gateways really send: broken in a dozen ways, and perhaps hostile.

A cleaning pass, then expat without namespaces until the first error; what was closed by then is kept.
A salvaged document may yield values or an error code; whether it may yield success is the caller's rule.
"""

from __future__ import annotations

import codecs
import pyexpat
import re
from collections.abc import Iterator
from dataclasses import field
from typing import Final

from ...net.values import record
from ..errors import MalformedMessage

TAG_MISMATCH: Final = pyexpat.errors.codes[pyexpat.errors.XML_ERROR_TAG_MISMATCH]
DEEPEST: Final = 32  # elements within elements
MOST_ELEMENTS: Final = 20_000  # in one document; a table of 2,000 mappings has as many
LONGEST_TEXT: Final = 4096  # characters kept of one element; only a whole table inside an answer is longer
# Neither looks past the next "<": a body of unclosed declarations costs one pass, not one for each of them.
DECLARATION: Final = re.compile(r"<\?xml[^<>]*\?>", re.IGNORECASE)
ENCODING: Final = re.compile(rb"""<\?xml[^<>]*encoding\s*=\s*["']([\w.-]+)["']""", re.IGNORECASE)
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufeff\ufffe\uffff\ud800-\udfff]")
BARE_AMPERSAND: Final = re.compile(r"&(?!(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|lt|gt|amp|quot|apos);)")
TAG_NAME: Final = re.compile(r"</?[A-Za-z_][\w:.-]*")
GLUED_XMLNS: Final = re.compile(r"<([A-Za-z_][\w:.-]*?)xmlns(:\w+)?=")  # <UPnPErrorxmlns="…">


@record
class Element:
    """An element by its local name, in whatever case; ``closed`` tells whether its end tag came."""

    name: str  # as it was sent
    key: str  # in small letters: what it is found by
    text: str = ""
    children: list[Element] = field(default_factory=list)
    closed: bool = False

    def all(self, name: str) -> Iterator[Element]:
        """Every *closed* element of that name in here, in document order."""
        return self._all(name.lower())

    def _all(self, key: str) -> Iterator[Element]:
        if self.closed and self.key == key:
            yield self
        for child in self.children:
            yield from child._all(key)

    def first(self, name: str) -> Element | None:
        return next(self.all(name), None)

    def value(self, name: str) -> str:
        """The stripped text of the first closed element of that name; empty when there is none."""
        found = self.first(name)
        return "" if found is None else found.text.strip()

    def child_value(self, name: str) -> str:
        """As ``value``, among the direct children only."""
        key = name.lower()
        return next((c.text.strip() for c in self.children if c.closed and c.key == key), "")


def salvage(data: bytes, longest_text: int = LONGEST_TEXT) -> Element:
    """Read as much as there is; of each element ``longest_text`` characters are kept, or a few more.

    Raises:
        MalformedMessage: no element at all, a document type declaration (entity bombs live there), more
            than 32 elements deep, or more than 20,000 of them.
    """
    cleaned = clean(data)
    builder, error = _built(cleaned, longest_text)
    if error is not None and error.code == TAG_MISMATCH and (folded := _folded(cleaned)) != cleaned:
        builder, error = _built(folded, longest_text)
    if builder.root is None:
        raise MalformedMessage(f"not XML: {error or 'no element'}") from error
    return builder.root


def _built(cleaned: bytes, longest_text: int) -> tuple[_Builder, pyexpat.ExpatError | None]:
    """What was read until the end, or until the error."""
    builder = _Builder(longest_text)
    parser = pyexpat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(cleaned, True)
    except pyexpat.ExpatError as error:
        return builder, error
    return builder, None


def _folded(cleaned: bytes) -> bytes:
    """With all tags in small letters: some end an element in another case than it began."""
    return TAG_NAME.sub(lambda tag: tag[0].lower(), cleaned.decode("utf-8")).encode("utf-8")


def clean(data: bytes) -> bytes:
    """The document in UTF-8 without what expat would stumble over for no good reason."""
    text = CONTROLS.sub("", DECLARATION.sub("", _decode(data)))
    text = GLUED_XMLNS.sub(r"<\1 xmlns\2=", BARE_AMPERSAND.sub("&amp;", text))
    return text.strip().encode("utf-8")


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = ENCODING.search(data[:256])
    name = declared[1].decode("ascii").lower() if declared else ""
    return data.decode("cp1252" if name == "windows-1252" else "latin-1", "replace")


class _Builder:
    """Collects what expat reports."""

    def __init__(self, longest_text: int) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._longest_text = longest_text
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            raise MalformedMessage(f"XML more than {DEEPEST} elements deep")
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise MalformedMessage(f"XML of more than {MOST_ELEMENTS} elements")
        local = name.rpartition(":")[2]
        element = Element(local, local.lower())
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, name: str) -> None:
        self._open.pop().closed = True

    def text(self, data: str) -> None:
        if self._open and len(self._open[-1].text) < self._longest_text:
            self._open[-1].text += data[: self._longest_text]

    def doctype(self, *details: object) -> None:
        raise MalformedMessage("XML with a document type declaration")
