"""Each row about finding a UPnP gateway alone: searches, HTTP, descriptions. Asked by raw bytes."""

from __future__ import annotations

import re

from ringthru.lab.gateway.quirks import Quirks
from ringthru.lab.gateway.replies import Ending

from .raw_gateway import HTTP, MAPPING, PORT, WANIP, RawGateway, location, post, search

IGD = "urn:schemas-upnp-org:device:InternetGatewayDevice:{}"
GOOD = f"http://{HTTP}/rootDesc.xml"
HOST_V6 = "2001:db8:41::103"


class TestSearching:
    def test_SD01_answers_come_from_another_port(self):
        (answer,) = RawGateway("SD01").search()
        assert answer.source_port == 0
        assert RawGateway().search()[0].source_port is None

    def test_SD02_answers_come_from_and_name_the_second_address(self):
        (answer,) = RawGateway("SD02").search()
        assert (answer.source_host, location(answer)) == (
            "127.41.0.254",
            f"http://127.41.0.254:{HTTP.port}/rootDesc.xml",
        )
        (other,) = RawGateway("SD02", second_address="127.41.0.2").search()
        assert other.source_host == "127.41.0.2"

    def test_SD03_location_is_the_routers_own_loopback(self):
        assert location(RawGateway("SD03").search()[0]) == f"http://[::1]:{HTTP.port}/rootDesc.xml"

    def test_SD04_ssdp_all_tells_of_the_wifi_set_up_only(self):
        gateway = RawGateway("SD04")
        (answer,) = gateway.search("ssdp:all")
        assert location(answer).endswith("/wps_device.xml")
        assert b"WFADevice" in gateway.get("/wps_device.xml").data
        assert location(gateway.search(IGD.format(1))[0]) == GOOD

    def test_SD05_rootdevice_tells_of_the_wifi_set_up_first(self):
        first, second = RawGateway("SD05").search()
        assert location(first).endswith("/wps_device.xml")
        assert location(second) == GOOD

    def test_SD06_only_multicast_is_heard(self):
        assert RawGateway("SD06").search(multicast=False) == []
        assert RawGateway("SD06").search(multicast=True)

    def test_SD07_one_spelling_only(self):
        assert RawGateway("SD07").search()
        lower = search("upnp:rootdevice").replace(b"MAN:", b"Man:")
        swapped = search("upnp:rootdevice").replace(
            b"MX: 2\r\nST: upnp:rootdevice", b"ST: upnp:rootdevice\r\nMX: 2"
        )
        for other in (lower, swapped):
            assert RawGateway("SD07").search(datagram=other) == []
            assert RawGateway().search(datagram=other)

    def test_SD08_the_last_empty_line_must_be_there(self):
        cut = search("upnp:rootdevice", end="\r\n")
        assert RawGateway("SD08").search(datagram=cut) == []
        assert RawGateway("SD08").search()
        assert RawGateway().search(datagram=cut)

    def test_SD09_both_families_within_a_second_break_the_answer(self):
        gateway = RawGateway("SD09")
        assert location(gateway.search()[0]) == GOOD
        (broken,) = gateway.search(source=HOST_V6)
        assert b"LOCATION" not in broken.data
        gateway.clock.advance(1.5)
        assert (
            location(gateway.search(source=HOST_V6)[0]) == f"http://[2001:db8:41::1]:{HTTP.port}/rootDesc.xml"
        )

    def test_SD10_a_newer_device_is_silent_on_searches_for_the_older(self):
        gateway = RawGateway("SD10")
        assert gateway.search(IGD.format(1)) == []
        assert gateway.search(IGD.format(2))

    def test_SD11_header_names_are_careless(self):
        gateway = RawGateway("SD11")
        assert b"\r\nlocation :" in gateway.search()[0].data
        assert b"\r\nAL: http://" in gateway.search(WANIP)[0].data

    def test_SD13_there_are_two_server_headers(self):
        assert RawGateway("SD13").search()[0].data.count(b"\r\nSERVER:") == 2

    def test_SD14_strict_libraries_choke(self):
        (answer,) = RawGateway("SD14").search()
        assert b"\r\nno colon here\r\n" in answer.data
        assert b"\x07" in answer.data
        assert location(answer) == GOOD

    def test_SD16_other_devices_come_first(self):
        gateway = RawGateway("SD16")
        *others, own = gateway.search()
        assert [location(other).rpartition("/")[2] for other in others] == ["bridge.xml", "printer.xml"]
        assert location(own) == GOOD
        assert b"WANIPConnection" not in gateway.get("/bridge.xml").data

    async def test_SD18_the_port_changes_with_each_reboot(self, gateways):
        gateway = await gateways(quirks=Quirks(rows=frozenset({"SD18"})))
        before = gateway.description_url
        await gateway.reboot()
        assert gateway.description_url not in (None, before)

    def test_SD19_the_second_search_is_answered_after_mx(self):
        gateway = RawGateway("SD19")
        assert gateway.search() == []
        (late,) = gateway.search()
        assert late.delay > 2  # MX

    def test_SD20_fifty_strangers_come_first(self):
        answers = RawGateway("SD20").search()
        assert len(answers) == 51
        assert len({re.search(rb"USN: (\S+)", answer.data)[1] for answer in answers}) == 51
        assert location(answers[-1]) == GOOD
        assert [a.data for a in answers] == [
            a.data for a in RawGateway("SD20").search()
        ]  # the same by its seed

    def test_SD21_traps_come_first(self):
        *traps, own = [location(answer) for answer in RawGateway("SD21").search()]
        assert own == GOOD
        assert "http://169.254.169.254/latest/meta-data" in traps
        assert any(trap.startswith("file:") for trap in traps)
        assert any(trap.startswith("https:") for trap in traps)

    def test_SD23_the_other_network_answers_too(self):
        away, own = RawGateway("SD23").search()
        assert (away.source_host, location(away)) == (
            "127.41.1.254",
            f"http://127.41.1.254:{HTTP.port}/rootDesc.xml",
        )
        assert (own.source_host, location(own)) == ("", GOOD)


class TestHttp:
    def test_HT01_an_old_version_without_a_length(self):
        script = RawGateway("HT01").get()
        assert script.data.startswith(b"HTTP/1.0 200 ")
        assert b"Content-Length" not in script.data
        assert script.ending is Ending.CLOSE

    def test_HT02_no_length_and_no_end(self):
        script = RawGateway("HT02").get()
        assert b"Content-Length" not in script.data
        assert script.ending is Ending.KEEP_OPEN

    def test_HT05_chunks_without_the_last(self):
        script = RawGateway("HT05").get()
        assert b"Transfer-Encoding: chunked\r\n" in script.data
        assert b"\r\n64\r\n" in script.data
        assert not script.data.endswith(b"0\r\n\r\n")

    def test_HT06_lines_end_badly(self):
        head = RawGateway("HT06").get().data.partition(b"<?xml")[0]
        assert b"\r" not in head
        assert b"Content-Type :" in head
        assert b"a line without its mark\n" in head

    def test_HT07_only_the_first_segment_is_read(self):
        whole = post("AddPortMapping", MAPPING)
        first = whole[:200]
        gateway = RawGateway("HT07")
        assert not gateway.core.upnp.wants_more(first)
        assert gateway.request(first).data.startswith(b"HTTP/1.1 400 ")
        assert RawGateway().core.upnp.wants_more(first)
        assert gateway.request(whole).data.startswith(b"HTTP/1.1 200 ")

    def test_HT08_a_half_close_is_answered_with_a_reset(self):
        assert RawGateway("HT08").core.upnp.on_half_close() is Ending.RESET
        assert RawGateway().core.upnp.on_half_close() is None

    def test_HT09_expect_and_chunks_are_refused(self):
        gateway = RawGateway("HT09")
        assert gateway.post("GetStatusInfo", extra="Expect: 100-continue\r\n").data.startswith(
            b"HTTP/1.1 417 "
        )
        assert gateway.post("GetStatusInfo", extra="Transfer-Encoding: chunked\r\n").data.startswith(
            b"HTTP/1.1 411 "
        )
        assert gateway.post("GetStatusInfo").data.startswith(b"HTTP/1.1 200 ")

    def test_HT10_the_headers_name_is_compared_by_case(self):
        assert RawGateway("HT10").call("GetStatusInfo", header="SOAPACTION") == 401
        assert RawGateway("HT10").call("GetStatusInfo")["NewConnectionStatus"] == "Connected"

    def test_HT12_a_page_for_people_instead_of_an_answer(self):
        script = RawGateway("HT12").post("GetSpecificPortMappingEntry", PORT)
        assert script.data.startswith(b"HTTP/1.1 200 ")
        assert b"<html>" in script.data

    def test_HT14_an_empty_500(self):
        head, _, body = RawGateway("HT14").post("GetStatusInfo").data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 500 ")
        assert body == b""

    def test_HT15_unknown_actions_are_reset(self):
        gateway = RawGateway("HT15")
        newer = WANIP.replace(":1", ":2")
        for action in ("AddAnyPortMapping", "GetListOfPortMappings"):
            script = gateway.post(action, MAPPING, service=newer)
            assert (script.data, script.ending) == (b"", Ending.RESET)
        assert gateway.add() == {}
        assert newer.encode() in gateway.get().data

    def test_HT16_one_connection_at_a_time(self):
        upnp = RawGateway("HT16").core.upnp
        assert upnp.admits(0, now=0)
        assert not upnp.admits(1, now=0)
        assert RawGateway().core.upnp.admits(1, now=0)

    def test_HT17_each_action_takes_five_seconds(self):
        (piece,) = RawGateway("HT17").post("GetStatusInfo").pieces
        assert piece.delay == 5
        assert RawGateway("HT17").get().pieces[0].delay == 0

    def test_HT18_bursts_are_reset_and_a_calm_client_is_not(self):
        gateway = RawGateway("HT18")
        assert [gateway.post("GetStatusInfo").ending for _ in range(3)] == [
            Ending.CLOSE,
            Ending.CLOSE,
            Ending.RESET,
        ]
        for _ in range(5):
            gateway.clock.advance(0.2)
            last = gateway.post("GetStatusInfo").ending
        assert last is Ending.CLOSE

    def test_HT19_everything_is_somewhere_else(self):
        data = RawGateway("HT19").get().data
        assert data.startswith(b"HTTP/1.1 301 ")
        assert b"\r\nLocation: http://127.41.0.1/admin.html\r\n" in data

    def test_HT20_first_too_large_then_too_slow_never_an_end(self):
        gateway = RawGateway("HT20")
        large, slow = gateway.get(), gateway.get()
        assert len(large.data) > 5 * 1024 * 1024
        assert {piece.delay for piece in slow.pieces[1:]} == {1.0}
        assert large.ending is slow.ending is Ending.KEEP_OPEN

    def test_HT21_the_host_header_must_be_the_literal(self):
        gateway = RawGateway("HT21")
        assert gateway.get().data.startswith(b"HTTP/1.1 200 ")
        other = gateway.request(b"GET /rootDesc.xml HTTP/1.1\r\nHost: router.lan\r\n\r\n")
        assert other.data.startswith(b"HTTP/1.1 404 ")

    def test_HT23_a_login_is_wanted(self):
        data = RawGateway("HT23").post("AddPortMapping", MAPPING).data
        assert data.startswith(b"HTTP/1.1 401 ")
        assert b"WWW-Authenticate: Digest " in data


class TestDescriptions:
    def test_DE01_white_space_everywhere(self):
        page = RawGateway("DE01").get().data
        assert re.search(rb"<serviceType>\s+urn:[^<]*WANIPConnection:1\s+</serviceType>", page)
        assert re.search(rb"<controlURL>\s+/ctl/IPConn\s+</controlURL>", page)

    def test_DE02_the_base_is_a_place_that_is_not_there(self):
        assert (
            f"<URLBase>http://no-such-host.invalid:{HTTP.port + 1}/</URLBase>".encode()
            in RawGateway("DE02").get().data
        )

    def test_DE03_control_urls_are_absolute_with_a_query(self):
        gateway = RawGateway("DE03")
        assert f"<controlURL>http://{HTTP}/ctl/IPConn?control=1</controlURL>".encode() in gateway.get().data
        assert (
            gateway.call("GetStatusInfo", path="/ctl/IPConn?control=1")["NewConnectionStatus"] == "Connected"
        )

    def test_DE04_nothing_a_strict_parser_takes(self):
        body = RawGateway("DE04").get().data.partition(b"\r\n\r\n")[2]
        assert body.startswith(b"\xef\xbb\xbf\r\n<?xml")
        assert body.count(b"<?xml") == 2
        assert b"\x18" in body
        assert body.endswith(b"\0\0")

    def test_DE06_the_scpd_does_not_close_what_it_opens(self):
        assert b"</actionlist>" in RawGateway("DE06").get("/WANIPCn.xml").data

    def test_DE07_the_scpd_is_not_there(self):
        assert RawGateway("DE07").get("/WANIPCn.xml").data.startswith(b"HTTP/1.1 404 ")

    def test_DE08_a_ppp_connection_comes_first_and_is_not_connected(self):
        gateway = RawGateway("DE08")
        page = gateway.get().data
        assert page.index(b"WANPPPConnection:1") < page.index(b"WANIPConnection:1")
        ppp = {"service": WANIP.replace("IPC", "PPPC"), "path": "/ctl/PPPConn"}
        assert gateway.call("GetStatusInfo", **ppp)["NewConnectionStatus"] == "Disconnected"
        assert gateway.call("AddPortMapping", MAPPING, **ppp) == 501

    def test_DE09_the_first_wan_device_is_dead(self):
        gateway = RawGateway("DE09")
        page = gateway.get().data
        assert page.count(b"device:WANDevice:1") == 2
        assert page.index(b"/ctl/IPConnDead") < page.index(b"/ctl/IPConn<")
        dead = gateway.call("GetExternalIPAddress", path="/ctl/IPConnDead")
        assert dead == {"NewExternalIPAddress": "0.0.0.0"}

    def test_DE10_ppp_only(self):
        gateway = RawGateway("DE10")
        assert b"WANIPConnection" not in gateway.get().data
        assert gateway.call("AddPortMapping", MAPPING, service=WANIP.replace("IPC", "PPPC")) == {}
        assert gateway.search("urn:schemas-upnp-org:service:WANPPPConnection:1")

    def test_DE11_version_2_only(self):
        gateway = RawGateway("DE11")
        assert gateway.search(WANIP) == []
        assert gateway.add() == 401
        assert gateway.call("AddPortMapping", MAPPING, service=WANIP.replace(":1", ":2")) == {}

    def test_DE13_version_2_without_its_actions(self):
        gateway = RawGateway("DE13")
        assert b"WANIPConnection:2" in gateway.get().data
        assert gateway.call("AddAnyPortMapping", MAPPING, service=WANIP.replace(":1", ":2")) == 401

    def test_DE15_no_more_than_the_connection(self):
        assert b"WANCommonInterfaceConfig" not in RawGateway("DE15").get().data
        assert b"WANCommonInterfaceConfig" in RawGateway().get().data

    def test_DE17_values_that_are_no_numbers(self):
        gateway = RawGateway("DE17")
        assert gateway.call("GetStatusInfo")["NewUptime"] == "a while"
        sent = gateway.call(
            "GetTotalBytesSent",
            service="urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1",
            path="/ctl/CmnIfCfg",
        )
        assert sent == {"NewTotalBytesSent": "-2147483648"}

    def test_DE18_a_bomb(self):
        page = RawGateway("DE18").get().data
        assert b"<!DOCTYPE" in page
        assert b"<!ENTITY a9" in page
        assert page.count(b"<device>") == 10_000
        assert len(page) > 1 << 20

    def test_a_gateway_of_the_dsl_forum_names_its_services_so(self):
        assert (
            b"<serviceType>urn:dslforum-org:service:WANIPConnection:1<" in RawGateway(legacy=True).get().data
        )
