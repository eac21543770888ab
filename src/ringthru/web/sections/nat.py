"""The router, and each mapping with how far it is proven.

Lives here: what is shown of the gateway. Never here: how a mapping is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...switch.snapshots import MapperSnapshot, MappingSnapshot, MappingState
from ..markup import Html, badge, button, element, joined, table, until
from ..view import View

RUNGS: Final = ("requested", "accepted", "listed", "reachable")
MOST_ROWS: Final = 100
AUDIO: Final = ("Ringthru rtp ", "Ringthru rtcp ")  # labels of ports of calls
MEANINGS: Final = {
    "requested": "we want it",
    "accepted": "the router said yes",
    "listed": "the router’s own table shows it",
    "reachable": "somebody outside came through it",
}
HEADS: Final = ("Port", "From outside", "Proven", "Time left", "What for")


def router(view: View, token: str) -> Html:
    """The gateway in use, what it says of itself, and what else answered."""
    mapper = view.snapshot.mapper
    if mapper is None:
        return element("p", "The switch was told not to look for a router (-nonat).", class_="quiet")
    facts = element(
        "dl", *(joined(element("dt", name), element("dd", text)) for name, text in _facts(mapper))
    )
    deed = button("Ask the router again for every port", "/republish", token)
    return joined(facts, deed if mapper.type is not None else None)


def _facts(mapper: MapperSnapshot) -> Iterator[tuple[str, object]]:
    if mapper.type is None:
        yield "Router", "none found; looking again" if mapper.verdict_known else "still looking"
    else:
        yield "Speaks", mapper.type.spoken
        yield "Model", mapper.description or "it does not say"
        yield "Address", element("code", mapper.gateway or "unknown")
    yield "From outside", _outside(mapper)
    if not mapper.mapping_enabled:
        yield "Port mapping", badge("idle", "switched off")
    others = [each for each in mapper.services if not each.in_use]
    if others:
        yield "In reserve", ", ".join(f"{each.type.spoken} at {each.gateway}" for each in others[:5])
    for each in mapper.learned[:8]:
        yield "Learned", f"this router {each}"


def _outside(mapper: MapperSnapshot) -> Html:
    address = mapper.external_address or mapper.reported_address
    if not address:
        return badge("warn", "unknown")
    kind = mapper.address_kind.value if mapper.address_kind else ""
    usable = mapper.external_address is not None
    word = kind if usable or not kind else f"{kind}: another NAT is in the way"
    return joined(element("code", address), " ", badge("good" if usable else "bad", word))


def mappings(view: View, token: str) -> Html:
    """What is or shall be open: for profiles and operators in a table, for audio folded away."""
    found = view.snapshot.mapper.mappings if view.snapshot.mapper is not None else ()
    if not found:
        return element("p", "No port is mapped, and none is asked for.", class_="quiet")
    audio = [each for each in found if not each.listed or each.label.startswith(AUDIO)]
    listed = [each for each in found if each not in audio]
    folded = element(
        "details",
        element("summary", f"and {len(audio)} for audio, of calls and held ready"),
        _table(view, "Mappings for audio", audio),
        id="audio-ports",
        class_="fold",
    )
    return joined(_table(view, "Mappings", listed), folded if audio else None)


def _table(view: View, caption: str, found: list[MappingSnapshot]) -> Html:
    more = element("p", f"and {len(found) - MOST_ROWS} more", class_="quiet")
    rows = [_row(view, each) for each in found[:MOST_ROWS]]
    return joined(table(caption, HEADS, rows), more if len(found) > MOST_ROWS else None)


def _row(view: View, mapping: MappingSnapshot) -> tuple[object, ...]:
    where = f"{mapping.internal_port}/{mapping.protocol.value}"
    family = " IPv6" if mapping.family.value == "ipv6" else ""
    outside = "–"
    if mapping.external_port is not None:
        outside = f"{mapping.external_address or '?'}:{mapping.external_port}"
    return (
        element("code", where + family),
        element("code", outside),
        joined(_ladder(mapping), _evidence(mapping, where)),
        _left(view, mapping),
        mapping.label.removeprefix("Ringthru ") or ("by hand" if mapping.listed else "held ready"),
    )


def _ladder(mapping: MappingSnapshot) -> Html:
    """Four steps, as many filled as are proven, and the word for the highest."""
    if mapping.state is MappingState.REFUSED:
        return badge("bad", "refused")
    if mapping.state in (MappingState.DISABLED, MappingState.UNSUPPORTED):
        return badge("idle", mapping.state.value)
    height = RUNGS.index(mapping.rung.value) + 1
    steps = (element("i", class_="on" if number < height else None) for number in range(len(RUNGS)))
    state = "good" if height > 1 else "idle"
    ladder = element("span", *steps, class_=f"ladder {state}", aria_hidden="true")
    said = element("span", f", step {height} of {len(RUNGS)}", class_="unseen")
    return joined(ladder, " ", mapping.rung.value, said)


def _evidence(mapping: MappingSnapshot, where: str) -> Html | None:
    """What each step rests on, for those who ask."""
    items = [
        element("li", badge(*_holds(each.holds)), " ", element("b", each.rung.value), ": ", each.words)
        for each in mapping.evidence
    ]
    if mapping.reason:
        items.append(element("li", badge("bad", "error"), " ", mapping.reason))
    if mapping.filtering is not None:
        items.append(element("li", "strangers kept out: ", mapping.filtering.truth.value))
    if not items:
        return None
    title = MEANINGS[mapping.rung.value]
    summary = element("summary", "why", title=title, aria_label=f"Evidence for {where}")
    family = mapping.family.value
    return element("details", summary, element("ul", *items), id=f"why-{where.replace('/', '-')}-{family}")


def _holds(holds: bool | None) -> tuple[str, str]:
    return ("idle", "cannot be verified") if holds is None else ("good", "yes") if holds else ("warn", "no")


def _left(view: View, mapping: MappingSnapshot) -> Html | str:
    if mapping.state is not MappingState.ACCEPTED:
        return "–"
    return "no end" if mapping.lifetime_left is None else until(view.now + mapping.lifetime_left, view.now)
