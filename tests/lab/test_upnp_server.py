"""The fake gateway's UPnP IGD against hand-written requests."""

import asyncio
import re
from contextlib import suppress

import pytest

from ringthru.lab import Quirks
from ringthru.net.address import Endpoint
from ringthru.net.values import replace

SSDP = Endpoint("127.41.0.1", 1900)
IGD = "urn:schemas-upnp-org:device:InternetGatewayDevice:{}"
WANIP = "urn:schemas-upnp-org:service:WANIPConnection:{}"
MAPPING = {
    "NewRemoteHost": "",
    "NewExternalPort": "25060",
    "NewProtocol": "UDP",
    "NewInternalPort": "25061",
    "NewInternalClient": "127.41.0.103",
    "NewEnabled": "1",
    "NewPortMappingDescription": "a <b> & c",
    "NewLeaseDuration": "3600",
}
PORT = {name: MAPPING[name] for name in ("NewRemoteHost", "NewExternalPort", "NewProtocol")}


def search(target, man='"ssdp:discover"'):
    lines = ("M-SEARCH * HTTP/1.1", "HOST: 127.41.0.1:1900", f"MAN: {man}", "MX: 1", f"ST: {target}", "", "")
    return "\r\n".join(lines).encode()


async def http(gateway, request, source="127.41.0.103"):
    """Send raw bytes to the description's host and port, read to the end."""
    host, port = re.fullmatch(r"http://([\d.]+):(\d+)/.*", gateway.description_url).groups()
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection(host, int(port), local_addr=(source, 0))
        writer.write(request)
        answer = await reader.read()
        writer.close()
    return answer.decode("latin-1")


async def get(gateway, path):
    return await http(gateway, f"GET {path} HTTP/1.1\r\nHost: 127.41.0.1\r\n\r\n".encode())


async def call(gateway, action, arguments=(), version=1, header=None, source="127.41.0.103"):
    """Call an action; returns the fault's code as int, or the answer's values."""
    service = WANIP.format(version)
    values = "".join(
        f"<{name}>{value.replace('&', '&amp;').replace('<', '&lt;')}</{name}>"
        for name, value in dict(arguments).items()
    )
    body = (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<u:{action} xmlns:u="{service}">{values}</u:{action}></s:Body></s:Envelope>'
    )
    head = (
        f"POST /ctl/IPConn HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        f"SOAPAction: {header or f'{chr(34)}{service}#{action}{chr(34)}'}\r\n\r\n"
    )
    answer = await http(gateway, (head + body).encode(), source)
    if fault := re.search(r"<errorCode>(\d+)</errorCode>", answer):
        assert answer.startswith("HTTP/1.1 500 ")
        return int(fault[1])
    assert answer.startswith("HTTP/1.1 200 ")
    assert f'<u:{action}Response xmlns:u="{service}">' in answer
    return dict(re.findall(r"<(New\w+)>(.*?)</\1>", answer))


class TestSearch:
    """UPnP Device Architecture 1.1 §1.3, unicast."""

    async def test_the_device_answers_with_its_location(self, gateway, hosts):
        answer = (await hosts().ask(search(IGD.format(1)), SSDP)).decode()
        assert answer.startswith("HTTP/1.1 200 OK\r\n")
        assert f"\r\nST: {IGD.format(1)}\r\n" in answer
        assert f"\r\nLOCATION: {gateway.description_url}\r\n" in answer
        assert answer.endswith("\r\n\r\n")

    @pytest.mark.parametrize(
        ("version", "target", "answers"),
        [
            (1, "upnp:rootdevice", 1),
            (1, WANIP.format(1), 1),
            (1, IGD.format(2), 0),  # an IGD:1 cannot speak for a newer one
            (2, IGD.format(2), 1),
            (2, IGD.format(1), 1),  # a newer one answers for the older
            (1, "ssdp:all", 4),
            (2, "ssdp:all", 6),
            (1, "urn:schemas-upnp-org:device:Printer:1", 0),
        ],
    )
    async def test_who_is_answered(self, gateways, hosts, settle, version, target, answers):
        await gateways(quirks=Quirks(igd_version=version))
        asker = hosts()
        asker.send(search(target), SSDP)
        await settle()
        heard = 0
        while not asker.heard_nothing():
            await asker.receive()
            heard += 1
        assert heard == answers

    @pytest.mark.parametrize(
        "datagram", [b"", b"\xff\xfe", b"NOTIFY * HTTP/1.1\r\n\r\n", search("ssdp:all", man="ssdp:discover")]
    )
    async def test_what_is_no_search_is_not_answered(self, gateway, hosts, settle, datagram):
        asker = hosts()
        asker.send(datagram, SSDP)
        await settle()
        assert asker.heard_nothing()


class TestDescription:
    @pytest.mark.parametrize("version", [1, 2])
    async def test_it_names_device_service_and_control_url(self, gateways, version):
        gateway = await gateways(quirks=Quirks(igd_version=version))
        page = await get(gateway, "/rootDesc.xml")
        assert page.startswith("HTTP/1.1 200 OK\r\n")
        assert f"<deviceType>{IGD.format(version)}</deviceType>" in page
        assert f"<serviceType>{WANIP.format(version)}</serviceType>" in page
        assert "<controlURL>/ctl/IPConn</controlURL>" in page

    async def test_the_service_lists_its_actions(self, gateway):
        assert "<name>AddPortMapping</name>" in await get(gateway, "/WANIPCn.xml")

    async def test_other_pages_are_not_found(self, gateway):
        assert (await get(gateway, "/admin")).startswith("HTTP/1.1 404 ")

    async def test_who_is_not_inside_is_sent_away(self, gateway):
        answer = await http(gateway, b"GET /rootDesc.xml HTTP/1.1\r\n\r\n", source="127.42.0.50")
        assert answer.startswith("HTTP/1.1 403 ")

    async def test_the_port_changes_with_a_reboot(self, gateway):
        before = gateway.description_url
        await gateway.reboot()
        assert gateway.description_url != before
        assert (await get(gateway, "/rootDesc.xml")).startswith("HTTP/1.1 200 ")


class TestStatus:
    async def test_external_address(self, gateway):
        assert await call(gateway, "GetExternalIPAddress") == {"NewExternalIPAddress": "127.42.0.1"}

    async def test_a_private_one_is_told_as_it_is(self, gateways):
        gateway = await gateways(quirks=Quirks(external_address="192.168.7.2"))
        assert await call(gateway, "GetExternalIPAddress") == {"NewExternalIPAddress": "192.168.7.2"}

    async def test_connected_since(self, gateway, clock):
        clock.advance(77)
        assert await call(gateway, "GetStatusInfo") == {
            "NewConnectionStatus": "Connected",
            "NewLastConnectionError": "ERROR_NONE",
            "NewUptime": "77",
        }


class TestAdding:
    async def test_a_mapping_is_listed_with_what_was_asked(self, gateway):
        assert await call(gateway, "AddPortMapping", MAPPING) == {}
        (mapped,) = gateway.mappings()
        assert (mapped.protocol, mapped.external_port, mapped.made_by) == ("udp", 25060, "upnp")
        assert mapped.internal == Endpoint("127.41.0.103", 25061)
        assert (mapped.description, mapped.lifetime_left) == ("a <b> & c", 3600.0)

    async def test_it_expires(self, gateway, clock):
        await call(gateway, "AddPortMapping", MAPPING)
        clock.advance(3600)
        assert gateway.mappings() == ()
        assert await call(gateway, "GetSpecificPortMappingEntry", PORT) == 714

    async def test_lease_zero_is_permanent_on_igd_1_and_a_week_on_igd_2(self, gateway):
        await call(gateway, "AddPortMapping", MAPPING | {"NewLeaseDuration": "0"})
        assert gateway.mappings()[0].lifetime_left is None
        gateway.quirks = Quirks(igd_version=2)
        await call(gateway, "AddPortMapping", MAPPING | {"NewLeaseDuration": "0"}, version=2)
        assert gateway.mappings()[0].lifetime_left == 604800

    async def test_the_same_client_may_renew_and_repoint(self, gateway):
        await call(gateway, "AddPortMapping", MAPPING)
        assert await call(gateway, "AddPortMapping", MAPPING | {"NewInternalPort": "25062"}) == {}
        assert gateway.mappings()[0].internal.port == 25062

    async def test_igd_2_may_choose_another_port(self, gateways):
        gateway = await gateways(quirks=Quirks(igd_version=2, conflicts=frozenset({25060})))
        assert await call(gateway, "AddAnyPortMapping", MAPPING, version=2) == {"NewReservedPort": "25061"}

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"NewProtocol": "udp"}, 402),
            ({"NewInternalPort": "0"}, 402),
            ({"NewExternalPort": "65536"}, 402),
            ({"NewExternalPort": "many"}, 402),
            ({"NewLeaseDuration": "-1"}, 402),
            ({"NewExternalPort": "0"}, 716),
            ({"NewRemoteHost": "127.42.0.50"}, 726),
            ({"NewInternalClient": "127.42.0.50"}, 606),  # not in the inside network
            ({"NewInternalClient": "8.8.8.8"}, 606),
            ({"NewInternalClient": "phone"}, 606),
        ],
    )
    async def test_what_is_refused(self, gateway, change, code):
        assert await call(gateway, "AddPortMapping", MAPPING | change) == code
        assert gateway.mappings() == ()

    @pytest.mark.parametrize("missing", MAPPING)
    async def test_a_missing_argument_is_402(self, gateway, missing):
        arguments = {name: value for name, value in MAPPING.items() if name != missing}
        assert await call(gateway, "AddPortMapping", arguments) == 402

    async def test_a_port_another_host_holds_is_718(self, gateway):
        await call(gateway, "AddPortMapping", MAPPING)
        assert await call(gateway, "AddPortMapping", MAPPING | {"NewInternalClient": "127.41.0.104"}) == 718


HELD = {
    "NewInternalPort": "25061",
    "NewInternalClient": "127.41.0.103",
    "NewEnabled": "1",
    "NewPortMappingDescription": "a &lt;b&gt; &amp; c",
    "NewLeaseDuration": "3600",
}


class TestListingAndDeleting:
    async def test_by_port(self, gateway):
        await call(gateway, "AddPortMapping", MAPPING)
        assert await call(gateway, "GetSpecificPortMappingEntry", PORT) == HELD
        assert await call(gateway, "GetSpecificPortMappingEntry", PORT | {"NewProtocol": "TCP"}) == 714

    async def test_by_index_until_713(self, gateway):
        await call(gateway, "AddPortMapping", MAPPING)
        first = await call(gateway, "GetGenericPortMappingEntry", {"NewPortMappingIndex": "0"})
        assert first == PORT | HELD
        assert await call(gateway, "GetGenericPortMappingEntry", {"NewPortMappingIndex": "1"}) == 713

    async def test_deleting(self, gateway):
        await call(gateway, "AddPortMapping", MAPPING)
        assert await call(gateway, "DeletePortMapping", PORT) == {}
        assert gateway.mappings() == ()
        assert await call(gateway, "DeletePortMapping", PORT) == 714


class TestQuirks:
    async def test_permanent_only_is_725_for_every_lease(self, gateways):
        gateway = await gateways(quirks=Quirks(permanent_only=True))
        assert await call(gateway, "AddPortMapping", MAPPING) == 725
        assert await call(gateway, "AddPortMapping", MAPPING | {"NewLeaseDuration": "0"}) == {}
        assert gateway.mappings()[0].lifetime_left is None

    async def test_a_conflict_with_what_nobody_sees_is_718(self, gateways):
        gateway = await gateways(quirks=Quirks(conflicts=frozenset({25060})))
        assert await call(gateway, "AddPortMapping", MAPPING) == 718

    async def test_refuse_is_606(self, gateways):
        assert await call(await gateways(quirks=Quirks(refuse=True)), "AddPortMapping", MAPPING) == 606

    async def test_a_secure_gateway_lets_each_map_for_itself_only(self, gateways):
        gateway = await gateways(quirks=Quirks(secure=True))
        assert await call(gateway, "AddPortMapping", MAPPING, source="127.41.0.104") == 606
        assert await call(gateway, "AddPortMapping", MAPPING) == {}
        assert await call(gateway, "DeletePortMapping", PORT, source="127.41.0.104") == 606

    async def test_a_lease_is_capped_without_a_word(self, gateways):
        gateway = await gateways(quirks=Quirks(longest_lifetime=120))
        await call(gateway, "AddPortMapping", MAPPING)
        assert (await call(gateway, "GetSpecificPortMappingEntry", PORT))["NewLeaseDuration"] == "120"

    async def test_garbage_is_noise_on_ssdp_and_http(self, gateways, hosts):
        gateway = await gateways(quirks=Quirks(garbage=True))
        assert not (await hosts().ask(search("upnp:rootdevice"), SSDP)).startswith(b"HTTP")
        assert not (await get(gateway, "/rootDesc.xml")).startswith("HTTP")

    async def test_a_mute_gateway_takes_requests_and_says_nothing(self, gateways, hosts, settle):
        gateway = await gateways(quirks=Quirks(mute=True))
        asker = hosts()
        asker.send(search("upnp:rootdevice"), SSDP)
        await settle()
        assert asker.heard_nothing()
        fetching = asyncio.create_task(get(gateway, "/rootDesc.xml"))
        await settle()
        assert not fetching.done()
        await gateway.stop()
        assert await fetching == ""

    async def test_a_slow_one_answers_all_the_same(self, gateways):
        gateway = await gateways(quirks=Quirks(delay=0.01))
        assert await call(gateway, "GetExternalIPAddress") == {"NewExternalIPAddress": "127.42.0.1"}


class TestBadInput:
    async def test_unknown_actions_services_and_headers_are_401(self, gateway):
        assert await call(gateway, "RequestTermination") == 401
        assert await call(gateway, "AddAnyPortMapping", MAPPING) == 401  # IGD:2 only
        assert await call(gateway, "GetExternalIPAddress", version=2) == 401
        assert await call(gateway, "GetExternalIPAddress", header='"urn:x#GetStatusInfo"') == 401

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\x00\xff",
            b"<a>",
            b"<a/>",
            b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
            b'<?xml version="1.0" encoding="nonsense"?><a/>',
        ],
    )
    async def test_what_is_no_envelope_is_400(self, gateway, body):
        request = f"POST /ctl/IPConn HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        assert (await http(gateway, request)).startswith("HTTP/1.1 400 ")

    @pytest.mark.parametrize(
        "request_bytes",
        [
            b"\r\n",
            b"GET\r\n\r\n",
            b"POST /ctl/IPConn HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
            b"POST /ctl/IPConn HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            b"POST /ctl/IPConn HTTP/1.1\r\nContent-Length: some\r\n\r\n",
            b"GET /" + b"x" * 100_000,
        ],
    )
    async def test_what_is_no_http_is_hung_up_on_and_the_gateway_lives(self, gateway, request_bytes):
        with suppress(ConnectionResetError):  # hung up on before it had read everything
            assert await http(gateway, request_bytes) == ""
        assert (await get(gateway, "/rootDesc.xml")).startswith("HTTP/1.1 200 ")


async def test_both_protocols_show_one_table(gateway, hosts):
    await call(gateway, "AddPortMapping", MAPPING)
    natpmp = bytes.fromhex("00" + "01" + "0000" + "61f8" + "61f8" + "00000e10")
    await hosts().ask(natpmp, Endpoint("127.41.0.1", 5351))
    second = await call(gateway, "GetGenericPortMappingEntry", {"NewPortMappingIndex": "1"})
    assert (second["NewExternalPort"], second["NewPortMappingDescription"]) == ("25080", "NAT-PMP 25080 udp")
    gateway.quirks = replace(gateway.quirks, refuse=True)
    assert len(gateway.mappings()) == 2
