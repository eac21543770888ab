"""Where we are, asked of the system anew whenever it may have changed, with what a person said about it."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Final

from ...net.address import parse_address
from ...net.surroundings import NOWHERE, Surroundings, look_around, look_around6
from ...net.values import replace
from ..discovery.site import Site, description_by_hand, site6_of, site_of
from ..errors import LocalError, MalformedMessage

NO_PLACE: Final = Surroundings(NOWHERE, IPv4Network(f"{NOWHERE}/32"), None, multicast=False)


def network_key(site: Site) -> str:
    """What tells this network from others that we may be in tomorrow."""
    return f"{site.network} by {site.gateway or 'nobody'}"


def server_of(lease: Path, version: int = 4) -> str | None:
    """The PCP server of that version of IP in a dhclient.leases or dhclient6.leases file; None: it has none.

    Raises:
        LocalError: the file cannot be read, or its option makes no sense.
    """
    from ..wire.pcp_servers import read_lease, read_lease6  # late: rarely asked for

    try:
        text = lease.read_text(errors="replace")
        servers = read_lease6(text) if "lease6 {" in text else read_lease(text)
    except (OSError, MalformedMessage) as error:
        words = error.strerror if isinstance(error, OSError) else error
        raise LocalError(f"no PCP server from {lease}: {words}") from error
    return next((each for server in servers for each in server if (":" in each) is (version == 6)), None)


def _global6(text: str) -> str:
    """An IPv6 address of ours, as the kernel's tables tell it.

    Raises:
        LocalError: it is none.
    """
    address = parse_address(text)
    if not isinstance(address, IPv6Address):
        raise LocalError(f"IPv6 address {text!r}: one of ours in numbers, as in 2001:db8::5")
    return str(address)


class Place:
    """``surroundings`` None: the system is asked, for ``interface`` if one is named.

    ``gateway``, ``description_url`` and ``pcp_server`` replace what is found; the last may be an address, or
    the path of a dhclient.leases or dhclient6.leases file whose option says it (RFC 7291), read anew each
    time; it is asked about the family of its address. ``address6`` is one of several IPv6 addresses of ours,
    asked of the system whatever the surroundings.

    Raises:
        LocalError: a gateway, a description, a PCP server or an IPv6 address that cannot be one.
    """

    def __init__(
        self,
        surroundings: Surroundings | None,
        interface: str | None,
        gateway: str | None,
        description_url: str | None,
        pcp_server: str | Path | None = None,
        address6: str | None = None,
    ) -> None:
        self._surroundings = surroundings
        self._address6 = None if address6 is None else _global6(address6)
        self._interface = interface
        if gateway is not None and parse_address(str(gateway)) is None:
            raise LocalError(f"gateway {gateway!r}: give its address in numbers, as in 192.168.1.1")
        server = parse_address(pcp_server) if isinstance(pcp_server, str) else None
        if isinstance(pcp_server, str) and (server is None or server.is_link_local):
            raise LocalError(f"PCP server {pcp_server!r}: give its address in numbers, as in 192.0.2.1")
        self._gateway = gateway
        self._pcp_server = pcp_server
        if isinstance(pcp_server, Path):
            server_of(pcp_server)
        self._was_somewhere = False
        self._description = None if description_url is None else description_by_hand(description_url)

    @property
    def follows_the_system(self) -> bool:
        """Whether a change of the network can put us elsewhere."""
        return self._surroundings is None

    def site(self) -> Site:
        """Our place now; where nobody can be asked, while the interface that was named is gone.

        Raises:
            LocalError: no interface has had that name so far; the text lists those there are.
        """
        around = self._look_around()
        site = site_of(around)
        if self._interface is not None and self._surroundings is None and around is not NO_PLACE:
            site = replace(site, interface=self._interface)
        if self._gateway is not None:
            site = replace(site, gateway=self._gateway, named=True)
        if self._description is not None:
            site = replace(site, description=self._description, by_hand=True)
        if self._pcp_server is not None:
            site = replace(site, pcp_server=self._server(4))
        return site

    def _server(self, version: int) -> str | None:
        if isinstance(self._pcp_server, str):
            return self._pcp_server if (":" in self._pcp_server) is (version == 6) else None
        if self._pcp_server is None:
            return None
        try:
            return server_of(self._pcp_server, version)
        except LocalError:  # the file was there at the start: it is being written
            return None

    def _look_around(self) -> Surroundings:
        if self._surroundings is not None:
            return self._surroundings
        try:
            around = look_around(self._interface)
        except ValueError as error:
            if self._was_somewhere:
                return NO_PLACE
            raise LocalError(str(error)) from error
        self._was_somewhere = True
        return around

    def site6(self) -> Site:
        """Our place in the IPv6 Internet; without one, a place where nobody can be asked."""
        asked = self._surroundings is None or self._address6 is not None
        found = look_around6(self._interface, self._address6) if asked else None
        if found is None:
            return Site("::1", IPv6Network("::1/128"), None, "::1", multicast=False)
        return replace(site6_of(found), pcp_server=self._server(6))
