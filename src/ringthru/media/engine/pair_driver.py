"""A pair of sockets for one leg's RTP and RTCP."""

from __future__ import annotations

import logging
import socket
from typing import Final

from ringthru.net.address import Endpoint

from ..rtp.packet import MAX_DATAGRAM

log = logging.getLogger(__name__)

STALE_DATAGRAMS: Final = 64  # thrown away at most when a reserved pair is opened


class PortPair:
    """Two bound sockets: RTP on an even port, RTCP on the next."""

    def __init__(
        self, host: str, rtp_port: int, rtp_socket: socket.socket, rtcp_socket: socket.socket
    ) -> None:
        self.host = host
        self.rtp_port = rtp_port
        self.rtcp_port = rtp_port + 1
        self.sockets = (rtp_socket, rtcp_socket)

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()

    def drain(self) -> None:
        """Throw away what arrived while nobody listened: it belongs to an earlier call."""
        for sock in self.sockets:
            for _ in range(STALE_DATAGRAMS):
                try:
                    sock.recv(MAX_DATAGRAM)
                except OSError:
                    break


def bind_pair(host: str, port: int) -> PortPair:
    """Bind RTP to ``port`` and RTCP to the next, both or none; raises OSError as ``bind`` does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened: list[socket.socket] = []
    try:
        for each in (port, port + 1):
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            opened.append(sock)
            sock.bind((host, each))
    except OSError:
        for sock in opened:
            sock.close()
        raise
    return PortPair(host, port, *opened)


def send_all(sock: socket.socket, datagrams: list[bytes], target: Endpoint | None) -> None:
    """Send what can be sent; a peer that went away, or a full buffer, costs the datagram."""
    if target is None:
        return
    for datagram in datagrams:
        try:
            sock.sendto(datagram, target)
        except OSError as error:
            log.debug("RTP to %s: %s", target, error)
