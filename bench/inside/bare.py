"""The bare exchange: the very bytes the engine sent, on plain blocking sockets, nothing around them."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path

GATEWAY = ("192.168.1.1", 5351)
END_OF_HEAD = b"\r\n\r\n"


def main(record: str) -> None:
    sent = json.loads(Path(record).read_text())
    datagrams = [bytes.fromhex(each) for each in sent["datagrams"]]
    requests = [((host, port), data.encode()) for host, port, data in sent["http"]]
    began, cpu = time.perf_counter(), time.process_time()
    if datagrams:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(GATEWAY)
            for datagram in datagrams:
                sock.send(datagram)
                sock.recv(2048)
    for to, request in requests:
        exchange(to, request)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "requests": len(datagrams) + len(requests)}))


def exchange(to: tuple[str, int], request: bytes) -> bytes:
    with socket.create_connection(to) as sock:
        sock.sendall(request)
        answer = b""
        while not whole(answer) and (more := sock.recv(65536)):
            answer += more
    return answer


def whole(answer: bytes) -> bool:
    head, found, body = answer.partition(END_OF_HEAD)
    length = head.lower().partition(b"content-length:")[2].partition(b"\r")[0]
    return bool(found and length) and len(body) >= int(length)


if __name__ == "__main__":
    main(sys.argv[1])
