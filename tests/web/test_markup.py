"""Whatever peers say stands in a page as text, and never as markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.web.markup import LONGEST_TEXT, Html, at_rest, element, escaped, joined, since, table, until

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</td></tr></table>",
    "&lt;b&gt;",
    "<!--",
    "]]>",
)


class Reader(HTMLParser):
    """What a browser would make of it: elements with their attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    read = Reader(element("p", text, title=text))
    assert read.elements == [("p", {"title": text})]
    assert read.text == text


@given(st.text(max_size=100))
def test_any_text_makes_one_element_and_nothing_else(text: str) -> None:
    read = Reader(element("td", text, data_head=text))
    assert [name for name, _ in read.elements] == ["td"]
    assert list(read.elements[0][1]) == ["data-head"]


def test_what_would_steer_a_screen_is_shown() -> None:
    assert escaped("a\u202eb\x1b[2Jc\nd") == "a\\u202eb\\x1b[2Jc\\x0ad"


def test_a_text_without_end_is_cut() -> None:
    assert len(escaped("x" * 10_000)) == LONGEST_TEXT


def test_only_what_was_made_here_passes_as_it_is() -> None:
    assert joined(element("b", "<"), "<", None, "") == "<b>&lt;</b>&lt;"
    assert str(Html("<b>")) + "<i>" == "<b><i>"
    assert type(Html("<b>") + "<i>") is str  # what is added to is plain text again, and will be escaped


def test_attributes_that_are_off_are_left_out() -> None:
    assert element("input", hidden=True, required=False, value=None) == "<input hidden>"


def test_a_table_names_its_columns_and_rows() -> None:
    read = Reader(table("Ports", ("Port", "State"), [("5060", "open")]))
    scopes = [attributes.get("scope") for name, attributes in read.elements if name == "th"]
    assert scopes == ["col", "col", "row"]
    assert "caption" in [name for name, _ in read.elements]
    assert table("Ports", ("Port",), []) == ""


def test_times_go_on_by_themselves_and_are_no_change() -> None:
    early = joined(since(1000.0, 1060.0), until(2000.0, 1060.0), "x")
    late = joined(since(1000.0, 1061.0), until(2000.0, 1061.0), "x")
    assert early != late
    assert at_rest(early) == at_rest(late)
    assert at_rest(early) != at_rest(joined(since(1001.0, 1060.0), until(2000.0, 1060.0), "x"))
