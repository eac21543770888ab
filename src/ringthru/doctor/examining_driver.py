"""Examines a running switch: takes its snapshots, reads this machine's tables, and has both judged.

Nothing is sent. Lives here: gathering. Never here: judging (the modules of checks).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator

from ..net.surroundings import Surroundings
from ..net.values import replace
from ..switch.configuration import Directory, Tree, weak_secrets
from ..switch.configuration.conditions import Extension
from ..switch.configuration.event_socket_settings import CLUECON, EventSocketSettings
from ..switch.foresight import OUTSIDE, neighbour_of
from ..switch.profiles.profile import Profile
from .checks import diagnose
from .examination import Examination, HostFacts, OpenPort, ProfileFacts, SecurityFacts, Shown, WantedPort
from .finding import Finding
from .host_driver import look_at_host
from .patient import Patient
from .strangers import leading_on


async def examine(switch: Patient) -> tuple[Finding, ...]:
    """Every finding about a running switch.

    The machine is looked at in a thread, and so are passwords: ten thousand of them take a while.
    """
    ports = (*ports_of(switch.calls.profiles.values()), *port_of_event_socket(switch.tree))
    rtp = switch.settings.rtp_start_port, switch.settings.rtp_end_port
    host = await asyncio.to_thread(look_at_host, switch.surroundings, ports, rtp, str(os.getpid()))
    secrets = await asyncio.to_thread(secrets_of, switch.calls.directory)
    return diagnose(picture_of(switch, host, secrets))


def picture_of(switch: Patient, host: HostFacts, secrets: SecurityFacts) -> Examination:
    """What a switch knows of itself, at this moment; ``secrets`` are ``secrets_of`` its directory."""
    snapshot, calls = switch.snapshot(), switch.calls
    contexts = calls.router.dialplan.contexts
    mapper = snapshot.mapper is not None and snapshot.mapper.mapping_enabled
    return Examination(
        host=host,
        switch=snapshot,
        profiles=tuple(
            _profile(
                each,
                switch.surroundings,
                contexts.get(each.settings.context, ()),
                guarded=bool(secrets.weak) and mapper,
            )
            for each in calls.profiles.values()
        ),
        security=_with_event_socket(secrets, switch.tree),
        calls=calls.mishaps.recent(),
        gateway_restarted=switch.gateway_restarted,
    )


def ports_of(profiles: Iterable[Profile]) -> Iterator[WantedPort]:
    """The ports that must be a running switch's own."""
    for each in profiles:
        for transport in each.transports.served:
            place = each.transports.local(transport)
            yield WantedPort(_protocol(transport), place.host, place.port, f"profile {each.name}")


def port_of_event_socket(tree: Tree) -> Iterator[WantedPort]:
    """Its own, where it has a fixed one; it may be opened a moment later than the profiles."""
    socket = event_socket_of(tree)
    if socket is not None and socket.listen_port:
        yield WantedPort("tcp", socket.listen_ip, socket.listen_port, "the event socket", served=False)


def event_socket_of(tree: Tree) -> EventSocketSettings | None:
    """Where it listens, by what is written there; None: nowhere.

    The switch read it at its start, and said what is to be said of it; here nothing is logged once more.
    """
    element = tree.configuration("event_socket.conf")
    if element is None:
        return None
    written = element.named_values("settings", "param")
    usual = EventSocketSettings()
    port = written.get("listen-port", "").strip()
    return EventSocketSettings(
        listen_ip=written.get("listen-ip", "").strip("[] ") or usual.listen_ip,
        listen_port=int(port) if port.isdecimal() else usual.listen_port,
        password=written.get("password", ""),
    )


def _protocol(transport: str) -> str:
    return "udp" if transport == "UDP" else "tcp"


def _profile(
    profile: Profile, here: Surroundings, extensions: tuple[Extension, ...], guarded: bool
) -> ProfileFacts:
    settings, registration = profile.settings, profile.settings.registration
    addresses, transports = profile.addresses(), profile.transports
    asks = profile.wants_mapping
    return ProfileFacts(
        name=profile.name,
        asks_mapping=asks,
        mapped=profile.mapped,
        kept_closed=asks and not profile.mapped and guarded and not settings.allow_weak_secrets,
        auth_calls=settings.auth_calls,
        limits_callers=bool(settings.apply_inbound_acl),
        blind=registration.accept_blind_reg or registration.accept_blind_auth,
        context=settings.context,
        tls=settings.tls,
        leads_on=leading_on(extensions),
        ports=tuple(
            OpenPort(
                each, transports.local(each).port, transports.external_port(each), transports.is_granted(each)
            )
            for each in transports.served
        ),
        shown=()
        if profile.ipv6
        else (
            _shown(profile, neighbour_of(here), "on the LAN"),
            _shown(profile, OUTSIDE, "on the Internet"),
        ),
        address_source=addresses.source,
        external_address=addresses.ext_sip.host if addresses.ext_sip is not None else None,
    )


def _shown(profile: Profile, peer: str, where: str) -> Shown:
    seen = profile.seen_by(peer)
    result, *why = seen.explained(profile.name, f"a peer {where} ({peer})")
    host = seen.signalling.host
    reasons = tuple(each.strip() for each in why)
    return Shown(peer, where, result, reasons, str(seen.signalling), profile.is_public(host))


def secrets_of(directory: Directory) -> SecurityFacts:
    """What is wrong with the passwords of a directory."""
    return SecurityFacts(
        weak=tuple(weak_secrets(directory)), shared=shared_secrets(directory), users=len(directory.users())
    )


def _with_event_socket(secrets: SecurityFacts, tree: Tree) -> SecurityFacts:
    socket = event_socket_of(tree)
    if socket is None:
        return secrets
    return replace(
        secrets,
        event_socket=f"{socket.listen_ip}:{socket.listen_port}",
        event_socket_local=socket.on_loopback,
        event_socket_known=socket.password == CLUECON,
    )


def shared_secrets(directory: Directory) -> tuple[tuple[str, ...], ...]:
    """Users with one password together, as groups of their names; no password leaves this function."""
    users: dict[str, list[str]] = {}
    for user in directory.users():
        if user.password:
            users.setdefault(user.password, []).append(str(user))
    return tuple(tuple(names) for names in users.values() if len(names) > 1)
