"""The kernel's table of neighbours, read from its text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.neighbours import hardware_address, read_neighbours

TABLE = """IP address       HW type     Flags       HW address            Mask     Device
192.168.1.1      0x1         0x2         02:00:5E:10:00:01     *        eth0
192.168.1.7      0x1         0x0         00:00:00:00:00:00     *        eth0
192.168.1.8      0x1         0x6         02:00:5e:10:00:08     *        eth0
10.0.0.1         0x1         0x2         02:00:5e:10:00:0a     *        eth1
10.0.0.1         0x1         0x2         02:00:5e:10:00:0b     *        eth2
torn li
192.168.1.9      0x1         nonsense    02:00:5e:10:00:09     *        eth0
"""


def test_neighbours_that_have_answered_are_known_in_lower_case():
    assert read_neighbours(TABLE) == {
        "192.168.1.1": "02:00:5e:10:00:01",
        "192.168.1.8": "02:00:5e:10:00:08",
    }


def test_an_address_seen_with_two_hardware_addresses_is_not_guessed():
    assert "10.0.0.1" not in read_neighbours(TABLE)


def test_two_gateways_with_one_address_are_told_apart_by_the_interface(tmp_path):
    table = tmp_path / "arp"
    table.write_text(TABLE)
    assert hardware_address("10.0.0.1", table, "eth1") == "02:00:5e:10:00:0a"
    assert hardware_address("10.0.0.1", table, "eth2") == "02:00:5e:10:00:0b"
    assert hardware_address("10.0.0.1", table, "eth0") == ""


def test_one_neighbour_is_asked_for_however_its_address_is_written(tmp_path):
    table = tmp_path / "arp"
    table.write_text(TABLE)
    assert hardware_address("192.168.1.1", table) == "02:00:5e:10:00:01"
    assert hardware_address("::ffff:192.168.1.1", table) == "02:00:5e:10:00:01"
    assert hardware_address("192.168.1.7", table) == ""


def test_ipv6_neighbours_and_words_are_unknown_rather_than_an_error(tmp_path):
    table = tmp_path / "arp"
    table.write_text(TABLE)
    assert hardware_address("fe80::1%eth0", table) == ""
    assert hardware_address("gateway", table) == ""


def test_a_missing_table_is_no_error(tmp_path):
    assert hardware_address("192.168.1.1", tmp_path / "none") == ""


@given(st.text(alphabet="0123456789abcdefx:.* \n\t", max_size=300))
def test_any_text_is_read_without_an_error(text):
    assert all(read_neighbours(text).values())
