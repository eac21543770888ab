"""The driver's listener for the keys that nodes log: whom it hears, and what it passes over."""

import asyncio
import socket

from ringthru.media.ng.driver import FarmDriver
from ringthru.media.ng.dtmf_log import LoggedKey
from ringthru.media.ng.nodes import Node
from ringthru.net.address import Endpoint

NODE, STRANGER = "127.0.0.1", "127.0.0.2"


async def test_keys_of_nodes_are_told_and_nothing_else():
    keys, first = [], asyncio.Event()

    def on_key(key):
        keys.append(key)
        if key.key == "9":
            first.set()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((NODE, 0))
        listener = Endpoint(*free.getsockname())
    driver = FarmDriver([Node(Endpoint(NODE, 9))], lambda node, state: None, on_key, listener)
    driver.start()
    try:
        for host, datagram in (
            (STRANGER, LoggedKey("call", "outer", "1", 100).encode(0, "192.0.2.1")),
            (NODE, b"no JSON"),
            (NODE, b'{"callid": "call"}'),
            (NODE, LoggedKey("call", "outer", "5", 100).encode(0, "192.0.2.1")),
            (NODE, LoggedKey("call", "inner", "9", 80).encode(0, "192.0.2.1")),
        ):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind((host, 0))
                sock.sendto(datagram, listener)
        await asyncio.wait_for(first.wait(), 30)
    finally:
        driver.close()
    assert keys == [LoggedKey("call", "outer", "5", 100), LoggedKey("call", "inner", "9", 80)]
