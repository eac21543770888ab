"""A taken port is explained in words."""

from __future__ import annotations

import os

import pytest

from ringthru.net.address import Endpoint
from ringthru.net.sockets import PortInUse, bind_udp


def test_a_port_in_use_names_the_port_and_its_holder():
    with bind_udp(Endpoint("127.40.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(
            PortInUse, match=rf"127\.40\.0\.1:{port} is already in use by .*pid {os.getpid()}"
        ):
            bind_udp(Endpoint("127.40.0.1", port))


def test_an_address_that_is_not_ours_is_named_too():
    with pytest.raises(OSError, match=r"cannot open UDP port 11\.0\.113\.1:5060"):
        bind_udp(Endpoint("11.0.113.1", 5060))
