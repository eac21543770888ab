"""The configuration as a tree of elements, each of which knows the file and line it stands on.

Lives here: XML to elements, sections, parameters. Never here: what a parameter means.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Final
from xml.parsers import expat

from ...net.values import frozen, record
from .errors import ConfigurationError, Note, Position
from .preprocess import FlatDocument, Run, preprocess

log = logging.getLogger(__name__)

ROOT_FILE: Final = "freeswitch.xml"
INVALID_TOKEN: Final = expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]
MISMATCH: Final = expat.errors.codes[expat.errors.XML_ERROR_TAG_MISMATCH]
# FreeSWITCH's reader ends a comment at the first "-->" and knows no other rule; XML forbids "--" inside one.
COMMENT: Final = re.compile(r"<!\[CDATA\[.*?\]\]>|<!--.*?(?:-->|\Z)", re.DOTALL)
BARE_AMPERSAND: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#[xX][0-9a-fA-F]+);)")


@record
class Element:
    """One XML element. ``text`` is its own character data, stripped."""

    tag: str
    attributes: dict[str, str]
    position: Position
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def all(self, tag: str) -> list[Element]:
        """The children with this tag."""
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str, name: str | None = None) -> Element | None:
        """The first child with this tag (and this ``name`` attribute, whatever its case)."""
        for child in self.all(tag):
            if name is None or child.get("name").lower() == name.lower():
                return child
        return None

    def inside(self, group: str, tag: str) -> list[Element]:
        """The ``tag`` children of every ``group`` child: ``inside("settings", "param")``."""
        return [child for parent in self.all(group) for child in parent.all(tag)]

    def named_values(self, group: str, tag: str) -> dict[str, str]:
        """``name`` to ``value`` of ``<group><tag name= value=/></group>``; the last of a name holds."""
        return {
            child.get("name"): child.get("value") for child in self.inside(group, tag) if child.get("name")
        }


@frozen
class Section:
    """All ``<section name=…>`` elements of one name, seen as one."""

    name: str
    elements: tuple[Element, ...]

    def all(self, tag: str) -> list[Element]:
        return [child for element in self.elements for child in element.all(tag)]

    def configuration(self, name: str) -> Element | None:
        """The first ``<configuration name=…>``, ``acl.conf`` for instance; None when there is none."""
        found = (child for child in self.all("configuration") if child.get("name").lower() == name.lower())
        return next(found, None)


@frozen
class Tree:
    """The whole document. Sections we do not know are kept and never complained about."""

    root: Element

    def section(self, name: str) -> Section:
        """A section by name; an empty one when the document has none."""
        found = [each for each in self.root.all("section") if each.get("name").lower() == name.lower()]
        return Section(name, tuple(found))

    @property
    def sections(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.get("name") for each in self.root.all("section")))

    def configuration(self, name: str) -> Element | None:
        return self.section("configuration").configuration(name)


@frozen
class LoadedConfiguration:
    """What a configuration directory came to."""

    tree: Tree
    variables: dict[str, str]  # the global variables after reading, those handed in included
    notes: tuple[Note, ...]
    names: frozenset[str] = frozenset()  # of the global variables that its files ask for

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(str(note) for note in self.notes if note.level >= logging.WARNING)


def load_tree(
    conf_dir: Path,
    variables: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    run: Run | None = None,
) -> LoadedConfiguration:
    """Read ``freeswitch.xml`` of a directory. ``warnings`` of the result are for the caller to log.

    Args:
        variables: the built-in global variables; ``conf_dir`` is added when it is missing.
        environment: what ``env-set`` reads; the process's own when None.
        run: what runs the commands of ``exec`` and ``exec-set``; None: nothing does.

    Raises:
        ConfigurationError: there is no such file, or it is not XML; names file and line.
    """
    path = conf_dir / ROOT_FILE
    if not path.is_file():
        remedy = f"'ringthru config new DIR' writes one; -conf names the directory that holds {ROOT_FILE}"
        raise ConfigurationError(Position(path, 0), "no configuration found: the file does not exist", remedy)
    known = {"conf_dir": str(conf_dir), **variables}
    flat = preprocess(path, known, os.environ if environment is None else environment, run)
    for note in flat.notes:
        if note.level < logging.WARNING:
            log.log(note.level, "%s", note)
    return LoadedConfiguration(parse(flat, path), flat.variables, flat.notes, flat.names)


def parse(flat: FlatDocument, path: Path) -> Tree:
    """Elements of a flat document.

    Raises:
        ConfigurationError: not well-formed, or a document type declaration (never needed, and a way to
            make a small file enormous).
    """
    builder = _Builder(flat, path)
    text = BARE_AMPERSAND.sub("&amp;", COMMENT.sub(_blank, flat.text))
    try:
        builder.parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise builder.blamed(error) from error
    assert builder.root is not None  # expat refuses a document without an element
    return Tree(builder.root)


def _blank(match: re.Match[str]) -> str:
    """A comment leaves only its line breaks, so that the lines after it keep their numbers."""
    return match[0] if match[0].startswith("<![") else "\n" * match[0].count("\n")


class _Builder:
    def __init__(self, flat: FlatDocument, path: Path) -> None:
        self._flat = flat
        self._path = path
        self.root: Element | None = None
        self.open: list[Element] = []
        self._texts: list[list[str]] = []
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype

    def position(self, line: int) -> Position:
        positions = self._flat.positions
        return positions[min(line, len(positions)) - 1] if positions and line > 0 else Position(self._path, 0)

    def blamed(self, error: expat.ExpatError) -> ConfigurationError:
        """What is wrong, and where: the end of the file that opened an element and left it open, else the
        line where the reader gave up.
        """
        here, last = self.position(error.lineno), self.open[-1] if self.open else None
        if error.code == MISMATCH and last is not None and last.position.path != here.path:
            message = f"not well-formed XML: the file ends without </{last.tag}>"
            return ConfigurationError(last.position, message, f"close the <{last.tag}> that begins here")
        hint = "inside an attribute < is written &lt;" if error.code == INVALID_TOKEN else ""
        if not hint and last is not None:
            hint = f"still open: <{last.tag}> of {last.position}"
        return ConfigurationError(here, f"not well-formed XML: {expat.ErrorString(error.code)}", hint)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, attributes, self.position(self.parser.CurrentLineNumber))
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)
        self._texts.append([])

    def _end(self, tag: str) -> None:
        self.open.pop().text = "".join(self._texts.pop()).strip()

    def _characters(self, data: str) -> None:
        self._texts[-1].append(data)

    def _doctype(self, *_: object) -> None:
        position = self.position(self.parser.CurrentLineNumber)
        raise ConfigurationError(position, "a <!DOCTYPE> is not allowed here", "remove it")
