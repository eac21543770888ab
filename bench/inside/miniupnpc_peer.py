"""python3-miniupnpc, for /usr/bin/python3: discover, then so many mappings one after another."""

import json
import sys
import time

import miniupnpc  # type: ignore[import-not-found]

FIRST_PORT = 20000


def main(count: int) -> None:
    began = time.perf_counter()
    upnp = miniupnpc.UPnP()  # waits two seconds for answers, as its authors chose
    upnp.discover()
    upnp.selectigd()
    upnp.addportmapping(FIRST_PORT - 1, "UDP", upnp.lanaddr, FIRST_PORT - 1, "bench", "", 3600)
    first = time.perf_counter() - began
    began = time.perf_counter()
    for port in range(FIRST_PORT, FIRST_PORT + count):
        upnp.addportmapping(port, "UDP", upnp.lanaddr, port, "bench", "", 3600)
    print(json.dumps({"seconds": first, "many": time.perf_counter() - began}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
