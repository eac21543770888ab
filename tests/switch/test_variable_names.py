"""Names of variables: one whatever its case, shown as it was first written."""

from __future__ import annotations

from pathlib import Path

from ringthru.switch.configuration.preprocess import preprocess
from ringthru.switch.dialing.dialstring import parse_dial_string
from ringthru.switch.variable_names import spelled, variable_name


def shown(variables: dict[str, str]) -> dict[str, str]:
    return {spelled(name): value for name, value in variables.items()}


def test_the_first_spelling_stays_and_the_last_value_holds():
    variables = {variable_name("Answer_Delay"): "1"}
    variables[variable_name("ANSWER_delay")] = "2"
    variables["answer_delay"] = "3"
    assert variables.get("answer_delay") == "3"
    assert shown(variables) == {"Answer_Delay": "3"}


def test_also_where_mappings_are_merged():
    ours, theirs = {variable_name("Foo"): "ours"}, {variable_name("FOO"): "theirs", variable_name("Bar"): "b"}
    assert shown({**ours, **theirs}) == {"Foo": "theirs", "Bar": "b"}
    assert shown({**theirs, **ours}) == {"FOO": "ours", "Bar": "b"}


def test_small_letters_cost_nothing():
    assert type(variable_name("answer_delay")) is str


def test_a_key_stays_one():
    assert spelled(variable_name(variable_name("Foo"))) == "Foo"


def test_braces_hold_against_brackets_of_another_spelling():
    (branch,) = parse_dial_string("{Leg_Timeout=5}[LEG_TIMEOUT=9,Local=1]user/1000").branches
    (destination,) = branch.groups[0]
    assert dict(destination.variables) == {"leg_timeout": "5", "local": "1"}


def test_global_ones_of_a_tree(tmp_path: Path):
    file = tmp_path / "vars.xml"
    file.write_text('<X-PRE-PROCESS cmd="set" data="Main_Domain=example.org"/>\n<a b="$${main_DOMAIN}"/>\n')
    flat = preprocess(file, {}, {})
    assert '<a b="example.org"/>' in flat.text
    assert shown(flat.variables) == {"Main_Domain": "example.org"}
