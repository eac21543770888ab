"""A phone that speaks TCP, TLS or UDP, over IPv4 or IPv6, with the product's own driver."""

from __future__ import annotations

from ringthru.lab.datagrams import Datagrams
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp
from ringthru.sip import Flow, SipDriver, TlsListener
from ringthru.sip.transport.tls_driver import TlsContexts

from .phones import Phone


class StreamPhone(Phone):
    """Open it before use; ``at.port`` may be the transport's own on the switch."""

    def __init__(self, user: str, host: str, transport: str) -> None:
        super().__init__(user, lambda port, heard: Datagrams(bind_udp(Endpoint(host, port)), heard))
        self.host = host
        self.transport = transport
        self.name = ""  # that TLS must find
        self.driver: SipDriver | None = None

    async def open(self, tls: TlsContexts | None = None) -> StreamPhone:
        self.driver = await SipDriver.open(
            Endpoint(self.host, 0),
            self._agent,
            self._take,
            transports=("UDP", "TCP"),
            tls=TlsListener(Endpoint(self.host, 0), tls) if tls else None,
            trace=lambda way, data, flow: self.heard.append(data) if way == "recv" else None,
        )
        return self

    @property
    def address(self) -> Endpoint:
        return self.driver.locals[self.transport] if self.driver else Endpoint(self.host, 0)

    @property
    def connections(self) -> int:
        assert self.driver is not None
        return len(self.driver.connections)

    def flow(self, at: Endpoint) -> Flow:
        return Flow(self.transport, self.address, at, name=self.name)

    def hang_up_the_line(self) -> None:
        """Cut every connection, and listen on."""
        assert self.driver is not None
        for link in list(self.driver._streams[self.transport]._links.values()):
            link.leave("the cable was pulled")

    def close(self) -> None:
        if self.driver is not None:
            self.driver.close()
        super().close()

    def _pump(self) -> None:
        if self.driver is not None:
            self.driver.pump()
