"""The transports of one profile: where it listens with each, and by which port the world comes in.

Lives here: opening and closing them, TLS included, and the gateway's mappings of their ports.
Never here: which peer is shown what (``reachability``), or what is said.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...net.address import Endpoint
from ...portmap import Family, MappingState, PortMapper, Protocol, Rung, Wanted
from ...portmap import Mapping as PortMapping
from ...sip import Event, Flow, LocalError, SipDriver, TlsListener, UserAgent
from ..addresses.stun_port import StunPort
from ..configuration import ProfileSettings

if TYPE_CHECKING:
    from ...sip.transport.driver import Trace
    from ...sip.transport.tls_driver import TlsContexts

log = logging.getLogger(__name__)

PROTOCOLS: Final = {"UDP": Protocol.UDP, "TCP": Protocol.TCP, "TLS": Protocol.TCP}
TLS: Final = "TLS"
UNMAP_PATIENCE: Final = 2.0  # seconds

ServedPort = tuple[str, Endpoint, int, bool]  # transport, where we listen, the outer port, if it was told us


class Transports:
    """What a profile listens on. ``served`` names the transports, the preferred one first."""

    def __init__(self, settings: ProfileSettings, host: str, folder: Path, names: Sequence[str]) -> None:
        """``folder`` keeps a certificate of our own making, which is for ``names``."""
        self.served = (*settings.transports, *((TLS,) if settings.tls else ()))
        self.mappings: dict[str, PortMapping] = {}
        self._mapper: PortMapper | None = None  # who made them
        self._settings = settings
        self._host = host
        self._folder = folder
        self._names = names
        self._driver: SipDriver | None = None
        self._stun: StunPort | None = None
        self._own_ports: tuple[ServedPort, ...] | None = (
            None  # as they are while nobody else has a say in them
        )

    async def open(self, agent: UserAgent, on_event: Callable[[Event], None]) -> None:
        """Listen.

        Raises:
            PortInUse, OSError: a port is taken, the address is not ours, or there is TLS alone and it has
                no certificate; in words.
        """
        settings = self._settings
        self._driver = await SipDriver.open(
            Endpoint(self._host, settings.sip_port),
            agent,
            on_event,
            transports=settings.transports,
            tls=self._tls_listener(),
        )
        self._own_ports = None
        for transport, local in self._driver.locals.items():
            log.info("Started profile %s on %s %s", settings.name, local, transport)

    def ask_stun(self, server: str, on_change: Callable[[], None]) -> None:
        """Learn from a STUN server which port a NAT gave to our UDP socket; "" asks nobody any more."""
        if self._stun is not None:
            if self._stun.server == server:
                return
            self._stun.close()
            self._stun = None
        if self._driver is not None and "UDP" in self.served and server:
            self._stun = StunPort(server, self._driver.send_stun, on_change)
            self._driver.on_stun = self._stun.receive

    def close(self) -> None:
        if self._stun is not None:
            self._stun.close()
        if self._driver is not None:
            self._driver.close()
            self._driver = self._own_ports = None

    @property
    def trace(self) -> Trace | None:
        """Sees every message."""
        return self._driver.trace if self._driver is not None else None

    @trace.setter
    def trace(self, trace: Trace | None) -> None:
        if self._driver is not None:
            self._driver.trace = trace

    def rescan(self, settings: ProfileSettings) -> None:
        """Parameters that have changed; those of the sockets have not."""
        self._settings = settings
        self._own_ports = None

    @property
    def running(self) -> bool:
        return self._driver is not None

    def pump(self) -> None:
        """Send what the agent wants sent."""
        if self._driver is not None:
            self._driver.pump()

    def is_open(self, flow: Flow) -> bool:
        """Whether a message for ``flow`` could leave at once."""
        return self._driver is not None and self._driver.is_open(flow)

    def local(self, transport: str) -> Endpoint:
        """Where we listen with a transport, or would."""
        settings = self._settings
        locals_ = self._driver.locals if self._driver is not None else {}
        port = settings.tls_sip_port if transport == TLS else settings.sip_port
        return locals_.get(transport) or Endpoint(self._host, port)

    # --- the gateway --------------------------------------------------------------------------------

    def map_ports(self, mapper: PortMapper) -> None:
        """Ask for the port of each transport; returns at once."""
        self._mapper = mapper
        family = Family.IPV6 if ":" in self._host else Family.IPV4
        for transport in self.served:
            port, protocol = self.local(transport).port, PROTOCOLS[transport]
            word = "tls" if transport == TLS else protocol.value
            self.mappings[transport] = mapper.want(
                Wanted(protocol, port, label=f"Ringthru sip {word} {port}", family=family)
            )
            kind = "TCP/TLS" if transport == TLS else transport
            log.debug("Created %s nat mapping for %s port %d", kind, self._settings.name, port)

    async def unmap(self, mapper: PortMapper) -> None:
        """Give the gateway's ports back; not waited for longer than a moment."""
        mappings, self.mappings = self.mappings, {}
        releases = [asyncio.ensure_future(mapper.release(each)) for each in mappings.values()]
        if releases:
            await asyncio.wait(releases, timeout=UNMAP_PATIENCE)
        for transport in mappings:
            kind = "TCP/TLS" if transport == TLS else transport
            log.debug("Deleted %s nat mapping for %s", kind, self._settings.name)

    def came_through(self, transport: str, words: str) -> None:
        """Somebody outside came in by this transport: that its port is reachable is proven."""
        mapping = self.mappings.get(transport)
        if mapping is None or self._mapper is None or mapping.rung is Rung.REACHABLE:
            return
        if self.is_granted(transport):
            self._mapper.reached(mapping, words)

    def is_granted(self, transport: str) -> bool:
        """Whether the gateway gave a port for this transport."""
        mapping = self.mappings.get(transport)
        return mapping is not None and mapping.state is MappingState.ACCEPTED and bool(mapping.external_port)

    def opened(self) -> tuple[str, ...] | None:
        """What the gateway lets in, in words; None while it has not decided on every port."""
        states = {each.state for each in self.mappings.values()}
        if MappingState.REQUESTED in states or not states:
            return None
        granted = {name: each for name, each in self.mappings.items() if self.is_granted(name)}
        return tuple(f"{name.lower()} {each.external_port}" for name, each in granted.items())

    def external_port(self, transport: str) -> int:
        """The port by which the world comes in: what is written down, else granted, else our own."""
        if self._settings.ext_sip_port is not None and transport != TLS:
            return self._settings.ext_sip_port
        mapping = self.mappings.get(transport)
        if mapping is not None and mapping.state is MappingState.ACCEPTED and mapping.external_port:
            return mapping.external_port
        return self._seen_port(transport) or self.local(transport).port

    def port_source(self, transport: str) -> str:
        """Where ``external_port`` comes from, in words."""
        if self._settings.ext_sip_port is not None and transport != TLS:
            return "ext-sip-port in the configuration"
        own = self.local(transport).port
        if self.is_granted(transport):
            return f"the gateway, which granted it for our port {own}"
        if self._stun is not None and self._seen_port(transport):
            return f"the STUN server {self._stun.server}, which sees our port {own} there"
        return "sip-port"

    def _is_known(self, transport: str) -> bool:
        return self.is_granted(transport) or self._seen_port(transport) is not None

    def _seen_port(self, transport: str) -> int | None:
        return self._stun.port if self._stun is not None and transport == "UDP" else None

    def ports(self) -> tuple[ServedPort, ...]:
        """Every transport's ports as they are now, the preferred transport first."""
        if self.mappings or self._stun is not None:
            return self._ports_now()
        if self._own_ports is None:
            self._own_ports = self._ports_now()
        return self._own_ports

    def _ports_now(self) -> tuple[ServedPort, ...]:
        return tuple(
            [(each, self.local(each), self.external_port(each), self._is_known(each)) for each in self.served]
        )

    # --- TLS ----------------------------------------------------------------------------------------

    def _tls_listener(self) -> TlsListener | None:
        settings = self._settings
        if not settings.tls:
            return None
        try:
            return TlsListener(Endpoint(self._host, settings.tls_sip_port), self._contexts())
        except (LocalError, OSError) as error:
            if settings.tls_only:
                raise OSError(f"profile {settings.name} has TLS alone, and {error}") from error
            log.error("Profile %s goes without TLS: %s", settings.name, error)
            self.served = settings.transports
            return None

    def _contexts(self) -> TlsContexts:
        from ...sip.transport.tls import (
            TlsSettings,  # late: most profiles have no TLS, and the start is a budget
        )
        from ...sip.transport.tls_driver import TlsContexts
        from .certificates import find_authorities, find_certificate, own_certificate

        settings = self._settings
        folder = Path(settings.tls_cert_dir) if settings.tls_cert_dir else None
        found = find_certificate(folder) if folder is not None else None
        policy = settings.tls_verify_policy
        return TlsContexts(
            TlsSettings(
                certificate=found or own_certificate(self._folder, self._names),
                passphrase=settings.tls_passphrase if found else None,
                authorities=find_authorities(folder) if folder is not None else None,
                verify_in=policy.incoming,
                verify_out=policy.outgoing,
                subjects_out=policy.outgoing_names,
                subjects_in=settings.tls_verify_in_subjects if policy.incoming_names else (),
                verify_date=settings.tls_verify_date,
                oldest=settings.tls_version,
                ciphers=settings.tls_ciphers,
            )
        )
