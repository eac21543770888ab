"""What comes in from the network, handed to whom it concerns; what is of no use is counted.

Lives here: the first look at bytes and replies of anybody. Never here: what they lead to.
"""

from __future__ import annotations

from typing import Final

from ...net.address import Endpoint
from ..errors import RemoteError
from ..gateway.upnp_values import HttpFailure, Reply
from .counters import Counters
from .life import GatewayLife

HTML: Final = (b"<!doctype html", b"<html")


class Reception:
    """Takes everything, and never raises for what was in it."""

    def __init__(self, life: GatewayLife, counters: Counters) -> None:
        self._life = life
        self._counters = counters

    def pmp(self, datagram: bytes, now: float) -> None:
        """A datagram that came from the gateway's port 5351."""
        try:
            self._life.detection.port5351.receive_datagram(datagram, now)
        except RemoteError as error:
            words = f"the gateway sent nonsense: {error}"
            self._counters.nonsense("malformed answers on port 5351", words)

    def anycast(self, datagram: bytes, now: float) -> None:
        """A datagram that came from PCP's anycast address."""
        client = self._life.detection.carrier.client
        if client is None:
            return
        try:
            client.receive_datagram(datagram, now)
        except RemoteError as error:
            words = f"the carrier's NAT sent nonsense: {error}"
            self._counters.nonsense("malformed answers on port 5351", words)

    def ssdp(self, datagram: bytes, source: Endpoint, now: float) -> bool:
        """Whatever came to the search socket. False: its sender is none that may answer here."""
        if not self._life.site.trusts(source.host):
            words = f"SSDP from {source}, which is not of our network (from now on only counted)"
            self._counters.nonsense("search answers of strangers", words)
            return False
        try:
            self._life.detection.receive_ssdp(datagram, source, now)
        except RemoteError as error:
            self._counters.nonsense("refused search answers", f"SSDP from {source}: {error}")
        return True

    def http(self, number: int, reply: Reply) -> None:
        """What came of the HTTP request of that number."""
        if isinstance(reply, HttpFailure):
            self._counters.nonsense(f"HTTP answers {reply.kind.value}", reply.reason)
        elif 300 <= reply.status < 400:
            self._counters.nonsense("redirects not followed", f"HTTP {reply.status}: nobody goes there")
        elif reply.body[:64].lstrip().lower().startswith(HTML):
            words = f"HTTP {reply.status} with HTML where XML was asked for"
            self._counters.nonsense("pages for people", words)
        self._life.detection.upnp.receive_reply(number, reply)

    def take_over_counts(self) -> None:
        """What the search counts is shown as well."""
        self._counters.take_over(self._life.detection.counters())
