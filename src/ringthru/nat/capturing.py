"""``capture``: one test of the gateway, written down without what tells who and where somebody is."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
from contextlib import suppress
from typing import Any, Final

from ..portmap.capture.recorder import Recorder, concluded
from ..portmap.capture.transcript import Outcome, encode
from ..portmap.snapshots import MapperSnapshot
from ..portmap.values import Protocol, Wanted
from . import memory
from .output import Output
from .place import Ground
from .session import Session
from .trouble import Trouble
from .words import Exit, gateway_words

LABEL: Final = "Ringthru capture"
LISTED: Final = 64  # entries of the table that are read
LIFETIME: Final = 120  # seconds: if we are killed meanwhile, it is soon gone


async def capture(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Detect, map, list, delete; then write the transcript. Without a gateway, the silence is written."""
    if options.file.exists() and not options.force:
        raise Trouble(Exit.LOCAL, f"{options.file} exists; --force replaces it")
    store = options.store or memory.default_path()
    recorder = Recorder(asyncio.get_running_loop().time)
    session = Session(options, ground, store, lease=LIFETIME, tap=recorder)
    wanted = _test_port(options, session.surroundings.address)
    snapshot, outcome = await _try(session, wanted, out)
    transcript = recorder.transcript(session.surroundings, wanted, LIFETIME, outcome, secrets=_own_names())
    _write(options, encode(transcript))
    document = {
        "file": str(options.file),
        "exchanges": len(transcript.exchanges),
        "redactions": dict(transcript.redactions),
        "dropped": recorder.dropped,
    }
    out.say(f"Gateway: {gateway_words(snapshot)}")
    _show(document, out)
    return (Exit.NO_GATEWAY if snapshot.type is None else Exit.OK), document


def _test_port(options: argparse.Namespace, address: str) -> Wanted:
    """The port that was named, or one that is free."""
    port, protocols = options.port
    protocol = (protocols or (Protocol.UDP,))[0]
    return Wanted(protocol, port or _free_port(address), label=LABEL, lifetime=LIFETIME)


async def _try(session: Session, wanted: Wanted, out: Output) -> tuple[MapperSnapshot, Outcome]:
    """Everything that a gateway is asked for, while it is recorded; and what came of it."""
    async with session:
        with out.waiting("looking for the gateway …"):
            await session.until(lambda: session.mapper.snapshot().verdict_known)
        if session.mapper.snapshot().type is None:
            snapshot = session.mapper.snapshot()
            return snapshot, concluded(snapshot, None, None, False)
        with out.waiting("mapping a test port, listing, deleting …"):
            await session.want((wanted,))
            listing = await session.listing(LISTED)
            shown = session.shown((wanted,))
            snapshot = session.mapper.snapshot()
            removed = await session.release(session.mapper.want(wanted))
    return snapshot, concluded(snapshot, shown[0] if shown else None, listing, removed)


def _show(document: dict[str, Any], out: Output) -> None:
    replaced, dropped = document["redactions"], document["dropped"]
    count, file = document["exchanges"], document["file"]
    out.say(f"{count} messages are in {file}, to be read before it is given away.")
    out.note(f"Replaced: {replaced.get('addresses', 0)} addresses, {replaced.get('texts', 0)} other texts.")
    if dropped:
        out.note(f"{dropped} messages were too many and are not in it.")


def _free_port(address: str) -> int:
    """A port that the system says is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise Trouble(Exit.LOCAL, f"no port can be had on {address}: {error.strerror}") from error
        return int(probe.getsockname()[1])


def _own_names() -> list[str]:
    """What a gateway may know this machine and its user by."""
    names = [socket.gethostname(), os.environ.get("USER", ""), os.environ.get("LOGNAME", "")]
    with suppress(OSError):
        names += [name for _, name in socket.if_nameindex() if name not in ("lo",) and len(name) > 8]
    return [each for each in dict.fromkeys(names) if each and each not in ("root", "localhost")]


def _write(options: argparse.Namespace, text: str) -> None:
    try:
        options.file.write_text(text)
    except OSError as error:
        raise Trouble(Exit.LOCAL, f"{options.file} cannot be written: {error.strerror}") from error
