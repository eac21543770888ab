"""Where one outgoing leg is sent, and as whom.

Lives here: the value. Never here: how a dial string or a provider's name leads to one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...net.values import frozen
from ...sip import Flow, Login, SipUri

if TYPE_CHECKING:
    from .profile import Profile


@frozen
class Target:
    """Where one leg is sent, and as whom."""

    profile: Profile
    uri: SipUri  # the Request-URI
    flows: tuple[Flow, ...]  # the ways to send it: the next is tried where one fails; at least one
    from_uri: str = ""  # empty: the caller at the address this peer sees of us
    login: Login | None = None  # answers the peer's challenge
    headers: tuple[tuple[str, str], ...] = ()
    route: tuple[str, ...] = ()  # raw Route values: the proxies between (RFC 3327, RFC 3608)
    identity: str = ""  # how the caller is named beside From: rpid, pid, none; "" leaves it to the profile
    variables: tuple[tuple[str, str], ...] = ()  # of the leg
    to_uri: str = ""  # who stands in To; empty: the Request-URI
    more: bool = False  # somebody else is called next: silence is not waited for as long

    @property
    def host(self) -> str:
        """The address of the peer that is tried first."""
        return self.flows[0].remote.host
