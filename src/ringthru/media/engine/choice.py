"""Which media engine a switch has.

Lives here: the parameter's words, and what ``auto`` means. Never here: an engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from ringthru.net.address import Endpoint

from ...net.values import frozen, replace
from ..coding.coders import installed
from ..errors import EngineMissing
from ..interface import Engine
from ..sound.g711 import G711

if TYPE_CHECKING:
    from ..ng.nodes import Node

CHOICES: Final = ("auto", "c", "python", "rtpengine")
HOW_TO_BUILD: Final = "install gcc and python3-dev, then Ringthru again"
IN_PYTHON: Final = "audio goes through the engine in Python, which bears a third as many calls."


@frozen
class Chosen:
    """An engine, and why it is this one."""

    engine: Engine
    why: str
    warning: str = ""  # ``auto`` found no engine in C: what that means, and how to have it


def choose_engine(
    wanted: str,
    first_port: int,
    last_port: int,
    nodes: Sequence[Node] = (),
    keys_at: Endpoint | None = None,
    coders: frozenset[str] | None = None,
) -> Chosen:
    """The engine for ``media-engine``, with RTP ports of that range.

    ``nodes`` are the rtpengines of ``rtpengine``, and ``keys_at`` is where they send their DTMF log to.
    ``coders`` are the codecs that may be made of one another; by default those that are installed.

    Raises:
        EngineMissing: it was named, and cannot run here.
    """
    chosen = _moving(wanted, first_port, last_port, nodes, keys_at)
    coders = installed() if coders is None else coders
    if coders <= G711:
        return chosen
    from .coding_driver import coding

    return replace(chosen, engine=coding(chosen.engine, coders))


def _moving(
    wanted: str, first_port: int, last_port: int, nodes: Sequence[Node] = (), keys_at: Endpoint | None = None
) -> Chosen:
    """What moves the packets."""
    if wanted == "rtpengine":
        if not nodes:
            raise EngineMissing("the media engine 'rtpengine' has no nodes; name some in rtpengine-nodes")
        from .rtpengine_driver import RtpengineEngine

        beside = _moving("auto", first_port, last_port)
        names = ", ".join(str(node) for node in nodes)
        engine = RtpengineEngine(beside.engine, nodes, keys_at)
        return Chosen(engine, f"at {names}; beside it {beside.engine.name}", beside.warning)
    missing = "media-engine says so"
    if wanted != "python":
        try:
            from .native_driver import NativeEngine  # imported when chosen: the start is a budget
        except ImportError as error:
            built = find_spec(f"{__package__}._native") is not None
            missing = f"the C engine cannot be loaded: {error}" if built else "no C engine is built here"
        else:
            return Chosen(NativeEngine(first_port, last_port), "built for this machine")
    if wanted == "c":
        raise EngineMissing(f"the media engine 'c' cannot run: {missing}; {HOW_TO_BUILD}")
    from .twin_driver import TwinEngine

    warning = "" if wanted == "python" else f"{missing}; {IN_PYTHON} To have the one in C, {HOW_TO_BUILD}."
    return Chosen(TwinEngine(first_port, last_port), missing, warning)
