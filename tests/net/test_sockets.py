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


def test_a_shared_port_that_the_system_chooses_is_nobody_elses():
    """With SO_REUSEPORT set before bind() two of 400 sockets nearly always meet on one port."""
    sockets = [bind_udp(Endpoint("127.40.0.1", 0), reuse_port=True) for _ in range(400)]
    ports = {sock.getsockname()[1] for sock in sockets}
    for sock in sockets:
        sock.close()
    assert len(ports) == 400


def test_a_shared_port_can_be_bound_again():
    with bind_udp(Endpoint("127.40.0.1", 0), reuse_port=True) as first:
        port = first.getsockname()[1]
        with bind_udp(Endpoint("127.40.0.1", port), reuse_port=True) as second:
            assert second.getsockname() == first.getsockname()
