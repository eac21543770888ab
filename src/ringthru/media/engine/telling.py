"""Who listens to a leg's events, and what the log says of them, whichever engine has the leg."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ..description.offer_answer import Negotiated
from ..events import Forged, MediaEvent, Unexpected
from ..rtp.latch import Confirmed, Latched

log = logging.getLogger(__name__)


class Listened:
    """What is listened to: the part of every engine's leg that tells."""

    def __init__(self, name: str) -> None:
        self.name = name  # for the logs
        self._listeners: list[Callable[[MediaEvent], None]] = []

    def subscribe(self, callback: Callable[[MediaEvent], None]) -> Callable[[], None]:
        """Call ``callback`` with each event from now on; the result ends it."""
        self._listeners.append(callback)

        def unsubscribe() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return unsubscribe

    def tell(self, event: MediaEvent, agreed: Negotiated | None) -> None:
        """Tell whoever subscribed; a listener that fails harms nobody."""
        log_event(event, agreed)
        for callback in list(self._listeners):
            try:
                callback(event)
            except Exception:
                log.exception("%s: a listener failed on %s", self.name, event)


def log_event(event: MediaEvent, agreed: Negotiated | None) -> None:
    """Say what people look for in a log: where the audio goes, and why some of it is dropped."""
    if isinstance(event, Latched):
        log.info("%s", event)
    elif isinstance(event, Confirmed):
        log.debug("%s", event)
    elif isinstance(event, Unexpected) and agreed is not None:
        text = "Dropping RTP of payload type %d from %s: %s was agreed"
        log.info(text, event.payload_type, event.source, agreed.codec.rtpmap)
    elif isinstance(event, Forged):
        text = "Dropping SRTP from %s that does not prove itself: it was made with other keys than agreed on"
        log.warning(text, event.source)
