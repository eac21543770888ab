"""Each row about UPnP's mappings and address alone: what the fake gateway does, asked by raw bytes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ringthru.lab.gateway.mapping_table import Key
from ringthru.lab.gateway.quirks import ROWS, Quirks, check_rows
from ringthru.net.address import Endpoint

from .raw_gateway import CLIENT, GATEWAY, MAPPING, PORT, RawGateway, post

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

    def test_every_row_of_upnp_has_its_own_test_in_one_of_these_files(self):
        names = ("quirk_rows_upnp", "quirk_rows_finding", "quirk_rows_pinholes", "upnp_newer")
        text = "".join(Path(__file__).with_name(f"test_{name}.py").read_text() for name in names)
        tested = set(re.findall(r"(?:SD|HT|DE|AD|LI|EX|P6)\d\d", text))
        assert {row.id for row in ROWS.values() if row.protocol in ("upnp", "pinholes")} <= tested


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
