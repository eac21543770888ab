"""The web beside a switch that serves: loaded after it, stopped before it.

Lives here: when. Never here: what is served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..console.recent_lines import LogLine
    from ..switch.configuration.metrics_settings import MetricsSettings
    from ..switch.configuration.web_settings import WebSettings
    from ..switch.switch import Switch
    from .examining_driver import Examine

METRICS_AFTER: Final = 0.4  # seconds: after the ports and the event socket
PAGE_AFTER: Final = 0.6  # people take longer still


async def serve_metrics(switch: Switch, settings: MetricsSettings, idle_cpu: Callable[[], float]) -> None:
    """``/metrics`` until cancelled."""
    await asyncio.sleep(METRICS_AFTER)
    from ..switch.metrics import switch_metrics
    from .metrics_driver import MetricsPage

    page = MetricsPage(settings, switch.allows, lambda: switch_metrics(switch.snapshot(), idle_cpu()))
    try:
        await page.start()
        await asyncio.Event().wait()
    finally:
        await page.stop()


async def serve_page(
    switch: Switch,
    settings: WebSettings,
    lines: Callable[[], Sequence[LogLine]],
    examine: Examine | None = None,
) -> None:
    """The page for people until cancelled; ``examine`` finds what is wrong with the whole."""
    await asyncio.sleep(PAGE_AFTER)
    from .examining_driver import nothing
    from .page_driver import WebPage

    page = WebPage(switch, settings, lines, examine or nothing)
    try:
        await page.start()
        await asyncio.Event().wait()
    finally:
        await page.stop()
