"""The drawn parts of the reference that tell of the library: its public names, profiles, exit codes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from enum import Enum
from typing import Any

from draw_code import attributes, doc, fields, members, table
from reference_words import ATTRIBUTES, COMMON, CONTRACT, ERRORS, PARAMETERS, PROPERTIES, SPECIAL, WHEN

from ringthru import portmap
from ringthru.nat.words import EXIT_WORDS
from ringthru.net.address import AddressKind
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import errors, events
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.memory.profile_codec import PHRASES, READERS


def meaning(cls: type, name: str, words: str) -> str:
    """A field's comment in the code, or else the words for fields of that name."""
    return words or COMMON[SPECIAL.get((cls.__name__, name), name)]


def field_table(cls: type) -> str:
    rows = [
        (f"`{name}`", f"`{kind}`", "" if default is None else f"`{default}`", meaning(cls, name, words))
        for name, kind, default, words in fields(cls)
    ]
    return table("Field", "Type", "Default", "Meaning", rows=rows) if rows else "No fields."


def member_table(cls: type) -> str:
    rows = [(f"`{name}`", f"`{value}`", words) for name, value, words in members(cls)]
    if not any(words for _, _, words in rows):
        return table("Member", "Value", rows=[row[:2] for row in rows])
    return table("Member", "Value", "Meaning", rows=rows)


def draw_events() -> str:
    parts = []
    for cls in sorted(events.Event.__args__, key=lambda each: list(WHEN).index(each.__name__)):
        parts += [f"### {cls.__name__}", doc(cls), f"When: {WHEN[cls.__name__]}.", field_table(cls)]
    return "\n\n".join(parts)


def public(kind: Callable[[Any], bool]) -> list[Any]:
    found = [getattr(portmap, name) for name in portmap.__all__]
    return [each for each in found if isinstance(each, type) and kind(each)]


def draw_enums() -> str:
    parts = []
    for cls in [*public(lambda each: issubclass(each, Enum)), AddressKind]:
        parts += [f"### {cls.__name__}", doc(cls), member_table(cls)]
    return "\n\n".join(parts)


def draw_values() -> str:
    told = events.Event.__args__
    parts = []
    for cls in public(lambda each: hasattr(each, "__match_args__") and each not in told):
        parts += [f"### {cls.__name__}", doc(cls), field_table(cls)]
    return "\n\n".join([*parts, "### Surroundings", doc(Surroundings), field_table(Surroundings)])


def draw_errors() -> str:
    parts = []
    for cls in (each for each in vars(errors).values() if isinstance(each, type)):
        base = "" if cls is errors.PortmapError else f" It is a `{cls.__base__.__name__}`."
        parts += [f"### {cls.__name__}", doc(cls) + base, f"What to do: {ERRORS[cls.__name__]}."]
    return "\n\n".join(parts)


def draw_parameters() -> str:
    rows = []
    for name, each in inspect.signature(portmap.PortMapper).parameters.items():
        default = "the module's logger" if name == "log" else f"`{each.default}`"
        if name == "witness_after" or isinstance(each.default, float):
            default = f"`{each.default:g}`"
        rows.append((f"`{name}`", default, PARAMETERS[name]))
    assert len(rows) == len(PARAMETERS), "a parameter is described that does not exist"
    return table("Parameter", "Default", "Meaning", rows=rows)


def _signature(name: str, function: Any) -> str:
    told = inspect.signature(function)
    shown = str(told.replace(parameters=[p for p in told.parameters.values() if p.name != "self"]))
    shown = re.sub(r"<(\w+\.\w+): [^>]*>", r"\1", shown.replace("'", ""))
    return f"{'await ' if inspect.iscoroutinefunction(function) else ''}{name}{shown}"


def method_table(cls: type) -> str:
    rows = []
    members = {name: each for base in reversed(cls.__mro__) for name, each in vars(base).items()}
    for name, each in members.items():
        if name.startswith("_"):
            continue
        if isinstance(each, property):
            rows.append((f"`{name}`", doc(each.fget) or PROPERTIES[name]))
        elif inspect.isfunction(each):
            rows.append((f"`{_signature(name, each)}`", doc(each)))
    rows += [(f"`{name}`", words or ATTRIBUTES[name]) for name, words in attributes(cls)]
    return table("Call", "What it does", rows=rows)


def draw_engine() -> str:
    rows = []
    for name, words in CONTRACT.items():
        call = getattr(Engine, name)
        rows.append((f"`{_signature(name, call)}`", doc(call) or words))
    return table("Call", "Meaning", rows=rows)


def draw_profile() -> str:
    rows = []
    for name, kind, default, words in fields(GatewayProfile):
        by_hand = "yes" if name in READERS else "no"
        shown = PHRASES[name](_example(name)) if name in PHRASES else ""
        rows.append(
            (f"`{name}`", f"`{kind}`", f"`{default}`", meaning(GatewayProfile, name, words), shown, by_hand)
        )
    return table("Field", "Type", "Unknown", "Meaning", "Shown, for example, as", "Settable", rows=rows)


def _example(name: str) -> object:
    return {
        "recheck_every": 45.0,
        "table_size": 20,
        "pace": 0.2,
        "missing_actions": frozenset({"AddAnyPortMapping"}),
    }.get(name, True)


def draw_exit_codes() -> str:
    return table("Status", "Meaning", rows=[(str(int(code)), words) for code, words in EXIT_WORDS.items()])


PARTS: dict[str, Callable[[], str]] = {
    "events": draw_events,
    "enums": draw_enums,
    "values": draw_values,
    "errors": draw_errors,
    "parameters": draw_parameters,
    "portmapper": lambda: method_table(portmap.PortMapper),
    "mapping": lambda: method_table(portmap.Mapping),
    "peer mapping": lambda: method_table(portmap.PeerMapping),
    "mapping set": lambda: method_table(portmap.MappingSet),
    "mapper group": lambda: method_table(portmap.MapperGroup),
    "group mapping": lambda: method_table(portmap.GroupMapping),
    "engine contract": draw_engine,
    "profile": draw_profile,
    "exit codes": draw_exit_codes,
}
