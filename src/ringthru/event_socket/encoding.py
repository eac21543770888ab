"""Events as frames of the event socket.

Lives here: the frame around an event. Never here: the event's own form (``switch/events/forms``).
"""

from __future__ import annotations

from ..switch.events.bus import SwitchEvent
from ..switch.events.forms import PAYLOADS, EventFormat
from .framing import Frame


class EncodedEvent:
    """An event with the bytes it becomes: made once for each format, however many clients want it."""

    __slots__ = ("_made", "event")

    def __init__(self, event: SwitchEvent) -> None:
        self.event = event
        self._made: dict[EventFormat, bytes] = {}

    def frame(self, form: EventFormat) -> bytes:
        made = self._made.get(form)
        if made is None:
            made = self._made[form] = event_frame(self.event, form)
        return made


def event_frame(event: SwitchEvent, form: EventFormat) -> bytes:
    """The whole frame, in FreeSWITCH's order of its two headers."""
    payload = PAYLOADS[form](event).encode("utf-8", "replace")
    headers = (("Content-Length", str(len(payload))), ("Content-Type", f"text/event-{form.value}"))
    return Frame(headers, payload).encode()
