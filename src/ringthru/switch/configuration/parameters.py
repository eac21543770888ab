"""The ``<param name=… value=…/>`` of any section, as field names and typed values.

A parameter nobody acts on is logged once, with the word ``ignored``; a value that cannot be meant is a
ConfigurationError. Names compare without case; of two with one name the later holds.

Lives here: what all sections share. Never here: which parameters there are (`settings.py` and its like).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from .errors import ConfigurationError
from .tree import Element

log = logging.getLogger(__name__)

Reader = Callable[[str], Any]
# Parameters that may be repeated, whatever the section; `names_until_none` reads them
REPEATABLE: Final = frozenset({"apply-inbound-acl", "apply-nat-acl", "apply-register-acl"})


def read_parameters(
    parameters: Iterable[Element], readers: Mapping[str, Reader], where: str
) -> dict[str, Any]:
    """Field names to values, for the parameters that ``readers`` knows."""
    values: dict[str, Any] = {}
    for parameter in parameters:
        name, text = parameter.get("name").strip().lower(), parameter.get("value")
        if name in REPEATABLE:
            continue
        if name not in readers:
            log_unknown(parameter, readers, where)
            continue
        try:
            values[field_of(name)] = readers[name](text)
        except ValueError as error:
            message = f"{where}: {name} is '{text}', but must be {error}"
            remedy = "a $${variable} in it may not be set" if not text.strip() else ""
            raise ConfigurationError(parameter.position, message, remedy) from error
    return values


def field_of(name: str) -> str:
    """The field that a parameter fills."""
    return name.removesuffix("-string").replace("-", "_")


def names_until_none(parameters: Iterable[Element], name: str) -> tuple[str, ...]:
    """All values of a parameter that may repeat; ``none`` clears what came before."""
    found: list[str] = []
    for parameter in parameters:
        if parameter.get("name").strip().lower() != name:
            continue
        value = parameter.get("value").strip()
        if value.lower() == "none":
            found.clear()
        elif value:
            found.append(value)
    return tuple(found)


def log_unknown(parameter: Element, known: Iterable[str], where: str, alike: float = 0.94) -> None:
    """Say that nobody acts on a parameter; ``alike`` (0 to 1) is how near a known name must be."""
    from difflib import get_close_matches  # only needed when something is wrong, and start-up time counts

    name = parameter.get("name")
    close = get_close_matches(name.lower(), known, n=1, cutoff=alike)
    if close:
        text = "%s: %s: unknown parameter '%s' ignored; did you mean %s?"
        log.warning(text, parameter.position, where, name, close[0], extra={"ignored": name})
    else:
        log.info(
            "%s: %s: parameter '%s' is not supported in this version: ignored",
            parameter.position,
            where,
            name,
            extra={"ignored": name},
        )
