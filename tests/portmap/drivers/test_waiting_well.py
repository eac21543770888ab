"""What a UPnP gateway is spoken to with is loaded while its answer is waited for."""

import subprocess
import sys

WAITS = """
import asyncio, sys
from ipaddress import IPv4Network
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import PortMapper

async def main():
    here = Surroundings("127.61.4.10", IPv4Network("127.61.4.0/24"), "127.61.4.1", multicast=False)
    mapper = PortMapper(here, natpmp_port=25351, ssdp_port=21900)
    mapper.start()
    print("ringthru.portmap.gateway.igd" in sys.modules)
    async with asyncio.timeout(60):
        while "ringthru.portmap.gateway.igd" not in sys.modules:
            await asyncio.sleep(0.001)
    mapper.leave()

asyncio.run(main())
"""


def test_it_is_loaded_after_the_search_went_out_and_before_anybody_answered():
    done = subprocess.run([sys.executable, "-c", WAITS], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("False\n", "", 0)
