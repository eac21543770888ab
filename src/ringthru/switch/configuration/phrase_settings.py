"""The phrases of a tree: ``<macro>``s of its languages, which make sounds of a name and some data.

Lives here: names, types. Never here: what is heard (``audio/phrases``).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Final

from ...net.values import frozen
from .errors import ConfigurationError
from .expressions import compile_expression
from .tree import Element, Tree
from .values import TRUE_WORDS

log = logging.getLogger(__name__)

FUNCTIONS: Final = frozenset(("play-file", "say", "execute", "phrase", "break"))


@frozen
class PhraseAction:
    """One step. ``data`` may name captures (``$1``); ``kind`` and ``method`` are those of ``say``."""

    function: str
    data: str
    kind: str = ""
    method: str = ""


@frozen
class PhraseInput:
    """What follows where the data match an expression, and where not; ``ends``: then nothing further.

    The expression is compiled when it is used: FreeSWITCH's tree has hundreds, and calls use a few.
    """

    pattern: str
    match: tuple[PhraseAction, ...]
    nomatch: tuple[PhraseAction, ...]
    ends: bool


Macro = tuple[PhraseInput, ...]
Phrases = Mapping[str, Mapping[str, Macro]]  # macros by name, by language


def load_phrases(tree: Tree) -> Phrases:
    """The section ``languages`` (or ``phrases``); nothing where there is none."""
    found: dict[str, dict[str, Macro]] = {}
    for section in (tree.section("languages"), tree.section("phrases")):
        for language in _within(section.elements, "language"):
            macros = found.setdefault(language.get("name").strip().lower(), {})
            for macro in _within([language], "macro"):
                macros[macro.get("name").strip().lower()] = tuple(map(_input, macro.all("input")))
    return found


def _within(elements: Iterator[Element] | tuple[Element, ...] | list[Element], tag: str) -> Iterator[Element]:
    """Elements of a tag, however deep they stand: trees of different ages differ in what is around them."""
    for element in elements:
        for child in element.children:
            if child.tag == tag:
                yield child
            else:
                yield from _within([child], tag)


def check_phrases(tree: Tree) -> None:
    """For ``config check``.

    Raises:
        ConfigurationError: a pattern is no regular expression.
    """
    for section in (tree.section("languages"), tree.section("phrases")):
        for element in _within(section.elements, "input"):
            try:
                compile_expression(text := element.get("pattern"))
            except re.error as error:
                message = f"'{text}' is no regular expression: {error}"
                raise ConfigurationError(element.position, message) from error


def _input(element: Element) -> PhraseInput:
    match, nomatch = (_actions(element, tag) for tag in ("match", "nomatch"))
    ends = element.get("break_on_match").lower() in TRUE_WORDS
    return PhraseInput(element.get("pattern"), match, nomatch, ends)


def _actions(element: Element, tag: str) -> tuple[PhraseAction, ...]:
    found = (
        PhraseAction(
            each.get("function").lower(),
            each.get("data"),
            each.get("type").lower(),
            each.get("method").lower(),
        )
        for part in element.all(tag)
        for each in part.all("action")
    )
    return tuple(each for each in found if each.function in FUNCTIONS or _left_out(element, each))


def _left_out(element: Element, action: PhraseAction) -> bool:
    text = "%s: the function '%s' of a phrase is not supported in this version: ignored"
    log.info(text, element.position, action.function, extra={"ignored": action.function})
    return False
