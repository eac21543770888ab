"""Calls: those in progress with who hears whom, and what became of those that ended.

Lives here: what is shown of a call. Never here: how it is judged (``switch/cdr/verdict``, ``media/quality``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Final

from ...net.address import Endpoint
from ...switch.snapshots import ChannelSnapshot
from ..markup import Html, badge, button, element, joined, since, table
from ..view import View

if TYPE_CHECKING:
    from ...switch.cdr.recent import EndedLegSnapshot

MOST_CALLS: Final = 50
MOST_RECENT: Final = 20
FAIR, POOR = 3.6, 2.6  # MOS: below, most people are annoyed; below, nearly all (G.107, Annex B)
BOTH_WAYS: Final = "both ways"
Users = Mapping[Endpoint, str]  # of registered phones, by where they are
HEADS: Final = ("Leg", "State", "Heard from it", "Sent to it", "Codec", "At")


def live(view: View, token: str) -> Html:
    """A card for each call in progress."""
    calls = _calls(view.snapshot.channels)
    if not calls:
        return element("p", "No call is in progress.", class_="quiet")
    users = {each.source: each.user.partition("@")[0] for each in view.snapshot.registrations}
    cards = [_card(view, legs, users, token) for legs in calls[:MOST_CALLS]]
    more = element("p", f"and {len(calls) - MOST_CALLS} more", class_="quiet")
    return joined(*cards, more if len(calls) > MOST_CALLS else None)


def _calls(channels: Iterable[ChannelSnapshot]) -> list[list[ChannelSnapshot]]:
    """Legs by the call they belong to, the leg that began it first; the latest call is last."""
    ordered = sorted(channels, key=lambda each: (each.began, each.direction != "inbound"))
    firsts = {(each.call_uuid or each.uuid): each.began for each in reversed(ordered)}
    ordered.sort(key=lambda each: (firsts[each.call_uuid or each.uuid], each.call_uuid or each.uuid))
    return [list(legs) for _, legs in groupby(ordered, key=lambda each: each.call_uuid or each.uuid)]


def _card(view: View, legs: list[ChannelSnapshot], users: Users, token: str) -> Html:
    first, who = legs[0], {leg.uuid: _who(leg, users) for leg in legs}
    title = f"{_caller(first)} → {first.destination or '?'}"
    deed = button("Hang up", "/hangup", token, f"Hang up the call {title}", uuid=first.uuid)
    head = element(
        "header", element("h3", title), element("span", since(first.began, view.now), class_="age"), deed
    )
    hearing = element("ul", *_heard(view, legs, who), class_="hearing")
    rows = [_leg(each, who[each.uuid]) for each in legs]
    return element("article", head, hearing, table(f"Legs of {title}", HEADS, rows), class_="call")


def _caller(leg: ChannelSnapshot) -> str:
    name, number = leg.caller_name, leg.caller_number
    return f"{name} {number}".strip() if name and name != number else number or name or "?"


def _who(leg: ChannelSnapshot, users: Users) -> str:
    """Whose leg it is: of one that we called the user at that place, for its address may be anything."""
    if leg.direction == "inbound":
        return leg.caller_number or leg.caller_name or "caller"
    return users.get(leg.peer) or leg.destination or leg.name


def _heard(view: View, legs: list[ChannelSnapshot], who: Mapping[str, str]) -> list[Html]:
    """Who hears whom, where the audio passes by us and is counted while it does."""
    if any(leg.audio_aside for leg in legs):
        return [element("li", "the audio goes from phone to phone, past the switch", class_="quiet")]
    if view.snapshot.media_nodes:
        return [element("li", "the audio goes through rtpengine, which counts at the end", class_="quiet")]
    return _hearing(legs, who)


def _hearing(legs: list[ChannelSnapshot], who: Mapping[str, str]) -> list[Html]:
    """Who hears whom: of two joined legs each way, of a leg alone the switch and it."""
    by_uuid = {leg.uuid: leg for leg in legs}
    said = []
    for leg in legs:
        me, other = who[leg.uuid], by_uuid.get(leg.bridged_to or "")
        if other is not None:
            said.append(_sentence(me, who[other.uuid], other.packets_received > 0 < leg.packets_sent))
        elif leg.call_state in ("ACTIVE", "HELD") or leg.packets_received:
            what = _application(leg) or "the switch"
            said.append(_sentence(me, what, leg.packets_sent > 0))
            said.append(_sentence(what, me, leg.packets_received > 0))
    return said or [element("li", "nobody has answered yet", class_="quiet")]


def _application(leg: ChannelSnapshot) -> str:
    """What it runs, without its data."""
    return leg.application.partition("(")[0].partition(" ")[0]


def _sentence(who: str, whom: str, hears: bool) -> Html:
    words = ("hears", "good") if hears else ("hears nothing of", "bad")
    return element("li", who, " ", badge(words[1], words[0]), " ", whom)


def _leg(leg: ChannelSnapshot, who: str) -> tuple[object, ...]:
    quality = leg.quality
    incoming, outgoing = quality.incoming, quality.outgoing
    return (
        joined(who, element("small", " caller" if leg.direction == "inbound" else " called")),
        joined(leg.call_state.lower(), element("small", f" {_application(leg)}", title=leg.application)),
        _way(leg.packets_received, incoming.loss if incoming else None, incoming.mos if incoming else None),
        _way(leg.packets_sent, outgoing.loss if outgoing else None, outgoing.mos if outgoing else None),
        leg.codec or "–",
        element("code", leg.peer) if leg.peer.host else "–",
    )


def _way(packets: int, loss: float | None, mos: float | None) -> Html:
    """Packets one way; loss and the figure of the ear where they are known."""
    lost = "" if loss is None else f", {loss:.1%} lost" if loss else ", none lost"
    if mos is None:
        return joined(f"{packets} packets{lost}")
    state = "good" if mos >= FAIR else "warn" if mos >= POOR else "bad"
    return joined(f"{packets} packets{lost} ", badge(state, f"MOS {mos:.1f}"))


def recent(view: View, token: str) -> Html:
    """What became of the calls that ended last, each leg's verdict in one sentence."""
    calls: dict[str, list[EndedLegSnapshot]] = {}
    for leg in view.snapshot.ended:
        calls.setdefault(leg.call_uuid, []).append(leg)
    if not calls:
        return element("p", "No call has ended since the start.", class_="quiet")
    heads = ("Call", "Ended", "Outcome", "Verdict")
    return table("Recent calls", heads, [_ended(view, legs) for legs in list(calls.values())[:MOST_RECENT]])


def _ended(view: View, legs: list[EndedLegSnapshot]) -> tuple[object, ...]:
    first = min(legs, key=lambda each: (each.direction != "inbound", each.began))
    name = first.caller_name if first.caller_name != first.caller_number else ""
    title = f"{name} {first.caller_number}".strip() or "?"
    return (
        f"{title} → {first.destination or '?'}",
        joined(since(first.ended, view.now), " ago"),
        _outcome(legs, first),
        element("ul", *(element("li", each.verdict) for each in sorted(legs, key=lambda each: each.began))),
    )


def _outcome(legs: list[EndedLegSnapshot], first: EndedLegSnapshot) -> Html:
    talked = first.ending.talked
    if not talked:
        return badge("idle", "not answered")
    with_media = [each for each in legs if each.ending.talked and each.ending.has_media]
    heard = all(each.audio == BOTH_WAYS for each in with_media)
    return badge("good", "heard both ways") if heard else badge("bad", "not heard both ways")
