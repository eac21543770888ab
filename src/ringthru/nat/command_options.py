"""What each command of ``ringthru nat`` takes, with the texts of its help.

Lives here: options and their texts, by command. Never here: which of them exclude each other
(arguments), how a value is read (reading), what a command does.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .reading import ECHO_PORT, address, lease, limit, network, port, port_range, ports, remote, wait

LEASE: Final = 3600  # seconds


# What several commands take


def _port(command: ArgumentParser, nargs: str | None = None) -> None:
    command.add_argument(
        "port", type=ports, nargs=nargs, metavar="PORT[/udp|/tcp|/both]", help="1 to 65535; UDP unless named"
    )  # fmt: skip


def _family(command: ArgumentParser) -> None:
    command.add_argument(
        "--family", choices=("ipv4", "ipv6"), default="ipv4", help="ipv6: a hole in the firewall"
    )


def _outer_gateway(command: ArgumentParser) -> None:
    command.add_argument(
        "--outer-gateway",
        type=address,
        metavar="ADDRESS",
        help="the gateway beyond this one, where it is not found by itself; with --nested",
    )


# One command each


def _add(command: ArgumentParser) -> None:
    _port(command)
    command.add_argument(
        "--first",
        action="store_true",
        help="with --every-interface: on one gateway, the first that grants it",
    )
    command.add_argument(
        "--external", type=port, metavar="PORT", help="the external port to ask for (default: PORT)"
    )
    command.add_argument(
        "--peer",
        type=remote,
        metavar="HOST:PORT",
        help="keep the flow from PORT to that host alive, and tell where it sees us (PCP only)",
    )
    command.add_argument(
        "--allow-from",
        type=network,
        action="append",
        metavar="NETWORK",
        help="let in this network alone (PCP FILTER); may be given again",
    )
    command.add_argument(
        "--client",
        type=address,
        metavar="ADDRESS",
        help="the machine it leads to, instead of this one (PCP THIRD_PARTY, or UPnP)",
    )
    command.add_argument("--exact", action="store_true", help="no other external port will do")
    command.add_argument("--lease", type=lease, default=LEASE, metavar="SECONDS", help=f"default: {LEASE}")
    command.add_argument("--label", default="", metavar="TEXT", help="shown in the gateway's table")
    _family(command)
    command.add_argument(
        "--nested", action="store_true", help="map on the gateway beyond this one too (double NAT)"
    )
    _outer_gateway(command)
    command.add_argument("--hold", action="store_true", help="stay, renew, and remove it when interrupted")
    command.add_argument(
        "--set", choices=("same", "pair"),
        help="all or nothing: 'same' UDP and TCP on one external port, 'pair' PORT and PORT+1 (RTP and RTCP)",
    )  # fmt: skip


def _delete(command: ArgumentParser) -> None:
    _port(command, "?")
    command.add_argument(
        "--range", type=port_range, metavar="A-B", help="every mapping of ours between two external ports"
    )
    command.add_argument("--all-ours", action="store_true", help="every mapping of ours on this gateway")
    command.add_argument(
        "--nested", action="store_true", help="on the gateway beyond this one too (double NAT)"
    )
    _outer_gateway(command)


def _discover(command: ArgumentParser) -> None:
    command.add_argument(
        "--wait",
        type=wait,
        metavar="SECONDS",
        help="ask and wait for so long, whoever has answered (default: until nobody is left to answer)",
    )


def _status(command: ArgumentParser) -> None:
    command.add_argument(
        "--metrics", action="store_true", help="print the same as text for Prometheus, and nothing else"
    )


def _list(command: ArgumentParser) -> None:
    command.add_argument(
        "--limit", type=limit, default=512, metavar="N", help="entries read at most (default: 512)"
    )


def _explain(command: ArgumentParser) -> None:
    _port(command)
    _family(command)


def _cleanup(command: ArgumentParser) -> None:
    _outer_gateway(command)
    command.add_argument("--dry-run", action="store_true", help="only say what would be deleted")


def _capture(command: ArgumentParser) -> None:
    command.add_argument("file", type=Path, metavar="FILE", help="where the transcript goes")
    command.add_argument(
        "--port",
        type=ports,
        default=(0, None),
        metavar="PORT",
        help="the port to test with (default: one that is free)",
    )
    command.add_argument("--force", action="store_true", help="replace FILE if it exists")


def _profile(command: ArgumentParser) -> None:
    command.add_argument("action", nargs="?", choices=("list", "set", "forget"), default="list")
    command.add_argument("fingerprint", nargs="?", default="", metavar="FINGERPRINT")
    command.add_argument(
        "settings",
        nargs="*",
        metavar="NAME=VALUE",
        help="what to set, as in permanent_only=yes recheck_every=45; names alone, to forget only these",
    )


def _echo(command: ArgumentParser) -> None:
    command.add_argument(
        "--listen", default="0.0.0.0", type=address, metavar="ADDRESS", help="default: every address"
    )
    command.add_argument("--port", type=port, default=ECHO_PORT, metavar="PORT", help=f"default: {ECHO_PORT}")


COMMANDS: Final[dict[str, tuple[str, Callable[[ArgumentParser], None]]]] = {
    "discover": ("show every gateway and protocol that answers, best first", _discover),
    "status": ("show the gateway in use, the external address, and the mappings we remember", _status),
    "add": ("open a port; it stays open until its lease ends", _add),
    "delete": ("close ports that were opened before", _delete),
    "list": ("show the gateway's own table, with ours marked", _list),
    "watch": ("show what happens, until interrupted", lambda command: None),
    "explain": ("ask for a mapping and show each step, answer and conclusion", _explain),
    "cleanup": ("delete what earlier runs left behind, exactly that", _cleanup),
    "capture": ("record a test of the gateway into a redacted file that can be replayed", _capture),
    "profile": ("show, set or forget what was learned about kinds of gateway", _profile),
    "echo": ("answer from outside: run this on a host of the Internet", _echo),
}
