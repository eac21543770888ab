"""The XML dialplan's hunt, and run-time variables."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.switch.configuration import ConfigurationError, Dialplan, expand, load_tree


@pytest.fixture
def plan(tmp_path: Path):
    def run(extensions: str, context: str = "default") -> Dialplan:
        text = f'<section name="dialplan"><context name="{context}">\n{extensions}\n</context></section>'
        (tmp_path / "freeswitch.xml").write_text(f"<document>{text}</document>")
        return Dialplan.read(load_tree(tmp_path, {}, {}).tree)

    return run


def names(plan: Dialplan, number: str = "9196", **fields: str) -> list[str]:
    return [
        action.application for action in plan.actions("default", {"destination_number": number, **fields})
    ]


def extension(*conditions: str, attributes: str = "") -> str:
    return f"<extension {attributes}>{''.join(conditions)}</extension>"


def condition(
    expression: str, inside: str = "", attributes: str = "", field: str = "destination_number"
) -> str:
    return f'<condition field="{field}" expression="{expression}" {attributes}>{inside}</condition>'


def act(*applications: str, tag: str = "action") -> str:
    return "".join(f'<{tag} application="{each}"/>' for each in applications)


class TestMatching:
    def test_actions_in_order(self, plan):
        assert names(plan(extension(condition("^9196$", act("answer", "echo"))))) == ["answer", "echo"]

    def test_an_expression_is_searched_for_unless_it_is_anchored(self, plan):
        assert names(plan(extension(condition("19", act("echo"))))) == ["echo"]

    def test_captures_fill_the_data(self, plan):
        action = '<action application="bridge" data="user/$1@$2-$0-$3"/>'
        (found,) = plan(extension(condition(r"^(\d)(\d+)$", action))).actions(
            "default", {"destination_number": "9196"}
        )
        assert found.data == "user/9@196-9196-"

    def test_without_a_group_the_data_stays_as_written(self, plan):
        (found,) = plan(extension(condition("9", '<action application="set" data="a=$1"/>'))).actions(
            "default", {"destination_number": "9"}
        )
        assert found.data == "a=$1"

    def test_run_time_variables_are_left_for_later(self, plan):
        action = '<action application="bridge" data="user/${destination_number}"/>'
        (found,) = plan(extension(condition("9", action))).actions("default", {"destination_number": "9"})
        assert found.data == "user/${destination_number}"

    def test_data_may_be_the_elements_text(self, plan):
        action = '<action application="log">INFO $1</action>'
        (found,) = plan(extension(condition("(9)", action))).actions("default", {"destination_number": "9"})
        assert found.data == "INFO 9"

    def test_fields_of_the_call_and_variables(self, plan):
        made = plan(
            extension(
                condition("^192", field="network_addr"), condition("^yes$", act("echo"), field="${trusted}")
            )
        )
        assert names(made, network_addr="192.0.2.1", trusted="yes") == ["echo"]
        assert names(made, network_addr="192.0.2.1") == []

    def test_a_missing_field_is_empty_text(self, plan):
        assert names(plan(extension(condition("^$", act("echo"), field="nowhere")))) == ["echo"]

    def test_a_condition_without_a_field_always_holds(self, plan):
        assert names(plan(extension(f"<condition>{act('echo')}</condition>"))) == ["echo"]

    def test_slashes_and_flags_and_perls_named_groups(self, plan):
        assert names(plan(extension(condition("/^ABC$/i", act("echo")))), "abc") == ["echo"]
        assert names(plan(extension(condition("^(?&lt;n>9.*)$", act("echo"))))) == ["echo"]

    def test_a_very_long_field_matches_nothing(self, plan):
        made = plan(extension(condition(".*", act("echo"))))
        assert names(made, "9" * 256) == ["echo"]
        assert names(made, "9" * 257) == []

    def test_a_variable_inside_an_expression_is_taken_literally(self, plan):
        made = plan(extension(condition("^${caller_id_number}$", act("echo"))))
        assert names(made, "1000", caller_id_number="1000") == ["echo"]
        assert names(made, "1000", caller_id_number=".*") == []


class TestHunt:
    def test_the_first_extension_that_holds_ends_it(self, plan):
        assert names(plan(extension(condition("9", act("one"))) + extension(condition("9", act("two"))))) == [
            "one"
        ]

    def test_continue_goes_on(self, plan):
        first = extension(condition("9", act("one")), attributes='continue="true"')
        assert names(plan(first + extension(condition("9", act("two"))))) == ["one", "two"]

    def test_all_conditions_of_an_extension_must_hold(self, plan):
        made = plan(
            extension(condition("9"), condition("^8", act("one"))) + extension(condition("9", act("two")))
        )
        assert names(made) == ["two"]

    def test_anti_actions_run_when_it_does_not_hold_and_end_the_hunt(self, plan):
        first = extension(condition("^8", act("one") + act("anti", tag="anti-action")))
        assert names(plan(first + extension(condition("9", act("two"))))) == ["anti"]

    @pytest.mark.parametrize(
        ("first", "word", "expected"),
        [
            ("9", "on-false", ["first", "second"]),
            ("8", "on-false", ["anti"]),
            ("9", "on-true", ["first"]),
            ("8", "on-true", ["anti", "second"]),
            ("9", "always", ["first"]),
            ("8", "always", ["anti"]),
            ("9", "never", ["first", "second"]),
            ("8", "never", ["anti", "second"]),
        ],
    )
    def test_break(self, plan, first, word, expected):
        inside = act("first") + act("anti", tag="anti-action")
        made = plan(
            extension(condition(f"^{first}", inside, f'break="{word}"'), condition("9", act("second")))
        )
        assert names(made) == expected

    def test_an_unknown_context(self, plan):
        route = plan("").route("nowhere", {}.get)
        assert (route.context_found, route.actions) == (False, ())

    def test_the_context_global_stands_in(self, plan):
        made = plan(extension(condition("9", act("echo"))), context="global")
        assert names(made) == ["echo"]

    def test_inline_actions_run_while_hunting(self, plan):
        variables = {"destination_number": "9"}
        made = plan(
            extension(
                condition("9", '<action application="set" data="a=1" inline="true"/>'),
                attributes='continue="1"',
            )
            + extension(condition("^1$", act("echo"), field="${a}"))
        )
        route = made.route(
            "default", variables.get, run_inline=lambda action: variables.update([action.data.split("=")])
        )
        assert [action.application for action in route.actions] == ["echo"]

    def test_the_steps_can_be_followed(self, plan):
        steps: list[str] = []
        made = plan(extension(condition("^9$", act("echo")), attributes='name="test"'))
        made.route("default", {"destination_number": "9"}.get, trace=steps.append)
        assert steps == [
            "parsing [default->test] continue=false",
            "Regex (PASS) [test] destination_number =~ /^9$/ break=on-false",
            "Action echo()",
        ]


class TestNestedAndCombined:
    def test_nested_conditions_come_after_the_outer_actions(self, plan):
        made = plan(extension(condition("9", condition("1", act("inner")) + act("outer"))))
        assert names(made) == ["outer", "inner"]

    def test_a_nested_failure_fails_the_outer_one(self, plan):
        first = extension(condition("9", condition("^8", act("inner"))))
        assert names(plan(first + extension(condition("9", act("next"))))) == ["next"]

    def test_unless_it_is_not_required(self, plan):
        first = extension(condition("9", act("outer") + condition("^8", act("x")), 'require-nested="false"'))
        assert names(plan(first + extension(condition("9", act("next"))))) == ["outer"]

    @pytest.mark.parametrize(
        ("rule", "number", "holds"),
        [
            ("all", "12", True),
            ("all", "1", False),
            ("any", "2", True),
            ("any", "3", False),
            ("xor", "1", True),
            ("xor", "12", False),
        ],
    )
    def test_several_expressions(self, plan, rule, number, holds):
        tests = "".join(f'<regex field="destination_number" expression="({each})"/>' for each in "12")
        made = plan(extension(f'<condition regex="{rule}">{tests}{act("echo")}</condition>'))
        assert names(made, number) == (["echo"] if holds else [])

    def test_conditions_on_the_time_never_hold_for_now(self, plan, caplog):
        made = plan(extension(f'<condition wday="2-6" hour="9-18">{act("echo")}</condition>'))
        assert names(made) == []
        assert "not supported in this version" in caplog.text


class TestErrors:
    @pytest.mark.parametrize(
        "text",
        [
            condition("^(9"),
            condition("/9/q"),
            condition("9", attributes='break="sometimes"'),
            condition("9", "<action/>"),
            '<condition regex="most"/>',
        ],
    )
    def test_name_file_and_line(self, plan, text):
        with pytest.raises(ConfigurationError, match=r"freeswitch.xml:2: "):
            plan(extension(text))


VARIABLES = {
    "name": "Ringthru",
    "which": "name",
    "list": "ARRAY::a|:b|:c",
    "evil": "${name}",
    "strftime(%H:%M)": "12:30",
    "sofia_contact(*/1000@d)": "error/user_not_registered",
    "user": "1000",
}


class TestExpand:
    @pytest.mark.parametrize(
        ("text", "result"),
        [
            ("plain", "plain"),
            ("a ${name} b", "a Ringthru b"),
            ("$${name}", "Ringthru"),
            ("${nobody}", ""),
            ("${name:4}", "thru"),
            ("${name:-4}", "thru"),
            ("${name:0:4}", "Ring"),
            ("${name:0:-4}", "Ring"),
            ("${name:1:3}", "ing"),
            ("${name:99}", ""),
            ("${list[1]}", "b"),
            ("${list[9]}", ""),
            ("${name[0]}", "Ringthru"),
            ("${${which}}", "Ringthru"),
            ("${strftime(%H:%M)}", "12:30"),
            ("${sofia_contact(*/${user}@d)}", "error/user_not_registered"),
            ("${unknown(x)}", ""),
            ("${evil}", "${name}"),
            (r"\${name}", "${name}"),
            ("${name", "${name"),
            ("cost $5 and $", "cost $5 and $"),
            ("{x}", "{x}"),
        ],
    )
    def test_every_form(self, text, result):
        assert expand(text, VARIABLES.get) == result

    def test_a_result_has_an_end(self):
        assert len(expand("${a}" * 1000, {"a": "x" * 1000}.get)) == 65536

    @given(st.text(alphabet="${}:[]()-\\0129anme ", max_size=80))
    def test_any_text_has_a_result(self, text):
        assert isinstance(expand(text, {"name": "Ringthru", "a": "${a}"}.get), str)

    @given(st.text(max_size=60).filter(lambda text: "$" not in text))
    def test_text_without_a_dollar_is_left_alone(self, text):
        assert expand(text, VARIABLES.get) == text

    def test_deep_nesting_ends(self):
        assert isinstance(expand("${" * 2000 + "}" * 2000, {}.get), str)
