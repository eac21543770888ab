"""Where a command stands, and why nobody answers there.

Lives here: our surroundings as the options change them, and the words. Never here: an engine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network

from ..net.interfaces import uplinks
from ..net.surroundings import Surroundings, look_around, look_around6
from ..net.values import frozen, replace
from .trouble import Trouble
from .words import Exit

LINGER = 1.5  # seconds that the gateway's own table is waited for: by UPnP, where we speak something else
SURVEY = 10.0  # seconds for ``discover`` at most: a device that answered late may be slow to describe itself


@frozen
class Ground:
    """Where the command stands; a laboratory hands over its own."""

    look_around: Callable[[str | None], Surroundings] | None = None  # None: the system tells, again and again
    natpmp_port: int = 5351
    ssdp_port: int = 1900
    linger: float = LINGER
    survey: float = SURVEY
    interfaces: Callable[[], list[str]] = uplinks  # those that lead out, the best first


def surroundings_of(options: argparse.Namespace, ground: Ground) -> Surroundings:
    """Where we stand by IPv4, with the gateway that was named.

    Raises:
        Trouble: the interface does not exist, or the gateway cannot be one.
    """
    try:
        found = (ground.look_around or look_around)(options.interface)
    except (ValueError, OSError) as error:
        raise Trouble(Exit.LOCAL, str(error)) from error
    if options.gateway is None:
        return found
    if not isinstance(found.network, IPv4Network) or ":" in options.gateway:
        raise Trouble(Exit.LOCAL, f"gateway {options.gateway}: an IPv4 address is needed")
    if IPv4Address(options.gateway) == IPv4Address(found.address):
        raise Trouble(Exit.LOCAL, f"gateway {options.gateway} is this machine's own address")
    return replace(found, gateway=options.gateway)


def is_nowhere(surroundings: Surroundings) -> bool:
    """Whether no route leads to anybody who could be asked."""
    return surroundings.gateway is None and IPv4Address(surroundings.address).is_loopback


def own6_of(options: argparse.Namespace, ground: Ground) -> str:
    """Our address in the IPv6 Internet; empty without one, and in a laboratory."""
    found = look_around6(options.interface, options.address6) if ground.look_around is None else None
    return found.address if found is not None else ""


def nobody6(own6: str) -> str:
    """Why nobody could be asked for a pinhole."""
    if not own6:
        return "there is no IPv6 here: no default gateway, or no lasting global address to be called at"
    return (
        "the default gateway does not answer PCP or UPnP over IPv6; is it allowed to open its firewall there?"
    )


def slow(seconds: float, option: str) -> str:
    """What is known of a gateway that needs more than so many seconds; the option has more patience."""
    return (
        f"a gateway answers by UPnP, but has not told within {seconds:.0f} s whether it maps ports:"
        f" it is slow, or loses what is said; {option} {max(60, 4 * int(seconds))} waits longer for it"
    )


def nobody(
    surroundings: Surroundings, sure: bool, timeout: float, hesitant: bool = False, named: bool = False
) -> str:
    """Why there is no gateway to work with.

    ``sure``: none has answered, and none is waited for; ``hesitant``: one has, by UPnP, and is too slow for
    ``timeout`` seconds; ``named``: a person named the gateway.
    """
    if hesitant:
        return slow(timeout, "--timeout")
    if is_nowhere(surroundings):
        return "no IPv4 route leads out of this machine: is it connected? --interface NAME names a way"
    if surroundings.gateway is None:
        return (
            f"there is no default gateway on {surroundings.address}, and none answered a search;"
            " --gateway or --description-url name one"
        )
    silence = "" if sure else f" within {timeout:g} s"
    which = "gateway" if named else "default gateway"
    return (
        f"the {which} {surroundings.gateway} does not answer PCP, NAT-PMP or UPnP{silence};"
        " is port mapping switched on there?"
    )
