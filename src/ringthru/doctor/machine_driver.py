"""Examines this machine where no switch runs: the ports that a configuration tree will want, and the kernel.

Nothing is sent and nothing opened. Lives here: gathering. Never here: judging.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..net.surroundings import Surroundings, look_around
from ..switch.builtin_variables import folder_variables, machine_variables
from ..switch.checking import STRONG
from ..switch.configuration import (
    ConfigurationError,
    ProfileSettings,
    SwitchSettings,
    Tree,
    load_profiles,
    load_tree,
)
from ..switch.state import PASSWORD_VARIABLE
from .checks import diagnose
from .examination import Examination, WantedPort
from .examining_driver import port_of_event_socket
from .finding import Finding, fail
from .host_driver import look_at_host

OUR_OWN = ("auto", "0.0.0.0")


def examine_machine(conf: Path, state: Path, *, with_ports: bool = True) -> tuple[Finding, ...]:
    """What can be said without a switch. ``conf`` is the tree it would read, ``state`` its folder.

    ``with_ports`` False: its ports are not looked at, for a switch may have them that we cannot ask.
    """
    here = look_around()
    variables = {
        **machine_variables(here, "::1"),
        **folder_variables(conf, state, None, None),
        PASSWORD_VARIABLE: STRONG,
    }
    try:
        tree = load_tree(conf, variables).tree
        ports, settings = tuple(_ports(tree, here)) if with_ports else (), SwitchSettings.read(tree)
    except ConfigurationError as error:
        return (_unreadable(conf, error), *diagnose(Examination(look_at_host(here, (), (16384, 32768)))))
    rtp = settings.rtp_start_port, settings.rtp_end_port
    return diagnose(Examination(look_at_host(here, ports, rtp)))


def _unreadable(conf: Path, error: ConfigurationError) -> Finding:
    return fail(
        "switch.tree",
        f"the configuration cannot be read: {error}",
        "The switch does not start with it.",
        f"'ringthru config check {conf}' lists all that is wrong with it",
    )


def _ports(tree: Tree, here: Surroundings) -> Iterator[WantedPort]:
    for each in load_profiles(tree):
        yield from _ports_of(each, here.address if each.sip_ip in OUR_OWN else each.sip_ip)
    yield from port_of_event_socket(tree)


def _ports_of(profile: ProfileSettings, host: str) -> Iterator[WantedPort]:
    for transport in profile.transports:
        protocol = "udp" if transport == "UDP" else "tcp"
        if profile.sip_port:
            yield WantedPort(protocol, host, profile.sip_port, f"profile {profile.name}")
    if profile.tls and profile.tls_sip_port:
        yield WantedPort("tcp", host, profile.tls_sip_port, f"profile {profile.name}")
