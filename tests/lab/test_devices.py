"""The named devices: bundles that can be played as they are."""

import pytest

from ringthru.lab import ManualClock
from ringthru.lab.gateway.devices import DEVICES, device
from ringthru.lab.gateway.replies import Ending
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.net.address import Endpoint

SWITCH = "192.168.1.103"
NAMED = [
    *("wrt54gl-ddwrt-13064", "dir655", "fritzbox-7490", "archer-c9", "archer-a7-pmp", "mikrotik-725"),
    *("linksys-wrt120n", "broadcom-32", "opnsense-pf", "protonvpn", "nvg578lx", "zyxel-vmg1312"),
    *("sagemcom-5684", "ubee-evw32c", "asus-600s", "2wire-uverse", "tomato-1.28", "routeros-3.25"),
    *("wrt54g2", "wgt624", "fvs318", "airport-extreme", "wl520gu"),
]


def play(name):
    bundle = device(name)
    return VirtualGateway(ManualClock().read, quirks=bundle.quirks, protocols=bundle.protocols)


def test_every_device_of_the_list_is_there():
    assert sorted(DEVICES) == sorted(NAMED)


@pytest.mark.parametrize("name", NAMED)
def test_it_can_be_played(name):
    gateway = play(name)
    assert gateway.core.protocols == DEVICES[name].protocols
    assert DEVICES[name].title
    assert DEVICES[name].source


@pytest.mark.parametrize(
    "name", [name for name in NAMED if name != "wgt624" and "upnp" in DEVICES[name].protocols]
)
def test_its_description_and_its_server_line_name_it(name):
    gateway = play(name)
    http = gateway.core.upnp.http
    request = f"GET /rootDesc.xml HTTP/1.1\r\nHost: {http}\r\n\r\n".encode()
    said = gateway.core.upnp.respond(request, SWITCH, 1000.0).data
    quirks = DEVICES[name].quirks
    assert f"<manufacturer>{quirks.manufacturer}<".encode() in said
    assert f"<modelName>{quirks.model}<".encode() in said
    assert f"Server: {quirks.server}".encode() in said


@pytest.mark.parametrize("name", ["2wire-uverse", "airport-extreme"])
def test_nat_pmp_only_devices_have_no_http(name):
    gateway = play(name)
    assert gateway.core.upnp.http is None
    (reply,) = gateway.core.receive(5351, bytes(2), Endpoint(SWITCH, 1))
    assert reply.data[:4] == bytes.fromhex("00" + "80" + "0000")


def test_wgt624_takes_four_seconds_and_loses_two_answers_in_five():
    gateway = play("wgt624")
    request = f"GET /rootDesc.xml HTTP/1.1\r\nHost: {gateway.core.upnp.http}\r\n\r\n".encode()
    scripts = [gateway.core.upnp.respond(request, SWITCH, 1000.0) for _ in range(500)]
    lost = [script for script in scripts if script.ending is Ending.KEEP_OPEN and not script.pieces]
    assert 150 < len(lost) < 250
    assert {script.pieces[0].delay for script in scripts if script.pieces} == {4.0}


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(ValueError, match="nearest is fritzbox-7490"):
        device("fritzbox-7940")


def test_names_are_found_whatever_their_case():
    assert device("FritzBox-7490") is DEVICES["fritzbox-7490"]
