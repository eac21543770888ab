"""The commands' reference: every command of the table, and the client's own."""

from __future__ import annotations

from collections.abc import Callable

from draw_code import table

from ringthru.cli.slash import OWN, PASSED_ON
from ringthru.console.editing import KEYS
from ringthru.console.lists import CALL_COLUMNS, LEG_COLUMNS, PHONE_COLUMNS, TASK_COLUMNS
from ringthru.console.logs import setup
from ringthru.console.standard import standard_table


def commands() -> str:
    logs = setup()
    try:
        rows = [
            (f"`{each.name}`", f"`{each.syntax}`" if each.syntax else "", each.description, each.home)
            for each in standard_table(logs)
        ]
    finally:
        logs.close()
    escaped = [tuple(cell.replace("|", "\\|") for cell in row) for row in rows]
    return table("Command", "arguments", "", "of", rows=escaped)


def columns() -> str:
    rows = (
        ("`channels`", LEG_COLUMNS),
        ("`calls`, `bridged_calls`", CALL_COLUMNS),
        ("`registrations`", PHONE_COLUMNS),
        ("`tasks`", TASK_COLUMNS),
    )
    return table("`show`", "columns", rows=[(name, ", ".join(cells)) for name, cells in rows])


def keys() -> str:
    return table("Key", "runs", rows=[(key.upper(), f"`{line}`") for key, line in KEYS.items()])


def client() -> str:
    said = {**PASSED_ON, **OWN}
    rows = [(f"`{word}`", said[word].replace("|", "\\|")) for word in sorted(said)]
    return table("Line", "", rows=rows)


PARTS: dict[str, Callable[[], str]] = {
    "console commands": commands,
    "show columns": columns,
    "console keys": keys,
    "client commands": client,
}
