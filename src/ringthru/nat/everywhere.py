"""``--every-interface`` for commands that concern each gateway alone: run side by side, told in pieces.

Lives here: which interfaces there are, and one end for all. Never here: what a command does.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from ..net.surroundings import look_around, look_around6
from .output import Later, Output
from .place import Ground
from .trouble import Trouble
from .words import Exit

Result = tuple[Exit, dict[str, Any]]


async def each_alone(options: argparse.Namespace, ground: Ground, out: Output) -> Result:
    """Run the command on every interface at once. One that hangs delays neither the others nor their words.

    Raises:
        Trouble: no interface has a default route.
    """
    names = interfaces_of(ground)
    own = {name: _addresses(name, ground) for name in names}
    runs = []
    for name in names:
        others = frozenset().union(*(own[each] for each in names if each != name))
        here = on_interface(options, name, other_addresses=others)
        runs.append(asyncio.ensure_future(_alone(here, ground, out)))
    try:
        with out.waiting(f"asking over {', '.join(names)} …"):
            results = await asyncio.gather(*runs)
    finally:
        for run in runs:
            run.cancel()
    if getattr(options, "metrics", False):
        from .finding import metrics_text

        seen = {
            name: told["metrics"] for name, (_, told) in zip(names, results, strict=True) if "metrics" in told
        }
        out.raw(metrics_text(seen))
    told = [
        {"interface": name, "exit": int(code), **document}
        for name, (code, document) in zip(names, results, strict=True)
    ]
    return together(code for code, _ in results), {"interfaces": told}


def interfaces_of(ground: Ground) -> list[str]:
    """Those that a default route or a rule leads out by, the best first.

    Raises:
        Trouble: there are none.
    """
    names = ground.interfaces()
    if not names:
        raise Trouble(Exit.LOCAL, "no interface has a default route: is this machine connected?")
    return names


def on_interface(options: argparse.Namespace, name: str, **more: object) -> argparse.Namespace:
    """The same wishes, for one interface."""
    return argparse.Namespace(**{**vars(options), "interface": name, **more})


def together(codes: Iterable[Exit]) -> Exit:
    """One exit status: what all have in common, else "in part" where anything worked."""
    found = set(codes)
    if len(found) == 1:
        return found.pop()
    return Exit.PARTLY if found & {Exit.OK, Exit.PARTLY} else max(found)


async def _alone(options: argparse.Namespace, ground: Ground, out: Output) -> Result:
    """One interface; what is said of it is shown in one piece, when it is done."""
    from .command import COMMANDS

    module, function = COMMANDS[options.command]
    later = Later(out)
    for_people = not getattr(options, "metrics", False)
    if for_people:
        later.say(f"{options.interface}:")
    try:
        result: Result = await getattr(import_module(f".{module}", __package__), function)(
            options, ground, later
        )
    except Trouble as trouble:
        later.error(f"{options.interface}: {trouble}")
        result = trouble.code, {"error": str(trouble)}
    if for_people:
        later.say()
    later.show()
    return result


def _addresses(name: str, ground: Ground) -> frozenset[str]:
    """Ours, on an interface."""
    try:
        own = {(ground.look_around or look_around)(name).address}
    except (ValueError, OSError):  # it has gone meanwhile; its own command says so
        return frozenset()
    six = look_around6(name) if ground.look_around is None else None
    return frozenset(own | ({six.address} if six is not None else set()))
