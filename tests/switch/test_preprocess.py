"""The text stage: directives, variables, includes, and the way back to file and line."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringthru.switch.configuration.commands import run_command
from ringthru.switch.configuration.errors import ConfigurationError
from ringthru.switch.configuration.preprocess import FlatDocument, preprocess


@pytest.fixture
def flatten(tmp_path: Path):
    """Write files, flatten main.xml, and return the outcome."""

    def run(main: str, variables=None, environment=None, **files: str) -> FlatDocument:
        (tmp_path / "main.xml").write_text(main)
        for name, text in files.items():
            (tmp_path / f"{name}.xml").write_text(text)
        return preprocess(tmp_path / "main.xml", variables or {}, environment or {})

    return run


def directive(command: str, data: str) -> str:
    return f'<X-PRE-PROCESS cmd="{command}" data="{data}"/>'


class TestSet:
    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ('<X-PRE-PROCESS cmd="set" data="a=b"/>', "b"),
            ('<x-pre-process cmd="SET" data="a=b" />', "b"),
            ("<X-PRE-PROCESS cmd='set' data='a=b'/>", "b"),
            ('<!--#set "a=b"-->', "b"),
            ("<!--#set a=b -->", "b"),
            ('<X-PRE-PROCESS cmd="set" data="a = b"/>', "b"),
            ("""<X-PRE-PROCESS cmd="set" data="a='b c'"/>""", "b c"),
            ("""<X-PRE-PROCESS cmd="set" data="'a=b'"/>""", "b"),
            ('<X-PRE-PROCESS cmd="set" data="a=x=y"/>', "x=y"),
            (
                '<X-PRE-PROCESS cmd="set" data="a=v=-7;>=2;+=.1;%(1400,0,350)"/>',
                "v=-7;>=2;+=.1;%(1400,0,350)",
            ),
            ('<X-PRE-PROCESS cmd="set" data="a="/>', ""),
        ],
    )
    def test_stores_a_global_variable(self, flatten, line, value):
        assert flatten(line).variables["a"] == value

    def test_leaves_no_trace_in_the_text(self, flatten):
        assert flatten(f"<a>\n{directive('set', 'x=1')}\n</a>").text == "<a>\n</a>"

    def test_acts_inside_an_xml_comment(self, flatten):
        assert flatten(f"<!-- {directive('set', 'a=b')} -->").variables["a"] == "b"

    def test_a_renamed_element_is_the_way_to_disable_it(self, flatten):
        assert "a" not in flatten('<X-NO-PRE-PROCESS cmd="set" data="a=b"/>').variables

    def test_earlier_values_are_replaced_before_the_directive_is_looked_at(self, flatten):
        flat = flatten(f"{directive('set', 'a=1')}\n{directive('set', 'b=$${a}2')}\n<x y='$${{b}}'/>")
        assert flat.variables["b"] == "12"
        assert flat.text == "<x y='12'/>"

    def test_built_in_variables_are_there_and_their_mapping_is_not_changed(self, flatten):
        built_in = {"local_ip_v4": "192.168.1.103"}
        flat = flatten(directive("set", "domain=$${local_ip_v4}"), built_in)
        assert flat.variables["domain"] == "192.168.1.103"
        assert built_in == {"local_ip_v4": "192.168.1.103"}

    def test_what_is_no_assignment_is_ignored_with_a_word(self, flatten):
        (note,) = flatten("<a/>\n" + directive("set", "nonsense")).notes
        assert (note.level, note.position.line) == (logging.WARNING, 2)
        assert "ignored" in note.text


class TestVariables:
    def test_an_unknown_name_is_empty_text(self, flatten):
        assert flatten("<a b='$${nobody}'/>").text == "<a b=''/>"

    def test_an_unterminated_name_stays_and_is_reported(self, flatten):
        flat = flatten("<a b='$${nobody'/>")
        assert flat.text == "<a b='$${nobody'/>"
        assert flat.notes[0].level == logging.ERROR

    def test_run_time_variables_are_left_alone(self, flatten):
        assert flatten("<a b='${caller}'/>").text == "<a b='${caller}'/>"

    def test_a_line_break_in_a_value_does_not_shift_the_lines(self, flatten):
        flat = flatten("<a b='$${x}'>\n</a>", {"x": "1\n2"})
        assert len(flat.text.split("\n")) == len(flat.positions) == 2

    def test_a_variable_built_from_itself_is_stopped(self, flatten):
        doubling = "\n".join([directive("set", "a=$${a}$${a}")] * 40)
        with pytest.raises(ConfigurationError, match=r"main.xml:\d+: the line has more than"):
            flatten(doubling, {"a": "12345678"})


class TestEnvironment:
    def test_env_set_reads_it(self, flatten):
        assert (
            flatten(directive("env-set", "a=$HOME_TOWN"), None, {"HOME_TOWN": "Ulm"}).variables["a"] == "Ulm"
        )

    def test_a_missing_one_sets_nothing(self, flatten):
        assert flatten(directive("env-set", "a=$NOBODY"), {"a": "kept"}).variables["a"] == "kept"


class TestInclude:
    def test_pastes_the_file_without_its_wrapping(self, flatten):
        flat = flatten(
            directive("include", "part.xml"), part='<?xml version="1.0"?>\n<include>\n <a/>\n</include>\n'
        )
        assert flat.text.strip() == "<a/>"

    def test_knows_file_and_line_of_what_was_pasted(self, flatten, tmp_path):
        flat = flatten(f"<x>\n{directive('include', 'part.xml')}\n</x>", part="<include>\n<a/>\n</include>")
        assert [(p.path.name, p.line) for p in flat.positions] == [
            ("main.xml", 1),
            ("part.xml", 2),
            ("main.xml", 3),
        ]

    def test_takes_the_files_of_a_pattern_in_order(self, flatten):
        assert flatten(directive("include", "p*.xml"), p2="<b/>", p1="<a/>").text == "<a/>\n<b/>"

    def test_a_pattern_is_relative_to_the_file_that_says_it(self, flatten, tmp_path):
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "inner.xml").write_text(directive("include", "../side.xml"))
        assert flatten(directive("include", "sub/inner.xml"), side="<a/>").text == "<a/>"

    def test_variables_set_inside_hold_afterwards(self, flatten):
        assert (
            flatten(f"{directive('include', 'v.xml')}\n<$${{a}}/>", v=directive("set", "a=b")).text == "<b/>"
        )

    def test_nothing_found_is_only_worth_a_note(self, flatten, tmp_path):
        (note,) = flatten(directive("include", "none/*.xml")).notes
        assert note.level == logging.INFO
        assert note.text == f"No files to include at {tmp_path}/none/*.xml"

    def test_the_comment_form(self, flatten):
        assert flatten('<!--#include "part.xml"-->', part="<a/>").text == "<a/>"

    def test_a_file_that_includes_itself(self, flatten):
        with pytest.raises(ConfigurationError, match=r"part.xml:1: .*part.xml includes itself"):
            flatten(directive("include", "part.xml"), part=directive("include", "part.xml"))

    def test_a_hundred_deep_and_no_more(self, flatten):
        chain = {f"n{i}": directive("include", f"n{i + 1}.xml") for i in range(150)}
        with pytest.raises(ConfigurationError, match="more than 100 deep"):
            flatten(directive("include", "n0.xml"), **chain)

    def test_old_files_in_latin_1_are_read(self, tmp_path):
        (tmp_path / "main.xml").write_bytes("<a b='Grüße'/>".encode("latin-1"))
        assert preprocess(tmp_path / "main.xml", {}, {}).text == "<a b='Grüße'/>"


class TestNothingIsExecuted:
    @pytest.mark.parametrize("command", ["exec", "exec-set"])
    def test_a_command_is_named_and_left_out(self, flatten, tmp_path, command):
        witness = tmp_path / "witness"
        flat = flatten("\n" + directive(command, f"a=touch {witness}"))
        assert not witness.exists()
        assert "a" not in flat.variables
        (note,) = flat.notes
        assert note.level == logging.WARNING
        assert str(note).startswith(f"{tmp_path}/main.xml:2: {command}")
        assert "ignored" in note.text

    def test_a_question_to_a_stun_server_is_kept_for_later(self, flatten):
        flat = flatten(directive("stun-set", "external_sip_ip=stun:stun.example.net:3478"))
        assert flat.variables["external_sip_ip"] == "stun:stun.example.net:3478"
        (note,) = flat.notes
        assert note.level == logging.INFO

    def test_a_directive_over_two_lines_is_reported(self, flatten):
        (note,) = flatten('<X-PRE-PROCESS cmd="set"\n data="a=b"/>').notes
        assert "one line" in note.text


class TestCommandsThatMayRun:
    """Whoever starts the program has said -allowexec."""

    @pytest.fixture
    def allowed(self, tmp_path):
        def run(main: str):
            (tmp_path / "main.xml").write_text(main)
            return preprocess(tmp_path / "main.xml", {}, {}, run_command)

        return run

    def test_exec_set_makes_the_output_a_value(self, allowed):
        assert allowed(directive("exec-set", "a=echo one two")).variables["a"] == "one two"
        assert allowed('<!--#exec-set "a=echo b"-->').variables["a"] == "b"

    def test_exec_pastes_the_output_where_it_stands(self, allowed):
        flat = allowed(f"<x>\n{directive('exec', 'echo one; echo two')}\n</x>")
        assert flat.text == "<x>\none\ntwo\n</x>"
        assert [position.line for position in flat.positions] == [1, 2, 2, 3]

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ("a=exit 3", "exit status 3"),
            ("a=no-such-program", "not found"),
            ("a=", "no command"),
            ("a", "no"),
        ],
    )
    def test_what_fails_is_reported_and_sets_nothing(self, allowed, data, said):
        flat = allowed("\n" + directive("exec-set", data))
        (note,) = flat.notes
        assert said in note.text
        assert note.position.line == 2
        assert "a" not in flat.variables

    def test_one_that_does_not_end_is_ended(self, allowed, monkeypatch):
        monkeypatch.setattr("ringthru.switch.configuration.commands.LONGEST_RUN", 0.05)
        (note,) = allowed(directive("exec-set", "a=sleep 600")).notes
        assert "took more than" in note.text


def test_the_names_a_text_asks_for_are_told(flatten):
    assert flatten("<a b='$${one}' c='${two}'/>\n" + directive("set", "x=$${three}")).names == {
        "one",
        "three",
    }


PIECES_TEXT = """<X-PRE-PROCESS| cmd="set"| data="|a=|$${a}|$${|}|"|/>|<!--#set |-->|include|exec |
|[|*|\0|main.xml|<include>|<?xml?>|'|é"""
PIECES = PIECES_TEXT.split("|")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_nothing_but_a_configuration_error_ever_comes_out(tmp_path, pieces):
    (tmp_path / "main.xml").write_text("".join(pieces))
    try:
        flat = preprocess(tmp_path / "main.xml", {}, {})
    except ConfigurationError:
        return
    assert len(flat.positions) == (len(flat.text.split("\n")) if flat.text else 0)
