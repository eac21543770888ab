"""``ringthru media-node``: the program; its options have rtpengine's names where they mean the same.

Lives here: arguments, signals, the log. Never here: what a node does.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import Final

from ringthru.net.acl import make_list
from ringthru.net.address import parse_address
from ringthru.net.sockets import allow_many_descriptors

from ..engine.choice import CHOICES, choose_engine
from ..errors import MediaError
from ..ng.nodes import read_endpoint
from .driver import NodeDriver, NodeSettings
from .sides import Interface

log = logging.getLogger(__name__)

OK, CANNOT_START, WRONG_ARGUMENTS = 0, 1, 2
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")
EPILOG: Final = """exit codes:
  0  ended by Ctrl-C or SIGTERM
  1  it cannot start: an address or a port is in use, or none of this machine's
  2  an argument is wrong

ng has no password: whoever may send to --listen-ng can redirect calls. Only this machine may, and
whom --allow names."""


def main(argv: list[str]) -> int:
    """Run ``ringthru media-node …``; ``argv`` is what follows. Returns the exit code."""
    try:
        arguments = _parser().parse_args(argv)
        settings = _settings(arguments)
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    except ValueError as error:
        print(f"ringthru media-node: {error}", file=sys.stderr)
        return WRONG_ARGUMENTS
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    allow_many_descriptors()
    try:
        asyncio.run(_serve(arguments, settings))
    except (OSError, MediaError) as error:
        print(f"ringthru media-node: it cannot start: {error}", file=sys.stderr)
        return CANNOT_START
    except KeyboardInterrupt:
        pass
    return OK


async def _serve(arguments: argparse.Namespace, settings: NodeSettings) -> None:
    chosen = choose_engine(arguments.engine, arguments.port_min, arguments.port_max)
    engine = chosen.engine
    node = NodeDriver(engine, settings)
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    await engine.start()
    try:
        node.start()
        places = ", ".join(str(each) for each in settings.listen)
        log.info("Media node at %s, engine %s (%s)", places, engine.name, chosen.why)
        if chosen.warning:
            log.warning("Media engine: %s", chosen.warning)
        await stop.wait()
    finally:
        await node.close()
        await engine.close()


def _settings(arguments: argparse.Namespace) -> NodeSettings:
    """Raises ValueError: an argument that cannot be read; the text says what is expected."""
    listen = [read_endpoint(each, 2223) for each in arguments.listen_ng]
    if not 0 < arguments.port_min < arguments.port_max <= 65535:
        raise ValueError("--port-min and --port-max are a range of ports")
    return NodeSettings(
        listen=tuple(listen),
        interfaces=tuple(_interface(each) for each in arguments.interface),
        allowed=make_list("ng", False, allow=(*LOOPBACK, *arguments.allow)),
        most_calls=arguments.max_sessions,
        timeout=float(arguments.timeout),
        keys_to=read_endpoint(arguments.dtmf_log_dest) if arguments.dtmf_log_dest else None,
        recordings=arguments.recording_dir,
        sounds=arguments.sound_dir,
    )


def _interface(text: str) -> Interface:
    """``[NAME/]ADDRESS[!ADVERTISED]``, as rtpengine has it."""
    name, slash, rest = text.rpartition("/")
    host, _, advertised = rest.partition("!")
    for each in (host, advertised or host):
        if parse_address(each) is None:
            raise ValueError(f"--interface {text!r}: [NAME/]ADDRESS[!ADVERTISED], with IP addresses")
    return Interface(name if slash else "default", host, advertised or host)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ringthru media-node",
        description="Our media engine for other switches: it takes rtpengine's ng commands.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--listen-ng", action="append", required=True, metavar="ADDRESS:PORT", help="where commands come")
    add("--interface", action="append", required=True, metavar="[NAME/]ADDRESS[!ADVERTISED]")
    add("--port-min", type=int, default=30000, metavar="PORT", help="first RTP port (30000)")
    add("--port-max", type=int, default=40000, metavar="PORT", help="last RTP port (40000)")
    add("--allow", action="append", default=[], metavar="NETWORK", help="who may command, besides us")
    add("--max-sessions", type=int, default=1000, metavar="N", help="calls at once (1000)")
    add("--timeout", type=int, default=60, metavar="SECONDS", help="silence that ends a call (60)")
    add("--dtmf-log-dest", metavar="ADDRESS:PORT", help="where keys are told, as JSON")
    add("--recording-dir", type=Path, metavar="DIR", help="where recordings go; without it there are none")
    add("--sound-dir", type=Path, metavar="DIR", help="sounds that 'play media' may name by file")
    add("--engine", choices=[each for each in CHOICES if each != "rtpengine"], default="auto")
    return parser
