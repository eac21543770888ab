"""The applications that say, hear and keep sounds: echo, playback, record, keys.

What can be played is told in ``sound_files``. What is recorded is a WAV file of 8000 Hz, written in a thread,
never in the event loop.

Lives here: what the media leg is told, and the files. Never here: frames and packets (``media``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ...media import BadSound, Recorder, Said, Sound, linear_of
from ...media.coding.coders import remedy
from ...media.sound.g711 import SAMPLE_RATE
from ..audio.recorded_file import RecordedFile
from ..audio.sound_files import place_of
from ..calls import dtmf
from ..waiting import Flag, first_of

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel
    from ..events.bus import Header

FLUSH: Final = 1.0  # seconds between looks at what was recorded
LONGEST_RECORDING: Final = 6 * 3600.0  # seconds
LONGEST_KEYS: Final = 128
PAUSES: Final = {"w": 0.5, "W": 1.0}  # seconds
BETWEEN: Final = 0.1  # seconds from one key to the next


async def echo(calls: Calls, channel: Channel, data: str) -> None:
    """Send every frame back to where it came from, until the caller hangs up."""
    await channel.answer()
    if channel.media is not None:
        channel.media.leg.echo(True)
        await _until_it_ends(channel)


async def delay_echo(calls: Calls, channel: Channel, data: str) -> None:
    """The same, so many milliseconds later (5000 by default)."""
    await channel.answer()
    if channel.media is not None:
        milliseconds = int(data) if data.strip().isdecimal() and len(data.strip()) < 7 else 5000
        channel.media.leg.delay_echo(milliseconds / 1000)
        await _until_it_ends(channel)


async def _until_it_ends(channel: Channel) -> None:
    """Until the channel is gone; a transfer cancels it, and then the echo ends too."""
    try:
        await channel.gone.wait()
    finally:
        if channel.media is not None:
            channel.media.leg.echo(False)


async def playback(calls: Calls, channel: Channel, data: str) -> None:
    """Play a sound to its end. A caller who was not answered hears it before the answer (183).

    A key of ``playback_terminators`` (``*`` by default, ``none`` for no key) ends it; ``playback_status`` and
    ``playback_terminator_used`` tell how it went.
    """
    await channel.pre_answer()
    channel.variables.pop("playback_terminator_used", None)
    try:
        await play(channel, data, keys=_terminators(channel))
    except BadSound as error:
        channel.log.error("playback: %s", error)
        channel.variables["playback_status"] = "FILE NOT FOUND"
        return
    channel.variables["playback_status"] = "FILE PLAYED"


async def play(channel: Channel, text: str, keys: str = "", *, asking: bool = False) -> bool:
    """Say one or several sounds; False when somebody pressed one of ``keys``, broke it off, or it is gone.

    ``asking``: any key ends it, and stays to be read; one that was pressed before counts, too.

    Raises:
        BadSound: a file that is not there, or none that can be played.
    """
    channel.broken_off.clear()
    for part in channel.sounds.parts(text, channel.variables):
        sound = await playable(channel, part)
        if channel.media is None:
            return False
        channel.tell("PLAYBACK_START", *_named(part))
        done = await _say(channel, sound, None if asking else keys)
        channel.tell("PLAYBACK_STOP", *_named(part), ("Playback-Status", "done" if done else "break"))
        if not done:
            return False
    return True


def _named(sound: str) -> tuple[Header, ...]:
    """A sound in FreeSWITCH's words: ``tone_stream://…`` is of its own type, all else is a file."""
    kind, colon, _ = sound.partition("://")
    return ("Playback-File-Path", sound), ("Playback-File-Type", kind if colon else "file")


async def _say(channel: Channel, sound: Sound, keys: str | None) -> bool:
    """Say something, and wait for its end, for a key (None: any), ``uuid_break``, or the channel's end."""
    assert channel.media is not None
    leg, over = channel.media.leg, Flag()

    def heard(event: object) -> None:
        if isinstance(event, Said):
            over.set()

    unsubscribe = leg.subscribe(heard)
    if keys is not None:
        channel.digits.clear()
    try:
        leg.play(sound)
        while not over.is_set() and not channel.gone.is_set():
            channel.digit_came.clear()
            if channel.digits if keys is None else _pressed(channel, keys):
                return False
            await first_of(over, channel.gone, channel.digit_came, channel.broken_off)
            if channel.broken_off.is_set():
                return False
        return over.is_set()
    finally:
        leg.hush()
        unsubscribe()


def _pressed(channel: Channel, keys: str) -> bool:
    """Whether one of these keys came, by RTP or by INFO; it is noted."""
    while channel.digits:
        key = channel.digits.popleft()
        if key in keys:
            channel.variables["playback_terminator_used"] = key
            return True
    return False


async def playable(channel: Channel, text: str) -> Sound:
    """A sound that this channel can be played.

    Raises:
        BadSound: there is none, or its call speaks a codec that nobody here makes.
    """
    codec_made_here(channel)
    return await channel.sounds.load(text, channel.variables)


def codec_made_here(channel: Channel) -> None:
    """Raises BadSound: the channel's call speaks a codec that nobody here makes."""
    codec = channel.media.codec if channel.media is not None else None
    if codec is not None and codec.name not in channel.coders:
        raise BadSound(f"the call speaks {codec.name}, which nothing here makes: {remedy(codec.name)}")


async def record(calls: Calls, channel: Channel, data: str) -> None:
    """``PATH [SECONDS]``: keep what the caller says in a WAV file, until a terminator or that time.

    Relative paths are under ``recordings_dir``. ``record_seconds`` and ``record_ms`` tell how long it became.
    """
    path_text, _, rest = data.strip().partition(" ")
    limit = rest.split()[0] if rest.split() else ""
    seconds = float(limit) if limit.isdecimal() and len(limit) < 6 and int(limit) else LONGEST_RECORDING
    await channel.answer()
    if channel.media is None:
        return
    channel.digits.clear()
    recorder = Recorder(channel.media.leg.tap())  # before the file is opened, for that may take its time
    try:
        file = RecordedFile(place_of(path_text, calls.router.expanded(channel, "${recordings_dir}")))
        await file.open()
        written = await _keep(channel, recorder, file, min(seconds, LONGEST_RECORDING))
    except BadSound as error:
        channel.log.error("record: %s", error)
        return
    except OSError as error:
        channel.log.error("record: %s: %s", path_text, error.strerror or error)
        return
    finally:
        recorder.close()
    channel.variables["record_seconds"] = str(int(written))
    channel.variables["record_ms"] = str(int(written * 1000))


async def _keep(channel: Channel, recorder: Recorder, file: RecordedFile, seconds: float) -> float:
    """Write what the leg hears until the time, a key or the end; how many seconds it became."""
    keys, loop, octets = _terminators(channel), asyncio.get_running_loop(), 0
    deadline = loop.time() + seconds
    going_on = True
    try:
        while going_on:
            channel.digit_came.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(min(FLUSH, max(deadline - loop.time(), 0.0))):
                    await first_of(channel.gone, channel.digit_came)
            stopped = channel.gone.is_set() or _pressed(channel, keys)
            going_on = not stopped and loop.time() < deadline
            if not going_on:
                recorder.close()  # what is on its way comes with it
            kept = recorder.take()
            octets += len(kept)
            await file.write(linear_of(kept))
    finally:
        await file.close()
    return octets / SAMPLE_RATE


async def send_dtmf(calls: Calls, channel: Channel, data: str) -> None:
    """Press keys towards this channel's peer, in the way it understands: ``123#``, ``w`` waits half a second,
    ``W`` a second; ``@MILLISECONDS`` behind them is the length of each.
    """
    keys, _, length = data.strip().partition("@")
    milliseconds = int(length) if length.isdecimal() and len(length) < 6 else dtmf.USUAL
    for key in keys[:LONGEST_KEYS]:
        if key in PAUSES:
            await channel.lives_on(PAUSES[key])
        else:
            dtmf.send(channel, key, milliseconds)
            await channel.lives_on(milliseconds / 1000 + BETWEEN)
        if channel.gone.is_set():
            return


def _terminators(channel: Channel) -> str:
    keys = channel.variables.get("playback_terminators", "*")
    return "0123456789*#ABCD" if keys == "any" else "" if keys == "none" else keys


APPLICATIONS: Final[Mapping[str, Callable[[Calls, Channel, str], Awaitable[None]]]] = {
    "delay_echo": delay_echo,
    "echo": echo,
    "playback": playback,
    "record": record,
    "send_dtmf": send_dtmf,
}
