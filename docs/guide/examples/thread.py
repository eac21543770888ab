"""The engine in a program that knows nothing of asyncio: a thread with a loop of its own."""

import asyncio
import threading
from concurrent.futures import Future

from ringthru.portmap import PortMapper, Protocol, Wanted


class Ports:
    """May be called from any thread but its own."""

    def __init__(self, surroundings=None):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._mapper = self._run(self._make(surroundings))

    def open(self, protocol, port, patience=10.0):
        """The external port, or None when the gateway does not map it within ``patience`` seconds."""
        return self._run(self._open(Wanted(protocol, port), patience))

    def close(self):
        self._run(self._mapper.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work):
        future: Future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result()

    async def _make(self, surroundings):
        mapper = PortMapper(surroundings)
        mapper.start()
        return mapper

    async def _open(self, wanted, patience):
        mapping = self._mapper.want(wanted)
        try:
            async with asyncio.timeout(patience):
                await mapping.settled()
        except TimeoutError:
            pass
        return mapping.external_port


def main(surroundings=None):
    ports = Ports(surroundings)
    external = ports.open(Protocol.TCP, 8080)
    print("others reach port 8080 at", external)
    ports.close()
    return external


if __name__ == "__main__":
    main()
