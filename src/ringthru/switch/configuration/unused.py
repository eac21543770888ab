"""The files of a tree that this version makes no use of, said once each with the names of their parameters.

Lives here: which configurations are read at all. Never here: parameters of those that are, whose readers
speak for themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

from .errors import Note
from .tree import Element, Tree

USED: Final = frozenset(
    {
        *(
            "switch.conf",
            "sofia.conf",
            "acl.conf",
            "event_socket.conf",
            "conference.conf",
            "console.conf",
            "local_stream.conf",
        ),
        *(
            "cdr_csv.conf",
            "json_cdr.conf",
            "metrics.conf",
            "web.conf",
            "portaudio.conf",
            "voicemail.conf",
            "ivr.conf",
        ),
    }
)
UNUSED_PARTS: Final = {  # of those that are used
    "sofia.conf": ("global_settings",),
    "switch.conf": ("default-ptimes",),
}
USED_PARAMETERS: Final = frozenset(  # of parts that are not used else
    {"capture-server", "auto-restart", "abort-on-empty-external-ip"}
)


def unused_parts(tree: Tree) -> Iterator[Note]:
    """A note for each configuration, or part of one, that changes nothing here."""
    for element in tree.section("configuration").all("configuration"):
        name = element.get("name")
        if name.lower() not in USED:
            yield _note(element, name)
        for part in UNUSED_PARTS.get(name.lower(), ()):
            for each in element.all(part):
                yield _note(each, f"{part} of {name}")


def unused_names(element: Element) -> list[str]:
    """What an element sets: the names of its parameters, else the tags inside; each once, in order."""
    inside = list(_below(element))
    names = [each.get("name") for each in inside if each.tag == "param" and each.get("name")]
    found = dict.fromkeys(names or [each.tag for each in inside])
    return [each for each in found if each not in USED_PARAMETERS]


def _note(element: Element, what: str) -> Note:
    names = ", ".join(unused_names(element)) or "nothing is in it"
    return Note(logging.INFO, element.position, f"{what} is not used in this version, ignored: {names}")


def _below(element: Element) -> Iterator[Element]:
    for child in element.children:
        yield child
        yield from _below(child)
