"""``profile``: what was learned about kinds of gateway, and what a person decides about them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..portmap.errors import LocalError
from ..portmap.memory.profile import GatewayProfile
from ..portmap.memory.profile_codec import learn_again, set_by_hand
from ..portmap.memory.profile_codec import words as profile_words
from . import memory, shapes
from .finding import store_path
from .output import Output
from .place import Ground
from .trouble import Trouble
from .words import Exit, clean


async def profile(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """What was learned about kinds of gateway; no gateway is asked."""
    path = store_path(options)
    if options.action != "list":
        _change(path, options)
    known = list(memory.profiles(path).values())
    if known:
        rows = [
            (
                clean(each.fingerprint),
                "; ".join(profile_words(each)) or "nothing out of the ordinary",
                ", ".join(sorted(each.by_hand)) or "-",
            )
            for each in known
        ]
        out.table(("fingerprint", "ways", "set by hand"), rows)
    else:
        out.say("Nothing was learned yet.")
    return Exit.OK, {"profiles": [shapes.profile(each) for each in known]}


def _change(path: Path, options: argparse.Namespace) -> None:
    """Carry out ``profile set`` or ``profile forget``.

    Raises:
        Trouble: there is no such profile to forget, or what is to be set cannot be.
    """
    name, known = options.fingerprint, memory.profiles(path)
    if options.action == "forget" and name not in known:
        raise Trouble(Exit.USAGE, f"no profile {clean(name)!r}; 'ringthru nat profile' lists those there are")
    with memory.opened(path) as store:
        if options.action == "set":
            store.save_profile(_changed(known.get(name, GatewayProfile(name)), options.settings))
        elif options.settings:
            store.save_profile(_learned_again(known[name], options.settings))
        else:
            store.delete_profile(name)


def _changed(known: GatewayProfile, settings: list[str]) -> GatewayProfile:
    """The profile with what a person decided; those fields are never learned over.

    Raises:
        Trouble: nothing is set, a field that does not exist, or a value that is not one of its own.
    """
    if not settings:
        raise Trouble(Exit.USAGE, "profile set: give a setting as NAME=VALUE, as in recheck_every=45")
    try:
        changes = dict(setting.split("=", 1) for setting in settings)
        return set_by_hand(known, **changes)
    except ValueError:
        raise Trouble(Exit.USAGE, "profile set: give each setting as NAME=VALUE") from None
    except LocalError as error:
        raise Trouble(Exit.USAGE, f"profile set: {error}") from error


def _learned_again(known: GatewayProfile, names: list[str]) -> GatewayProfile:
    """The profile without these decisions of a person.

    Raises:
        Trouble: one of them was not set by hand.
    """
    for name in names:
        if name not in known.by_hand:
            by_hand = ", ".join(sorted(known.by_hand)) or "nothing"
            raise Trouble(Exit.USAGE, f"profile forget: {clean(name)!r} was not set by hand; {by_hand} was")
    return learn_again(known, *names)
