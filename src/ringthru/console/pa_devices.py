"""``pa``: what concerns its devices, and the sounds that are not of a call.

Lives here: forms and texts. Never here: calls (``pa``), devices themselves (``switch/phone``).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final

from ..switch.phone.errors import PhoneError
from .text import count, visible

if TYPE_CHECKING:
    from ..switch.phone.phone import ConsolePhone

log = logging.getLogger(__name__)

LONGEST_TEST: Final = 60.0  # seconds

Run = Callable[["ConsolePhone", Sequence[str]], Awaitable[str]]


# --- devices ------------------------------------------------------------------------------------------


async def _devlist(phone: ConsolePhone, words: Sequence[str]) -> str:
    await phone.streams.look()
    used = {letter: phone.streams.device(use) for letter, use in (("r", "ring"), ("i", "in"), ("o", "out"))}
    if words and words[0].lower() == "xml":
        return _as_xml(phone)
    return "".join(
        f"{each.number};{visible(each.name)}({visible(each.api)});{each.inputs};{each.outputs};"
        f"{','.join(letter for letter, device in used.items() if device is each)}\n"
        for each in phone.streams.devices.all
    )


def _as_xml(phone: ConsolePhone) -> str:
    from xml.sax.saxutils import escape  # late: the start is a budget

    def quoted(text: str) -> str:
        return escape(visible(text), {'"': "&quot;"})

    rows = "".join(
        f'    <device id="{each.number}" name="{quoted(each.name)}" hostapi="{quoted(each.api)}" '
        f'inputs="{each.inputs}" outputs="{each.outputs}" />\n'
        for each in phone.streams.devices.all
    )
    bound = "".join(
        f'    <{tag} device="{phone.streams.device(use).number}" />\n'
        for tag, use in (("ring", "ring"), ("input", "in"), ("output", "out"))
    )
    return f"<xml>\n  <devices>\n{rows}  </devices>\n  <bindings>\n{bound}  </bindings>\n</xml>\n"


def _chooser(use: str, name: str) -> Run:
    async def choose(phone: ConsolePhone, words: Sequence[str]) -> str:
        device = await _chosen(phone, use, " ".join(words))
        return f"{name} not set (invalid value)\n" if device is None else f"{name} set to {device}\n"

    return choose


async def _chosen(phone: ConsolePhone, use: str, text: str) -> int | None:
    try:
        device = await phone.streams.choose(use, text)
    except PhoneError as error:
        log.error("pa: %s", error)
        return None
    return None if device is None else device.number


def _streams(order: str, done: str) -> Run:
    async def prepare(phone: ConsolePhone, words: Sequence[str]) -> str:
        inward, outward = await _chosen(phone, "in", words[0]), await _chosen(phone, "out", words[1])
        if inward is None or outward is None:
            return f"{order} not {done} (invalid value)\n"
        try:
            await phone.streams.open()
        except PhoneError as error:
            log.error("pa %s: %s", order, error)
            return f"{order} not {done} (invalid value)\n"
        return f"{order} {done} indev: {inward} outdev: {outward}\n"

    return prepare


async def _closestreams(phone: ConsolePhone, words: Sequence[str]) -> str:
    await phone.streams.close()
    return "closestreams all open streams closed\n"


async def _shstreams(phone: ConsolePhone, words: Sequence[str]) -> str:
    await phone.streams.look()
    names = [f"{use}: {visible(phone.streams.device(use).name)}\n" for use in ("in", "out")]
    return "".join(names) if phone.streams.are_open else "No open streams\n"


async def _endpoints(phone: ConsolePhone, words: Sequence[str]) -> str:
    found = phone.calls.phone_settings.endpoints
    return (
        "".join(
            f"{visible(name)}> instream: {visible(inward)} outstream: {visible(outward)}\n"
            for name, (inward, outward) in found.items()
        )
        + f"\n{count(len(found), 'endpoint')}\n"
    )


async def _rescan(phone: ConsolePhone, words: Sequence[str]) -> str:
    try:
        await phone.streams.rescan()
    except PhoneError as error:
        log.error("pa rescan: %s", error)
        return "FAIL:Device Error!\n"
    return "OK\n"


# --- sounds -------------------------------------------------------------------------------------------


async def _play(phone: ConsolePhone, words: Sequence[str]) -> str:
    await phone.streams.look()
    return await _played(phone, phone.streams.device("out").number, words)


async def _playdev(phone: ConsolePhone, words: Sequence[str]) -> str:
    await phone.streams.look()
    device = phone.streams.devices.find(words[0], "out")
    if device is None:
        return "playdev not set (invalid value)\n"
    return await _played(phone, device.number, words[1:])


async def _played(phone: ConsolePhone, number: int, words: Sequence[str]) -> str:
    """``no_close`` is accepted, and changes nothing: a device that a call has open stays so."""
    from ..switch.phone.sounding import RING_TEST, play

    words = [each for each in words if each.lower() != "no_close"]
    name, seconds = (*words, "", "")[:2]
    limit = min(float(seconds), LONGEST_TEST) if seconds.isascii() and seconds.isdigit() else None
    try:
        await play(phone, name or RING_TEST, limit, phone.streams.devices.all[number])
    except PhoneError as error:
        return f"playback test failed: {visible(str(error))}\n"
    return "playback test complete\n"


async def _ringfile(phone: ConsolePhone, words: Sequence[str]) -> str:
    if words:
        phone.ring_file = words[0]
    current = phone.calls.phone_settings.ring_file if phone.ring_file is None else phone.ring_file
    return f"ring_file {'set to' if words else 'is'} {visible(current)}\n"


async def _looptest(phone: ConsolePhone, words: Sequence[str]) -> str:
    from ..switch.phone.sounding import loop_test

    try:
        echo = await loop_test(phone)
    except PhoneError as error:
        return f"looptest failed: {visible(str(error))}\n"
    if echo.round_trip_ms is None:
        log.info("looptest: the microphone does not hear the loudspeaker")
    else:
        log.info("looptest: the microphone hears the loudspeaker after %.0f ms", echo.round_trip_ms)
    return "looptest complete\n"


DEVICE_COMMANDS: Final[dict[str, tuple[Run, int]]] = {  # with the least words that follow
    "closestreams": (_closestreams, 0),
    "devlist": (_devlist, 0),
    "dump": (_devlist, 0),
    "endpoints": (_endpoints, 0),
    "indev": (_chooser("in", "indev"), 1),
    "looptest": (_looptest, 0),
    "outdev": (_chooser("out", "outdev"), 1),
    "play": (_play, 0),
    "playdev": (_playdev, 1),
    "preparestream": (_streams("preparestream", "prepared"), 2),
    "rescan": (_rescan, 0),
    "ringdev": (_chooser("ring", "ringdev"), 1),
    "ringfile": (_ringfile, 0),
    "shstreams": (_shstreams, 0),
    "switchstream": (_streams("switchstream", "switched to"), 2),
}
