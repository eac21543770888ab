"""The console's phone in a home, and who rings it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .home import extension

Pa = Callable[..., Awaitable[str]]
RING_CONSOLE = extension("7000", ("bridge", "portaudio"))
AT_ONCE = extension("7001", ("bridge", "portaudio/auto_answer"))
