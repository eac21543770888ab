"""What a UPnP gateway is spoken to with is loaded while its answer is waited for."""

import subprocess
import sys

WAITS = """
import asyncio, sys
from ipaddress import IPv4Network
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import PortMapper

IGD = "ringthru.portmap.gateway.igd"

async def main():
    loads = asyncio.Event()
    sys.addaudithook(lambda event, told: loads.set() if (event, *told[:1]) == ("import", IGD) else None)
    here = Surroundings("127.61.4.10", IPv4Network("127.61.4.0/24"), "127.61.4.1", multicast=False)
    mapper = PortMapper(here, natpmp_port=25351, ssdp_port=21900)
    mapper.start()
    print(IGD in sys.modules)
    async with asyncio.timeout(60):
        await loads.wait()
    print(IGD in sys.modules)
    mapper.leave()

asyncio.run(main())
"""


def test_it_is_loaded_after_the_search_went_out_and_before_anybody_answered():
    done = subprocess.run([sys.executable, "-c", WAITS], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("False\nTrue\n", "", 0)
