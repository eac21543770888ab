"""HEP3 read by hand, by the paper: what a capture server makes of a packet."""

from __future__ import annotations

import struct
from ipaddress import ip_address

NAMES = {
    1: "family",
    2: "protocol",
    3: "source",
    4: "destination",
    5: "source",
    6: "destination",
    7: "source_port",
    8: "destination_port",
    9: "seconds",
    10: "microseconds",
    11: "type",
    12: "capture_id",
    15: "payload",
    17: "correlation",
}


def read(packet: bytes) -> dict[str, object]:
    """The chunks by name: addresses and texts as text, numbers as numbers."""
    assert packet[:4] == b"HEP3"
    assert struct.unpack("!H", packet[4:6])[0] == len(packet)
    found: dict[str, object] = {}
    at = 6
    while at < len(packet):
        vendor, kind, length = struct.unpack("!HHH", packet[at : at + 6])
        assert vendor == 0
        assert length >= 6
        value = packet[at + 6 : at + length]
        assert len(value) == length - 6
        name = NAMES[kind]
        assert name not in found
        if name in ("source", "destination"):
            found[name] = str(ip_address(value))
        elif name == "payload":
            found[name] = value
        elif name == "correlation":
            found[name] = value.decode()
        else:
            found[name] = int.from_bytes(value, "big")
        at += length
    return found
