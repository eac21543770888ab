"""The picture: the Internet, the NATs on the way, this switch and its phones, with what is known of each.

It is a list, so that it can be read aloud and stands upright on a narrow screen; style makes it a picture.

Lives here: what stands in the picture. Never here: how it looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...console.text import count
from ...net.address import AddressKind
from ...net.values import frozen
from ...switch.snapshots import MapperSnapshot, MappingState, RegistrationSnapshot
from ..markup import Html, element, joined
from ..view import View
from .icons import icon

MOST_PHONES: Final = 6  # by name; of more the number
BEHIND_ANOTHER: Final = frozenset((AddressKind.PRIVATE, AddressKind.SHARED))


@frozen
class Place:
    """One station of the chain; ``state`` is good, warn, bad or idle."""

    icon: str
    title: str
    state: str
    word: str  # what the state is, in words
    lines: tuple[object, ...] = ()
    link: str = ""  # what goes between it and the station before


def chain(view: View, token: str) -> Html:
    """All stations, from the Internet inwards."""
    places = [element("li", *_drawn(each), class_=f"place {each.state}") for each in _places(view)]
    return element("ol", *places, class_="chain", aria_label="The way from the Internet to the phones")


def _drawn(place: Place) -> Iterator[Html]:
    if place.link:
        yield element("span", place.link, class_="link")
    yield icon(place.icon)
    yield element("strong", place.title)
    yield element("span", place.word, class_="word")
    yield from (element("span", line, class_="line") for line in place.lines if line)


def _places(view: View) -> Iterator[Place]:
    mapper = view.snapshot.mapper
    yield _internet(mapper)
    if mapper is not None:
        yield from _beyond(mapper)
        yield _router(mapper)
    yield _ourselves(view)
    yield _phones(view.snapshot.registrations)


def _internet(mapper: MapperSnapshot | None) -> Place:
    if mapper is None:
        return Place("globe", "Internet", "idle", "not looked at (-nonat)")
    outermost = mapper.chain[-1] if mapper.chain else mapper
    address = outermost.external_address or mapper.external_address
    if address:
        return Place("globe", "Internet", "good", "sees us at", (element("code", address),))
    if not mapper.verdict_known:
        return Place("globe", "Internet", "idle", "looking …")
    return Place("globe", "Internet", "warn", "our address is not known")


def _beyond(mapper: MapperSnapshot) -> Iterator[Place]:
    """NATs between our router and the Internet, the outermost first; one that nobody answers for too."""
    for each in reversed(mapper.chain):
        state, word = ("good", "opened, too") if each.type is not None else ("bad", "cannot be opened")
        yield Place("nat", "Another NAT", state, word, _names(each))
    if not mapper.chain and mapper.address_kind in BEHIND_ANOTHER and not mapper.external_address:
        kind = mapper.address_kind.value if mapper.address_kind else ""
        yield Place("nat", "Provider’s NAT", "bad", "in the way", (f"the router has {kind}",))


def _router(mapper: MapperSnapshot) -> Place:
    if mapper.type is None:
        if not mapper.verdict_known:
            return Place("router", "Router", "idle", "looking …")
        return Place("router", "Router", "warn", "opens no ports for us")
    wanted = [each for each in mapper.mappings if each.listed]
    granted = sum(each.state is MappingState.ACCEPTED for each in wanted)
    state = "good" if granted == len(wanted) else "warn"
    if not mapper.mapping_enabled:
        return Place("router", "Router", "idle", "port mapping is off", _names(mapper))
    whole = f"{count(granted, 'port')} open"
    word = whole if granted == len(wanted) else f"opened {granted} of {len(wanted)} ports"
    return Place("router", "Router", state, word, _names(mapper), link=mapper.type.spoken)


def _names(mapper: MapperSnapshot) -> tuple[object, ...]:
    address = element("code", mapper.gateway) if mapper.gateway else ""
    return (mapper.description, address)


def _ourselves(view: View) -> Place:
    snapshot = view.snapshot
    running = [each for each in snapshot.profiles if each.running]
    addresses = dict.fromkeys(each.sip_ip for each in running)
    calls = len({each.call_uuid or each.uuid for each in snapshot.channels})
    word = f"{count(calls, 'call')} now" if calls else "ready"
    state = "good" if running else "bad"
    return Place(
        "switch",
        snapshot.hostname or "Ringthru",
        state,
        word if running else "no profile runs",
        tuple(element("code", each) for each in addresses),
    )


def _phones(registrations: tuple[RegistrationSnapshot, ...]) -> Place:
    reached = [each for each in registrations if each.reachable]
    if not registrations:
        return Place("phone", "Phones", "idle", "none registered")
    away = len(registrations) - len(reached)
    word = f"{len(reached)} registered" if not away else f"{away} of {len(registrations)} silent"
    names = list(dict.fromkeys(each.user.partition("@")[0] for each in registrations))
    more = f" and {len(names) - MOST_PHONES} more" if len(names) > MOST_PHONES else ""
    listed = joined(", ".join(names[:MOST_PHONES]), more)
    return Place("phone", "Phones", "warn" if away else "good", word, (listed,))
