"""Where we are, asked of the system anew whenever it may have changed, with what a person said about it."""

from __future__ import annotations

from ipaddress import IPv6Network

from ..net.surroundings import Surroundings, look_around, look_around6
from ..net.values import replace
from .discovery.site import Site, description_by_hand, site6_of, site_of


class Place:
    """``surroundings`` None: the system is asked, for ``interface`` if one is named.

    ``gateway`` and ``description_url`` replace what is found.

    Raises:
        ValueError: no interface has that name; the text lists those that exist.
        LocalError: a description that cannot be one.
    """

    def __init__(
        self,
        surroundings: Surroundings | None,
        interface: str | None,
        gateway: str | None,
        description_url: str | None,
    ) -> None:
        self._surroundings = surroundings
        self._interface = interface
        self._gateway = gateway
        self._description = None if description_url is None else description_by_hand(description_url)

    @property
    def follows_the_system(self) -> bool:
        """Whether a change of the network can put us elsewhere."""
        return self._surroundings is None

    @property
    def network(self) -> str:
        """What tells this network from others that we may be in tomorrow."""
        site = self.site()
        return f"{site.network} by {site.gateway or 'nobody'}"

    def site(self) -> Site:
        """Our place now."""
        around = look_around(self._interface) if self._surroundings is None else self._surroundings
        site = site_of(around)
        if self._gateway is not None:
            site = replace(site, gateway=self._gateway)
        if self._description is not None:
            site = replace(site, description=self._description, by_hand=True)
        return site

    def site6(self) -> Site:
        """Our place in the IPv6 Internet; without one, a place where nobody can be asked."""
        found = look_around6(self._interface) if self._surroundings is None else None
        if found is None:
            return Site("::1", IPv6Network("::1/128"), None, "::1", multicast=False)
        return site6_of(found)
