"""The engine, asking the system where it is; told on standard output: what it maps, and from where."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ringthru.portmap import MappingAdded, MappingRemoved, PortMapper, Protocol, Wanted


async def main() -> None:
    mapper = PortMapper(store=Path(sys.argv[1]), log=lambda level, text: None)

    def tell(event) -> None:
        if isinstance(event, MappingAdded):
            site = mapper._near.site
            sys.stdout.write(f"{event.external_port} from {site.address} at {site.gateway}\n")
        elif isinstance(event, MappingRemoved):
            sys.stdout.write(f"{event.external_port} is lost\n")
        sys.stdout.flush()

    mapper.subscribe(tell)
    mapper.start()
    mapper.want(Wanted(Protocol.UDP, 26201))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await mapper.stop()


if __name__ == "__main__":
    asyncio.run(main())
