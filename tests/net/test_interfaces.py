"""Interfaces by name: what they are, and what a wrong name is told."""

from __future__ import annotations

import json
import sys

import pytest

from ringthru.net.interfaces import InterfaceKind, NoSuchInterface, address_of, kind_of

LOOK = """
import json
from ringthru.net.interfaces import NoSuchInterface, interfaces
from ringthru.net.surroundings import look_around
found = []
for i in interfaces():
    own = [a for a in i.addresses if "." in a]
    found.append([i.name, own, i.gateway, i.kind.name])
places = {i[0]: str(look_around(i[0])) for i in found if i[1]}
errors = []
for name in ("eth9", "bare0", "lo"):
    try:
        look_around(name)
    except NoSuchInterface as error:
        errors.append(str(error))
print(json.dumps([found, places, errors]))
"""


def test_what_the_machine_has(namespace):
    namespace.ip(
        "link add eth0 type veth peer name far0",
        "link add docker0 type bridge",
        "link add bare0 type veth peer name far1",
        "address add 192.168.1.103/24 dev eth0",
        "address add 172.17.0.1/16 dev docker0",
        *(f"link set {name} up" for name in ("eth0", "far0", "docker0", "bare0")),
        "route add default via 192.168.1.1 dev eth0 metric 50",
    )
    found, places, errors = json.loads(namespace.run(sys.executable, "-c", LOOK))
    assert found[0] == ["eth0", ["192.168.1.103"], "192.168.1.1", "ORDINARY"]
    assert ["bare0", [], None, "ORDINARY"] in found
    assert ["docker0", ["172.17.0.1"], None, "BRIDGE"] in found  # TO02
    assert "172.17.0.1" in places["docker0"]
    assert "gateway=None" in places["docker0"]
    assert "gateway='192.168.1.1'" in places["eth0"]
    listed = "interfaces with an IPv4 address: docker0 (172.17.0.1), eth0 (192.168.1.103)"
    assert [text.split(";")[0] for text in errors[:2]] == [
        "interface 'eth9' does not exist",
        "interface 'bare0' has no IPv4 address",
    ]
    for text in errors:
        assert sorted(text.split("address: ")[1].split(", ")) == listed.split("address: ")[1].split(", ")


WAYS = """
import json
from ringthru.net.interfaces import interfaces, uplinks
from ringthru.net.surroundings import way_out
own = {i.name: i.addresses[0] for i in interfaces() if not i.name.startswith("far")}
ways = [way_out(each) for each in ("192.168.1.7", "203.0.113.5", "10.8.0.9", "fe80::1")]
print(json.dumps([own, uplinks(), ways]))
"""


def test_two_interfaces_in_one_lan_and_a_tunnel(namespace):
    """Cable and Wi-Fi: each has its own address, and the routes lead over the better one alone."""
    namespace.ip(
        *(
            f"link add {name} type veth peer name far{at}"
            for at, name in enumerate(("eth0", "wlan0", "tun0"))
        ),
        "address add 192.168.1.103/24 dev wlan0 metric 600",
        "address add 192.168.1.104/24 dev eth0 metric 100",
        "address add 10.8.0.2/24 dev tun0",
        *(f"link set {name} up" for name in ("eth0", "wlan0", "tun0", "far0", "far1", "far2")),
        "route add default via 192.168.1.1 dev wlan0 metric 600",
        "route add default via 192.168.1.1 dev eth0 metric 100",
        "route add default dev tun0 metric 700",
    )
    own, ways_out, ways = json.loads(namespace.run(sys.executable, "-c", WAYS))
    assert own == {"eth0": "192.168.1.104", "wlan0": "192.168.1.103", "tun0": "10.8.0.2"}
    assert ways_out == ["eth0", "wlan0", "tun0"]
    assert ways == ["eth0", "eth0", "tun0", None]


RULED = """
import json
from ringthru.net.interfaces import interfaces, uplinks
from ringthru.net.surroundings import look_around
names = [i.name for i in interfaces()]
gateways = {i.name: i.gateway for i in interfaces()}
places = [look_around(name).gateway for name in ("dsl0", "docker0")]
print(json.dumps([uplinks(), names[:2], gateways, *places]))
"""


def test_a_line_that_only_a_rule_leads_to_and_a_tunnel(namespace):
    """Two lines with a table each, and WireGuard's: the main table has one default route."""
    namespace.ip(
        *(f"link add {n} type veth peer name far{at}" for at, n in enumerate(("eth0", "dsl0", "wg0"))),
        "link add docker0 type bridge",
        "address add 192.168.1.103/24 dev eth0",
        "address add 192.168.2.103/24 dev dsl0",
        "address add 10.9.0.2/32 dev wg0",
        "address add 172.17.0.1/16 dev docker0",
        *(f"link set {name} up" for name in ("eth0", "dsl0", "wg0", "docker0", "far0", "far1", "far2")),
        "route add default via 192.168.1.1 dev eth0",
        "route add default via 192.168.2.1 dev dsl0 table 100",
        "rule add from 192.168.2.103 table 100",
        "route add default dev wg0 table 200",
        "rule add from 10.9.0.2 table 200",
    )
    told = json.loads(namespace.run(sys.executable, "-c", RULED))
    ways_out, best, gateways, of_dsl, of_docker = told
    assert ways_out == ["eth0", "dsl0", "wg0"]
    assert best == ["eth0", "dsl0"]
    expected = {"eth0": "192.168.1.1", "dsl0": "192.168.2.1", "wg0": None, "docker0": None}
    assert {name: gateways[name] for name in expected} == expected
    assert (of_dsl, of_docker) == ("192.168.2.1", None)


def test_where_rules_alone_lead_out_our_gateway_is_the_one_they_lead_to(namespace):
    namespace.ip(
        "link add eth0 type veth peer name far0",
        "address add 192.168.1.103/24 dev eth0",
        *(f"link set {name} up" for name in ("eth0", "far0")),
        "route add default via 192.168.1.1 dev eth0 table 100",
        "rule add from all table 100",
    )
    look = "from ringthru.net.surroundings import look_around; print(look_around())"
    told = namespace.run(sys.executable, "-c", look)
    assert "address='192.168.1.103'" in told
    assert "gateway='192.168.1.1'" in told


def test_a_wrong_name_is_a_value_error_that_helps():
    with pytest.raises(NoSuchInterface, match="'nosuch0' does not exist; interfaces with an IPv4 address: "):
        address_of("nosuch0", [])
    assert issubclass(NoSuchInterface, ValueError)


@pytest.mark.parametrize(
    ("name", "files", "kind"),
    [
        ("eth0", {"uevent": "INTERFACE=eth0\n", "device": None}, InterfaceKind.ORDINARY),
        ("wlan0", {"uevent": "DEVTYPE=wlan\nINTERFACE=wlan0\n"}, InterfaceKind.ORDINARY),
        ("docker0", {"uevent": "DEVTYPE=bridge\nINTERFACE=docker0\n"}, InterfaceKind.BRIDGE),
        ("wg0", {"uevent": "DEVTYPE=wireguard\n"}, InterfaceKind.TUNNEL),
        ("tun0", {"uevent": "INTERFACE=tun0\n", "tun_flags": "0x1001"}, InterfaceKind.TUNNEL),
        ("veth12ab", {"uevent": "INTERFACE=veth12ab\n"}, InterfaceKind.VETH),
        ("gone0", {}, InterfaceKind.ORDINARY),
    ],
)
def test_the_kind_is_what_the_kernel_says(tmp_path, name, files, kind):
    (tmp_path / name).mkdir()
    for file, text in files.items():
        if text is None:
            (tmp_path / name / file).mkdir()
        else:
            (tmp_path / name / file).write_text(text)
    assert kind_of(name, tmp_path) is kind


OWN = """
import json
from ringthru.net.interfaces import own_address
found = {}
for name in ("lo", "eth0", "six0", "bare0", "nosuch0"):
    for version in (0, 4, 6):
        try:
            found[f"{name} {version}"] = own_address(name, version)
        except ValueError as error:
            found[f"{name} {version}"] = str(error)
print(json.dumps(found))
"""


def test_the_address_to_listen_on(namespace):
    namespace.ip(
        *(f"link add {name} type veth peer name far{name}" for name in ("eth0", "six0", "bare0")),
        "address add 192.168.1.103/24 dev eth0",
        "address add 2001:db8::103/64 dev eth0 nodad",
        "address add 2001:db8:6::103/64 dev six0 nodad",
        *(f"link set {name} up" for name in ("eth0", "fareth0", "six0", "farsix0", "bare0")),
    )
    found = json.loads(namespace.run(sys.executable, "-c", OWN))
    addresses = {
        name: text for name, text in found.items() if " has no " not in text and "not exist" not in text
    }
    assert addresses == {
        "lo 0": "127.0.0.1",
        "lo 4": "127.0.0.1",
        "lo 6": "::1",
        "eth0 0": "192.168.1.103",
        "eth0 4": "192.168.1.103",
        "eth0 6": "2001:db8::103",
        "six0 0": "2001:db8:6::103",
        "six0 6": "2001:db8:6::103",
    }
    assert found["six0 4"] == (
        "interface 'six0' has no IPv4 address; interfaces with an IPv4 address: eth0 (192.168.1.103)"
    )
    assert found["bare0 6"] == "interface 'bare0' has no IPv6 address"
    assert found["nosuch0 6"].startswith("interface 'nosuch0' does not exist")
