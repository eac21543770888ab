"""The fake gateway's SSDP: answers to searches, NOTIFYs, and rows SD01–SD23 and TO02.

Lives here: texts of UPnP Device Architecture 1.1 §1.2 and §1.3, and who is answered how.
Never here: sockets, descriptions; ringthru.portmap, whose errors must not hide behind our own.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final
from uuid import UUID

from ...net.address import Endpoint
from ...net.values import frozen, replace
from .company import bridge_of
from .noise import noise
from .quirks import Quirks
from .replies import Reply
from .upnp_actions import version_of
from .upnp_description import DESCRIPTION_PATH, OTHER_PAGES
from .upnp_device import DEVICE, Device

GROUP: Final = "239.255.255.250:1900"
TOGETHER: Final = 1.0  # seconds; searches of both families within it confuse SD09
FLOOD: Final = 50  # answers (SD20)
MOST_SEARCHERS: Final = 256  # remembered for SD19
LONGEST_WAIT: Final = 5.0  # seconds; a larger MX is taken for it (UDA §1.3.2)
PATIENT: Final = 1.5  # seconds beyond MX (SD19)
SPELLINGS: Final = (("HOST", "MAN", "MX", "ST"), ("HOST", "ST", "MAN", "MX"))  # SD07
TRAPS: Final = (  # SD21
    "http://127.0.0.1:22/rootDesc.xml",
    "http://169.254.169.254/latest/meta-data",
    "http://[::ffff:127.0.0.1]/rootDesc.xml",
    "http://gateway.example/rootDesc.xml",
    "http://192.168.1.77/rootDesc.xml",
    "https://{host}/rootDesc.xml",
    "file:///etc/passwd",
)


@frozen
class Search:
    target: str
    longest_wait: float  # MX, seconds
    names: tuple[str, ...]  # of the headers, as they were written
    ends_well: bool


class SsdpResponder:
    """What one gateway answers to searches. ``tree`` and ``quirks`` are read anew for each search."""

    def __init__(
        self,
        address: str,
        uuid: str,
        tree: Callable[[], Device],
        quirks: Callable[[], Quirks],
        clock: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.boot_id = 1  # counts the starts (UDA §1.2)
        self._address = address
        self._uuid = uuid
        self._tree = tree
        self._quirks = quirks
        self._clock = clock
        self._random = random
        self._searched: dict[tuple[str, str], int] = {}
        self._heard: dict[bool, float] = {}  # when a search came over IPv6 (True), over IPv4

    def answer(self, datagram: bytes, source: Endpoint, http: Endpoint, *, multicast: bool) -> list[Reply]:
        """The answers to a datagram of an inside host; ``http`` is where the description is served."""
        quirks = self._quirks()
        search = read_search(datagram)
        confused = self._is_confused(source)
        if search is None or not self._hears(search, source, multicast):
            return []
        if confused:
            return [self._sent(b"HTTP/1.1 200 OK\r\nST: upnp:root", search)]
        answers = [*self._others(search, http), *self._own(search, http)]
        if quirks.garbage:  # noise, and a good answer so that the HTTP noise is met as well
            broken = b"HTTP/1.1 200 OK\r\nLOCATION: " + noise(datagram, 40)
            answers = [self._sent(data, search) for data in (noise(datagram, 200), broken)] + answers
        if ":" in source.host:  # the other addresses that rows SD02 and SD23 speak from are IPv4
            answers = [replace(each, source_host="") for each in answers]
        return answers

    def notify(self, kind: str, http: Endpoint, target: str = "upnp:rootdevice") -> bytes:
        """One multicast NOTIFY; ``kind`` is "alive", "byebye" or "update" (UDA §1.2.2–§1.2.4)."""
        lines = [f"NOTIFY * HTTP/1.1\r\nHOST: {GROUP}", f"NT: {target}", f"NTS: ssdp:{kind}"]
        lines += [f"USN: {self._names()[target]}", f"BOOTID.UPNP.ORG: {self.boot_id}", "CONFIGID.UPNP.ORG: 1"]
        if kind == "update":
            lines.append(f"NEXTBOOTID.UPNP.ORG: {self.boot_id + 1}")
        if kind != "byebye":
            lines.append(f"LOCATION: {self._location(http)}")
        if kind == "alive":
            lines += ["CACHE-CONTROL: max-age=120", f"SERVER: {self._quirks().server}"]
        return "\r\n".join((*lines, "", "")).encode()

    def notifications(self, kind: str, http: Endpoint) -> list[bytes]:
        """A NOTIFY for everything the gateway is."""
        return [self.notify(kind, http, target) for target in self._names()]

    def _hears(self, search: Search, source: Endpoint, multicast: bool) -> bool:
        """Whether this gateway answers this search at all."""
        quirks = self._quirks()
        if quirks.has("SD06") and not multicast:
            return False
        if quirks.has("SD07") and search.names not in SPELLINGS:
            return False
        if quirks.has("SD08") and not search.ends_well:
            return False
        return not quirks.has("SD19") or self._count(source.host, search.target) >= 2

    def _count(self, host: str, target: str) -> int:
        if len(self._searched) >= MOST_SEARCHERS:
            self._searched.clear()
        self._searched[host, target] = self._searched.get((host, target), 0) + 1
        return self._searched[host, target]

    def _is_confused(self, source: Endpoint) -> bool:
        """SD09: searches of both families come within a second."""
        now, over6 = self._clock(), ":" in source.host
        self._heard[over6] = now
        other = self._heard.get(not over6)
        return self._quirks().has("SD09") and other is not None and now - other < TOGETHER

    def _names(self) -> dict[str, str]:
        """ST and USN of everything the gateway is (UDA §1.3.3)."""
        root = f"uuid:{self._uuid}"
        names = {"upnp:rootdevice": f"{root}::upnp:rootdevice", root: root}
        version = version_of(self._quirks())
        kinds = [f"{DEVICE}InternetGatewayDevice:{version}"]
        kinds += [s.type for s in self._tree().all_services() if s.part in ("wan", "dead", "firewall")]
        for kind in kinds:
            base, _, newest = kind.rpartition(":")
            for older in range(1, int(newest) + 1):  # a newer one answers for the older (UDA §1.3.2)
                names[f"{base}:{older}"] = f"{root}::{base}:{older}"
        if self._quirks().has("DE11"):
            names = {st: usn for st, usn in names.items() if not st.endswith("WANIPConnection:1")}
        if self._quirks().has("SD10"):
            names = {st: usn for st, usn in names.items() if not st.startswith("urn:") or st.endswith(":2")}
        return names

    def _own(self, search: Search, http: Endpoint) -> list[Reply]:
        quirks, names = self._quirks(), self._names()
        if search.target == "ssdp:all":
            names = {} if quirks.has("SD04") else names
        else:
            names = {st: usn for st, usn in names.items() if st == search.target}
        answers = []
        for target, name in names.items():
            if quirks.has("SD23"):
                away = other_network(self._address)
                answers.append(self._sent(self._text(target, name, self._location(http, away)), search, away))
            answers.append(self._sent(self._text(target, name, self._location(http)), search))
        return answers

    def _others(self, search: Search, http: Endpoint) -> list[Reply]:
        """What is answered before the gateway's own: other devices, floods, traps."""
        quirks, target = self._quirks(), search.target
        general = target in ("ssdp:all", "upnp:rootdevice")
        base = f"http://{http}"
        places = [f"{base}{path}" for path in list(OTHER_PAGES)[1:] if general and quirks.has("SD16")]
        if (target == "ssdp:all" and quirks.has("SD04")) or (
            target == "upnp:rootdevice" and quirks.has("SD05")
        ):
            places.append(f"{base}/wps_device.xml")
        answerable = general or target in self._names()
        if answerable and quirks.has("SD21"):
            places += [trap.format(host=http.host) for trap in TRAPS]
        if answerable and quirks.has("TO02"):
            places.append(f"http://{Endpoint(bridge_of(self._address), http.port)}{DESCRIPTION_PATH}")
        if answerable and quirks.has("SD20"):
            places += [f"{base}/{n}.xml" for n in range(FLOOD)]
        shown = "upnp:rootdevice" if target == "ssdp:all" else target
        return [
            self._sent(self._text(shown, f"uuid:{self._made_up()}::{shown}", place), search)
            for place in places
        ]

    def _made_up(self) -> UUID:
        return UUID(int=int(self._random() * (1 << 52)) << 64, version=4)

    def _location(self, http: Endpoint, host: str = "") -> str:
        quirks = self._quirks()
        host = host or http.host
        if quirks.has("SD02") and ":" not in host:
            host = second_address(self._address, quirks)
        if quirks.has("SD03") and ":" not in host:
            host = "::1"
        if quirks.has("P609") and ":" in host:
            host = "fe80::1"
        return f"http://{Endpoint(host, http.port)}{DESCRIPTION_PATH}"

    def _text(self, target: str, name: str, location: str) -> bytes:
        """One unicast answer to an M-SEARCH (UDA §1.3.3)."""
        quirks = self._quirks()
        lines = [
            "HTTP/1.1 200 OK",
            "CACHE-CONTROL: max-age=120",
            f"ST: {target}",
            f"USN: {name}",
            "EXT:",
            f"SERVER: {self._quirks().server}",
            f"LOCATION: {location}",
            f"BOOTID.UPNP.ORG: {self.boot_id}",
            "CONFIGID.UPNP.ORG: 1",
        ]
        if quirks.has("SD13"):
            lines.insert(6, "SERVER: Eaton/1")
        if quirks.has("SD14"):
            lines[0] = "HTTP/1.1  200  OK\x01"
            lines[1:1] = ["no colon here", "X-Odd\x07Name: \x00\x7f", " folded: into nothing", ": no name"]
        if quirks.has("SD11"):
            lines = [_careless(line, short=":service:" in target) for line in lines]
        return "\r\n".join((*lines, "", "")).encode("latin-1")

    def _sent(self, data: bytes, search: Search, host: str = "") -> Reply:
        quirks = self._quirks()
        late = search.longest_wait + PATIENT if quirks.has("SD19") else 0.0
        if quirks.has("SD02") and not host:
            host = second_address(self._address, quirks)
        return Reply(data, quirks.delay + late, host, 0 if quirks.has("SD01") else None)


def read_search(datagram: bytes) -> Search | None:
    """An M-SEARCH; None when the datagram is none (UDA §1.3.2)."""
    lines = datagram.decode("latin-1").split("\r\n")
    pairs = [(name.strip(), value.strip()) for name, _, value in (li.partition(":") for li in lines[1:])]
    headers = {name.upper(): value for name, value in pairs}
    if not lines[0].startswith("M-SEARCH * HTTP/1.1") or headers.get("MAN") != '"ssdp:discover"':
        return None
    if "ST" not in headers:
        return None
    wait = headers.get("MX", "")
    names = tuple(name for name, _ in pairs if name in ("HOST", "MAN", "MX", "ST"))
    return Search(
        headers["ST"],
        min(float(wait), LONGEST_WAIT) if wait.isdecimal() else 1.0,
        names,
        datagram.endswith(b"\r\n\r\n"),
    )


def second_address(address: str, quirks: Quirks) -> str:
    """The gateway's other address in its network: of a pair of routers (SD02)."""
    return quirks.second_address or f"{address.rpartition('.')[0]}.254"


def other_network(address: str) -> str:
    """An address of the router in the network next to its own (SD23)."""
    return str(IPv4Address((int(IPv4Address(address)) & ~0xFF) + 0x100 + 254))


def _careless(line: str, *, short: bool) -> str:
    """SD11: names in lower case with a space behind them; ``short``: AL where LOCATION is meant."""
    name, colon, value = line.partition(":")
    if not colon:
        return line
    return f"AL:{value}" if short and name == "LOCATION" else f"{name.lower()} :{value}"
