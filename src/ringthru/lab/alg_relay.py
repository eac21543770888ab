"""A router's SIP ALG as a program: ``python -m ringthru.lab.alg_relay LISTEN WAN TARGET RENAMES``.

The router's NAT rules must lead what phones send to TARGET (a SIP server's address and port) to LISTEN
instead; the kernel turns the answers back, so that no phone knows. Each phone gets a port of WAN, and what
passes is rewritten as `gateway/renaming_alg.py` says. It runs in network namespaces made for it, and never
elsewhere.

Lives here: the sockets. Never here: what is rewritten.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import Final

from ..net.address import Endpoint
from ..net.sockets import bind_udp
from .datagrams import Datagrams
from .gateway.renaming_alg import Renames, RenamingAlg

MOST_PHONES: Final = 64


class AlgRelay:
    """Carries datagrams between phones and one SIP server; made inside a running event loop.

    Raises:
        OSError: ``listen`` cannot be had.
    """

    def __init__(self, listen: Endpoint, wan: str, target: Endpoint, renames: Renames) -> None:
        self._wan = wan
        self._target = target
        self._renames = renames
        self._phones: dict[Endpoint, tuple[Datagrams, RenamingAlg]] = {}
        self._inside = Datagrams(bind_udp(listen), self._from_phone)

    def close(self) -> None:
        self._inside.close()
        for outside, _ in self._phones.values():
            outside.close()
        self._phones.clear()

    def _from_phone(self, data: bytes, phone: Endpoint) -> None:
        if phone not in self._phones:
            if len(self._phones) >= MOST_PHONES:
                return
            outside = Datagrams(bind_udp(Endpoint(self._wan, 0)), partial(self._from_outside, phone))
            self._phones[phone] = (outside, RenamingAlg(self._renames, phone, outside.local))
        outside, alg = self._phones[phone]
        outside.send(alg.outward(data, self._target), self._target)

    def _from_outside(self, phone: Endpoint, data: bytes, source: Endpoint) -> None:
        if source == self._target:
            _, alg = self._phones[phone]
            self._inside.send(alg.inward(data, self._target), phone)


async def _relay(listen: str, wan: str, target: str, renames: str) -> None:
    relay = AlgRelay(_endpoint(listen), wan, _endpoint(target), Renames(renames))
    print("relaying", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        relay.close()


def _endpoint(text: str) -> Endpoint:
    host, _, port = text.rpartition(":")
    return Endpoint(host, int(port))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    asyncio.run(_relay(*sys.argv[1:]))
