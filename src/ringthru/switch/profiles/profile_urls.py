"""A profile's URLs, as ``sofia status`` shows them and FreeSWITCH's users read them.

Lives here: their text. Never here: which address a peer sees (``reachability``), or what is really bound.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...net.values import frozen
from ..configuration import ProfileSettings
from ..reachability import ProfileAddresses
from .transports import TLS


@frozen
class ProfileUrls:
    """None for what the profile does not serve."""

    plain: str | None  # URL
    plain_bind: str | None  # BIND-URL
    tls: str | None
    tls_bind: str | None


def urls_of(addresses: ProfileAddresses, settings: ProfileSettings, served: Sequence[str]) -> ProfileUrls:
    """The four URLs; ``served`` are the profile's transports."""
    plain = [each for each in served if each != TLS]
    url, bind = _plain(addresses, settings, plain) if plain else (None, None)
    if TLS not in served:
        return ProfileUrls(url, bind, None, None)
    secure, maddr = _url(addresses, TLS, settings.contact_user, "sips")
    params = f";{settings.tls_bind_params}" if settings.tls_bind_params else ""
    return ProfileUrls(url, bind, _url(addresses, TLS, settings.contact_user)[0], f"{secure}{maddr}{params}")


def _plain(
    addresses: ProfileAddresses, settings: ProfileSettings, transports: Sequence[str]
) -> tuple[str, str]:
    url, maddr = _url(addresses, transports[0], settings.contact_user)
    params = f";{settings.bind_params}" if settings.bind_params else ""
    if "transport=" not in params:
        params += f";transport={','.join(transports).lower()}"
    return url, f"{url}{maddr}{params}"


def _url(addresses: ProfileAddresses, transport: str, user: str, scheme: str = "sip") -> tuple[str, str]:
    """The profile's URL over a transport, and what is added where it is not the address we listen on."""
    inside, outside = addresses.of(transport)
    if addresses.auto_nat or outside is None:
        return f"{scheme}:{user}@{inside}", ""
    return f"{scheme}:{user}@{outside}", f";maddr={inside.host}"
