"""What may be said on the command line ``ringthru nat``, and what is wrong with what was said.

Lives here: the options of every command, and which of all exclude each other.
Never here: a command's own options (command_options), how a value is read (reading), what a command does.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final, NoReturn

from .command_options import COMMANDS
from .reading import address, endpoint, pcp_server, seconds, url
from .words import EXIT_WORDS

PATIENCE: Final = 15.0  # seconds
ALONE: Final = ("explain", "capture", "profile", "echo")  # commands that are about one gateway, or none
EPILOG: Final = "exit status:\n" + "\n".join(f"  {code:d}  {words}" for code, words in EXIT_WORDS.items())


class NotUnderstood(SystemExit):
    """The command line is not understood; ``message`` says why, and standard error has it already."""

    def __init__(self, message: str) -> None:
        super().__init__(2)
        self.message = message


class _Parser(argparse.ArgumentParser):
    """One that says what is wrong in a line, and does not bury it under the whole usage."""

    def error(self, message: str) -> NoReturn:
        self._print_message(f"{self.prog}: {message}\n{self.prog} --help tells what there is.\n", sys.stderr)
        raise NotUnderstood(message)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal. One is made for each option, and each would load ``shutil`` to ask how wide
    that is, with all that packs archives: 3 ms."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:  # no terminal
        return 80


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line; with the name of a command, as far as that one needs it."""
    common = _common()
    top = _Parser(
        prog="ringthru nat",
        description="Find NAT gateways, open ports on them, see why it does or does not work.",
        epilog=EPILOG,
        formatter_class=_Formatter,
        parents=[common],
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, prog=top.prog)
    for name, (text, add_arguments) in COMMANDS.items():
        if only in (None, name):
            command = commands.add_parser(
                name,
                help=text,
                description=f"{text[0].upper()}{text[1:]}.",
                epilog=EPILOG,
                formatter_class=_Formatter,
                parents=[common],
                allow_abbrev=False,
            )
            add_arguments(command)
    return top


def _common() -> _Parser:
    """Options of every command, understood before and after its name."""
    common = _Parser(
        add_help=False,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        formatter_class=_Formatter,
    )
    common.add_argument(
        "--interface", metavar="NAME", help="the network interface to use (default: the kernel's)"
    )
    common.add_argument(
        "--every-interface",
        action="store_true",
        help="on every interface with a default route, each with its own gateway",
    )
    common.add_argument(
        "--gateway", type=address, metavar="ADDRESS", help="the gateway, instead of the default route's"
    )
    common.add_argument("--description-url", type=url, metavar="URL", help="the gateway's UPnP description")
    common.add_argument(
        "--pcp-server",
        type=pcp_server,
        metavar="ADDRESS|FILE",
        help="whom to ask by PCP and NAT-PMP instead; FILE: what dhclient(6).leases says (RFC 7291)",
    )
    common.add_argument(
        "--timeout", type=seconds, metavar="SECONDS", help=f"patience (default: {PATIENCE:g})"
    )
    common.add_argument(
        "--echo",
        type=endpoint,
        action="append",
        metavar="HOST[:PORT]",
        help="an outside echo host, which proves reachability; may be given again",
    )
    common.add_argument("--json", action="store_true", help="print JSON")
    common.add_argument("--no-color", action="store_true", help="no colours, no drawing")
    common.add_argument("--store", type=Path, metavar="PATH", help="the journal (default: in XDG_STATE_HOME)")
    common.add_argument("--quiet", action="store_true", help="no progress, no remarks")
    return common


DEFAULTS: Final[dict[str, object]] = {
    "interface": None,
    "every_interface": False,
    "address6": None,  # one of several IPv6 addresses of ours: see ``several``
    "other_addresses": frozenset(),  # ours, on the other interfaces: see ``everywhere``
    "gateway": None,
    "description_url": None,
    "pcp_server": None,
    "echo": None,
    "timeout": PATIENCE,
    "json": False,
    "no_color": False,
    "store": None,
    "quiet": False,
}


def read(argv: list[str]) -> argparse.Namespace:
    """Read the command line.

    Raises:
        NotUnderstood: what was typed; standard error says why.
        SystemExit: help was asked for (0).
    """
    first = argv[0] if argv else ""
    options = parser(first if first in COMMANDS else None).parse_args(argv)
    for name, default in DEFAULTS.items():
        if not hasattr(options, name):
            setattr(options, name, default)
    _check(options)
    return options


def _check(options: argparse.Namespace) -> None:
    """What argparse cannot say: which options exclude each other."""
    if options.command == "delete" and not (options.port or options.range or options.all_ours):
        parser().error("delete needs PORT, --range A-B or --all-ours")
    if options.command == "add" and options.set == "pair" and options.port[0] == 65535:
        parser().error("--set pair needs the next port too: PORT is 1 to 65534")
    if getattr(options, "outer_gateway", None) and not getattr(options, "nested", True):
        parser().error("--outer-gateway is the gateway beyond this one: it needs --nested")
    if getattr(options, "nested", False) and getattr(options, "family", None) == "ipv6":
        parser().error("--nested is for NAT behind NAT, and --family ipv6 has none: take one of the two")
    if options.every_interface:
        _check_everywhere(options)
    elif getattr(options, "first", False):
        parser().error("--first is for several gateways: it needs --every-interface")
    if options.command == "status" and options.metrics and options.json:
        parser().error("--metrics prints text for Prometheus: it goes without --json")
    if options.command == "profile" and options.action != "list" and not options.fingerprint:
        parser().error(f"profile {options.action} needs a fingerprint; 'ringthru nat profile' lists them")


def _check_everywhere(options: argparse.Namespace) -> None:
    """What names one gateway cannot be meant for all."""
    if options.command in ALONE:
        parser().error(f"{options.command} is for one interface: --interface NAME, not --every-interface")
    for name in ("interface", "gateway", "description_url", "pcp_server", "outer_gateway", "peer", "client"):
        if getattr(options, name, None):
            parser().error(f"--{name.replace('_', '-')} is about one gateway: not with --every-interface")
