"""Our switch, and so many mappings wanted by hand beside it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ringthru.portmap import PortMapper, Protocol, Wanted
from ringthru.switch.switch import Switch, SwitchOptions

FIRST_PORT = 30000


async def main(conf: Path, state: Path, mappings: int) -> None:
    mapper = PortMapper(budget=mappings + 64)
    switch = Switch(SwitchOptions(conf=conf, db=state), mapper)
    await switch.start()
    for port in range(FIRST_PORT, FIRST_PORT + mappings):
        mapper.want(Wanted(Protocol.UDP, port))
    await switch.until_shutdown()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
