"""What one leg of a call remembers while it lives, and what others wait for of it.

Lives here: names, types, and what holds before anything has happened.
Never here: what changes them (`channel.py`, and whoever has to do with the leg).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from ..waiting import Flag

if TYPE_CHECKING:
    from ...media import SessionDescription
    from ...sip import Call, SipUri
    from ..audio.displacing import Displacement
    from ..audio.leg_media import LegMedia
    from ..audio.recording import SessionRecording
    from ..audio.tone_listening import ToneListening
    from ..dialplan.meta_keys import MetaApp
    from ..dialplan.ordering import Orders
    from .causes import HangupCause
    from .channel import Channel
    from .joining import Bridge

MAX_DIGITS: Final = 100


class ChannelState:
    """The memory of a `Channel`, which is the only one that has it.

    What holds for each at first is the class's: most legs never change most of it.
    """

    call: Call | None = None
    stranger = False  # a caller who gave no password, is no provider's and in no list
    by_tls = False  # every hop that we see of its signalling
    offer: SessionDescription | None = None  # of the caller's INVITE
    media: LegMedia | None = None
    state: str = "CS_NEW"
    application = ""
    parent: Channel | None = None  # the leg on whose behalf this one is called
    bridge: Bridge | None = None
    orders: Orders | None = None  # what somebody outside the dialplan has it do
    task: asyncio.Future[None] | None = None  # what runs the leg's dialplan, or owns its bridge
    cause: HangupCause | None = None
    dialplan: str = "XML"
    depth = 0  # of execute_extension within execute_extension
    parting: HangupCause | None = None  # what its dialplan ends with, when that is over now
    rerouted = False  # sent elsewhere by its own dialplan, which now ends and begins anew
    held_by_us = False  # its peer is to hear what we say, and to say nothing
    stand_in: Channel | None = None  # another leg that was answered in its stead
    displacement: Displacement | None = None  # a sound in place of one side
    tone_listening: ToneListening | None = None  # for keys in the peer's sound
    heartbeat: asyncio.Task[None] | None = None  # tells SESSION_HEARTBEAT
    meta_at: float | None = None  # when ``*`` was pressed
    redirected: tuple[SipUri, ...] = ()  # where the called side says that the call shall go
    # Asked before a leg that found nobody ends
    unreached: Callable[[HangupCause], Awaitable[bool]] | None = None

    def __init__(self) -> None:
        self.digits: deque[str] = deque(maxlen=MAX_DIGITS)  # keys pressed and not yet taken
        self.digit_came = Flag()
        self.broken_off = Flag()  # what it is being played shall end
        self.rang = Flag()
        self.progressed = Flag()  # early media flows
        self.answered = Flag()
        self.reached = Flag()  # somebody or something talks to the leg
        self.gone = Flag()
        self.taken_up = Flag()  # another leg was answered in its stead: ``stand_in``
        self.recordings: dict[str, SessionRecording] = {}  # of both sides, by path
        self.counted: set[tuple[str, str]] = set()  # where ``limit`` counts it
        self.on_stage: Callable[[Channel, str], None] = lambda channel, stage: None  # ring, media, answer
        self.on_turn: Callable[[Channel], None] = lambda channel: None  # its call state is another one
        self.on_key: Callable[[Channel, str], None] = lambda channel, key: None
        self.metas: dict[str, MetaApp] = {}  # what ``*`` and a key do
