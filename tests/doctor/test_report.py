"""The page that people hand on: escaped, and without the names of users."""

from __future__ import annotations

from ringthru.doctor.finding import Finding, Status, fail, ok, unknown, worst_of
from ringthru.doctor.html_report import redacted, to_html


def test_what_came_from_the_network_is_escaped_and_cannot_turn_the_text_round():
    page = to_html([fail("trunk.<b>", "<script>alert(1)</script> \u202egnp", "a & b", "")], "at <here>")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\u202e" not in page
    assert "at &lt;here&gt;" in page
    assert "trunk.&lt;b&gt;" in page


def test_it_loads_nothing_from_anywhere():
    page = to_html([ok("host.addr", "well")], "here")
    assert "http" not in page
    assert "src=" not in page


def test_users_get_numbers_and_keep_them():
    one, other = redacted(
        [ok("phones", "1000@pbx.example, 1001@pbx.example"), ok("calls", "sofia/internal/1001@pbx.example")]
    )
    assert one.evidence == "user-1@pbx.example, user-2@pbx.example"
    assert other.evidence == "sofia/internal/user-2@pbx.example"


def test_the_worst_decides_and_what_is_unknown_is_no_failure():
    assert worst_of([]) is Status.OK
    assert worst_of([ok("a", ""), unknown("b", "")]) is Status.UNKNOWN
    assert worst_of([unknown("b", ""), Finding("c", Status.WARN, ""), fail("d", "", "", "")]) is Status.FAIL
    assert "as far as can be told" in to_html([unknown("b", "")], "here")
