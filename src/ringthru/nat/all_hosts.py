"""One late question by NAT-PMP to all hosts of the link: some gateway may hear nothing else (row NP19).

For ``discover`` alone, to say why nothing works: RFC 6886 does not know it, and no mapping is asked for so.

Lives here: the question, and whose answer counts. Never here: when it is asked.
"""

from __future__ import annotations

from typing import Final

from ..net.address import Endpoint
from ..portmap.discovery.site import Site
from ..portmap.drivers.udp_driver import UdpPort
from ..portmap.errors import MalformedMessage
from ..portmap.wire.natpmp import AddressRequest, AddressResponse, decode

ALL_HOSTS: Final = "224.0.0.1"


class AllHosts:
    """Asks once, at ``site``; ``heard`` says in words that its gateway answered. Others do not count."""

    def __init__(self, site: Site, port: int) -> None:
        self.heard = ""
        self.asked = False
        self._site = site
        self._port = port
        self._socket: UdpPort | None = None

    def ask(self) -> None:
        self.asked = True
        if not self._site.multicast or self._site.gateway is None or ":" in self._site.address:
            return
        try:
            self._socket = UdpPort(
                self._site.address, self._take, lambda: None, interface=self._site.interface
            )
        except OSError:  # whoever asks the gateway itself says so
            return
        self._socket.send(AddressRequest().encode(), Endpoint(ALL_HOSTS, self._port))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _take(self, datagram: bytes, source: Endpoint) -> None:
        if source != Endpoint(self._site.gateway or "", self._port):
            return
        try:
            answer = decode(datagram)
        except MalformedMessage:
            return
        if isinstance(answer, AddressResponse):
            self.heard = (
                f"NAT-PMP at {source.host} answers only what is sent to all hosts ({ALL_HOSTS}), not what is"
                " sent to it, as RFC 6886 wants it: no mapping can be asked for"
            )
