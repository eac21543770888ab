"""The drawn parts of the reference that tell of the laboratory: misbehaviours by row, devices, exit codes."""

from __future__ import annotations

from collections.abc import Callable

from draw_code import table
from draw_reference import field_table

from ringthru.lab.gateway.devices import DEVICES
from ringthru.lab.gateway.quirks import ROWS, Quirks
from ringthru.lab.lab_command import EXIT_CODES


def draw_quirks() -> str:
    parts, sections = [], {row.section: row.protocol for row in ROWS.values()}
    for section, protocol in sections.items():
        rows = []
        for row in (each for each in ROWS.values() if each.section == section):
            hoped = row.expectation
            can = {"accepted": hoped.accepted, "listed": hoped.listed, "reachable": hoped.reachable}
            rows.append((row.id, row.title, _cannot(can), ", ".join(row.excludes)))
        head = f"### {section[0].upper()}{section[1:]} ({protocol})"
        parts += [head, table("Row", "What the gateway does", "Out of reach", "Not with", rows=rows)]
    return "\n\n".join(parts)


def _cannot(can: dict[str, bool]) -> str:
    return ", ".join(rung for rung, possible in can.items() if not possible)


def draw_devices() -> str:
    rows, plain = [], Quirks()
    for each in DEVICES.values():
        quirks = each.quirks
        told = ("rows", "manufacturer", "model", "server")
        others = [
            n for n in Quirks.__match_args__ if n not in told and getattr(quirks, n) != getattr(plain, n)
        ]
        settings = [*sorted(quirks.rows), *(f"{name}={getattr(quirks, name)}" for name in others)]
        spoken = ", ".join(sorted(each.protocols))
        words = f"{quirks.manufacturer} {quirks.model}"
        rows.append((f"`{each.name}`", words, each.title, spoken, ", ".join(settings), each.source))
    return table("Name", "Maker and model", "What is special", "Speaks", "Plays", "Reported", rows=rows)


def draw_quirk_fields() -> str:
    return field_table(Quirks)


def draw_lab_exit_codes() -> str:
    lines = [line.strip() for line in EXIT_CODES.splitlines()[1:] if line.startswith("  ")]
    return table("Status", "Meaning", rows=[tuple(line.split("  ", 1)) for line in lines])  # type: ignore[misc]


PARTS: dict[str, Callable[[], str]] = {
    "quirks": draw_quirks,
    "quirk fields": draw_quirk_fields,
    "devices": draw_devices,
    "lab exit codes": draw_lab_exit_codes,
}
