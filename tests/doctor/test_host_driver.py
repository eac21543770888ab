"""The kernel's tables, as they are read; a folder of ours plays /proc."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network

from ringthru.doctor.examination import WantedPort
from ringthru.doctor.explaining import EXPLAINED, explained
from ringthru.doctor.host_driver import look_at_host
from ringthru.doctor.machine_driver import examine_machine
from ringthru.net.held_ports import held_ports, holder_of
from ringthru.net.surroundings import Surroundings

from .conftest import HEALTHY

HERE = Surroundings("127.0.0.1", IPv4Network("127.0.0.0/8"), None)


def look(proc, *ports, ours=""):
    return look_at_host(HERE, ports, (16384, 32768), ours, proc)


def test_the_kernels_lists(tmp_path):
    folder = tmp_path / "sys/net/ipv4"
    folder.mkdir(parents=True)
    (folder / "ip_local_port_range").write_text("32768\t60999\n")
    (folder / "ip_local_reserved_ports").write_text("16384-32768,50000\n")
    (tmp_path / "modules").write_text("nf_nat_sip 20480 0 - Live 0x0\nsnd 1 0 - Live 0x0\n")
    found = look(tmp_path)
    assert found.ephemeral == (32768, 60999)
    assert found.reserved == ((16384, 32768), (50000, 50000))
    assert found.helpers == ("nf_nat_sip",)


def test_what_cannot_be_read_is_not_known(tmp_path):
    found = look(tmp_path)
    assert (found.ephemeral, found.reserved, found.helpers) == (None, (), None)


def test_nonsense_in_them_is_not_known(tmp_path):
    folder = tmp_path / "sys/net/ipv4"
    folder.mkdir(parents=True)
    (folder / "ip_local_port_range").write_text("all of them\n")
    (folder / "ip_local_reserved_ports").write_text("\n")
    assert (look(tmp_path).ephemeral, look(tmp_path).reserved) == (None, ())


def test_a_port_of_ours_is_known_as_ours_and_at_another_address_is_in_nobodys_way():
    import os

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        wanted = WantedPort("udp", "127.0.0.1", port, "profile internal")
        (held,) = [each for each in held_ports("udp") if each.port == port]
        assert held.host == "127.0.0.1"
        assert holder_of(held.inode).endswith(f"(pid {os.getpid()})")
        ours = look_at_host(HERE, [wanted], (1, 2), str(os.getpid())).ports[0]
        assert (ours.taken, ours.by_us) == (True, True)
        theirs = look_at_host(HERE, [wanted], (1, 2)).ports[0]
        assert (theirs.taken, theirs.by_us) == (True, False)
        assert f"(pid {os.getpid()})" in theirs.holder
        elsewhere = WantedPort("udp", "127.0.0.2", port, "profile internal")
        assert look_at_host(HERE, [elsewhere], (1, 2)).ports[0].taken is False
        everywhere = WantedPort("udp", "0.0.0.0", port, "profile internal")
        assert look_at_host(HERE, [everywhere], (1, 2)).ports[0].taken is True


def test_ipv6_addresses_are_read_too():
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as bound:
        bound.bind(("::1", 0))
        bound.listen()
        port = bound.getsockname()[1]
        assert [each.host for each in held_ports("tcp") if each.port == port] == ["::1"]


def test_a_tree_that_cannot_be_read_is_said_and_the_machine_is_looked_at(tmp_path):
    first, *others = examine_machine(tmp_path, tmp_path)
    assert (first.id, first.status.value) == ("switch.tree", "fail")
    assert {each.group for each in others} == {"host"}


def test_every_finding_of_a_healthy_switch_can_be_explained():
    from ringthru.doctor import diagnose

    for each in diagnose(HEALTHY):
        assert explained(each.id) is not None, each.id
    assert len({each.id for each in EXPLAINED}) == len(EXPLAINED)
