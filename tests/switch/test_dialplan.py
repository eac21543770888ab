"""The XML dialplan's hunt, and run-time variables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.switch.configuration import Action, ConfigurationError, Dialplan, expand, load_tree
from ringthru.switch.configuration.expressions import Expression, compile_expression, may_explode

NOON = datetime(2026, 11, 25, 12, 30, 15, tzinfo=UTC)  # a Wednesday


def noon() -> datetime:
    return NOON


@pytest.fixture
def plan(tmp_path: Path):
    def run(extensions: str, context: str = "default") -> Dialplan:
        text = f'<section name="dialplan"><context name="{context}">\n{extensions}\n</context></section>'
        (tmp_path / "freeswitch.xml").write_text(f"<document>{text}</document>")
        return Dialplan.read(load_tree(tmp_path, {}, {}).tree)

    return run


def actions(plan: Dialplan, number: str = "9196", now: datetime = NOON, **fields: str) -> tuple[Action, ...]:
    return plan.route("default", {"destination_number": number, **fields}.get, lambda: now).actions


def names(plan: Dialplan, number: str = "9196", now: datetime = NOON, **fields: str) -> list[str]:
    return [action.application for action in actions(plan, number, now, **fields)]


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
        (found,) = actions(plan(extension(condition(r"^(\d)(\d+)$", action))))
        assert found.data == "user/9@196-9196-"

    def test_without_a_group_the_data_stays_as_written(self, plan):
        (found,) = actions(plan(extension(condition("9", '<action application="set" data="a=$1"/>'))))
        assert found.data == "a=$1"

    @pytest.mark.parametrize(("loop", "rounds"), [("", 1), ('loop="3"', 3), ('loop="-1"', -1)])
    def test_how_often_an_action_is_run(self, plan, loop, rounds):
        (found,) = actions(plan(extension(condition("9", f'<action application="playback" {loop}/>'))))
        assert found.loops == rounds

    def test_run_time_variables_are_left_for_later(self, plan):
        action = '<action application="bridge" data="user/${destination_number}"/>'
        (found,) = actions(plan(extension(condition("9", action))))
        assert found.data == "user/${destination_number}"

    def test_data_may_be_the_elements_text(self, plan):
        action = '<action application="log">INFO $1</action>'
        (found,) = actions(plan(extension(condition("(9)", action))))
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
        route = plan("").route("nowhere", {}.get, noon)
        assert route.actions == ()

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
            "default",
            variables.get,
            noon,
            run_inline=lambda action: variables.update([action.data.split("=")]),
        )
        assert [action.application for action in route.actions] == ["echo"]

    def test_the_steps_can_be_followed(self, plan):
        steps: list[str] = []
        made = plan(extension(condition("^9$", act("echo")), attributes='name="test"'))
        made.route("default", {"destination_number": "9"}.get, noon, trace=steps.append)
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

    def test_the_captures_of_every_expression_can_be_had(self, plan):
        tests = (
            '<regex field="destination_number" expression="^(.)(.)"/><regex field="a" expression="(x)?y"/>'
        )
        made = plan(extension(f'<condition regex="all">{tests}{act("echo")}</condition>'))
        route = made.route("default", {"destination_number": "12", "a": "y"}.get, noon)
        assert route.variables == {"DP_REGEX_MATCH_1": "ARRAY::12|:1|:2", "DP_REGEX_MATCH_2": "ARRAY::y|:"}

    def test_and_a_later_condition_may_ask_for_them(self, plan):
        first = '<condition regex="all"><regex field="destination_number" expression="^(.)"/></condition>'
        made = plan(extension(first, condition("^9$", act("echo"), field="${DP_REGEX_MATCH_1[1]}")))
        assert names(made, "9196") == ["echo"]
        assert names(made, "8") == []

    def test_expressions_and_texts_may_be_elements(self, plan):
        inside = f"<expression><![CDATA[^(?<n>9)]]></expression>{act('echo')}"
        made = plan(extension(f'<condition field="destination_number">{inside}</condition>'))
        assert names(made) == ["echo"]


class TestTime:
    """The attributes of a condition that look at the clock: Wednesday 2026-11-25 12:30:15 UTC."""

    @pytest.mark.parametrize(
        ("attributes", "holds"),
        [
            ('year="2026"', True),
            ('year="2020-2025"', False),
            ('yday="329"', True),
            ('yday="1-328"', False),
            ('mon="11"', True),
            ('mon="oct-dec"', True),
            ('mon="January"', False),
            ('mday="25"', True),
            ('mday="1-24,26"', False),
            ('week="47"', True),
            ('week="48"', False),
            ('mweek="4"', True),
            ('mweek="5"', False),
            ('wday="4"', True),
            ('wday="mon-fri"', True),
            ('wday="sat,sun"', False),
            ('wday="fri-mon"', False),
            ('wday="tue-thu,sun"', True),
            ('hour="9-18"', True),
            ('hour="18-9"', False),
            ('hour="22-12"', True),
            ('minute="30"', True),
            ('minute="0-29,31-59"', False),
            ('minute-of-day="751"', True),
            ('minute-of-day="1-750"', False),
            ('time-of-day="09:00-18:00"', True),
            ('time-of-day="12:30:15-12:30:15"', True),
            ('time-of-day="18:00-09:00"', False),
            ('time-of-day="08:00-09:00, 12:00-13:00"', True),
            ('date-time="2026-11-25 12:00~2026-11-25 13:00"', True),
            ('date-time="2026-12-24 00:00:00~2026-12-26 23:59:59"', False),
            ('date-time="2026-11-25~2026-11-26"', True),
            ('wday="wed" hour="12"', True),
            ('wday="wed" hour="13"', False),
            ('hour="7" tz-offset="-5"', True),
            ('hour="8" tz-offset="-5" dst="true"', True),
            ('hour="18" minute="0" tz-offset="5.5"', True),
            ('wday="thu" tz-offset="13"', True),
        ],
    )
    def test_holds_or_does_not(self, plan, attributes, holds):
        made = plan(extension(f"<condition {attributes}>{act('echo')}</condition>"))
        assert names(made) == (["echo"] if holds else [])

    def test_the_machines_own_zone_counts_where_none_is_named(self, plan):
        made = plan(extension(f'<condition hour="14">{act("echo")}</condition>'))
        assert names(made, now=NOON.astimezone(timezone(timedelta(hours=2)))) == ["echo"]

    def test_a_field_beside_it_must_match_too(self, plan):
        made = plan(extension(condition("^9", act("echo") + act("closed", tag="anti-action"), 'hour="12"')))
        assert names(made, "9196") == ["echo"]
        assert names(made, "8") == ["closed"]
        assert names(made, "9196", now=NOON + timedelta(hours=1)) == ["closed"]

    def test_it_may_be_one_of_several(self, plan):
        tests = '<regex wday="sat-sun"/><regex field="destination_number" expression="^9"/>'
        made = plan(extension(f'<condition regex="any">{tests}{act("echo")}</condition>'))
        assert names(made, "9") == ["echo"]
        assert names(made, "8") == []
        assert names(made, "8", now=NOON + timedelta(days=3)) == ["echo"]


class TestSlowExpressions:
    """A stranger chooses the text: no expression may keep the switch from its other calls."""

    @pytest.mark.parametrize(
        "expression",
        [
            r"^(\d+)+$",
            r"^(a|a?)+$",
            r"^(.*a){12}$",
            r"(x+x+)+y",
            r"^(\w|\d|_)*!$",
            r".*.*.*.*.*.*=",
            r"(.*)\1\1\1x",
            r"^((1|1)*|2)*x",
        ],
    )
    def test_those_that_can_explode_are_held_to_a_time(self, expression):
        assert may_explode(expression)
        compiled = compile_expression(expression)
        assert compiled.guarded
        assert compiled.search("1" * 255 + "!") is None or expression.endswith("!$")

    @pytest.mark.parametrize(
        "expression",
        [
            r"^(9196|9996)$",
            r"^(10[01][0-9])$",
            r"^\+?1?(\d{10})$",
            r"^(?:sip:)?(.*)@(.*)$",
            r"^[^*+(]+$",
            r"^\(a\)+",
            r"^(ab){2,3}",
            r"^([0-9]{2})+$",
        ],
    )
    def test_those_that_people_write_are_not(self, expression):
        assert not may_explode(expression)

    def test_what_takes_too_long_does_not_match_and_is_told(self, caplog):
        class Slow:
            def search(self, text, timeout):
                raise TimeoutError

        assert Expression("^x$", Slow(), True).search("x") is None
        assert "takes too long over 'x'" in caplog.text


class TestErrors:
    @pytest.mark.parametrize(
        "text",
        [
            condition("^(9"),
            condition("/9/q"),
            condition("9", attributes='break="sometimes"'),
            condition("9", "<action/>"),
            '<condition regex="most"/>',
            '<condition regex="all"/>',
            '<condition hour="25"/>',
            '<condition wday="someday"/>',
            '<condition time-of-day="9-18"/>',
            '<condition date-time="christmas"/>',
            '<condition hour="1" tz-offset="far"/>',
            condition("9", '<action application="echo" loop="0"/>'),
            condition("9", '<action application="echo" loop="often"/>'),
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

    @pytest.mark.parametrize("piece", ["${", "$", "{", "}", "${}", "$${", "\\$", "${a}", "${a:"])
    def test_the_worst_of_it_ends_at_once(self, piece):
        """Linear: a text of unclosed braces is not looked through once for each of them."""
        assert isinstance(expand(piece * (200_000 // len(piece)), {"a": "b"}.get), str)

    def test_deep_nesting_ends(self):
        assert isinstance(expand("${" * 2000 + "}" * 2000, {}.get), str)
