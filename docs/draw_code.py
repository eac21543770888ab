"""Reading the code for its pages: fields with their comments, docstrings, constants. Nothing is guessed."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from typing import Any

SOURCE = re.compile(r"``([^`]+)``")


def lines_of(thing: Any) -> list[str]:
    return inspect.getsource(sys.modules[thing.__module__]).splitlines()


def class_node(cls: type) -> ast.ClassDef:
    tree = ast.parse("\n".join(lines_of(cls)))
    return next(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == cls.__name__)


def comment(lines: list[str], number: int) -> str:
    """What stands behind the code of a line (counted from 1), and goes on in the comments below it."""
    _, hashed, words = lines[number - 1].partition("  # ")
    return words.strip() if hashed else ""


def fields(cls: type) -> list[tuple[str, str, str | None, str]]:
    """Name, type, default (None: it has none) and comment of each field of a value."""
    lines, found = lines_of(cls), []
    for node in class_node(cls).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            default = None if node.value is None else ast.unparse(node.value)
            found.append(
                (node.target.id, ast.unparse(node.annotation), default, comment(lines, node.end_lineno or 0))
            )
    return found


def members(cls: type) -> list[tuple[str, str, str]]:
    """Name, value and comment of each member of an enumeration."""
    lines = lines_of(cls)
    return [
        (node.targets[0].id, repr(ast.literal_eval(node.value)), comment(lines, node.end_lineno or 0))
        for node in class_node(cls).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]


def constants(module: Any) -> list[tuple[str, str, str]]:
    """Name, value and comment of a module's numbers (and tuples of numbers) that have a comment."""
    lines, found = inspect.getsource(module).splitlines(), []
    for node in ast.parse("\n".join(lines)).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            value = getattr(module, node.target.id)
            numbers = value if isinstance(value, tuple) else (value,)
            inside = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            words = next((each for number in inside if (each := comment(lines, number))), "")
            if words and all(isinstance(each, int | float) for each in numbers):
                found.append((node.target.id, ast.unparse(node.value), words))
    return found


def doc(thing: Any) -> str:
    """A docstring as Markdown; what it raises is a sentence at its end."""
    text = textwrap.dedent(inspect.getdoc(thing) or "")
    head, _, raised = text.partition("Raises:")
    head = SOURCE.sub(r"`\1`", " ".join(head.split()).strip())
    raised = SOURCE.sub(r"`\1`", " ".join(raised.split()))
    raised = re.sub(r"(^| )([A-Z]\w*(?:Error|Refused|InUse)): ", r"\1`\2`: ", raised)
    return f"{head} *Raises* {raised}".strip() if raised else head


def attributes(cls: type) -> list[tuple[str, str]]:
    """Public attributes that ``__init__`` sets, with their comments."""
    lines, found = lines_of(cls), []
    for node in class_node(cls).body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            for line in ast.walk(node):
                target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
                if isinstance(target, ast.Attribute) and not target.attr.startswith("_"):
                    found.append((target.attr, comment(lines, line.lineno)))
    return found


def first_sentence(thing: Any) -> str:
    return re.split(r"(?<=[.:;])\s", doc(thing), maxsplit=1)[0].rstrip(";:")


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def table(*heads: str, rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(cell(each) for each in row) + " |" for row in rows)])


def timing(module: Any) -> str:
    rows = [(f"`{name}`", value, words) for name, value, words in constants(module)]
    return table("Constant", "Value", "What it is", rows=rows)
