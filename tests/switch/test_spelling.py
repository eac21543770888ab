"""A misspelt word in dialplan or directory is named with its file and line; what is merely unknown is not."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ringthru.switch.configuration import ConfigurationError, Dialplan, load_tree
from ringthru.switch.configuration.spelling import warn_of_slips

PLAN = """<document><section name="dialplan"><context name="default">
<extension name="echo" continue="false">
<condition field="destination_number" expression="^9196$" break="on-false" wday="mon-fri">
<action application="answer" inline="false"/><anti-action application="hangup" data="USER_BUSY"/>
<regex field="caller_id_name" expression="."/>
</condition>
</extension>
</context></section>
<section name="directory">
<domain name="example.org"><params><param name="dial-string" value="x"/></params>
<groups><group name="default"><users>
<user id="1000" number-alias="anna" cidr="192.0.2.1/32">
<params><param name="password" value="Xk93fjw0"/><param name="vm-password" value="1000"/></params>
<variables><variable name="user_context" value="default"/></variables>
</user>
</users></group></groups>
</domain></section></document>"""


@pytest.fixture
def said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Callable[[str], list[str]]:
    def run(text: str) -> list[str]:
        (tmp_path / "freeswitch.xml").write_text(text)
        tree = load_tree(tmp_path, {}, {}).tree
        with caplog.at_level(logging.INFO):
            warn_of_slips(tree)
        return [each.getMessage().removeprefix(f"{tmp_path}/freeswitch.xml:") for each in caplog.records]

    return run


def test_what_is_spelled_as_it_is_read_gives_no_word(said):
    assert said(PLAN) == []


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ('<action application="answer" inline="false"/>', "<acton/>", "4: <acton> in <condition>"),
        ("<extension name", "<extention name", "2: <extention> in <context>"),
        ("field=", "feld=", "3: <condition> has an attribute 'feld'"),
        ("break=", "brake=", "3: <condition> has an attribute 'brake'"),
        ("wday=", "weekday=", "3: <condition> has an attribute 'weekday'"),
        ("continue=", "contiune=", "2: <extension> has an attribute 'contiune'"),
        ("destination_number", "destination_numer", "3: <condition field='destination_numer'>"),
        ("number-alias", "number_alias", "12: <user> has an attribute 'number_alias'"),
        ('<param name="password"', '<parm name="password"', "13: <parm> in <params>"),
        ('name="password"', 'name="pasword"', "13: <param name='pasword'>"),
        ("<groups>", "<group>", "11: <group> in <domain>"),
    ],
)
def test_a_slip_is_named_with_its_line_and_what_was_meant(said, right, wrong, words):
    text = PLAN.replace(right, wrong, 1)
    for old, new in (("extension", "extention"), ("groups", "group")):
        if wrong.startswith(f"<{new}"):
            text = text.replace(f"</{old}>", f"</{new}>")
    (line,) = said(text)
    assert line.startswith(words)
    assert "did you mean" in line


@pytest.mark.parametrize(
    "more",
    [
        '<vcard name="Anna"/>',
        '<skills><skill name="x"/></skills>',
        '<gateways><gateway name="g"><param name="pasword" value="of another reader"/></gateway></gateways>',
    ],
)
def test_what_others_read_is_left_alone(said, more):
    assert said(PLAN.replace("<variables>", f"{more}<variables>")) == []


def test_our_own_tree_is_read_without_looking_for_slips():
    """The start is a budget, and what compares words takes a part of it."""
    program = (
        "import sys; from pathlib import Path; from ringthru.switch.state import default_tree;"
        "from ringthru.switch.configuration import load_tree;"
        "from ringthru.switch.configuration.spelling import warn_of_slips;"
        "warn_of_slips(load_tree(default_tree(), {'domain': 'a', 'default_password': 'b'}).tree);"
        "sys.exit('difflib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_expression_without_a_field_is_pointed_out(tmp_path, caplog):
    """``feld`` for ``field``: such a condition holds for every call, and swallows them all."""
    (tmp_path / "freeswitch.xml").write_text(PLAN.replace("field=", "feld=", 1))
    Dialplan.read(load_tree(tmp_path, {}, {}).tree)
    assert "freeswitch.xml:3: <condition> has an expression and no field to look at" in caplog.text


def test_a_context_needs_a_name(tmp_path):
    (tmp_path / "freeswitch.xml").write_text(PLAN.replace('<context name="default">', "<context>"))
    with pytest.raises(ConfigurationError, match=r"freeswitch\.xml:1: a context without a name"):
        Dialplan.read(load_tree(tmp_path, {}, {}).tree)
