"""``bind_meta_app``: ``*`` and a key in a bridged call run an application.

``bind_meta_app KEY LISTEN FLAGS APPLICATION[::DATA]``, as in FreeSWITCH:

==========  ======================================================================================
``LISTEN``  whose keys count: ``a`` of the leg that binds, ``b`` of the one it is bridged to, ``ab``
``FLAGS``   who runs it: ``a`` the leg that binds, ``b`` its partner, ``s`` who pressed (the default),
            ``o`` the other; ``1`` once only
==========  ======================================================================================

The keys go through to the other side all the same. Lives here: what is bound, and which keys mean it.
Never here: how keys come (``dtmf``), running (``ordering``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from ...net.values import frozen

if TYPE_CHECKING:
    from ..calls.channel import Channel

META: Final = "*"
PATIENCE: Final = 3.0  # seconds between the two keys
KEYS: Final = frozenset("0123456789#*")

Run = Callable[["Channel", str, str], object]  # leg, application, data


@frozen
class MetaApp:
    """One binding."""

    key: str
    listens: str
    flags: str
    application: str
    data: str

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None for what is no binding."""
        key, listens, flags, what = (*text.split(maxsplit=3), "", "", "", "")[:4]
        application, _, data = what.partition("::")
        if len(key) != 1 or key not in KEYS or not application or not set(listens.lower()) & {"a", "b"}:
            return None
        return cls(key, listens.lower(), flags.lower(), application.strip(), data.strip())


class MetaKeys:
    """Listens to the keys of every leg."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def pressed(self, channel: Channel, key: str, now: float) -> None:
        """A key came from a leg's peer."""
        began, channel.meta_at = channel.meta_at, now if key == META else None
        if began is None or now - began > PATIENCE:
            return
        partner = channel.bridged_to
        for binder, side in ((channel, "a"), (partner, "b")):
            found = binder.metas.get(key) if binder is not None else None
            if binder is None or found is None or side not in found.listens:
                continue
            channel.meta_at = None
            if "1" in found.flags:
                del binder.metas[key]
            leg = _who(found.flags, channel, binder)
            if leg is not None:
                leg.log.info("%s pressed *%s: %s(%s)", channel.name, key, found.application, found.data)
                self._run(leg, found.application, found.data)
            return


def _who(flags: str, pressed: Channel, binder: Channel) -> Channel | None:
    """The leg that runs it."""
    if "a" in flags:
        return binder
    if "b" in flags:
        return binder.bridged_to
    return pressed.bridged_to if "o" in flags else pressed
