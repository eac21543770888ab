"""``add --peer``: one outbound flow, and where its remote sees us."""

from __future__ import annotations

import argparse
from contextlib import suppress
from typing import Any

from ..net.spans import span
from ..portmap.drivers.handles_driver import PeerMapping
from ..portmap.errors import LocalError
from ..portmap.memory.holding import JournalEntry
from ..portmap.snapshots import PeerSnapshot
from ..portmap.values import MappingState, Protocol, WantedPeer
from . import memory, shapes
from .output import Output
from .place import Ground
from .session import Session
from .trouble import Trouble
from .watching import hold, watched_session
from .words import Exit, clean, gateway_words

CODES = {  # what a person's script wants to tell apart: a gateway that cannot has not refused
    MappingState.ACCEPTED: Exit.OK,
    MappingState.UNSUPPORTED: Exit.PARTLY,
    MappingState.REQUESTED: Exit.NO_GATEWAY,  # it has not answered
}


async def add_flow(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Have the gateway keep the translation; show it; and leave it there, or hold it until interrupted."""
    wanted = _wanted(options)
    store = options.store or memory.default_path()
    async with Session(options, ground, store, lease=options.lease) as session:
        with out.waiting("looking for the gateway …"):
            snapshot = await session.verdict()
        with out.waiting(f"asking {clean(snapshot.gateway or 'the gateway')} to keep the flow …"):
            await _ask(session, wanted)
        snapshot = session.mapper.snapshot()
        (shown,) = snapshot.peers
        code = CODES.get(shown.state, Exit.REFUSED)
        if shown.state is MappingState.ACCEPTED and shown.external is None:
            code = Exit.PARTLY  # kept as far as our gateway
        out.say(f"Gateway: {gateway_words(snapshot)}")
        _show(shown, out)
        document = {"gateway": shapes.gateway(snapshot), "peers": [shapes.peer(shown)]}
        if shown.state is not MappingState.ACCEPTED:
            return code, document
        if options.hold:
            out.line({"command": "add", "exit": int(code), "held": True, **document})
            await hold(watched_session(session), out)
            out.note("It is kept alive no more.")
            return code, {}
        await session.leave()
    out.note(f"The gateway may forget it in {span(shown.lifetime_left or 0.0)}; --hold keeps it alive.")
    return code, document


async def _ask(session: Session, wanted: WantedPeer) -> PeerMapping:
    flow = session.mapper.want_peer(wanted)
    with suppress(TimeoutError):
        await session.within(flow.settled())
    return flow


def _wanted(options: argparse.Namespace) -> WantedPeer:
    """The flow that the command line names.

    Raises:
        Trouble: it names more than a flow can have.
    """
    port, protocols = options.port
    chosen = protocols or (Protocol.UDP,)
    if len(chosen) != 1:
        raise Trouble(Exit.USAGE, "--peer is for one flow: give PORT/udp or PORT/tcp")
    for name in ("set", "exact", "nested", "label", "echo", "allow_from", "client"):
        if getattr(options, name, None):
            flag = name.replace("_", "-")
            raise Trouble(Exit.USAGE, f"--{flag} is of no meaning for a flow: --peer goes without it")
    try:
        return WantedPeer(chosen[0], port, options.peer, options.external, options.lease)
    except LocalError as error:
        raise Trouble(Exit.USAGE, str(error)) from error


def _show(shown: PeerSnapshot, out: Output) -> None:
    flow = f"{shown.protocol.value} {shown.internal_port}"
    if shown.external is not None:
        out.say(f"{shown.remote} sees {flow} at {shown.external}.")
    elif shown.near is not None:
        out.say(f"{flow} is kept at {shown.near} as far as our gateway.")
        out.note(f"{flow}: {clean(shown.reason)}.")
    elif shown.state is MappingState.UNSUPPORTED:
        out.note(f"{flow}: {clean(shown.reason)}.")
        out.note("The flow works all the same, as long as packets keep going out.")
    else:
        out.note(f"{flow}: {clean(shown.reason) or 'the gateway does not answer'}")


def is_flow(entry: JournalEntry) -> bool:
    """Whether a line of the journal is of a flow, which nobody can delete: it ends by itself."""
    return bool(entry.holding.remote)
