"""Several homes on one street: their gateways' outside networks are one, and they can call each other.

A fake gateway knows of outside hosts that opened their port with SO_REUSEPORT and hand what comes past its
gateway to ``masquerade``. Here that is done for other gateways too: what a switch behind one gateway sends to
the outside address of another arrives there as its own gateway would have carried it.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address

import pytest

from ringthru.lab.gateway import forwarding, udp_forward
from ringthru.lab.gateway.fake_gateway import FakeGateway
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp


class Street:
    """Gateways that reach each other; they must be built after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gateways: list[FakeGateway] = []
        neighbours = self

        class StreetForward(udp_forward.UdpForward):
            def _from_outside(self, data: bytes, peer: Endpoint) -> None:
                if not neighbours.carry(data, peer, self.outside):
                    super()._from_outside(data, peer)

        def bind_shared(local: Endpoint) -> socket.socket:
            return bind_udp(local, reuse_port=True)

        monkeypatch.setattr(forwarding, "UdpForward", StreetForward)
        monkeypatch.setattr(udp_forward, "bind_udp", bind_shared)

    def carry(self, data: bytes, source: Endpoint, destination: Endpoint) -> bool:
        """What came straight from an inside host goes out through the gateway in front of it."""
        home = next((g for g in self.gateways if IPv4Address(source.host) in g.inside_network), None)
        return home is not None and home.masquerade(data, source, destination)
