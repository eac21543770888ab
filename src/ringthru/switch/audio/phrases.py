"""Phrases: sounds in a row, made of a macro of the tree, or of a number that is said.

``phrase:NAME:DATA``, or ``phrase:NAME,DATA``, is what stands in a tree. Numbers are said in English, by
sounds under FreeSWITCH's names (``digits/7.wav``, ``digits/hundred.wav``, ``ascii/97.wav``).

Lives here: from names and numbers to names of sounds. Never here: files, who hears them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ...media import BadSound
from ..configuration.expressions import compile_expression, fill_captures
from ..configuration.phrase_settings import Macro, PhraseAction, Phrases

PREFIX: Final = "phrase:"
USUAL: Final = "en"
DEEPEST: Final = 8  # phrases within phrases
MOST: Final = 500  # sounds of one
LARGEST: Final = 20  # spoken as one word
LONGEST_NUMBER: Final = 9  # digits of a number that is said as one
QUANTITIES: Final = ("number", "items", "persons", "messages")
SCALES: Final = ((1_000_000, "million"), (1_000, "thousand"))
KEYS: Final = {"*": "star", "#": "pound"}
SLEEP: Final = re.compile(r"sleep\((\d{1,6})\)")  # milliseconds


def parts_of_phrase(text: str, phrases: Phrases, language: str = "") -> list[str]:
    """The sounds of ``phrase:…``.

    Raises:
        BadSound: there is no such macro, or it has no end.
    """
    name, _, data = text.removeprefix(PREFIX).replace(",", ":", 1).partition(":")
    found: list[str] = []
    for each in _said(name, data, phrases, (language or USUAL).lower(), 0):
        found.append(each)
        if len(found) > MOST:
            raise BadSound(f"the phrase {name[:80]} has more than {MOST} sounds")
    return found


def _said(name: str, data: str, phrases: Phrases, language: str, depth: int) -> Iterator[str]:
    macro = phrases.get(language, phrases.get(USUAL, {})).get(name.strip().lower())
    if macro is None:
        raise BadSound(f"there is no phrase {name[:80]} in the language {language}")
    if depth >= DEEPEST:
        raise BadSound(f"the phrase {name[:80]} is within itself")
    for action in _steps(macro, data):
        if action.function == "play-file":
            yield action.data
        elif action.function == "say":
            yield from said(action.data, action.kind, action.method)
        elif action.function == "phrase":
            inner, _, more = action.data.partition(",")
            yield from _said(inner, more, phrases, language, depth + 1)
        elif pause := SLEEP.fullmatch(action.data.strip()):
            yield f"silence_stream://{pause[1]}"


def _steps(macro: Macro, data: str) -> Iterator[PhraseAction]:
    """What is to be done, captures filled in; a ``break`` ends it."""
    for part in macro:
        try:
            captures = compile_expression(part.pattern).search(data)
        except re.error as error:
            raise BadSound(f"'{part.pattern[:80]}' of a phrase is no pattern: {error}") from error
        for each in part.nomatch if captures is None else part.match:
            if each.function == "break":
                return
            text = fill_captures(each.data, captures) if captures is not None else each.data
            yield PhraseAction(each.function, text, each.kind, each.method)
        if captures is not None and part.ends:
            return


def said(text: str, kind: str, method: str) -> list[str]:
    """``say``: a number as one (``pronounced``), or everything else key by key, letter by letter."""
    word = text.strip()
    counts = kind in QUANTITIES and method in ("pronounced", "counted")
    if counts and word.isascii() and word.isdigit() and len(word) <= LONGEST_NUMBER:
        return number(int(word))
    return spelled_out(word)


def number(value: int) -> list[str]:
    """A quantity below 10⁹, in words."""
    for size, word in SCALES:
        if value >= size:
            rest = value % size
            return [*number(value // size), f"digits/{word}.wav", *(number(rest) if rest else ())]
    if value >= 100:
        rest = value % 100
        return [f"digits/{value // 100}.wav", "digits/hundred.wav", *(number(rest) if rest else ())]
    if value <= LARGEST:
        return [f"digits/{value}.wav"]
    ones = value % 10
    return [f"digits/{value - ones}.wav", *([f"digits/{ones}.wav"] if ones else ())]


def spelled_out(text: str) -> list[str]:
    """Keys and letters, one by one; what has no sound is left out."""
    names: Mapping[str, str] = KEYS
    found = []
    for each in text.lower():
        if each in names or (each.isascii() and each.isdigit()):
            found.append(f"digits/{names.get(each, each)}.wav")
        elif each.isascii() and each.isalpha():
            found.append(f"ascii/{ord(each)}.wav")
    return found
