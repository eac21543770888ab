"""The barest relay there can be in Python: epoll, recvfrom_into, sendto, no thought; ``bare PORT LEGS``.

It speaks as ``generator relay`` does: prints ``0 0 LEG_PORT …``, then the processor time used for each line.
"""

from __future__ import annotations

import gc
import resource
import select
import socket
import sys
import time

LOOK = 256  # sockets


def main(port: int, legs: int) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    gc.disable()
    poll, there, sockets = select.epoll(), ("127.0.0.1", port), {}
    poll.register(sys.stdin.fileno(), select.EPOLLIN)
    for _ in range(legs):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.bind(("127.0.0.1", 0))
        sockets[sock.fileno()] = sock
        poll.register(sock.fileno(), select.EPOLLIN)
    print("0 0", *(sock.getsockname()[1] for sock in sockets.values()), flush=True)
    buffer = bytearray(2049)
    view = memoryview(buffer)
    while True:
        for descriptor, _ in poll.poll(-1, LOOK):
            ready = sockets.get(descriptor)
            if ready is not None:
                size, _ = ready.recvfrom_into(buffer)
                ready.sendto(view[:size], there)
            elif sys.stdin.readline():
                print(time.process_time(), flush=True)
            else:
                return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
