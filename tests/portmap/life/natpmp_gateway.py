"""A NAT-PMP gateway (RFC 6886) for a namespace: grants everything, and tells on standard output what."""

from __future__ import annotations

import select
import socket
import struct
import sys


def answer(request: bytes, source: str) -> bytes:
    if request == b"\0\0":
        return struct.pack("!BBHI4B", 0, 128, 0, 9, 203, 0, 113, 7)
    if len(request) != 12 or request[0] != 0:
        return struct.pack("!BBHI", 0, 128 | request[1], 1, 9)  # a version that is not spoken here
    opcode, internal, external, lifetime = struct.unpack("!xBxxHHI", request)
    sys.stdout.write(f"{'map' if lifetime else 'unmap'} {internal} for {source}\n")
    sys.stdout.flush()
    return struct.pack("!BBHIHHI", 0, 128 | opcode, 0, 9, internal, external, lifetime)


def main() -> None:
    sockets = []
    for address in sys.argv[1:]:
        sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].bind((address, 5351))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for sock in select.select(sockets, [], [])[0]:
            request, source = sock.recvfrom(1100)
            sock.sendto(answer(request, source[0]), source)


if __name__ == "__main__":
    main()
