"""The fake gateway as a whole: where it may stand, and that several live side by side."""

from ipaddress import IPv4Network

import pytest

from ringthru.lab import FakeGateway, Quirks
from ringthru.net.address import Endpoint
from ringthru.net.sockets import PortInUse


class TestWhereItMayStand:
    @pytest.mark.parametrize("address", ["192.168.1.1", "0.0.0.0", "localhost", "::1", "", "128.0.0.1"])
    def test_on_loopback_only(self, address):
        with pytest.raises(ValueError, match=r"127\.0\.0\.0/8"):
            FakeGateway(address, "127.42.0.1")
        with pytest.raises(ValueError, match=r"127\.0\.0\.0/8"):
            FakeGateway("127.41.0.1", address)

    def test_its_outside_is_not_inside(self):
        with pytest.raises(ValueError, match="inside network"):
            FakeGateway("127.41.0.1", "127.41.0.2")

    async def test_its_new_outside_neither(self, gateway):
        for address in ("127.41.0.2", "11.0.113.1"):
            with pytest.raises(ValueError, match=address):
                gateway.change_external_address(address)
        assert gateway.external_address == "127.42.0.1"

    def test_a_protocol_it_does_not_know(self):
        with pytest.raises(ValueError, match="bonjour"):
            FakeGateway("127.41.0.1", "127.42.0.1", protocols={"bonjour", "upnp"})

    def test_the_inside_network_can_be_given(self):
        network = IPv4Network("127.41.0.0/16")
        assert FakeGateway("127.41.0.1", "127.42.0.1", inside_network=network).inside_network == network


class TestLife:
    async def test_two_on_one_address_the_second_is_told_why(self, gateway):
        second = FakeGateway("127.41.0.1", "127.42.0.9")
        with pytest.raises(PortInUse, match="5351"):
            await second.start()

    async def test_a_start_that_fails_leaves_nothing_open(self, hosts):
        blocker = hosts("127.41.0.1", 1900)
        gateway = FakeGateway("127.41.0.1", "127.42.0.1")
        with pytest.raises(PortInUse, match="1900"):
            await gateway.start()
        blocker.close()
        await gateway.start()
        await gateway.stop()

    async def test_it_can_be_stopped_twice_and_started_again(self, gateway, hosts):
        await gateway.stop()
        await gateway.stop()
        await gateway.start()
        assert len(await hosts().ask(bytes(2), Endpoint("127.41.0.1", 5351))) == 12

    async def test_several_side_by_side_share_nothing(self, gateways, hosts):
        first = await gateways()
        second = await gateways(inside="127.45.0.1", outside="127.42.0.2")
        request = bytes.fromhex("00" + "01" + "0000" + "61e4" + "61e4" + "00000e10")
        await hosts("127.45.0.103").ask(request, Endpoint("127.45.0.1", 5351))
        assert first.mappings() == ()
        assert [m.external_port for m in second.mappings()] == [25060]

    async def test_without_protocols_it_is_a_plain_router(self, gateways):
        gateway = await gateways(protocols=())
        assert gateway.description_url is None


class TestWhatCanHappenToIt:
    async def test_another_hosts_mapping_can_be_there_already(self, gateway):
        gateway.hold("tcp", 25080, Endpoint("127.41.0.104", 80), "a web server")
        (held,) = gateway.mappings()
        assert (held.internal.host, held.made_by, held.lifetime_left) == ("127.41.0.104", "other", None)
        assert held.forwarding

    async def test_it_grows_older_by_a_word(self, gateway):
        before = gateway.epoch
        gateway.grow_older(100)
        assert gateway.epoch == before + 100

    async def test_what_is_kept_in_flash_is_forwarded_again_after_a_reboot(self, gateways):
        gateway = await gateways(quirks=Quirks(rows=frozenset({"LI11"})))
        gateway.hold("udp", 25060, Endpoint("127.41.0.103", 5060), "kept")
        await gateway.reboot()
        assert [mapped.forwarding for mapped in gateway.mappings()] == [True]
