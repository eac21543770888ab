"""One who watches, and what he is told: values that the desk and the packages share.

Lives here: a watch, and what a package of events must know. Never here: SIP, what there is to tell.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Protocol

from ...net.values import record
from ..snapshots import SubscriptionSnapshot

if TYPE_CHECKING:
    from ...sip import Request, Subscription
    from ..configuration import User
    from ..profiles.profile import Profile


@record
class Watch:
    """One subscription of a phone."""

    subscription: Subscription
    profile: Profile
    package: Package
    subject: Hashable  # what is watched; only the package knows what it is
    entity: str  # its SIP URI, as the phone wrote it
    user: User  # who watches
    proven: bool  # by a password, and not by where he registered from alone
    told: object = None  # the state that was told last
    version: int = -1  # of what was told last, counted from 0 (RFC 4235 §4.1)
    due: bool = True  # something is to be told, even if it is the same

    @property
    def watcher(self) -> str:
        """``USER@DOMAIN`` of who watches."""
        return str(self.user)

    def snapshot(self, now: float) -> SubscriptionSnapshot:
        """It as the console shows it."""
        subscription = self.subscription
        return SubscriptionSnapshot(
            call_id=subscription.key[0],
            watcher=self.watcher,
            package=self.package.name,
            watched=self.entity,
            place=subscription.flow.remote,
            transport=subscription.flow.transport,
            expires_in=max(subscription.expires_at - now, 0.0),
            notified=self.version + 1,
            waits=subscription.waits,
            profile=self.profile.name,
        )


def parameters_of(request: Request) -> list[str]:
    """The names of the parameters of its Event, in lower case."""
    parts = (request.get("Event") or "").split(";")[1:]
    return [each.partition("=")[0].strip().lower() for each in parts]


def accepts(request: Request, kind: str) -> bool:
    """Whether who asks can read a type; without an Accept he reads the usual one (RFC 6665 §3.1.3)."""
    wanted = (request.get("Accept") or "").lower()
    whole = kind.partition("/")[0] + "/*"
    return not wanted.strip() or any(each in wanted for each in (kind, whole, "*/*"))


class Package(Protocol):
    """What a package of events knows (RFC 6665 §7.2). Spans are seconds."""

    name: str  # as it stands in Event, in lower case
    kind: str  # the type of its bodies
    usual: int  # of a subscription that asks for none
    most: int
    shortest: int
    most_watches: int  # of one subject; the oldest goes

    def find(self, profile: Profile, request: Request, user: User) -> Hashable | int:
        """What a user asks to watch; or the status that refuses it."""
        ...

    def state(self, watch: Watch) -> object | None:
        """How things are now, to be compared; None: not known yet, and the desk is told when it is."""
        ...

    def write(self, watch: Watch, state: object) -> bytes:
        """The body that tells a state; ``watch.told`` is yet the one before, ``version`` that of this one."""
        ...

    def began(self, subject: Hashable) -> None:
        """Somebody watches it, and nobody did before."""
        ...

    def over(self, subject: Hashable) -> None:
        """Nobody watches it any more."""
        ...
