"""Finding a machine's states by running it: every input in every state that can be reached."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from enum import Enum
from types import MethodType
from typing import Any
from unittest.mock import patch

from draw_code import table

Row = tuple[str, str, str, str]  # state, input, next state, what it says
MOST_STEPS = 3_000


class OutOfPlace(Exception):
    """That input is never given in that state."""


def clone(thing: Any, known: dict[int, Any]) -> Any:
    """The same once more; frozen values, functions and all that cannot change are shared."""
    if id(thing) in known:
        return known[id(thing)]
    if isinstance(thing, MethodType):
        return MethodType(thing.__func__, clone(thing.__self__, known))
    if isinstance(thing, list | deque | set):
        copied: Any = type(thing)()
        known[id(thing)] = copied
        add = copied.add if isinstance(thing, set) else copied.append
        for each in thing:
            add(clone(each, known))
        return copied if not isinstance(thing, deque) else deque(copied, thing.maxlen)
    if isinstance(thing, tuple) and type(thing) is tuple:
        return tuple(clone(each, known) for each in thing)
    if isinstance(thing, dict):
        copied = Counter() if isinstance(thing, Counter) else {}
        known[id(thing)] = copied
        copied.update({clone(key, known): clone(value, known) for key, value in thing.items()})
        return copied
    return _clone_object(thing, known)


def _clone_object(thing: Any, known: dict[int, Any]) -> Any:
    cls = type(thing)
    slots = getattr(cls, "__match_args__", ())
    can_change = hasattr(thing, "__dict__") or (slots and cls.__hash__ is None)
    if not cls.__module__.startswith(("ringthru", "draw_")) or issubclass(cls, Enum) or not can_change:
        return thing
    copied = known[id(thing)] = cls.__new__(cls)
    for name in [*vars(thing)] if hasattr(thing, "__dict__") else slots:
        setattr(copied, name, clone(getattr(thing, name), known))
    return copied


def explore(
    machine: Any,
    inputs: dict[str, Callable[[Any], object]],
    state: Callable[[Any], str],
    said: Callable[[Any], Iterable[str]],
    detail: Callable[[Any], object] = lambda machine: None,
) -> list[Row]:
    """Each input in each state; states that differ in ``detail`` alone are one line of the table."""
    rows: dict[Row, None] = {}
    seen, waiting = {(state(machine), detail(machine))}, [machine]
    for _ in range(MOST_STEPS):
        if not waiting:
            return list(rows)
        before = waiting.pop(0)
        for name, give in inputs.items():
            after = clone(before, {})
            try:
                give(after)
            except OutOfPlace:
                continue
            words = ", ".join(said(after))
            rows[state(before), name, state(after), words] = None
            key = (state(after), detail(after))
            if key not in seen:
                seen.add(key)
                waiting.append(after)
    raise RuntimeError("a machine without end")


def record(
    cls: type,
    inputs: dict[str, Callable[..., str]],
    state: Callable[[Any], str],
    run: Callable[[], object],
) -> list[Row]:
    """What the methods named in ``inputs`` do to any machine of that class while ``run`` goes on.

    Each is told what it was called with and what it gave back, and says what to call the input.
    """
    rows: dict[Row, None] = {}
    inside: set[int] = set()

    def watched(name: str, label: Callable[..., str], original: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, *arguments: Any, **named: Any) -> Any:
            if id(self) in inside:
                return original(self, *arguments, **named)
            inside.add(id(self))
            try:
                before = state(self)
                result = original(self, *arguments, **named)
                rows[before, label(result, *arguments), state(self), ""] = None
                return result
            finally:
                inside.discard(id(self))

        return call

    with ExitStack() as stack:
        for name, label in inputs.items():
            stack.enter_context(patch.object(cls, name, watched(name, label, getattr(cls, name))))
        run()
    return list(rows)


def state_table(rows: list[Row], idle: bool = False) -> str:
    """The rows by state; inputs that change nothing and say nothing are left out (``idle``: named)."""
    merged: dict[tuple[str, str, str], list[str]] = {}
    for before, name, after, words in rows:
        if idle or before != after or words:
            merged.setdefault((before, after, words), []).append(name)
    order = list(dict.fromkeys(row[0] for row in rows))
    lines = [
        (before, "; ".join(names), "" if after == before else after, words)
        for (before, after, words), names in sorted(merged.items(), key=lambda each: order.index(each[0][0]))
    ]
    if any(words for *_, words in lines):
        return table("State", "What comes in", "New state", "What it says", rows=lines)
    return table("State", "What comes in", "New state", rows=[line[:3] for line in lines])


def picture(rows: list[Row], first: str) -> str:
    """The changes of state alone, as a diagram."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for before, name, after, _ in rows:
        if before != after and name not in arrows.setdefault((before, after), []):
            arrows[before, after].append(name)
    names = {state: f"s{n}" for n, state in enumerate(dict.fromkeys(row[0] for row in rows))}
    for _, _, after, _ in rows:
        names.setdefault(after, f"s{len(names)}")
    lines = ["stateDiagram-v2", f"    [*] --> {names[first]}"]
    lines += [f'    state "{state.replace(";", ",")}" as {name}' for state, name in names.items()]
    lines += [
        f"    {names[before]} --> {names[after]} : {_short(labels)}"
        for (before, after), labels in arrows.items()
    ]
    return "\n".join(["```mermaid", *lines, "```"])


def _short(labels: list[str]) -> str:
    shown = [label.replace(": ", " ").replace("`", "") for label in labels]
    return " / ".join(shown[:3]) + (" …" if len(shown) > 3 else "")
