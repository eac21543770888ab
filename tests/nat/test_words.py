"""Words and layout: what a person reads, with handmade values for what no laboratory shows."""

from __future__ import annotations

import io
import json

import pytest

from ringthru.nat import shapes
from ringthru.nat.explaining import _tell
from ringthru.nat.mapping import judged
from ringthru.nat.output import Output
from ringthru.nat.watching import event_words
from ringthru.nat.words import Exit, address_words, clean, gateway_words, kind_sentence, place
from ringthru.net.address import AddressKind
from ringthru.net.spans import span
from ringthru.net.values import replace
from ringthru.portmap.events import MappingFell, MappingProven, NoGateway
from ringthru.portmap.snapshots import Attempt, Evidence, MapperSnapshot, MappingSnapshot
from ringthru.portmap.values import GatewayType, MappingState, Protocol, Rung

MAPPER = MapperSnapshot(
    GatewayType.UPNP,
    "192.168.1.1",
    "Acme R1",
    "203.0.113.5",
    "203.0.113.5",
    AddressKind.PUBLIC,
    True,
    True,
    (),
)
MAPPING = MappingSnapshot(
    Protocol.UDP, 5060, 5062, MappingState.ACCEPTED, False, True, 3590.0, "", rung=Rung.LISTED,
    evidence=(
        Evidence(Rung.ACCEPTED, True, "AddPortMapping: yes", 1.0),
        Evidence(Rung.LISTED, True, "192.168.1.5:5060, 3590 s left", 2.0),
        Evidence(Rung.REACHABLE, None, "no outside host is configured", 3.0),
    ),
    attempts=(
        Attempt(0.5, "AddPortMapping udp 5060", "718 ConflictInMappingEntry", "it is taken", "5062, now"),
    ),
    renews_in=1800.0,
)  # fmt: skip


def printed(write) -> str:
    out = io.StringIO()
    write(Output(out, io.StringIO()))
    return out.getvalue()


class TestExplaining:
    def test_each_attempt_in_four_lines(self):
        told = printed(lambda out: _tell(MAPPING, MAPPER, out))
        assert "1.  we asked      AddPortMapping udp 5060" in told
        assert "it answered   718 ConflictInMappingEntry" in told
        assert "which means   it is taken" in told
        assert "what follows  5062, now" in told

    def test_each_rung_with_its_evidence(self):
        told = printed(lambda out: _tell(MAPPING, MAPPER, out))
        rows = [line.split() for line in told.splitlines()]
        (listed,) = (row for row in rows if row[:2] == ["listed", "yes"])
        assert "192.168.1.5:5060," in listed
        (reachable,) = (row for row in rows if row[:1] == ["reachable"])
        assert reachable[1:3] == ["cannot", "tell"]
        assert reachable[-2:] == ["is", "configured"]

    def test_json_has_all_of_it(self):
        shown = shapes.mapping(MAPPING, "203.0.113.5")
        assert [each["holds"] for each in shown["evidence"]] == [True, True, None]
        assert shown["attempts"][0]["answer"] == "718 ConflictInMappingEntry"
        assert (shown["external_address"], shown["lifetime_left"]) == ("203.0.113.5", 3590)


class TestTheVerdict:
    def test_what_cannot_be_verified_has_not_failed(self):
        assert judged([MAPPING], MAPPER) is Exit.OK

    def test_what_the_table_does_not_show_is_not_done(self):
        gone = replace(MAPPING, evidence=(Evidence(Rung.LISTED, False, "714", 2.0),))
        assert judged([gone], MAPPER) is Exit.PARTLY

    def test_one_of_two(self):
        refused = replace(MAPPING, state=MappingState.REFUSED)
        assert judged([MAPPING, refused], MAPPER) is Exit.PARTLY
        assert judged([refused], MAPPER) is Exit.REFUSED

    def test_behind_another_nat(self):
        inner = replace(MAPPER, external_address=None, address_kind=AddressKind.SHARED)
        assert judged([MAPPING], inner) is Exit.PARTLY


def test_a_gateway_that_is_still_looked_for_is_not_said_to_be_missing():
    missing = MapperSnapshot(None, None, "", None, None, None, True, True, ())
    searching = replace(missing, verdict_known=False)
    assert (gateway_words(searching), gateway_words(missing)) == ("looking for one …", "none answers")
    assert address_words(missing) == "Nobody is there to tell it."


@pytest.mark.parametrize("kind", AddressKind)
def test_every_kind_of_address_has_a_sentence(kind):
    assert kind_sentence(replace(MAPPER, address_kind=kind))


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (MappingProven(Protocol.UDP, 5060, Rung.LISTED, "read back"), "udp 5060 is listed: read back"),
        (MappingFell(Protocol.UDP, 5060, Rung.LISTED, "714"), "udp 5060 is not listed any more: 714"),
        (NoGateway(), "no gateway answers; looking on"),
    ],
)
def test_an_event_is_a_line_and_an_object(event, words):
    assert event_words(event) == words
    assert json.loads(json.dumps(shapes.event(event, 12.5)))["event"] == type(event).__name__


def test_a_gateways_words_cannot_command_the_terminal():
    assert clean("Box\x1b[2J\nline") == "Box [2J line"


def test_spans_and_places():
    assert [span(7), span(3590), span(90000)] == ["7s", "59m 50s", "1d 1h"]
    assert [place("203.0.113.5", 5060), place("2001:db8::1", 5060), place(None, None)] == [
        "203.0.113.5:5060",
        "[2001:db8::1]:5060",
        "?:?",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestOutput:
    def test_in_a_pipe_columns_are_aligned_and_nothing_is_drawn(self):
        told = printed(lambda out: out.table(("a", "bb"), [("long cell", "x")]))
        assert told == "a          bb\nlong cell  x\n"

    def test_on_a_terminal_brackets_of_a_gateway_are_no_markup(self):
        out = Terminal()
        Output(out, io.StringIO()).table(("what",), [("[red]Box[/red]",)])
        assert "[red]Box[/red]" in out.getvalue()

    def test_a_picture_is_drawn_on_a_terminal_alone(self):
        out = Terminal()
        with Output(out, io.StringIO()).live() as draw:
            draw("udp 5060  203.0.113.5:5060")
        assert "203.0.113.5:5060" in out.getvalue()
        with Output(io.StringIO(), io.StringIO()).live() as draw:
            assert draw is None

    def test_a_spinner_says_what_is_waited_for_on_a_terminal_alone(self):
        for err, words in ((Terminal(), "looking for the gateway"), (io.StringIO(), "")):
            with Output(io.StringIO(), err).waiting("looking for the gateway"):
                pass
            assert words in err.getvalue()
            assert bool(err.getvalue()) == bool(words)

    def test_json_goes_alone_to_standard_output(self):
        out, err = io.StringIO(), io.StringIO()
        output = Output(out, err, as_json=True)
        output.say("text")
        output.table(("a",), [("b",)])
        output.note("remark")
        output.document({"exit": 0})
        assert json.loads(out.getvalue()) == {"exit": 0}
        assert err.getvalue() == ""
