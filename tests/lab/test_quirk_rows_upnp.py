"""Each row of UPnP alone: the fake gateway really does what the row says. Asked by raw bytes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ringthru.lab.gateway.mapping_table import Key
from ringthru.lab.gateway.quirks import ROWS, Quirks, check_rows
from ringthru.lab.gateway.replies import Ending
from ringthru.net.address import Endpoint

from .raw_gateway import (
    CLIENT,
    FIREWALL,
    GATEWAY,
    HTTP,
    MAPPING,
    PORT,
    WANIP,
    RawGateway,
    location,
    post,
    search,
)

IGD = "urn:schemas-upnp-org:device:InternetGatewayDevice:{}"
GOOD = f"http://{HTTP}/rootDesc.xml"
HOST_V6 = "2001:db8:41::103"
THEIRS = Endpoint("127.41.0.104", 5060)


class TestTheTable:
    def test_every_row_has_a_title_and_a_section(self):
        assert all(row.title and row.section and row.protocol for row in ROWS.values())

    def test_what_is_excluded_exists(self):
        assert {other for row in ROWS.values() for other in row.excludes} <= set(ROWS)

    def test_an_unknown_row_names_the_nearest(self):
        with pytest.raises(ValueError, match="'AD99'; the nearest is AD"):
            Quirks(rows=frozenset({"AD99"}))
        with pytest.raises(ValueError, match="nearest is AD01"):
            Quirks().has("AD1")

    def test_contradictions_are_refused(self):
        with pytest.raises(ValueError, match="HT01 and HT02 exclude each other"):
            check_rows({"HT01", "HT02"})

    def test_expectations_add_up(self):
        both = Quirks(rows=frozenset({"AD18", "LI06", "NP01"})).expectation("upnp")
        assert (both.accepted, both.listed, both.reachable) == (True, False, False)
        assert Quirks(rows=frozenset({"AD13"})).expectation("natpmp").accepted

    def test_every_row_alone_makes_a_gateway_that_answers_or_stays_silent_but_never_breaks(self):
        for row in ROWS:
            gateway = RawGateway(row)
            gateway.search("ssdp:all")
            gateway.get()
            gateway.post("AddPortMapping", MAPPING)

    def test_every_row_of_upnp_has_its_own_test_here_or_among_what_igd_2_brought(self):
        here = Path(__file__)
        text = here.read_text() + here.with_name("test_upnp_newer.py").read_text()
        tested = set(re.findall(r"(?:SD|HT|DE|AD|LI|EX|P6)\d\d", text))
        assert {row.id for row in ROWS.values() if row.protocol in ("upnp", "pinholes")} <= tested


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


class TestAdding:
    def test_AD01_725_for_every_lease_but_0(self):
        gateway = RawGateway("AD01")
        assert gateway.add() == 725
        assert gateway.add(NewLeaseDuration="0") == {}
        assert gateway.specific()["NewLeaseDuration"] == "0"

    def test_AD02_402_for_every_lease_but_0(self):
        gateway = RawGateway("AD02")
        assert gateway.add() == 402
        assert gateway.add(NewLeaseDuration="0") == {}

    @pytest.mark.parametrize(("row", "code"), [("AD05", 718), ("AD08", 501), ("AD30", 729)])
    def test_AD05_AD08_AD30_somebody_unseen_has_the_port(self, row, code):
        gateway = RawGateway(row)
        assert gateway.add(5060) == code
        assert gateway.add(5061) == {}

    def test_AD08_501_in_place_of_716(self):
        assert RawGateway("AD08").add(0) == 501

    def test_AD06_718_for_ones_own_mapping(self):
        gateway = RawGateway("AD06")
        assert [gateway.add(), gateway.add()] == [{}, 718]
        assert gateway.delete() == {}
        assert gateway.add() == {}

    def test_AD07_718_for_the_internal_port(self):
        gateway = RawGateway("AD07")
        assert [gateway.add(25061), gateway.add(25062)] == [{}, 718]
        assert gateway.add(25062, NewInternalPort="5070") == {}
        assert gateway.add(25061) == {}  # a renewal is none

    def test_AD10_all_ports_or_none(self):
        gateway = RawGateway("AD10")
        assert gateway.add() == 727
        assert gateway.add(NewRemoteHost="127.42.0.9") == 726

    def test_AD11_a_remote_host_makes_a_dead_rule(self):
        gateway = RawGateway("AD11")
        assert gateway.add(NewRemoteHost="0.0.0.0") == {}
        assert gateway.specific()["NewInternalPort"] == "5060"
        assert gateway.forwarded() == []
        assert gateway.add() == {}
        assert gateway.forwarded() == [25061]

    def test_AD12_each_for_itself(self):
        gateway = RawGateway("AD12")
        assert gateway.add(NewInternalClient="127.41.0.104") == 606
        assert gateway.add() == {}

    def test_AD13_606_for_everybody(self):
        assert RawGateway("AD13").add() == 606

    def test_AD14_402_when_full(self):
        gateway = RawGateway("AD14")
        assert [gateway.add(25000 + n) for n in range(11)] == [{}] * 10 + [402]
        assert gateway.add(25000) == {}  # a renewal takes no place

    @pytest.mark.parametrize(("row", "places"), [("AD15", 32), ("AD16", 160)])
    def test_AD15_AD16_one_too_many_succeeds_and_does_nothing(self, row, places):
        gateway = RawGateway(row)
        assert {str(gateway.add(25000 + n)) for n in range(places + 1)} == {"{}"}
        assert len(gateway.forwarded()) == places
        assert gateway.specific(25000 + places) == 714

    def test_AD17_a_success_without_a_trace(self):
        gateway = RawGateway("AD17")
        assert gateway.add() == {}
        assert gateway.specific() == 714
        assert gateway.forwarded() == []

    def test_AD18_listed_and_not_forwarded(self):
        gateway = RawGateway("AD18")
        assert gateway.add() == {}
        assert gateway.specific()["NewInternalClient"] == CLIENT
        assert gateway.forwarded() == []

    def test_AD20_one_protocol_for_each_port(self):
        gateway = RawGateway("AD20")
        gateway.add(NewProtocol="TCP")
        gateway.add(NewProtocol="UDP")
        assert [key.protocol for key in gateway.open] == ["udp"]

    def test_AD21_tcp_only(self):
        gateway = RawGateway("AD21")
        assert gateway.add() == 501
        assert gateway.add(NewProtocol="TCP") == {}

    def test_AD22_a_description_is_a_key(self):
        gateway = RawGateway("AD22")
        gateway.add(25061)
        gateway.add(25063)
        assert gateway.forwarded() == [25063]
        gateway.add(25065, NewPortMappingDescription="another")
        assert gateway.forwarded() == [25063, 25065]

    @pytest.mark.parametrize("description", ["it's", "a" * 32])
    def test_AD23_descriptions_are_plain_and_short(self, description):
        assert RawGateway("AD23").add(NewPortMappingDescription=description) == 501
        assert RawGateway("AD23").add(NewPortMappingDescription="a" * 31) == {}

    def test_AD25_one_way_to_write_an_envelope(self):
        gateway = RawGateway("AD25")
        assert gateway.call("GetStatusInfo")["NewConnectionStatus"] == "Connected"
        plain = post("GetStatusInfo").partition(b"\r\n\r\n")[2].decode()
        others = (
            plain.replace("<s:", "<e:").replace("</s:", "</e:").replace(" s:", " e:").replace(":s=", ":e="),
            plain.replace("<u:GetStatusInfo xmlns:u=", "<GetStatusInfo xmlns=").replace("</u:", "</"),
            plain.replace("><u:", ">\n<u:"),
        )
        for body in others:
            assert RawGateway().post("GetStatusInfo", body=body).data.startswith(b"HTTP/1.1 200 ")
            assert gateway.post("GetStatusInfo", body=body).data.startswith(b"HTTP/1.1 500 ")

    def test_AD27_port_0_is_taken(self):
        assert RawGateway("AD27").add(0) == {}
        assert RawGateway().add(0) == 716

    def test_AD28_no_low_ports(self):
        assert RawGateway("AD28").add(1023) == 501
        assert RawGateway("AD28").add(1024) == {}

    def test_AD29_a_static_forward_shadows_the_mapping(self):
        gateway = RawGateway("AD29")
        assert [gateway.add(5070), gateway.add(6070)] == [{}, {}]
        assert gateway.specific(5070)["NewInternalPort"] == "5060"
        assert gateway.forwarded() == [6070]

    def test_AD32_ten_minutes_at_most(self):
        gateway = RawGateway("AD32")
        gateway.add(NewLeaseDuration="1787")
        assert gateway.specific()["NewLeaseDuration"] == "600"

    def test_AD33_adding_again_extends_nothing(self):
        gateway = RawGateway("AD33")
        gateway.add()
        gateway.clock.advance(1000)
        assert gateway.add() == {}
        assert gateway.specific()["NewLeaseDuration"] == "2600"
        gateway.delete()
        gateway.add()
        assert gateway.specific()["NewLeaseDuration"] == "3600"

    def test_AD34_delete_comes_first(self):
        gateway = RawGateway("AD34")
        assert [gateway.add(), gateway.add(), gateway.delete(), gateway.add()] == [{}, 501, {}, {}]

    def test_AD37_faults_no_parser_takes(self):
        data = RawGateway("AD37", refuse=True).post("AddPortMapping", MAPPING).data
        assert b"<UPnPErrorxmlns=" in data
        assert b"<errorCode>606</errorCode>" in data
        assert b"\xff\xfe\x80</errorDescription>" in data

    def test_AD38_three_in_ten_fail_the_same_ones_for_the_same_seed(self):
        gateway = RawGateway("AD38")
        answers = [gateway.add(25000 + n) for n in range(200)]
        assert 35 < len([a for a in answers if a != {}]) < 85
        assert {a for a in answers if a != {}} == {501, 402}
        other = RawGateway("AD38")
        assert [other.add(25000 + n) for n in range(200)] == answers


class TestListing:
    def test_LI01_the_lists_end_has_many_names(self):
        gateway = RawGateway("LI01")
        assert [gateway.generic() for _ in range(4)] == [402, 501, 713, 714]
        assert gateway.post("GetGenericPortMappingEntry", {"NewPortMappingIndex": "0"}).data.endswith(
            b"\r\n\r\n"
        )
        assert gateway.generic() == 402

    def test_LI03_the_number_of_entries_is_always_0(self):
        counted = []
        for gateway in (RawGateway("LI03"), RawGateway()):
            gateway.add()
            query = {"varName": "PortMappingNumberOfEntries"}
            answer = gateway.call("QueryStateVariable", query, service="urn:schemas-upnp-org:control-1-0")
            counted.append(answer["return"])
        assert counted == ["0", "1"]

    def test_LI04_no_looking_up_by_port(self):
        gateway = RawGateway("LI04")
        gateway.add()
        assert gateway.specific() == 401
        assert gateway.generic()["NewExternalPort"] == "25061"

    def test_LI06_an_empty_list(self):
        gateway = RawGateway("LI06")
        gateway.add()
        assert (gateway.specific(), gateway.generic()) == (714, 713)
        assert gateway.forwarded() == [25061]

    def test_LI07_gone_after_a_minute(self):
        gateway = RawGateway("LI07")
        gateway.add()
        gateway.clock.advance(59)
        assert gateway.forwarded() == [25061]
        gateway.clock.advance(1)
        assert gateway.specific() == 714
        assert gateway.forwarded() == []

    def test_LI08_dead_after_two_hours_until_a_power_cycle(self):
        gateway = RawGateway("LI08")
        upnp, clock = gateway.core.upnp, gateway.clock
        assert upnp.admits(0, clock.now)
        clock.advance(7200)
        assert not upnp.admits(0, clock.now)
        gateway.core.power_cycle()
        assert upnp.admits(0, clock.now)

    @pytest.mark.parametrize(("entries", "left"), [(20, 20), (21, 0)])
    def test_LI09_more_than_twenty_are_purged_every_ten_minutes(self, entries, left):
        gateway = RawGateway("LI09")
        for n in range(entries):
            gateway.add(25000 + n)
        gateway.clock.advance(600)
        assert len(gateway.forwarded()) == left

    def test_LI10_gone_with_the_old_address(self):
        for rows, left in ((["LI10"], []), ([], [25061])):
            gateway = RawGateway(*rows)
            gateway.add()
            gateway.core.address_changed()
            assert gateway.forwarded() == left

    def test_LI11_kept_over_a_power_cycle(self):
        for rows, left in ((["LI11"], [25061]), ([], [])):
            gateway = RawGateway(*rows)
            gateway.add()
            gateway.open.clear()  # the power is off
            gateway.core.power_cycle()
            assert gateway.forwarded() == left

    def test_LI13_deleting_takes_its_time(self):
        gateway = RawGateway("LI13")
        gateway.add()
        assert gateway.post("DeletePortMapping", PORT).pieces[0].delay == 6

    def test_LI15_anybodys_mapping_can_be_deleted(self):
        for row, answer in (("LI15", {}), ("AD12", 606)):
            gateway = RawGateway(row)
            gateway.core.table.add(Key("udp", 25061), THEIRS, 3600, description="theirs", made_by="other")
            assert gateway.delete(25061) == answer

    def test_LI17_no_looking(self):
        gateway = RawGateway("LI17")
        assert gateway.add() == {}
        assert (gateway.specific(), gateway.generic()) == (606, 606)


class TestAddressAndStatus:
    @pytest.mark.parametrize(
        ("row", "address"),
        [
            ("EX01", ""),
            ("EX02", "0.0.0.0"),
            ("EX03", "192.168.7.2"),
            ("EX04", "100.64.7.7"),
            ("EX05", GATEWAY),
        ],
    )
    def test_EX01_to_EX05_an_address_that_is_no_use(self, row, address):
        assert RawGateway(row).call("GetExternalIPAddress") == {"NewExternalIPAddress": address}
        assert RawGateway(row).add() == {}

    def test_EX01_is_missing_the_second_time(self):
        gateway = RawGateway("EX01")
        assert [gateway.call("GetExternalIPAddress") for _ in "ab"] == [{"NewExternalIPAddress": ""}, {}]

    def test_EX07_disconnected_and_working(self):
        gateway = RawGateway("EX07")
        assert gateway.call("GetStatusInfo")["NewConnectionStatus"] == "Disconnected"
        assert gateway.add() == {}

    def test_EX08_no_status(self):
        gateway = RawGateway("EX08")
        assert (gateway.call("GetStatusInfo"), gateway.call("GetConnectionTypeInfo")) == (501, 501)

    def test_EX11_no_subscriptions(self):
        request = (
            b"SUBSCRIBE /evt/IPConn HTTP/1.1\r\nCALLBACK: <http://127.41.0.103:9/>\r\nNT: upnp:event\r\n\r\n"
        )
        assert RawGateway("EX11").request(request).data.startswith(b"HTTP/1.1 412 ")
        assert RawGateway().request(request).data.startswith(b"HTTP/1.1 200 ")


PINHOLE = {
    "RemoteHost": "",
    "RemotePort": "0",
    "InternalClient": HOST_V6,
    "InternalPort": "5060",
    "Protocol": "17",
    "LeaseTime": "3600",
}


class TestPinholes:
    """WANIPv6FirewallControl:1 §2.5."""

    def firewall(self, gateway, action, arguments=(), client=HOST_V6):
        return gateway.call(action, arguments, service=FIREWALL, path="/ctl/IP6FCtl", client=client)

    def test_a_pinhole_lives_as_long_as_its_lease(self):
        gateway = RawGateway()
        assert self.firewall(gateway, "AddPinhole", PINHOLE) == {"UniqueID": "1"}
        assert self.firewall(gateway, "AddPinhole", PINHOLE) == {"UniqueID": "1"}  # the same again
        gateway.clock.advance(3000)
        assert self.firewall(gateway, "UpdatePinhole", {"UniqueID": "1", "NewLeaseTime": "1000"}) == {}
        gateway.clock.advance(999)
        assert len(gateway.core.upnp.firewall.pinholes) == 1
        gateway.clock.advance(1)
        assert self.firewall(gateway, "DeletePinhole", {"UniqueID": "1"}) == 704

    def test_it_can_be_deleted(self):
        gateway = RawGateway()
        self.firewall(gateway, "AddPinhole", PINHOLE)
        assert self.firewall(gateway, "DeletePinhole", {"UniqueID": "1"}) == {}
        assert gateway.core.upnp.firewall.pinholes == ()

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"Protocol": "1"}, 705),
            ({"InternalPort": "0"}, 706),
            ({"InternalClient": ""}, 708),
            ({"InternalClient": "127.41.0.103"}, 402),
            ({"InternalClient": "2001:db8:42::1"}, 606),
        ],
    )
    def test_what_is_refused(self, change, code):
        assert self.firewall(RawGateway(), "AddPinhole", PINHOLE | change) == code

    def test_the_status_says_that_they_are_allowed(self):
        answer = self.firewall(RawGateway(), "GetFirewallStatus")
        assert answer == {"FirewallEnabled": "1", "InboundPinholeAllowed": "1"}

    def test_P601_each_for_itself(self):
        assert self.firewall(RawGateway("P601"), "AddPinhole", PINHOLE, client="2001:db8:41::7") == 606
        assert self.firewall(RawGateway("P601"), "AddPinhole", PINHOLE) == {"UniqueID": "1"}
        assert self.firewall(RawGateway(), "AddPinhole", PINHOLE, client="2001:db8:41::7") == {
            "UniqueID": "1"
        }

    def test_P602_no_temporary_addresses(self):
        temporary = PINHOLE | {"InternalClient": "2001:db8:41:0:8c1f:77aa:1234:9b01"}
        assert self.firewall(RawGateway("P602"), "AddPinhole", temporary) == 606
        from_mac = PINHOLE | {"InternalClient": "2001:db8:41:0:5054:ff:fe12:3456"}
        assert self.firewall(RawGateway("P602"), "AddPinhole", from_mac) == {"UniqueID": "1"}

    def test_P603_a_pinhole_can_be_shortened_but_not_deleted(self):
        gateway = RawGateway("P603")
        self.firewall(gateway, "AddPinhole", PINHOLE)
        assert self.firewall(gateway, "DeletePinhole", {"UniqueID": "1"}) == 606
        assert self.firewall(gateway, "UpdatePinhole", {"UniqueID": "1", "NewLeaseTime": "1"}) == {}
        gateway.clock.advance(1)
        assert gateway.core.upnp.firewall.pinholes == ()

    def test_P605_pinholes_are_not_allowed(self):
        assert self.firewall(RawGateway("P605"), "GetFirewallStatus")["InboundPinholeAllowed"] == "0"
        assert self.firewall(RawGateway("P605"), "AddPinhole", PINHOLE) == 703

    def test_P606_not_allowed_for_this_device(self):
        assert self.firewall(RawGateway("P606"), "AddPinhole", PINHOLE) == 606

    def test_P608_lost_when_the_daemon_starts_anew(self):
        for rows, left in ((["P608"], 0), ([], 1)):
            gateway = RawGateway(*rows)
            self.firewall(gateway, "AddPinhole", PINHOLE)
            gateway.core.upnp.restarted()
            assert len(gateway.core.upnp.firewall.pinholes) == left

    def test_P612_after_a_restart_names_are_given_out_again(self):
        for rows, name in ((["P612"], "1"), (["P608"], "2")):
            gateway = RawGateway(*rows)
            self.firewall(gateway, "AddPinhole", PINHOLE)
            gateway.core.upnp.restarted()
            assert self.firewall(gateway, "AddPinhole", PINHOLE) == {"UniqueID": name}

    def test_P609_link_local_location_and_control_over_ipv4(self):
        gateway = RawGateway("P609")
        (answer,) = gateway.search(source=HOST_V6)
        assert location(answer) == f"http://[fe80::1]:{HTTP.port}/rootDesc.xml"
        page = gateway.get(client=HOST_V6).data
        assert f"<controlURL>http://{HTTP}/ctl/IP6FCtl</controlURL>".encode() in page

    @pytest.mark.parametrize("lease", ["0", "86401"])
    def test_P610_a_lease_is_a_day_at_most_and_not_nothing(self, lease):
        assert self.firewall(RawGateway("P610"), "AddPinhole", PINHOLE | {"LeaseTime": lease}) == 402
        assert self.firewall(RawGateway(), "AddPinhole", PINHOLE | {"LeaseTime": lease}) == {"UniqueID": "1"}

    def test_P611_a_pinhole_that_is_not_there_is_an_invalid_argument(self):
        assert self.firewall(RawGateway("P611"), "DeletePinhole", {"UniqueID": "1"}) == 402
        assert self.firewall(RawGateway(), "DeletePinhole", {"UniqueID": "1"}) == 704
