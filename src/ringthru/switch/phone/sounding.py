"""What the console phone sounds beside calls: rings, tests, its microphone looped to its loudspeaker.

Lives here: these loops. Never here: calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ...media import Frame, MediaError
from ...media.devices.interface import Device, Sink
from ...media.quality.chirp import PLAIN
from ...media.quality.echo_probe import Echo, EchoProbe
from ...media.sound.g711 import encode
from ...media.sound.mixing import FRAME, SILENT_FRAME, together
from ...net.values import replace
from ..waiting import first_of
from .devices import shut

if TYPE_CHECKING:
    from .channel import PhoneChannel
    from .phone import ConsolePhone

SECONDS: Final = FRAME / 8000
RING_TEST: Final = "ringtest"
CENTRE: Final = 0.5


async def ring(phone: ConsolePhone, channel: PhoneChannel) -> None:
    """Until somebody answers, or the caller has enough."""
    await phone.streams.look()
    if not channel.gone.is_set():
        channel.mark_ringing()
    settings = phone.calls.phone_settings
    while channel.rings:
        phone.told_of_ringing(channel)
        text = settings.ring_file if phone.ring_file is None else phone.ring_file
        silent = not text or (phone.active is not None and settings.no_ring_during_call)
        sounding = None if silent else asyncio.ensure_future(_sound_once(phone, channel, text))
        try:
            async with asyncio.timeout(settings.ring_interval):
                await _answered_or_gone(channel)
        except TimeoutError:
            continue
        finally:
            if sounding is not None:
                sounding.cancel()
                await asyncio.gather(sounding, return_exceptions=True)


async def _answered_or_gone(channel: PhoneChannel) -> None:
    await first_of(channel.answered, channel.gone)


async def _sound_once(phone: ConsolePhone, channel: PhoneChannel, text: str) -> None:
    try:
        await play(phone, text, None, phone.streams.device("ring"))
    except MediaError as error:
        channel.log.warning("The console phone cannot ring: %s", error)


async def play(phone: ConsolePhone, text: str, seconds: float | None, device: Device) -> None:
    """Say a sound to a device: for so long, or once.

    Raises:
        MediaError: it is none, or the device cannot be opened.
    """
    if text == RING_TEST:
        text = phone.calls.phone_settings.ring_file if phone.ring_file is None else phone.ring_file
    sound = await phone.calls.sounds.load(text, {})
    times = (1 if sound.times == 0 else sound.times) if seconds is None else 0
    frames = replace(sound, times=times).frames("PCMU", FRAME)
    sink = await phone.streams.devices.open_sink(device)
    try:
        await _write(frames, sink, seconds)
    finally:
        await shut(sink)


async def _write(frames: Iterator[bytes], sink: Sink, seconds: float | None) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time()
    for number, frame in enumerate(frames):
        if seconds is not None and number * SECONDS >= seconds:
            return
        sink.write(frame)
        due += SECONDS
        await asyncio.sleep(max(due - loop.time(), 0))


async def loop_test(phone: ConsolePhone) -> Echo:
    """Let the microphone be heard from the loudspeaker for some seconds, with a chirp now and then; whether
    the loudspeaker reaches the microphone.

    Raises:
        MediaError: a device cannot be opened.
    """
    await phone.streams.look()
    source = await phone.streams.devices.open_source(phone.streams.device("in"))
    try:
        sink = await phone.streams.devices.open_sink(phone.streams.device("out"))
    except MediaError:
        await shut(source)
        raise
    probe, loop, at = EchoProbe(lambda: CENTRE, PLAIN), asyncio.get_running_loop(), 0
    due = began = loop.time()
    try:
        while due - began < phone.loop_seconds:
            heard = source.read()
            probe.hear([Frame("PCMU", at // FRAME % (1 << 16), at, heard or SILENT_FRAME)], due)
            samples = probe.frame(due)
            mark = SILENT_FRAME if samples is None else encode(samples, "PCMU")
            sink.write(mark if heard is None else together(heard, mark))
            at, due = at + FRAME, due + SECONDS
            await asyncio.sleep(max(due - loop.time(), 0))
    finally:
        await shut(source)
        await shut(sink)
    return probe.result()
