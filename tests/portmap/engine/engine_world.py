"""A whole engine and what it talks to, without a socket."""

import itertools
import re
import struct
from ipaddress import IPv4Address, IPv4Network

from ringthru.net.address import Endpoint
from ringthru.net.surroundings import Surroundings
from ringthru.portmap.engine.engine import Engine
from ringthru.portmap.events import MappingAdded, MappingRemoved
from ringthru.portmap.gateway.upnp_values import FailureKind, HttpFailure
from ringthru.portmap.values import Protocol, Wanted
from ringthru.portmap.wire.http import Response

GATEWAY = "192.168.1.1"
PCP_VERSION = 2  # which the gateway of these tests does not know (RFC 6887 §9)
LAN = IPv4Network("192.168.1.0/24")
PUBLIC = "8.8.4.4"
SIP = Wanted(Protocol.UDP, 5060, sticky=True)
ADDED = MappingAdded(Protocol.UDP, 5060, 5060, True)
REMOVED = MappingRemoved(Protocol.UDP, 5060, 5060, True)


class World:
    """An engine with a gateway around it. ``natpmp``: "answers", "closed" or "mute"; so ``upnp``."""

    def __init__(self, words, *, natpmp="answers", upnp="mute", gateway=GATEWAY, multicast=True, **options):
        self.words, self.natpmp, self.upnp = words, natpmp, upnp
        self.now, self.address, self.epoch_at = 1000.0, PUBLIC, 0.0
        self.upnp_delay, self.responder = 0.0, GATEWAY
        self.forced_port: int | None = None
        self.next_ports: list[int] = []  # granted to the next mapping requests, whatever they ask for
        self.faults: list[int] = []  # for the next AddPortMapping requests
        self.table: list[tuple] = []  # of a UPnP gateway: protocol, external port, client, port, words, lease
        self.end_of_table = 713
        self.control_port = 5000
        self.hangs_up_at = ""  # the action at which nobody listens any more
        self.natpmp_requests: list[bytes] = []
        self.actions: list[str] = []
        self.logs: list[str] = []
        self.events: list = []
        self.searches = 0
        self._later: list = []  # (when, what)
        surroundings = Surroundings("192.168.1.103", LAN, gateway, multicast=multicast)
        ports = itertools.count(40000)
        self.engine = Engine(
            surroundings,
            pick_port=lambda: next(ports),
            log=lambda level, text: self.logs.append(text),
            entropy=bytes,
            **options,
        )

    def start(self) -> "World":
        self.engine.start(self.now)
        return self.settle()

    def settle(self) -> "World":
        """Let the gateway answer until nothing more is in flight at this moment."""
        while self._exchange():
            pass
        return self

    def until(self, when: float) -> "World":
        """Move the clock, stopping wherever the engine or a slow answer wants to be."""
        self.settle()
        for _ in range(10_000):
            timeout = self.engine.next_timeout()
            times = [each for each in (timeout, *(at for at, _ in self._later)) if each is not None]
            if not times or min(times) > when:
                self.now = when
                return self
            assert min(times) >= self.now - 1e-9, "a wake-up in the past would spin"
            self.now = max(self.now, min(times))
            due = [what for at, what in self._later if at <= self.now]
            self._later = [each for each in self._later if each[0] > self.now]
            for what in due:
                what()
            self.engine.handle_timeout(self.now)
            self.settle()
        raise AssertionError("the engine spins")

    def after(self, seconds: float) -> "World":
        return self.until(self.now + seconds)

    def told(self) -> list:
        events, self.events = self.events, []
        return events

    def _exchange(self) -> bool:
        natpmp, ssdp, http = (
            self.engine.pmp_to_send(),
            self.engine.ssdp_to_send(),
            self.engine.http_to_send(),
        )
        assert len(natpmp) + len(http) <= 1 or not self.engine.has_gateway, "one request in flight"
        for request in natpmp:
            if request[0] == PCP_VERSION:
                if self.natpmp == "answers":
                    self.engine.receive_pmp(struct.pack("!BBHI", 0, 128, 1, 0), self.now)
                continue
            self.natpmp_requests.append(request)
            if self.natpmp == "answers":
                self.engine.receive_pmp(self._natpmp_answer(request), self.now)
            elif self.natpmp == "closed":
                self.engine.pmp_refused(self.now)
        self.searches += bool(ssdp)
        if ssdp and self.upnp == "answers":
            self._later.append((self.now + self.upnp_delay, self.ssdp_answer))
            if not self.upnp_delay:
                self._later.pop()[1]()
        for request in http:
            reply = self._http_answer(request.ask)
            if reply is not None:
                self.engine.receive_http(request.number, reply, self.now)
        self.events += self.engine.events()
        return bool(natpmp or ssdp or http)

    def ssdp_answer(self, source: str | None = None) -> None:
        source = source or self.responder
        answer = f"HTTP/1.1 200 OK\r\nLOCATION: http://{source}:{self.control_port}/d.xml\r\n\r\n".encode()
        self.engine.receive_ssdp(answer, Endpoint(source, 1900), self.now)

    def _natpmp_answer(self, request: bytes) -> bytes:
        epoch = int(self.now - self.epoch_at)
        if request == b"\0\0":
            return struct.pack("!BBHI", 0, 128, 0, epoch) + IPv4Address(self.address).packed
        _, opcode, internal, external, lifetime = struct.unpack("!BBxxHHI", request)
        if lifetime and self.next_ports:
            external = self.next_ports.pop(0)
        external = (self.forced_port or external) if lifetime else 0
        return struct.pack("!BBHIHHI", 0, 128 + opcode, 0, epoch, internal, external, lifetime)

    def _http_answer(self, ask):
        request = ask.data
        if self.upnp == "mute":
            return None
        if self.upnp == "gone" or ask.endpoint != (self.responder, self.control_port):
            return HttpFailure(FailureKind.REFUSED, "cannot connect")
        action = re.search(rb'#(\w+)"', request)
        if action is None:
            return Response(200, self.words.description())
        name = action[1].decode()
        self.actions.append(name)
        if name == self.hangs_up_at:
            return HttpFailure(FailureKind.REFUSED, "cannot connect")
        if name == "GetExternalIPAddress":
            return self.words.success(name, NewExternalIPAddress=self.address)
        if name == "GetSpecificPortMappingEntry":
            return self.words.entry("192.168.1.103", 5060)
        if name == "AddPortMapping" and self.faults:
            return self.words.fault(self.faults.pop(0))
        if name == "GetGenericPortMappingEntry":
            return self._entry(int(re.search(rb"Index>(\d+)<", request)[1]))
        return self.words.success(name)

    def _entry(self, index: int) -> Response:
        if index >= len(self.table):
            return self.words.fault(self.end_of_table, "no such index")
        protocol, external, client, internal, words, lease = self.table[index]
        return self.words.success(
            "GetGenericPortMappingEntry",
            NewRemoteHost="",
            NewExternalPort=external,
            NewProtocol=protocol,
            NewInternalPort=internal,
            NewInternalClient=client,
            NewEnabled=1,
            NewPortMappingDescription=words,
            NewLeaseDuration=lease,
        )
