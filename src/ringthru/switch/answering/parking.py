"""``valet_park``: calls that stand in a numbered place, hear music, and are fetched from any phone.

=========================================  ========================================================
``LOT SLOT``                               park there; if somebody stands there, fetch him
``LOT auto in LEAST MOST``                 park in the first free slot, and say which it is
``LOT auto out LEAST MOST``                fetch whoever has stood there longest
``LOT ask [LEAST MOST MS PROMPT]``         ask for the slot; LEAST and MOST are numbers of keys
=========================================  ========================================================

Variables, as in FreeSWITCH: ``valet_parking_timeout`` (seconds), ``valet_parking_orbit_exten``,
``valet_parking_orbit_dialplan``, ``valet_parking_orbit_context`` (where a call goes then; without them to who
transferred it there), ``valet_hold_music``, ``valet_announce_slot``.

Lives here: the lots. Never here: how legs are joined, prompts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from ...media import MediaError
from ..audio.hold_music import music_of
from ..calls.causes import HangupCause
from ..calls.joining import join_for_good
from ..configuration.values import FALSE_WORDS
from ..dialplan import asking, sounding
from ..events import names
from ..voicemail import prompts
from ..words import words_of

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel

MOST: Final = 1000  # calls that are parked at once
LONGEST: Final = 64  # characters of a lot's name, or of a slot's
LONGEST_STAY: Final = 86400.0  # seconds
SYNTAX: Final = "LOT SLOT | LOT auto in|out LEAST MOST | LOT ask [LEAST [MOST [MS [PROMPT]]]]"
PAUSE: Final = 0.02  # seconds from one time of the music to the next: a file may be empty
MUSIC: Final = "silence_stream://-1"


class Lots:
    """Who stands where; a call that is gone is nowhere."""

    def __init__(self, on_change: Callable[[str], None] = lambda name: None) -> None:
        """``on_change`` hears the names of places and lots, where somebody comes or goes."""
        self._lots: dict[str, dict[str, Channel]] = {}
        self._on_change = on_change

    def at(self, lot: str, slot: str) -> Channel | None:
        found = self._lots.get(lot, {}).get(slot)
        return found if found is not None and not found.gone.is_set() else None

    def put(self, lot: str, slot: str, channel: Channel) -> bool:
        """False: too many are parked."""
        if sum(map(len, self._lots.values())) >= MOST:
            return False
        self._lots.setdefault(lot, {})[slot] = channel
        self._changed(lot, slot)
        return True

    def take(self, lot: str, slot: str, channel: Channel) -> None:
        """That one stands there no more."""
        slots = self._lots.get(lot, {})
        if slots.get(slot) is channel:
            del slots[slot]
            if not slots:
                del self._lots[lot]
            self._changed(lot, slot)

    def _changed(self, lot: str, slot: str) -> None:
        for name in (slot, lot.partition("@")[0]):
            self._on_change(name)

    def free(self, lot: str, least: int, most: int) -> str:
        """The first slot where nobody stands; empty: there is none."""
        numbers = range(least, min(most, least + MOST) + 1)
        return next((str(each) for each in numbers if self.at(lot, str(each)) is None), "")

    def oldest(self, lot: str, least: int, most: int) -> str:
        """The slot of who has stood there longest; empty: nobody does."""
        slots = self._lots.get(lot, {})
        return next((each for each in slots if each.isdecimal() and least <= int(each) <= most), "")

    def rows(self, lot: str = "") -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Each lot, or one, with its slots and the calls there (UUIDs)."""
        for name, slots in self._lots.items():
            if not lot or lot.lower() == name.lower():
                yield name, [(slot, each.uuid) for slot, each in slots.items() if not each.gone.is_set()]


async def valet_park(calls: Calls, channel: Channel, data: str) -> None:
    """Park a call, or fetch one."""
    lot, how, *more = (*words_of(data), "", "")[:8]
    if not how or len(lot) > LONGEST or len(how) > LONGEST:
        channel.log.error("valet_park %s: %s", data[:80], SYNTAX)
        return
    await channel.answer()
    slot = await _slot(calls, channel, lot, how, more)
    if not slot or channel.gone.is_set():
        return
    parked = calls.answering.lots.at(lot, slot)
    if parked is not None and parked is not channel:
        await _fetch(calls, channel, parked, lot, slot)
    else:
        await _stand(calls, channel, lot, slot, announce=how.lower() == "auto")


async def _slot(calls: Calls, channel: Channel, lot: str, how: str, more: list[str]) -> str:
    """The slot that is meant; empty when there is none, and the caller was told."""
    lots, words = calls.answering.lots, [each for each in more if each]
    if how.lower() == "ask":
        prompt = words[3] if len(words) > 3 else prompts.voice("enter_id")
        most = int(words[1]) if len(words) > 1 and words[1].isdecimal() and len(words[1]) < 3 else 11
        wait = int(words[2]) / 1000 if len(words) > 2 and words[2].isdecimal() and len(words[2]) < 7 else 10.0
        return await asking.ask(channel, prompt, most, wait, "#")
    if how.lower() != "auto":
        return how
    direction, least, most_ = (*words, "", "", "")[:3]
    if direction.lower() not in ("in", "out") or not (_is_number(least) and _is_number(most_)):
        channel.log.error("valet_park %s auto %s: %s", lot, " ".join(words)[:80], SYNTAX)
        return ""
    find = lots.free if direction.lower() == "in" else lots.oldest
    slot = find(lot, int(least), int(most_))
    if not slot:
        channel.log.warning("valet_park: the lot %s is %s", lot, "full" if find == lots.free else "empty")
        await prompts.say(
            channel, ("valet/lot_full.wav",) if find == lots.free else (prompts.voice("fail_auth"),)
        )
    return slot


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


async def _fetch(calls: Calls, channel: Channel, parked: Channel, lot: str, slot: str) -> None:
    """Talk to whoever stands there."""
    calls.answering.lots.take(lot, slot, parked)
    _tell(calls, parked, lot, slot, "bridge", ("Bridge-To-UUID", channel.uuid))
    calls.release(parked)
    await join_for_good(channel, parked)


async def _stand(calls: Calls, channel: Channel, lot: str, slot: str, *, announce: bool) -> None:
    """Hear music until somebody comes, or for as long as ``valet_parking_timeout`` says."""
    if not calls.answering.lots.put(lot, slot, channel):
        channel.log.warning("valet_park: %d calls are parked already", MOST)
        channel.hang_up(HangupCause.SWITCH_CONGESTION)
        return
    # An attended transfer hands on the number that was dialled: this slot, and not another free one
    channel.destination = slot if announce else channel.destination
    _tell(calls, channel, lot, slot, "hold")
    try:
        if announce and channel.variables.get("valet_announce_slot", "").strip().lower() not in FALSE_WORDS:
            await prompts.say(channel, ("valet/parked_at.wav", *prompts.digits(slot)), "")
        if await _wait(channel):
            _go_back(channel)
    finally:
        calls.answering.lots.take(lot, slot, channel)
        _tell(calls, channel, lot, slot, "exit")


async def _wait(channel: Channel) -> bool:
    """Play music; True: nobody came in time."""
    text = channel.variables.get("valet_parking_timeout", "").strip()
    seconds = float(text) if _is_number(text) and int(text) else LONGEST_STAY
    try:
        async with asyncio.timeout(seconds):
            while not channel.gone.is_set():
                await _play(channel)
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        return not channel.gone.is_set()
    return False


async def _play(channel: Channel) -> None:
    """The music once, and silence for ever where there is none."""
    music = channel.variables.get("valet_hold_music") or music_of(channel) or MUSIC
    try:
        await sounding.play(channel, MUSIC if music.lower() == "silence" else music)
    except MediaError as error:
        channel.log.warning("valet_park: %s", error)
        await sounding.play(channel, MUSIC)


def _go_back(channel: Channel) -> None:
    """To where the dialplan says, or to who transferred the call there."""
    variables = channel.variables
    extension = variables.get("valet_parking_orbit_exten") or variables.get("transferred_by", "")
    if not extension:
        channel.log.info("%s was parked too long, and nobody is known to whom it could go", channel.name)
        channel.hang_up(HangupCause.ALLOTTED_TIMEOUT)
        return
    channel.log.info("%s was parked too long: it goes to %s", channel.name, extension)
    context = variables.get("valet_parking_orbit_context", "")
    channel.reroute(extension, context, variables.get("valet_parking_orbit_dialplan", ""))


def _tell(calls: Calls, channel: Channel, lot: str, slot: str, action: str, *more: tuple[str, str]) -> None:
    if names.CUSTOM in calls.bus.wanted:
        where = (("Valet-Lot-Name", lot), ("Valet-Extension", slot), ("Action", action))
        who = (
            ("Unique-ID", channel.uuid),
            ("Channel-Name", channel.name),
            ("Caller-Caller-ID-Name", channel.caller.name),
            ("Caller-Caller-ID-Number", channel.caller.number),
        )
        calls.bus.custom(names.VALET, (*where, *more, *who))
