"""Talking NAT-PMP: one request at a time, retransmitted, and the gateway's epoch watched (RFC 6886)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..values import Protocol
from ..wire.natpmp import (
    AddressRequest,
    AddressResponse,
    ErrorResponse,
    MappingRequest,
    MappingResponse,
    Opcode,
    Request,
    Response,
    ResultCode,
    decode,
)
from .orders import (
    AddressOrder,
    AddressTold,
    Declined,
    EpochReset,
    Granted,
    MapOrder,
    Order,
    Outcome,
    Remedy,
    Silent,
    UnmapOrder,
    Unmapped,
)

# What the RFC fixes
FIRST_WAIT: Final = 0.25  # seconds, doubled after each attempt (§3.1)
MAX_ATTEMPTS: Final = 9  # then the gateway is taken not to speak NAT-PMP (§3.1)
EPOCH_SLACK: Final = 2  # seconds an epoch may lag behind our reckoning (§3.6)
SLOWEST_CLOCK: Final = 7 / 8  # of ours: how slow a gateway's clock may run (§3.6)

DENIED_ATTEMPTS: Final = 4  # our choice: deletions answered with grants alone, then that is a refusal

OPCODES: Final = {Protocol.UDP: Opcode.MAP_UDP, Protocol.TCP: Opcode.MAP_TCP}
REASONS: Final = {
    ResultCode.UNSUPPORTED_VERSION: "the gateway does not speak NAT-PMP version 0",
    ResultCode.NOT_AUTHORIZED: "NAT-PMP is switched off in the gateway, or not allowed for this machine",
    ResultCode.NETWORK_FAILURE: "the gateway has no external address yet",
    ResultCode.OUT_OF_RESOURCES: "the gateway's mapping table is full",
    ResultCode.UNSUPPORTED_OPCODE: "the gateway does not know this NAT-PMP request",
}


class EpochWatch:
    """Notices that a gateway lost its state: its epoch is behind our reckoning (RFC 6886 §3.6)."""

    def __init__(self) -> None:
        self._epoch: int | None = None
        self._at = 0.0

    def reset(self, epoch: int, now: float) -> bool:
        """Take the epoch of a response; True when the gateway was restarted since the last one."""
        expected = None if self._epoch is None else self._epoch + (now - self._at) * SLOWEST_CLOCK
        self._epoch, self._at = epoch, now
        return expected is not None and epoch < expected - EPOCH_SLACK


class NatPmpClient:
    """A gateway that (perhaps) speaks NAT-PMP, driven from outside.

    Call ``submit``, ``receive_datagram``, ``refused`` or ``handle_timeout``; then send
    ``datagrams_to_send()``, act on ``events()``, and come back at ``next_timeout()``.
    """

    def __init__(self, on_attempt: Callable[[int], None] = lambda number: None) -> None:
        self._on_attempt = on_attempt
        self._epochs = EpochWatch()
        self._request: Request | None = None
        self._deleting = False
        self._denied = False  # the deletion in flight was answered with a grant
        self._attempts = 0
        self._timeout: float | None = None
        self._datagrams: list[bytes] = []
        self._events: list[Outcome | EpochReset] = []

    def submit(self, order: Order, now: float) -> None:
        """Begin an exchange; one that was still running is abandoned."""
        self.abandon()
        self._request = _request(order)
        self._deleting = isinstance(order, UnmapOrder)
        self._denied = False
        self._transmit(now)

    def abandon(self) -> None:
        """Forget the exchange in flight; a late answer to it is ignored."""
        self._request = self._timeout = None
        self._attempts = 0
        self._datagrams.clear()

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        """Take one datagram *already known to come from the gateway* (RFC 6886 §3.3).

        Raises:
            MalformedMessage: it is no NAT-PMP response.
        """
        response = decode(datagram)
        if self._request is None or not _answers(response, self._request):
            return  # a late duplicate, or an announcement
        if self._deleting and isinstance(response, MappingResponse) and response.lifetime:
            self._denied = True  # a late grant (the answer to a deletion has a lifetime of 0: §3.4)
            return
        if self._epochs.reset(response.epoch, now):
            self._events.append(EpochReset())
        self._finish(self._outcome(response))

    def refused(self, now: float) -> None:
        """The gateway's port is closed (ICMP): nobody there speaks NAT-PMP."""
        if self._request is not None:
            self._finish(Silent("the gateway does not speak NAT-PMP (port closed)"))

    def handle_timeout(self, now: float) -> None:
        if self._timeout is None or now < self._timeout:
            return
        if self._denied and self._attempts >= DENIED_ATTEMPTS:
            self._finish(Declined("the gateway goes on granting what it is to delete"))
        elif self._attempts == MAX_ATTEMPTS:
            self._finish(Silent(f"no answer to {MAX_ATTEMPTS} NAT-PMP requests"))
        else:
            self._transmit(now)

    def next_timeout(self) -> float | None:
        return self._timeout

    def datagrams_to_send(self) -> list[bytes]:
        datagrams, self._datagrams = self._datagrams, []
        return datagrams

    def events(self) -> list[Outcome | EpochReset]:
        events, self._events = self._events, []
        return events

    def _transmit(self, now: float) -> None:
        assert self._request is not None
        self._timeout = now + FIRST_WAIT * 2**self._attempts
        self._attempts += 1
        self._datagrams.append(self._request.encode())
        self._on_attempt(self._attempts)

    def _finish(self, outcome: Outcome) -> None:
        self.abandon()
        self._events.append(outcome)

    def _outcome(self, response: Response) -> Outcome:
        if isinstance(response, AddressResponse):
            return AddressTold(response.address)
        if isinstance(response, ErrorResponse):
            if response.opcode is Opcode.ADDRESS and response.result is ResultCode.NETWORK_FAILURE:
                return AddressTold("")  # it speaks NAT-PMP, and knows no address of its own yet
            off = response.result is ResultCode.NOT_AUTHORIZED
            return Declined(REASONS[response.result], Remedy.PERMISSION if off else Remedy.LATER)
        if self._deleting:
            return Unmapped()
        if not response.external_port or not response.lifetime:
            return Declined("the gateway granted port 0, or no time at all")
        return Granted(response.external_port, response.lifetime)


def _request(order: Order) -> Request:
    if isinstance(order, AddressOrder):
        return AddressRequest()
    if isinstance(order, MapOrder):
        opcode = OPCODES[order.protocol]
        return MappingRequest(opcode, order.internal_port, order.external_port, order.lifetime)
    if isinstance(order, UnmapOrder):
        return MappingRequest(OPCODES[order.protocol], order.internal_port, 0, 0)  # §3.4: both zero
    raise AssertionError("NAT-PMP cannot read mappings")


def _answers(response: Response, request: Request) -> bool:
    """Whether a response belongs to the request in flight, not to an earlier one."""
    if isinstance(response, ErrorResponse):
        return response.opcode is None or response.opcode is request.opcode
    if isinstance(response, AddressResponse) or isinstance(request, AddressRequest):
        return isinstance(response, AddressResponse) and isinstance(request, AddressRequest)
    assert isinstance(response, MappingResponse)
    return response.opcode is request.opcode and response.internal_port in (request.internal_port, 0)
