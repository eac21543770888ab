"""Named devices: what people have at home, as bundles of quirk rows, protocols and words.

Lives here: the bundles, each with where its behaviour was reported. Never here: what a row does.
The words name the device in descriptions and SERVER headers; they are examples, not copies of any firmware's.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from ...net.values import frozen
from .quirks import Quirks

UPNP: Final = frozenset({"upnp"})
PMP: Final = frozenset({"natpmp"})
PMP_UPNP: Final = PMP | UPNP
PCP_UPNP: Final = frozenset({"pcp", "upnp"})
ALL: Final = frozenset({"natpmp", "pcp", "upnp"})


@frozen
class NamedDevice:
    """One device: how it behaves, what it speaks, and who said so."""

    name: str
    title: str  # in a few words, for people
    protocols: frozenset[str]
    quirks: Quirks
    source: str


def _device(
    name: str,
    maker: str,
    model: str,
    title: str,
    protocols: frozenset[str],
    source: str,
    rows: tuple[str, ...] = (),
    *,
    server: str = "Linux/2.4 UPnP/1.0 IGD/1.0",
    **settings: object,
) -> NamedDevice:
    """``settings`` are further fields of ``Quirks``."""
    quirks = Quirks(rows=frozenset(rows), manufacturer=maker, model=model, server=server, **settings)  # type: ignore[arg-type]
    return NamedDevice(name, title, protocols, quirks, source)


_ALL_DEVICES: Final = (
    _device(
        "wrt54gl-ddwrt-13064",
        "Linksys",
        "WRT54GL, DD-WRT v24-sp2 (13064)",
        "forgets UPnP mappings after a minute and lists none",
        UPNP,
        "Auto Nat wiki page",
        ("LI06", "LI07"),
    ),
    _device(
        "dir655",
        "D-Link",
        "DIR-655",
        "its UPnP dies after two hours, and its ALG spoils SIP on port 5060",
        UPNP,
        "Auto Nat wiki page",
        ("LI08", "TO09"),
    ),
    _device(
        "fritzbox-7490",
        "AVM Berlin",
        "FRITZ!Box 7490",
        "refuses everybody until the device is allowed to open ports",
        PCP_UPNP,
        "bitcoin#32026, fritzconnection#161, syncthing",
        ("AD13", "PC03", "PC04", "SD09"),
        server="FRITZ!Box 7490 UPnP/1.0",
    ),
    _device(
        "archer-c9",
        "TP-Link",
        "Archer C9",
        "LOCATION names [::1]; the SCPD has mismatched tags",
        UPNP,
        "Home Assistant core#57052, #71138",
        ("DE06", "SD03"),
        server="Linux UPnP/1.1 MiniUPnPd/1.8",
    ),
    _device(
        "archer-a7-pmp",
        "TP-Link",
        "Archer A7",
        "answers PCP in NAT-PMP's short form",
        PMP_UPNP,
        "libplum PR#49",
        server="Linux UPnP/1.1 MiniUPnPd/1.8",
    ),
    _device(
        "mikrotik-725",
        "MikroTik",
        "RouterOS CHR 7.10",
        "permanent leases only, a dead WAN before the live one",
        PMP_UPNP,
        "tailscale#13785, #8364",
        ("AD01", "DE09", "NP04"),
    ),
    _device(
        "linksys-wrt120n",
        "Linksys",
        "WRT120N",
        "compares SOAPAction by case; absolute control URLs",
        UPNP,
        "syncthing#1696, #2422",
        ("DE03", "HT10"),
    ),
    _device(
        "broadcom-32",
        "Broadcom",
        "WRT54G",
        "32 entries in NVRAM; the 33rd succeeds and does nothing",
        UPNP,
        "upnp-hacks.org, weupnp#12",
        ("AD15", "LI11"),
    ),
    _device(
        "opnsense-pf",
        "OPNsense",
        "os-upnp on a CARP pair",
        "answers from its second address; says yes over UPnP and does nothing",
        ALL,
        "opnsense/plugins#3746, tailscale#5502",
        ("AD17", "SD02"),
        server="FreeBSD/13 UPnP/1.1 MiniUPnPd/2.3",
    ),
    _device(
        "protonvpn",
        "Proton",
        "VPN gateway",
        "NAT-PMP for a minute at a time, with odd internal ports, silently dead",
        PMP,
        "gluetun#1882, #2051",
        ("NP05", "NP06", "NP07"),
    ),
    _device(
        "nvg578lx",
        "ARRIS",
        "NVG578LX",
        "402 for every lease but a permanent one",
        UPNP,
        "tailscale#15223",
        ("AD02",),
    ),
    _device(
        "zyxel-vmg1312",
        "ZyXEL",
        "VMG1312",
        "a UDP mapping overwrites the TCP mapping of its port",
        UPNP,
        "BiglyBT",
        ("AD20",),
    ),
    _device(
        "sagemcom-5684",
        "Sagemcom",
        "F@st 5684",
        "behind a carrier's NAT, and says Disconnected though it works",
        UPNP,
        "miniupnp#665, #732",
        ("EX04", "EX07"),
    ),
    _device(
        "ubee-evw32c",
        "Ubee",
        "EVW32C",
        "resets the connection on actions it does not know",
        UPNP,
        "miniupnp#528",
        ("HT15",),
        igd_version=2,
    ),
    _device(
        "asus-600s",
        "ASUS",
        "RT series",
        "purges its table every 600 s when it holds more than 20",
        PMP_UPNP,
        "tailscale#10597, gnuton#977",
        ("LI09",),
    ),
    _device(
        "2wire-uverse", "2Wire", "U-verse gateway", "NAT-PMP and nothing else", PMP, "Auto Nat wiki page"
    ),
    _device("tomato-1.28", "Linksys", "WRT54GL, Tomato 1.28", "works well", PMP_UPNP, "Auto Nat wiki page"),
    _device("routeros-3.25", "MikroTik", "RouterOS 3.25", "works well", UPNP, "Auto Nat wiki page"),
    _device(
        "wrt54g2",
        "Linksys",
        "WRT54G2",
        "sometimes cannot open ports: three requests in ten fail",
        UPNP,
        "Auto Nat wiki page",
        ("AD38",),
    ),
    _device(
        "wgt624",
        "NETGEAR",
        "WGT624",
        "answers after four seconds, and two times in five not at all",
        UPNP,
        "Auto Nat wiki page",
        delay=4.0,
        loss=0.4,
    ),
    _device(
        "fvs318",
        "NETGEAR",
        "FVS318",
        "behind another NAT, which maps too: its external address is private",
        UPNP,
        "Auto Nat wiki page",
        ("TO08",),
    ),
    _device(
        "airport-extreme",
        "Apple",
        "AirPort Extreme 7.4.2",
        "NAT-PMP as it should be",
        PMP,
        "Auto Nat wiki page",
    ),
    _device(
        "wl520gu",
        "ASUS",
        "WL-520GU, DD-WRT",
        "its list is always empty",
        UPNP,
        "Auto Nat wiki page",
        ("LI06",),
    ),
)
DEVICES: Final[Mapping[str, NamedDevice]] = MappingProxyType({each.name: each for each in _ALL_DEVICES})


def device(name: str) -> NamedDevice:
    """The device of that name.

    Raises:
        ValueError: there is none; the words name the nearest.
    """
    found = DEVICES.get(name.lower())
    if found is None:
        (nearest,) = get_close_matches(name.lower(), DEVICES, n=1, cutoff=0.0)
        raise ValueError(f"there is no device {name!r}; the nearest is {nearest}")
    return found
