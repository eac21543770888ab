"""Who maps ports beside us: each other engine that can be had here, and how it is run.

A peer that cannot be had is left out, with a word. Tailscale's and Bitcoin Core's engines are parts of
programs that do other things first, and libplum is packaged by nobody: they are not measured.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from ringthru.lab.namespaces.miniupnpd import HTTP_PORT, Serves

from .inside_runs import INSIDE, ROOT, ours, peer_python
from .report import progress

DEBIANS_PYTHON = "/usr/bin/python3"  # for which Debian builds its bindings
BUILT = ROOT / "build" / "bench-natpmp"
HERE, GATEWAY, PORT = "192.168.1.103", "192.168.1.1", 30000
DESCRIPTION = f"http://{GATEWAY}:{HTTP_PORT}/rootDesc.xml"
LIBTORRENT_HOLDS = 48  # beside those of its session
LIBTORRENT = {Serves.UPNP: "upnp", Serves.NATPMP: "natpmp"}

Programs = dict[str, list[str]]  # what to run, by name


def libraries(serves: Serves, count: int) -> Programs:
    """Engines to be used by programs: discover, map one port, then ``count`` more, one after another.

    All but libnatpmp know the external address then, too: without ``count`` it is there twice, as a program
    uses it that wants to know the address as well.
    """
    found: dict[str, list[str] | None] = {}
    if count <= LIBTORRENT_HOLDS or serves is not Serves.UPNP:
        found["libtorrent"] = _with_debians("libtorrent", "libtorrent_peer.py", LIBTORRENT[serves])
    else:
        progress(f"libtorrent makes {LIBTORRENT_HOLDS} mappings by UPnP at most: left out")
    if serves is Serves.UPNP:
        found["python3-miniupnpc (miniupnpc in C)"] = _with_debians("miniupnpc", "miniupnpc_peer.py")
        found["async-upnp-client"] = _async_upnp()
    else:
        found["libnatpmp in C (NAT-PMP), mapping alone"] = _libnatpmp()
    programs = {name: [*argv, str(count)] for name, argv in found.items() if argv is not None}
    if serves is not Serves.UPNP and count == 0 and (natpmp := _libnatpmp()):
        programs["libnatpmp in C (NAT-PMP), mapping and address"] = [*natpmp, "0", "address"]
    return programs


def commands(serves: Serves) -> Programs:
    """Programs for people, from start to end; those of others, and ours."""
    ringthru = [sys.executable, "-m", "ringthru", "nat", "add", f"{PORT}/udp"]
    here = [HERE, str(PORT), str(PORT), "udp"]
    if serves is Serves.UPNP:
        told = ["upnpc", "-u", DESCRIPTION, "-a", *here]
        theirs: Programs = {"upnpc": ["upnpc", "-a", *here], "upnpc, told where (-u)": told}
    else:
        theirs = {"natpmpc (NAT-PMP)": ["natpmpc", "-a", str(PORT), str(PORT), "udp", "3600"]}
    floor = {"python3 -c 'import asyncio' (no port mapped)": [sys.executable, "-c", "import asyncio"]}
    return {"ringthru nat add": ringthru} | theirs | floor


def first(store: str = "") -> list[str]:
    """Our library: one mapping from nothing; with a store it may know the gateway from the last time."""
    return ours("engine", "first", PORT, *([store] if store else []))


@cache
def _with_debians(module: str, program: str, *arguments: str) -> list[str] | None:
    has = [DEBIANS_PYTHON, "-c", f"import {module}"]
    if not Path(DEBIANS_PYTHON).exists() or subprocess.run(has, capture_output=True).returncode:
        progress(f"python3-{module} is not installed (as root 'make bench' does that): left out")
        return None
    return [DEBIANS_PYTHON, str(INSIDE / program), *arguments]


@cache
def _async_upnp() -> list[str] | None:
    python = peer_python("async_upnp_client", "async-upnp-client")
    if python is None:
        progress("async-upnp-client cannot be had here: left out")
        return None
    return [python, str(INSIDE / "async_upnp_peer.py")]


@cache
def _libnatpmp() -> list[str] | None:
    """A small C program on Debian's libnatpmp."""
    BUILT.parent.mkdir(exist_ok=True)
    compiler = ["cc", "-O2", "-o", str(BUILT), str(INSIDE / "natpmp_peer.c"), "-lnatpmp"]
    try:
        built = subprocess.run(compiler, capture_output=True).returncode == 0
    except FileNotFoundError:
        built = False
    if not built:
        progress("libnatpmp-dev and a C compiler are not both here: libnatpmp is left out")
    return [str(BUILT)] if built else None
