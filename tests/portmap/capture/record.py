"""Make the transcripts anew: ``python tests/portmap/capture/record.py`` (loopback only).

To be run when the engine asks otherwise than it did; the differences are then to be read before they are
committed, because the outcomes in them are what the tests compare with.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
import time
from ipaddress import IPv4Network
from pathlib import Path

from ringthru.lab import FakeGateway, Quirks, confine_to_loopback
from ringthru.nat.command import run
from ringthru.nat.place import Ground
from ringthru.net.address import AddressRules
from ringthru.net.surroundings import Surroundings

TRANSCRIPTS = Path(__file__).parent / "transcripts"
INSIDE, OUTSIDE = "127.72.0", "127.73.0"
GATEWAYS = {
    "natpmp": (("natpmp",), {}),
    "upnp-permanent-only": (("upnp",), {"permanent_only": True}),
    "pcp-with-upnp-beside": (("pcp", "natpmp", "upnp"), {}),
    "upnp-behind-carrier-grade-nat": (("upnp",), {"external_address": "100.64.7.8", "igd_version": 2}),
}


async def record(name: str, protocols: tuple[str, ...], quirks: dict[str, object], folder: Path) -> Path:
    """One capture of one fake gateway."""
    house = Surroundings(
        f"{INSIDE}.103",
        IPv4Network(f"{INSIDE}.0/24"),
        f"{INSIDE}.1",
        AddressRules((IPv4Network(f"{OUTSIDE}.0/24"),)),
        multicast=False,
    )
    gateway = FakeGateway(
        f"{INSIDE}.1", f"{OUTSIDE}.1", protocols=protocols, quirks=Quirks(**quirks), clock=time.monotonic
    )
    await gateway.start()
    path = folder / f"{name}.json"
    argv = ["capture", str(path), "--force", "--port", "25060", "--store", str(folder / "nat.sqlite3")]
    try:
        said = io.StringIO()
        code = await run(argv, Ground(lambda interface: house), said, said)
    finally:
        await gateway.stop()
    if code:
        raise SystemExit(f"{name}: {said.getvalue()}")
    return path


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    confine_to_loopback()
    for name, (protocols, quirks) in GATEWAYS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = asyncio.run(record(name, protocols, quirks, Path(folder)))
            (TRANSCRIPTS / path.name).write_text(path.read_text())
        print(f"{TRANSCRIPTS / path.name} is written", file=sys.stderr)


if __name__ == "__main__":
    main()
