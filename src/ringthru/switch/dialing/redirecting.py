"""A called side that answers 3xx: "call there instead" (RFC 3261 §8.1.3.4), as phones forward calls.

We call there ourselves, the places it names in turn: an address of ours through the dialplan, in the context
of the user who forwards; any other by the same profile. With ``manual-redirect`` the leg just fails, and the
caller's channel gets ``sip_redirect_contact_N`` (``…_user_N``, ``…_host_N``) and ``sip_redirect_dialstring``,
for a dialplan that goes on (``continue_on_fail``).

Lives here: where a redirected call goes. Never here: ringing there (``dialing``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...sip import NameAddr, Response, SipUri
from ..registrations.nat import harmless_uri
from .dialstring import harmless

if TYPE_CHECKING:
    from ..calls.channel import Channel
    from ..configuration import Directory
    from ..profiles.profile import Profile

MOST: Final = 4  # places that one answer may name


def places_of(response: Response | None) -> tuple[SipUri, ...]:
    """The SIP addresses of a 3xx, best first (§8.1.3.4: by ``q``)."""
    if response is None or not 300 <= response.status < 400:
        return ()
    ranked = sorted(
        (each for each in response.contacts if each.uri.is_sip and each.uri.user), key=_weight, reverse=True
    )
    return tuple(each.uri for each in ranked[:MOST])


def _weight(contact: NameAddr) -> float:
    try:
        return float(contact.parameter("q") or "1")
    except ValueError:
        return 1.0


def dial_string(channel: Channel, directory: Directory) -> str:
    """Where the redirected call of a leg goes; "" for nowhere."""
    return "|".join(_one(channel, each, directory) for each in channel.redirected)


def _one(channel: Channel, uri: SipUri, directory: Directory) -> str:
    profile = channel.profile
    if not is_ours(uri.host, profile, directory):
        return f"sofia/{profile.name}/{harmless_uri(uri)}"
    context = channel.variables.get("user_context") or profile.settings.context
    return f"loopback/{harmless(uri.decoded_user)}/{harmless(context)}"


def is_ours(host: str, profile: Profile, directory: Directory) -> bool:
    """Whether a host is this switch, by an address of its own or a domain of the directory."""
    return directory.domain(host) is not None or profile.is_own(host)


def note(channel: Channel, directory: Directory) -> None:
    """Tell the caller's channel where the call was redirected to (``manual-redirect``)."""
    variables = channel.parent.variables if channel.parent is not None else channel.variables
    for number, uri in enumerate(channel.redirected):
        variables[f"sip_redirect_contact_{number}"] = str(harmless_uri(uri))
        variables[f"sip_redirect_contact_user_{number}"] = harmless(uri.decoded_user)
        variables[f"sip_redirect_contact_host_{number}"] = harmless(uri.host)
    variables["sip_redirect_dialstring"] = dial_string(channel, directory)
