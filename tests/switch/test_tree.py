"""From a flat document to elements that know where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringthru.switch.configuration import ConfigurationError, load_tree

DOCUMENT = '<document type="freeswitch/xml">\n{}\n</document>'


@pytest.fixture
def load(tmp_path: Path):
    def run(body: str, **files: str):
        (tmp_path / "freeswitch.xml").write_text(DOCUMENT.format(body))
        for name, text in files.items():
            (tmp_path / f"{name}.xml").write_text(text)
        return load_tree(tmp_path, {}, {})

    return run


class TestTree:
    def test_sections_and_configurations_by_name(self, load):
        tree = load(
            '<section name="configuration"><configuration name="acl.conf" x="1"/></section>'
            '<section name="languages"><language name="en"/></section><section name="chatplan"/>'
        ).tree
        assert tree.sections == ("configuration", "languages", "chatplan")
        assert tree.section("configuration").configuration("ACL.conf").get("x") == "1"
        assert tree.configuration("switch.conf") is None
        assert tree.section("nowhere").all("anything") == []

    def test_an_element_knows_the_file_and_line_it_was_written_in(self, load):
        tree = load(
            '<X-PRE-PROCESS cmd="include" data="part.xml"/>',
            part='<include>\n\n<section name="a"/>\n</include>',
        ).tree
        position = tree.section("a").elements[0].position
        assert (position.path.name, position.line) == ("part.xml", 3)

    def test_the_directory_itself_is_a_variable(self, load, tmp_path):
        assert load("").variables["conf_dir"] == str(tmp_path)

    def test_warnings_are_handed_back_for_the_log(self, load):
        (warning,) = load('<X-PRE-PROCESS cmd="exec" data="rm -rf x"/>').warnings
        assert "freeswitch.xml:2: exec 'rm -rf x'" in warning


class TestLenience:
    """What FreeSWITCH's own reader lets pass, and people's files therefore hold."""

    def test_two_dashes_inside_a_comment(self, load):
        assert load('<!-- -- <a> -- -->\n<section name="a"/>').tree.sections == ("a",)

    def test_a_comment_does_not_shift_the_lines_after_it(self, load):
        tree = load('<!--\n\n-- x\n-->\n<section name="a"/>').tree
        assert tree.section("a").elements[0].position.line == 6

    def test_a_bare_ampersand(self, load):
        tree = load('<section name="originate &bridge(x) &amp; &#65;"/>').tree
        assert tree.sections == ("originate &bridge(x) & A",)

    def test_text_of_an_element(self, load):
        assert load('<section name="a"><p>\n one <b/> two </p></section>').tree.section("a").all("p")[
            0
        ].text == ("one  two")


class TestErrors:
    def test_no_configuration_says_what_was_looked_for_and_what_to_do(self, tmp_path):
        with pytest.raises(ConfigurationError) as caught:
            load_tree(tmp_path / "nowhere", {}, {})
        assert str(tmp_path / "nowhere" / "freeswitch.xml") in str(caught.value)
        assert "-conf" in caught.value.remedy

    def test_a_broken_file_is_named_with_its_own_line(self, load):
        with pytest.raises(ConfigurationError) as caught:
            load('<X-PRE-PROCESS cmd="include" data="part.xml"/>', part="<include>\n<a>\n</b>\n</include>")
        assert (caught.value.path.name, caught.value.line) == ("part.xml", 3)
        assert "mismatched tag" in caught.value.message
        assert "<a> of " in caught.value.remedy

    def test_a_file_that_leaves_an_element_open_is_named_and_not_the_one_that_includes_it(self, load):
        with pytest.raises(ConfigurationError, match="the file ends without </context>") as caught:
            load('<X-PRE-PROCESS cmd="include" data="part.xml"/>', part="<include>\n<context>\n</include>")
        assert (caught.value.path.name, caught.value.line) == ("part.xml", 2)

    def test_an_unclosed_comment(self, load):
        with pytest.raises(ConfigurationError, match="not well-formed"):
            load("<!-- never closed")

    def test_a_document_type_is_refused(self, tmp_path):
        (tmp_path / "freeswitch.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]>\n<document/>')
        with pytest.raises(ConfigurationError, match="DOCTYPE"):
            load_tree(tmp_path, {}, {})

    def test_an_empty_file(self, tmp_path):
        (tmp_path / "freeswitch.xml").write_text("")
        with pytest.raises(ConfigurationError, match="no element found"):
            load_tree(tmp_path, {}, {})

    @pytest.mark.parametrize("cut", range(0, 117, 4))
    def test_a_file_cut_anywhere_is_an_error_that_names_it(self, tmp_path, cut):
        whole = DOCUMENT.format('<section name="configuration">\n<configuration name="a.conf"/>\n</section>')
        (tmp_path / "freeswitch.xml").write_text(whole[:cut])
        with pytest.raises(ConfigurationError) as caught:
            load_tree(tmp_path, {}, {})
        assert caught.value.path.name == "freeswitch.xml"
