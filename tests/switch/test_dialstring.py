"""Dial strings as FreeSWITCH users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.switch.dialing.dialstring import (
    LONGEST,
    MOST_LEGS,
    BadDialString,
    Branch,
    Destination,
    assignments,
    harmless,
    parse_dial_string,
    truth,
)


def groups(text: str) -> list[list[tuple[str, str, dict[str, str]]]]:
    (branch,) = parse_dial_string(text).branches
    return [[(leg.endpoint, leg.address, dict(leg.variables)) for leg in group] for group in branch.groups]


def one(text: str) -> Destination:
    ((only,),) = parse_dial_string(text).branches[0].groups
    return only


class TestLegs:
    @pytest.mark.parametrize(
        ("text", "meant"),
        [
            ("user/1000", [["user/1000"]]),
            ("user/105@default", [["user/105@default"]]),
            ("USER/1000", [["user/1000"]]),
            (" user/1 , user/2 | error/user_busy ", [["user/1", "user/2"], ["error/user_busy"]]),
            ("user/1||user/2", [["user/1"], ["user/2"]]),
            (
                "sofia/internal/sip:9196@127.0.0.1:5080;transport=udp",
                [["sofia/internal/sip:9196@127.0.0.1:5080;transport=udp"]],
            ),
            ("sofia/internal/9196@[::1]:5060,user/2", [["sofia/internal/9196@[::1]:5060", "user/2"]]),
            ("sofia/gateway/itsp/'1,2'", [["sofia/gateway/itsp/1,2"]]),
            (r"sofia/gateway/itsp/1\,2", [["sofia/gateway/itsp/1,2"]]),
            ("loopback/app=playback(a,b)/default", [["loopback/app=playback(a,b)/default"]]),
            ("user/o'neil,user/d'arc", [["user/o'neil", "user/d'arc"]]),
            ("user/1)", [["user/1)"]]),
        ],
    )
    def test_together_in_order_quoted_and_bracketed(self, text, meant):
        assert [[f"{leg[0]}/{leg[1]}" for leg in group] for group in groups(text)] == meant

    def test_independent_branches(self):
        parsed = parse_dial_string("<a=1>{b=2}user/1|user/2:_:{b=3}[c=4]user/3")
        assert parsed.variables == {"a": "1"}
        assert parsed.branches == (
            Branch(
                (
                    (Destination("user", "1", {"a": "1", "b": "2"}),),
                    (Destination("user", "2", {"a": "1", "b": "2"}),),
                ),
                {"a": "1", "b": "2"},
            ),
            Branch(((Destination("user", "3", {"c": "4", "a": "1", "b": "3"}),),), {"a": "1", "b": "3"}),
        )


class TestVariables:
    @pytest.mark.parametrize(
        ("text", "variables"),
        [
            ("{a=1,b='x,y'}[c=3]user/1", {"a": "1", "b": "x,y", "c": "3"}),
            ("{a=1}{b=2}user/1", {"a": "1", "b": "2"}),
            ("[a=1][b=2]user/1", {"a": "1", "b": "2"}),
            ("<a=1>user/1", {"a": "1"}),
            ("{^^:a=1,2:b=3}user/1", {"a": "1,2", "b": "3"}),
            ("[^^!a=1,2!b=3]user/1", {"a": "1,2", "b": "3"}),
            ("<^^;a=1,2;b=3>user/1", {"a": "1,2", "b": "3"}),
            (r"{a=1\,2,b=it\'s\swell}user/1", {"a": "1,2", "b": "it's well"}),
            (r"{a=C:\temp}user/1", {"a": r"C:\temp"}),
            ("{a=O'Neil,b='x'}user/1", {"a": "O'Neil", "b": "x"}),
            ("{a='x}user/1", {"a": "'x"}),
            ("[a='x]y']user/1", {"a": "x]y"}),
            ("{a={b}}user/1", {"a": "{b}"}),
            ("{a=b=c, d = e }user/1", {"a": "b=c", "d": "e"}),
            ("{a,=b,c=}user/1", {"c": ""}),
            ("{}user/1", {}),
            ("{a=1}[a=2]user/1", {"a": "1"}),
            ("{local_var_clobber=true,a=1}[a=2]user/1", {"local_var_clobber": "true", "a": "2"}),
            ("<a=1>{a=2}user/1", {"a": "2"}),
        ],
    )
    def test_of_one_leg(self, text, variables):
        assert one(text).variables == variables

    def test_those_in_brackets_are_one_legs_only(self):
        first, second = groups("[a=1]user/1,[b=2]user/2")[0]
        assert (first[2], second[2]) == ({"a": "1"}, {"b": "2"})

    @pytest.mark.parametrize(
        ("word", "is_true"), [("true", 1), ("YES", 1), ("2", 1), ("0", 0), ("no", 0), ("", 0)]
    )
    def test_what_switches_something_on(self, word, is_true):
        assert truth(word) is bool(is_true)
        assert not truth(None)


class TestNonsense:
    @pytest.mark.parametrize(
        "text",
        ["", "  ", "|", ":_:", "1000", "/1000", "{a=1", "<a=1", "user/1,,user/2", "[x=1user/1", "user/1(2"],
    )
    def test_is_refused_in_words(self, text):
        with pytest.raises(BadDialString, match=r"\w"):
            parse_dial_string(text)

    def test_too_much_is_refused(self):
        with pytest.raises(BadDialString, match="most"):
            parse_dial_string("user/1" + "x" * LONGEST)
        with pytest.raises(BadDialString, match="most"):
            parse_dial_string(",".join(["user/1"] * (MOST_LEGS + 1)))

    @given(st.text(max_size=200))
    def test_nothing_else_ever_comes_out(self, text):
        try:
            parse_dial_string(text)
        except BadDialString:
            pass

    @given(st.text(alphabet="{}[]<>()'|,\\:_^=/a1 ", max_size=120))
    def test_nor_of_text_that_looks_like_one(self, text):
        try:
            parsed = parse_dial_string(text)
        except BadDialString:
            return
        assert all(leg.endpoint for each in parsed.branches for group in each.groups for leg in group)

    @pytest.mark.parametrize("piece", ["'", "/'", "\\", "{", "[", "(", "<", "}", ":_:", "{a='", "=',", "|'"])
    def test_the_worst_of_it_ends_at_once(self, piece):
        """Linear: the longest text takes no more steps per character than a short one."""
        try:
            parse_dial_string("user/1" + piece * (LONGEST // len(piece) - 6))
        except BadDialString:
            pass


@given(st.text(min_size=1).filter(lambda words: words == words.strip()))
def test_what_somebody_else_wrote_stays_one_leg(words):
    assert groups(f"user/{harmless(words)}") == [[("user", harmless(words), {})]]


@given(st.text(min_size=1).filter(lambda words: words == words.strip()))
def test_and_one_value(words):
    assert assignments(f"a={harmless(words)},b=1") == {"a": harmless(words), "b": "1"}
