"""A blind transfer (RFC 5589 §6): one leg is sent to a number, and what happens when nobody takes it there.

=============================================  ==============================================================
the number answered                            the phone that transferred is told (NOTIFY 200), and hung up
it did not, and there is a                     the leg goes there, in the same context
``transfer_fallback_extension``
it did not, and the phone is still there       the phone has its call back (RFC 5589 §6.2)
it did not, and the phone had hung up at once  the phone's user is rung, once
=============================================  ==============================================================

``transfer_fallback_extension`` is a variable of the user who transferred, or of either leg.

Lives here: one such transfer. Never here: who may transfer, the wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from ..calls.causes import HangupCause, status_of
from ..calls.joining import join_for_good
from ..waiting import Flag, first_of

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..calls.channel import Channel

FALLBACK: Final = "transfer_fallback_extension"
PATIENCE: Final = 120.0  # seconds until a transfer that nobody answered or refused is told as done
GIVEN_UP: Final = 487  # the transferred side hung up first


class Teller(Protocol):
    """Tells the phone how it goes."""

    def tell(self, status: int) -> None: ...


class BlindTransfer:
    """``phone`` sends ``leg``, its partner, elsewhere."""

    def __init__(self, calls: Calls, teller: Teller, phone: Channel, leg: Channel) -> None:
        self._calls = calls
        self._teller = teller
        self._phone = phone
        self._leg = leg
        self._failed = Flag()

    async def run(self, where: str, go: Callable[[Channel], None]) -> None:
        """Let the leg ``go`` there, and tell the phone what comes of it; ``where`` is for the log."""
        phone, leg = self._phone, self._leg
        phone.log.info("%s transfers %s to %s", phone.name, leg.name, where)
        self._teller.tell(100)
        leg.reached.clear()
        leg.variables["transfer_source"] = phone.uuid
        leg.variables["transferred_by"] = user_of(phone)
        leg.unreached = self._nobody_there
        go(leg)
        leg.offer_both_ways()
        try:
            async with asyncio.timeout(PATIENCE):
                await first_of(leg.reached, leg.gone, self._failed)
        except TimeoutError:
            pass  # it rings on; who transferred has waited long enough
        if self._failed.is_set():
            return  # told already
        leg.unreached = None
        if leg.gone.is_set() and not leg.reached.is_set():
            self._teller.tell(_status(leg.cause or HangupCause.NORMAL_UNSPECIFIED))
        else:
            self._teller.tell(200)
        phone.hang_up(HangupCause.BLIND_TRANSFER)

    async def _nobody_there(self, cause: HangupCause) -> bool:
        """The number did not take the leg. Whether something else does; told to the phone in any case."""
        phone, leg = self._phone, self._leg
        leg.unreached = None
        self._failed.set()
        self._teller.tell(_status(cause))
        elsewhere = phone.variables.get(FALLBACK) or leg.variables.get(FALLBACK, "")
        if not elsewhere and not phone.gone.is_set():
            phone.log.info("%s has %s back: nobody took it (%s)", phone.name, leg.name, cause.name)
            await join_for_good(leg, phone)
            return True
        phone.hang_up(HangupCause.BLIND_TRANSFER)
        elsewhere = elsewhere or user_of(phone)
        if not elsewhere or leg.gone.is_set():
            return False
        leg.log.info("Nobody took %s (%s): it goes to %s", leg.name, cause.name, elsewhere)
        leg.reroute(elsewhere)
        return True


def user_of(phone: Channel) -> str:
    """The directory's user behind a leg; "" for strangers, who are not called back."""
    known = (phone.variables.get(name, "") for name in ("dialed_user", "user_name"))
    return next((each for each in known if each), "")


def _status(cause: HangupCause) -> int:
    return GIVEN_UP if cause is HangupCause.NORMAL_CLEARING else status_of(cause)
