"""``ringthru lab gateway``: a fake gateway on its own, for other programs to be tested on.

Lives here: arguments, the clock, the run until Ctrl-C. Never here: what a gateway does, what it looks like.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from ..net.address import Endpoint
from ..net.values import replace
from .gateway.core import PROTOCOLS
from .gateway.devices import NamedDevice, device
from .gateway.fake_gateway import FakeGateway
from .gateway.quirks import Quirks
from .gateway.replies import HttpScript, Reply
from .gateway.request_words import datagram_words, http_words
from .lab_output import JsonOutput, Output, PeopleOutput
from .loopback_guard import confine_to_loopback, require_loopback

Telling = Callable[[str, str, str], None]  # client, asked, answered

INSIDE: Final = IPv4Network("127.0.0.0/9")  # where clients may be: 127.0.0.1, from which most speak, too
ADDRESS, EXTERNAL = "127.77.0.1", "127.200.0.1"
LOOK: Final = 0.5  # seconds between looks at the table
OK, CANNOT_START, WRONG_ARGUMENTS = 0, 1, 2
EXIT_CODES: Final = """exit codes:
  0  ended by Ctrl-C or SIGTERM, or --list
  1  the gateway cannot start: an address or port is in use
  2  an argument is wrong: an unknown device or row, an address outside 127.0.0.0/8

Nothing leaves 127.0.0.0/8: the process refuses. Loopback has no multicast, so searches must be
sent to the gateway's address. Delays in answers are real ones whatever --clock-speed says."""


def main(argv: list[str]) -> int:
    """Run ``ringthru lab …``; ``argv`` is what follows "lab". Returns the exit code."""
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    output: Output = JsonOutput() if arguments.json else PeopleOutput()
    if arguments.list:
        output.catalogue()
        return OK
    try:
        chosen = device(arguments.device) if arguments.device else None
        gateway = _gateway(arguments, chosen)
    except ValueError as error:
        print(f"ringthru lab gateway: {error}", file=sys.stderr)
        return WRONG_ARGUMENTS
    confine_to_loopback()
    return asyncio.run(_play(gateway, chosen, output))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ringthru lab", description="The laboratory, on loopback alone.")
    gateway = parser.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "gateway",
        help="play a NAT gateway until Ctrl-C",
        description="Play a NAT gateway on loopback until Ctrl-C: NAT-PMP, PCP, UPnP IGD, and quirks.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = gateway.add_argument
    add("--device", metavar="NAME", help="a named device, e.g. fritzbox-7490 (see --list)")
    add(
        "--quirk",
        "--rows",
        action="append",
        default=[],
        dest="quirks",
        metavar="IDS",
        help="rows of the quirk catalogue, e.g. AD01,HT05; may be given again; added to the device's",
    )
    add("--list", action="store_true", help="show all devices and rows, and end")
    add("--address", default=ADDRESS, metavar="127.x.y.z", help="the gateway's inside address (%(default)s)")
    add("--external", default=EXTERNAL, metavar="127.x.y.z", help="its external address (%(default)s)")
    add("--clock-speed", type=_speed, default=1.0, metavar="N", help="leases and epoch run N times as fast")
    add("--json", action="store_true", help="one JSON object a line instead of words")
    return parser


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 100_000:
        raise argparse.ArgumentTypeError(f"{text}: more than 0, at most 100000")
    return speed


def _gateway(arguments: argparse.Namespace, chosen: NamedDevice | None) -> FakeGateway:
    """Raises:
    ValueError: an address or a row that is not allowed, in words for the user.
    """
    for address in (arguments.address, arguments.external):
        require_loopback(address)
    for option, address, inside in (
        ("--address", arguments.address, True),
        ("--external", arguments.external, False),
    ):
        if (IPv4Address(address) in INSIDE) is not inside:
            allowed = "127.0.0.1 to 127.127.255.254" if inside else "127.128.0.1 to 127.255.255.254"
            raise ValueError(f"{option} {address} is not allowed: {allowed} is")
    quirks = chosen.quirks if chosen else Quirks()
    rows = {row.strip().upper() for row in ",".join(arguments.quirks).split(",") if row.strip()}
    return FakeGateway(
        arguments.address,
        arguments.external,
        inside_network=INSIDE,
        protocols=chosen.protocols if chosen else PROTOCOLS,
        quirks=replace(quirks, rows=quirks.rows | rows),
        clock=_clock(arguments.clock_speed),
    )


def _clock(speed: float) -> Callable[[], float]:
    began = time.monotonic()
    return lambda: began + (time.monotonic() - began) * speed


async def _play(gateway: FakeGateway, chosen: NamedDevice | None, output: Output) -> int:
    watch(gateway, output.request)
    try:
        await gateway.start()
    except OSError as error:
        print(f"ringthru lab gateway: {error}", file=sys.stderr)
        return CANNOT_START
    output.playing(gateway, chosen)
    ended = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    try:
        await _show_changes(gateway, output, ended)
    finally:
        await gateway.stop()
    return OK


async def _show_changes(gateway: FakeGateway, output: Output, ended: asyncio.Event) -> None:
    """Show the table whenever other mappings are in it, or they lead elsewhere."""
    shown: list[object] = []
    while not ended.is_set():
        mappings = gateway.mappings()
        now: list[object] = [(each.protocol, each.external_port, each.internal) for each in mappings]
        if now != shown:
            shown = now
            output.table(mappings)
        try:
            async with asyncio.timeout(LOOK):
                await ended.wait()
        except TimeoutError:
            pass


def watch(gateway: FakeGateway, tell: Telling) -> None:
    """Tell every request and its answer from now on; to be called before the gateway is started.

    What gateways beside it hear is told too, with their address.
    """
    _watch_one(gateway, tell)
    for other in gateway.others:
        _watch_one(other, partial(_tell_of_other, tell, f" at {other.inside} ({other.row})"))


def _tell_of_other(tell: Telling, where: str, client: str, asked: str, answered: str) -> None:
    tell(client, asked + where, answered)


def _watch_one(gateway: FakeGateway, tell: Telling) -> None:
    receive, respond = gateway.core.receive, gateway.core.upnp.respond

    def receive_and_tell(port: int, datagram: bytes, source: Endpoint, to: str = "") -> list[Reply]:
        replies = receive(port, datagram, source, to)
        tell(str(source), *datagram_words(datagram, [reply.data for reply in replies]))
        return replies

    def respond_and_tell(request: bytes, client: str, now: float) -> HttpScript:
        script = respond(request, client, now)
        tell(client, *http_words(request, script.data))
        return script

    # Both are looked up when they are called; a watcher takes their place.
    setattr(gateway.core, "receive", receive_and_tell)  # noqa: B010
    setattr(gateway.core.upnp, "respond", respond_and_tell)  # noqa: B010
