"""Which media engine a home has: an edit of its configuration."""

from __future__ import annotations

import os

from .home import Edit

SWITCH_XML = "autoload_configs/switch.conf.xml"
NODES = os.environ.get("RTPENGINE_NODES", "")  # set by ``interop/test_rtpengine``, where there are some


def media_engine(name: str) -> Edit:
    """Have this engine: ``c``, ``python``, or ``rtpengine`` at those nodes."""
    nodes = f'<param name="rtpengine-nodes" value="{NODES}"/>' if NODES else ""
    return lambda text: text.replace(
        '<param name="media-engine" value="auto"/>', f'<param name="media-engine" value="{name}"/>{nodes}'
    )
