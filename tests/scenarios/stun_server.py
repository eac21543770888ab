"""A STUN server that says what the test wants."""

from __future__ import annotations

from ringthru.lab.datagrams import Datagrams
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp


class StunServer:
    """Answers Binding requests with an address of the test's choice; silent while that is None."""

    def __init__(self, host: str, port: int = 0) -> None:
        self.says: str | None = None
        self.ports: dict[int, int] = {}  # a NAT's: the port asked from, and the one that is told
        self.shift = 0  # what it adds to every port but those
        self.asked = 0
        self._socket = Datagrams(bind_udp(Endpoint(host, port)), self._heard)
        self.address = self._socket.local

    def _heard(self, data: bytes, source: Endpoint) -> None:
        self.asked += 1
        if self.says is None:
            return
        octets = bytes(int(each) for each in self.says.split("."))
        value = (
            b"\x00\x01" + self.ports.get(source.port, source.port + self.shift).to_bytes(2, "big") + octets
        )
        attribute = b"\x00\x01\x00\x08" + value
        header = b"\x01\x01" + len(attribute).to_bytes(2, "big") + data[4:20]
        self._socket.send(header + attribute, source)

    def close(self) -> None:
        self._socket.close()
