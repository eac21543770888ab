"""The bare exchange: the very bytes the engine sent, on plain blocking sockets, nothing around them."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path

GATEWAY = ("192.168.1.1", 5351)
Request = tuple[tuple[str, int], bytes, bool]
END_OF_HEAD = b"\r\n\r\n"


def main(record: str) -> None:
    sent = json.loads(Path(record).read_text())
    datagrams = [bytes.fromhex(each) for each in sent["datagrams"]]
    requests = [((host, port), data.encode(), ahead) for host, port, data, ahead in sent["http"]]
    began, cpu = time.perf_counter(), time.process_time()
    if datagrams:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(GATEWAY)
            for datagram in datagrams:
                sock.send(datagram)
                sock.recv(2048)
    exchange(requests)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "requests": len(datagrams) + len(requests)}))


def exchange(requests: list[Request]) -> None:
    """One after another; the next connection is opened meanwhile, where the engine did that."""
    spare: socket.socket | None = None
    for to, request, ahead in requests:
        sock = spare or connecting(to)
        sock.sendall(request)  # waits for the connection
        spare = connecting(to) if ahead else None
        answer = sock.recv(4096)
        while not whole(answer) and (more := sock.recv(4096)):
            answer += more
        sock.close()
    if spare is not None:
        spare.close()


def connecting(to: tuple[str, int]) -> socket.socket:
    """Without ``create_connection``, which asks the resolver about an address of digits too."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.connect_ex(to)
    sock.setblocking(True)
    return sock


def whole(answer: bytes) -> bool:
    head, found, body = answer.partition(END_OF_HEAD)
    length = head.lower().partition(b"content-length:")[2].partition(b"\r")[0]
    return bool(found and length) and len(body) >= int(length)


if __name__ == "__main__":
    main(sys.argv[1])
