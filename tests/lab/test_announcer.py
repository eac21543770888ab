"""What a gateway tells unasked, and what others forge in its name."""

import pytest

from ringthru.lab import ManualClock, Quirks
from ringthru.lab.gateway.announcer import GROUP, SSDP_GROUP, Announcer, forged_notify
from ringthru.lab.gateway.announcer_driver import AnnouncerDriver
from ringthru.lab.virtual.gateway import VirtualGateway
from ringthru.net.address import Endpoint


def make(*rows, protocols=("natpmp", "pcp", "upnp"), **settings):
    clock = ManualClock(5000.0)
    quirks = Quirks(rows=frozenset(rows), **settings)
    gateway = VirtualGateway(clock.read, protocols=protocols, quirks=quirks, external="11.0.113.1")
    return gateway, clock


def test_a_lost_state_is_announced_with_the_address_and_an_epoch_of_0():
    gateway, _ = make()
    gateway.reboot()
    natpmp, pcp, *ssdp = gateway.notices_to_send()
    assert natpmp.data == bytes.fromhex("00" + "80" + "0000" + "00000000" + "0b007101")
    assert pcp.data == bytes.fromhex("02" + "80" + "0000" + "00000000" + "00000000" + "00" * 12)
    assert {natpmp.group, pcp.group} == {GROUP}
    assert all(each.group == SSDP_GROUP and b"NTS: ssdp:alive" in each.data for each in ssdp)
    assert ssdp


def test_a_server_of_one_protocol_announces_that_one():
    gateway, _ = make(protocols=("pcp",))
    gateway.reboot()
    assert [each.data[0] for each in gateway.notices_to_send()] == [2]


def test_a_new_address_is_announced_and_pc13_keeps_silent():
    for rows, heard in (((), 2), (("PC13",), 0)):
        gateway, _ = make(*rows)
        gateway.change_external_address("11.0.113.9")
        assert len(gateway.notices_to_send()) == heard


def test_a_mute_gateway_announces_nothing():
    gateway, _ = make(mute=True)
    gateway.reboot()
    assert gateway.notices_to_send() == []


def test_ssdp_byebye_can_be_sent_too():
    gateway, _ = make()
    gateway.announcer.notify("byebye")
    assert all(b"NTS: ssdp:byebye" in each.data for each in gateway.notices_to_send())


def test_a_forged_notify_names_the_forgers_place():
    notice = forged_notify("192.168.1.66", "http://192.168.1.66/evil.xml")
    assert b"LOCATION: http://192.168.1.66/evil.xml\r\n" in notice.data
    assert notice.source == Endpoint("192.168.1.66", 1900)


async def test_on_loopback_it_goes_to_the_listener_by_unicast(gateway, hosts):
    listener = hosts("127.41.0.103", 5350)
    announcer = Announcer(gateway.core.port_control, gateway.inside, lambda: gateway.quirks)
    driver = AnnouncerDriver(announcer, "127.41.0.103", lambda: 0.0)
    try:
        announcer.state_lost(0.0)
        driver.pump()
        data, source = await listener.receive()
    finally:
        driver.close()
    assert data[:4] == bytes.fromhex("00" + "80" + "0000")
    assert source.host == gateway.inside


def test_a_listener_outside_loopback_is_refused():
    gateway, clock = make()
    with pytest.raises(ValueError, match=r"127\.0\.0\.0/8"):
        AnnouncerDriver(gateway.announcer, "192.168.1.5", clock.read)
