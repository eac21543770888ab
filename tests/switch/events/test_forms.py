"""Events as text, by what FreeSWITCH's clients make of it: percent-encoding, ``_undef_``, bodies."""

from __future__ import annotations

import json
from urllib.parse import unquote
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from ringthru.switch.events.bus import SwitchEvent
from ringthru.switch.events.forms import as_json, as_xml, percent, plain, read_plain, unpercent

EVENT = SwitchEvent(
    "BACKGROUND_JOB",
    (("Event-Name", "BACKGROUND_JOB"), ("Job-Command", "status"), ("Empty", ""), ("Odd", "a b: 100%\n")),
    "Grüße\n",
)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True)
VALUES = st.text(st.characters(blacklist_categories=["Cs"]), max_size=60)


class TestPlain:
    def test_values_are_encoded_an_empty_one_is_undef_and_the_body_has_its_length_in_bytes(self):
        assert plain(EVENT) == (
            "Event-Name: BACKGROUND_JOB\nJob-Command: status\nEmpty: _undef_\n"
            "Odd: a%20b%3A%20100%25%0A\nContent-Length: 8\n\nGrüße\n"
        )

    def test_without_a_body_it_ends_with_an_empty_line(self):
        assert plain(SwitchEvent("NAT", (("op", "add"),))) == "op: add\n\n"

    def test_a_name_with_a_line_break_makes_no_line(self):
        assert plain(SwitchEvent("X", (("variable_a\nEvent-Name", "SHUTDOWN"),))) == "\n"

    @given(value=VALUES)
    def test_whatever_a_value_is_others_decode_it_and_so_do_we(self, value):
        assert "\n" not in percent(value)
        assert unpercent(percent(value)) == (value if value != "_undef_" else "")
        if value:
            assert unquote(percent(value)) == value

    @given(pairs=st.lists(st.tuples(NAMES, VALUES.filter(lambda value: value != "_undef_"))), body=VALUES)
    def test_what_was_written_is_read_again(self, pairs, body):
        kept = tuple(pair for pair in pairs if pair[0].lower() != "content-length")
        event = SwitchEvent("NAT", (("Event-Name", "NAT"), *kept), body)
        again = read_plain(plain(event).encode())
        assert (again.headers, again.body) == (event.headers, body)


class TestJson:
    def test_one_object_of_strings_with_the_body_in_it(self):
        read = json.loads(as_json(EVENT))
        assert read["Odd"] == "a b: 100%\n"
        assert read["Empty"] == ""
        assert (read["_body"], read["Content-Length"]) == ("Grüße\n", "8")

    def test_a_header_that_comes_twice_is_an_array(self):
        event = SwitchEvent("X", (("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")))
        assert json.loads(as_json(event)) == {"a": ["1", "2", "4"], "b": "3"}


class TestXml:
    @given(pairs=st.lists(st.tuples(VALUES, VALUES), max_size=5), body=VALUES)
    def test_it_can_be_read_whatever_is_in_it(self, pairs, body):
        root = ElementTree.fromstring(as_xml(SwitchEvent("X", tuple(pairs), body)))
        assert len(root.find("headers")) == len(pairs) + bool(body)

    def test_names_and_values_stand_where_clients_look(self):
        root = ElementTree.fromstring(as_xml(EVENT))
        assert root.findtext("headers/Event-Name") == "BACKGROUND_JOB"
        assert root.findtext("headers/Odd") == "a%20b%3A%20100%25%0A"
        assert root.findtext("headers/Empty") == ""
        assert root.findtext("body") == "Grüße\n"
