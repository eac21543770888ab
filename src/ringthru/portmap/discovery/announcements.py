"""What a gateway says unasked, turned into hints that are worth a question.

Heard are announcements of NAT-PMP (RFC 6886 §3.2.1) and PCP (RFC 6887 §14.1), SSDP's NOTIFY (UPnP DA 1.1
§1.2) and GENA events (§4.3). Anybody on the LAN can forge each of them. So only what bears the gateway's own
source address is looked at, and even that is no more than a hint: the engine asks the gateway itself, by
unicast and at once. The random wait of 0–5 s (RFC 6887 §14.1.2) is for the mappings that are made again
after that answer, not for the question.

Lives here: who is believed, what is news, and how often. Never here: sockets, and acting on a hint.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from enum import Enum
from logging import DEBUG, INFO
from typing import TYPE_CHECKING, Final

from ...net.address import Endpoint, parse_address
from ...net.values import frozen, record
from ..errors import MalformedMessage
from ..values import printable
from ..wire import natpmp, pcp
from ..wire.location import confine
from ..wire.ssdp import Notify, NotifyKind, decode_notify

if TYPE_CHECKING:
    from ..wire.gena import Notification

PAUSE: Final = 10.0  # seconds between two hints of one kind (NP16)
DRIFT: Final = 2.0  # seconds by which two tellings of one epoch may differ
MOST_DEVICES: Final = 8  # of the gateway; a root device and its embedded ones are three or four
MOST_LOCATIONS: Final = 4  # of one device: each interface may have its own
NO_ADDRESS: Final = frozenset({"", "0.0.0.0", "255.255.255.255"})  # EX01, EX02
CONNECTED: Final = frozenset({"", "up", "connected"})  # EX07; blank says nothing
STATUS: Final = "ConnectionStatus"
GATEWAY_DEVICE: Final = re.compile(
    r":(InternetGatewayDevice|WANDevice|WANConnectionDevice|WANIPConnection|WANPPPConnection"
    r"|WANIPv6FirewallControl):",
    re.IGNORECASE,
)


class HintKind(Enum):
    """What may have happened to the gateway."""

    ANNOUNCED = "announced"  # NAT-PMP or PCP: it lost its state, or has another external address
    OFFLINE = "offline"  # it says that it has no external address now
    ADDRESS = "address"  # an event tells another external address
    FEWER = "fewer mappings"  # an event tells fewer mappings than before
    REBOOTED = "rebooted"  # its BOOTID is another one
    ALIVE = "alive"  # a description that we did not know of, or that changed
    GONE = "gone"  # byebye


@frozen
class Hint:
    """Something to ask the gateway about. ``location`` is where its description is, confined to its host."""

    kind: HintKind
    words: str
    location: str = ""

    @property
    def mappings_may_be_gone(self) -> bool:
        """Whether it hints at lost mappings that no epoch tells of: UPnP has none."""
        return self.kind in (HintKind.REBOOTED, HintKind.FEWER)


@frozen
class _Told:
    """A hint with what makes it news: the same ``subject`` and (nearly) the same ``number`` is no news."""

    hint: Hint
    subject: str = ""  # empty: whatever it was the last time
    number: float = 0.0

    def repeats(self, other: _Told) -> bool:
        about = not self.subject or not other.subject or self.subject == other.subject
        return about and abs(self.number - other.number) <= DRIFT


@record
class _Device:
    """A device of the gateway, as it last announced itself."""

    boot_id: int | None
    config_id: int | None
    locations: list[str]


class Announcements:
    """Listens for one gateway, driven from outside; ``log`` takes a level and a text, once for each sort.

    ``next_timeout`` and ``handle_timeout`` bring what was news but came within 10 s of the last hint of its
    kind. Whatever comes in, memory stays the same and nothing is raised.
    """

    def __init__(self, log: Callable[[int, str], None]) -> None:
        self._log = log
        self._gateway: str | None = None
        self._name = ""
        self._devices: dict[str, _Device] = {}  # by UDN
        self._address: str | None = None  # as events told it
        self._online = True
        self._entries: int | None = None
        self._told: dict[HintKind, tuple[float, _Told]] = {}  # the last of each kind, and when
        self._held_back: dict[HintKind, _Told] = {}
        self._hints: list[Hint] = []
        self._counters: Counter[str] = Counter()

    def watch(self, gateway: str | None, name: str = "") -> None:
        """Believe this address alone from now on (None: nobody).

        ``name`` is the UDN ("uuid:…") of the device in use, for gateways that announce only that.
        """
        if gateway != self._gateway:
            self._devices.clear()
            self._told.clear()
            self._held_back.clear()
            self._hints.clear()
            self._address, self._online, self._entries = None, True, None
        self._gateway, self._name = gateway, name.lower()

    def receive_pmp(self, data: bytes, source: Endpoint, now: float) -> None:
        """Take a datagram that came to port 5350; its version tells NAT-PMP from PCP."""
        if not self._is_gateway(source):
            self._count(
                "spoofed", INFO, f"an announcement of {source.host}, which is not our gateway, is ignored"
            )
            return
        try:
            told = _read_pcp(data, now) if data[:1] == bytes((pcp.VERSION,)) else _read_natpmp(data, now)
        except MalformedMessage as error:
            self._malformed(source, error)
        else:
            self._take(told, now)

    def receive_ssdp(self, data: bytes, source: Endpoint, now: float) -> None:
        """Take a datagram that came to port 1900; searches and other devices are none of our business."""
        if not self._is_gateway(source) or data[:8].upper() == b"M-SEARCH":
            self._counters["others"] += 1
            return
        try:
            notify = decode_notify(data)
            if not self._concerns(notify):
                self._counters["others"] += 1
                return
            location = str(confine(notify.location, source.host, self._gateway)) if notify.location else ""
        except MalformedMessage as error:
            self._malformed(source, error)
        else:
            self._notice(notify, location, now)

    def receive_event(self, event: Notification, now: float) -> None:
        """Take an event of a subscription of ours, its sender checked; the first values are no news."""
        status, address = event.value(STATUS), event.external_address
        if status is not None or address is not None:
            self._notice_line(status, address, now)
        entries = event.number_of_entries
        if entries is not None:
            before, self._entries = self._entries, entries
            if before is not None and entries < before:
                words = f"event: {entries} mappings, {before} before"
                self._take(_Told(Hint(HintKind.FEWER, words), number=float(entries)), now, always=True)

    def hints(self) -> list[Hint]:
        hints, self._hints = self._hints, []
        return hints

    def next_timeout(self) -> float | None:
        return min((self._told[kind][0] + PAUSE for kind in self._held_back), default=None)

    def handle_timeout(self, now: float) -> None:
        for kind, told in list(self._held_back.items()):
            if now >= self._told[kind][0] + PAUSE:
                self._give(told, now)

    def counters(self) -> dict[str, int]:
        """How often, by name: spoofed, malformed, others, repeated, hints."""
        return dict(self._counters)

    def _is_gateway(self, source: Endpoint) -> bool:
        if self._gateway is None:
            return False
        return source.host == self._gateway or (parse_address(source.host) == parse_address(self._gateway))

    def _concerns(self, notify: Notify) -> bool:
        """Whether it is about a gateway: the same host may have printers and media servers."""
        named = bool(self._name) and notify.unique_name.lower().startswith(self._name)
        return named or GATEWAY_DEVICE.search(f"{notify.target} {notify.unique_name}") is not None

    def _notice(self, notify: Notify, location: str, now: float) -> None:
        udn = notify.unique_name.partition("::")[0][:128]
        known = self._devices.get(udn)
        if notify.kind is NotifyKind.BYEBYE:
            self._devices.pop(udn, None)
            self._take(_Told(Hint(HintKind.GONE, "SSDP: the gateway says byebye")), now)
        elif known is None:
            if len(self._devices) >= MOST_DEVICES:
                self._devices.pop(next(iter(self._devices)))
            boot_id = notify.boot_id if notify.next_boot_id is None else notify.next_boot_id
            self._devices[udn] = _Device(boot_id, notify.config_id, [location])
            self._tell_alive("SSDP: a gateway announces itself", location, now)
        elif notify.kind is NotifyKind.UPDATE:
            self._update(known, notify, location, now)
        else:
            self._compare(known, notify, location, now)

    def _compare(self, known: _Device, notify: Notify, location: str, now: float) -> None:
        """What an alive of a device that we know tells anew."""
        before, known.boot_id = known.boot_id, notify.boot_id
        if before is not None and notify.boot_id is not None and before != notify.boot_id:
            known.config_id, known.locations = notify.config_id, [location]
            words = f"SSDP: BOOTID is {notify.boot_id}, it was {before}"
            hint = Hint(HintKind.REBOOTED, words, location)
            self._take(_Told(hint, f"{notify.boot_id} {location}"), now)
        elif notify.config_id is not None and known.config_id not in (None, notify.config_id):
            known.config_id = notify.config_id
            self._tell_alive(f"SSDP: CONFIGID is {notify.config_id}", location, now)
        else:
            self._see_location(known, location, now)

    def _update(self, known: _Device, notify: Notify, location: str, now: float) -> None:
        """BOOTID is about to change without a reboot (UPnP DA 1.1 §1.2.4): that one will be no news."""
        if notify.next_boot_id is not None:
            known.boot_id = notify.next_boot_id
        self._see_location(known, location, now)

    def _see_location(self, known: _Device, location: str, now: float) -> None:
        if location and location not in known.locations:
            known.locations = [*known.locations, location][-MOST_LOCATIONS:]
            self._tell_alive("SSDP: the gateway's description is at another place", location, now)

    def _tell_alive(self, words: str, location: str, now: float) -> None:
        self._take(_Told(Hint(HintKind.ALIVE, words, location), f"{words} {location}"), now)

    def _notice_line(self, status: str | None, address: str | None, now: float) -> None:
        """Whether events say that the line went down, came back, or has another address."""
        online = self._online if status is None else status.strip().lower() in CONNECTED
        online = online and address not in NO_ADDRESS
        if self._online and not online:
            words = f"event: {printable(status or '')} {printable(address or '')}".rstrip()
            self._take(_Told(Hint(HintKind.OFFLINE, words)), now, always=True)
        came_back = online and not self._online
        self._online = online
        if address is None or address in NO_ADDRESS:
            if came_back:
                self._take(
                    _Told(Hint(HintKind.ADDRESS, f"event: {printable(status or '')}")), now, always=True
                )
            return
        before, self._address = self._address, address
        if came_back or before not in (None, address):
            words = f"event: external address {printable(address)}"
            self._take(_Told(Hint(HintKind.ADDRESS, words), address), now, always=True)

    def _take(self, told: _Told, now: float, always: bool = False) -> None:
        """Give the hint now, later, or (``always`` False) not at all because it repeats the last one."""
        kind = told.hint.kind
        at, last = self._told.get(kind, (None, None))
        if at is None or last is None or now >= at + PAUSE:
            self._give(told, now)
            return
        self._counters["repeated"] += 1
        if always or not told.repeats(last):
            self._held_back[kind] = told

    def _give(self, told: _Told, now: float) -> None:
        self._held_back.pop(told.hint.kind, None)
        self._told[told.hint.kind] = (now, told)
        self._hints.append(told.hint)
        self._count("hints", DEBUG, "")

    def _malformed(self, source: Endpoint, error: MalformedMessage) -> None:
        self._count(
            "malformed", INFO, f"the gateway {source.host} announces nonsense: {printable(str(error))}"
        )

    def _count(self, name: str, level: int, words: str) -> None:
        """Count, and say so the first time only: a thousand a second must not fill the log."""
        self._counters[name] += 1
        if self._counters[name] == 1 and words:
            self._log(level, f"{words} (from now on only counted)")


def _read_natpmp(data: bytes, now: float) -> _Told:
    """An announcement is an address response that nobody asked for (RFC 6886 §3.2.1)."""
    answer = natpmp.decode(data)
    if isinstance(answer, natpmp.MappingResponse):
        raise MalformedMessage("a NAT-PMP mapping response to everybody")
    if isinstance(answer, natpmp.ErrorResponse) or answer.address in NO_ADDRESS:
        return _Told(Hint(HintKind.OFFLINE, "NAT-PMP announcement: no external address"))
    words = f"NAT-PMP announcement: external address {answer.address}, epoch {answer.epoch}"
    return _Told(Hint(HintKind.ANNOUNCED, words), answer.address, now - answer.epoch)


def _read_pcp(data: bytes, now: float) -> _Told:
    answer = pcp.decode(data)
    if isinstance(answer, pcp.VersionRefused) or answer.opcode is not pcp.Opcode.ANNOUNCE or answer.result:
        raise MalformedMessage("a PCP answer to everybody that is no announcement")
    words = f"PCP announcement: epoch {answer.epoch}"
    return _Told(Hint(HintKind.ANNOUNCED, words), number=now - answer.epoch)
