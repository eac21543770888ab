"""What the log says of a leg's events, whichever engine has the leg."""

from __future__ import annotations

import logging

from .events import MediaEvent, Unexpected
from .latch import Confirmed, Latched
from .offer_answer import Negotiated

log = logging.getLogger(__name__)


def log_event(event: MediaEvent, agreed: Negotiated | None) -> None:
    """Say what people look for in a log: where the audio goes, and why some of it is dropped."""
    if isinstance(event, Latched):
        log.info("%s", event)
    elif isinstance(event, Confirmed):
        log.debug("%s", event)
    elif isinstance(event, Unexpected) and agreed is not None:
        text = "Dropping RTP of payload type %d from %s: %s was agreed"
        log.info(text, event.payload_type, event.source, agreed.codec.rtpmap)
