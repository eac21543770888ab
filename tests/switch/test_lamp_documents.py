"""What lamps are told, as documents: RFC 4235's examples, and well-formed whatever peers call themselves."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.values import replace
from ringthru.switch.configuration import Domain, Position, User
from ringthru.switch.subscriptions import dialog_info, pidf
from ringthru.switch.subscriptions.markup import xml_text
from ringthru.switch.subscriptions.watched import Line, Watched

NS = {"d": "urn:ietf:params:xml:ns:dialog-info", "p": "urn:ietf:params:xml:ns:pidf"}
ALICE = "sip:alice@example.com"
TEXT = st.text(st.characters(), max_size=200)  # surrogates too: some names come as bytes that are no UTF-8
LINES = st.builds(
    Line,
    id=TEXT,
    state=st.sampled_from(["early", "confirmed"]),
    calls=st.booleans(),
    held=st.booleans(),
    other_name=TEXT,
    other_number=TEXT,
    hidden=st.booleans(),
    call_id=TEXT,
    local_tag=TEXT,
    remote_tag=TEXT,
)


def read(body: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(body)


def test_nobody_is_on_the_phone() -> None:
    """RFC 4235 §4.1: versions begin at 0; no dialog is there."""
    root = read(dialog_info.document(ALICE, 0, ()))
    assert root.tag == f"{{{NS['d']}}}dialog-info"
    assert (root.get("version"), root.get("state"), root.get("entity")) == ("0", "full", ALICE)
    assert len(root) == 0


def test_a_call_that_rings_can_be_replaced() -> None:
    """What RFC 4235 §4.1.1 asks of a dialog, as its called side has it."""
    line = Line(
        "zxcnm3",
        "early",
        other_name="Bob",
        other_number="bob",
        call_id="a84b4c76e66710",
        local_tag="8klkeo2",
        remote_tag="1928301774",
    )
    dialog = read(dialog_info.document(ALICE, 1, [line]))[0]
    assert dict(dialog.attrib) == {
        "id": "zxcnm3",
        "call-id": "a84b4c76e66710",
        "local-tag": "8klkeo2",
        "remote-tag": "1928301774",
        "direction": "recipient",
    }
    assert [each.tag.partition("}")[2] for each in dialog] == [
        "state",
        "local",
        "remote",
    ]  # the schema's order
    identity = dialog.find("d:remote/d:identity", NS)
    assert identity is not None
    assert (identity.text, identity.get("display")) == ("sip:bob@example.com", "Bob")


def test_what_is_over_is_told_once() -> None:
    one, other = Line("1", "confirmed"), Line("2", "early")
    states = [
        [(each.get("id"), each.findtext("d:state", namespaces=NS)) for each in read(document)]
        for document in (
            dialog_info.document(ALICE, 2, [one], before=[one, other]),
            dialog_info.document(ALICE, 3, [], before=[one]),
            dialog_info.document(ALICE, 4, []),
        )
    ]
    assert states == [[("1", "confirmed"), ("2", "terminated")], [("1", "terminated")], []]


def test_an_ipv6_entity_keeps_its_brackets() -> None:
    line = Line("1", "confirmed", other_number="1002")
    root = read(dialog_info.document("sip:1000@[2001:db8::1]", 0, [line]))
    assert root.findtext("d:dialog/d:remote/d:identity", namespaces=NS) == "sip:1002@[2001:db8::1]"


def test_who_hides_is_not_named() -> None:
    line = Line("1", "confirmed", other_name="Bob", other_number="4711", hidden=True)
    body = dialog_info.document(ALICE, 0, [line])
    assert b"Bob" not in body
    assert b"4711" not in body


@given(TEXT, st.lists(LINES, max_size=3), st.lists(LINES, max_size=3))
def test_whatever_peers_say_it_is_well_formed(entity: str, lines: list[Line], before: list[Line]) -> None:
    root = read(dialog_info.document(entity, 7, lines, before))
    assert all(len(each.get("id") or "") <= 128 for each in root)


@given(LINES)
def test_a_name_is_that_name(line: Line) -> None:
    """Nothing that it holds becomes markup, and what XML can hold is kept."""
    shown = replace(line, state="confirmed", hidden=False, other_number="1")
    identity = read(dialog_info.document(ALICE, 0, [shown])).find("d:dialog/d:remote/d:identity", NS)
    assert identity is not None
    printable = "".join(each for each in line.other_name if each.isprintable())
    if printable == line.other_name and len(printable) <= 128:
        assert (identity.get("display") or "") == line.other_name


@given(st.text(max_size=400))
def test_text_is_bounded(text: str) -> None:
    assert len(ElementTree.fromstring(f"<a>{xml_text(text)}</a>").text or "") <= 128


HOUSE = Domain("Example.com", {"Bob": User("Bob", "Example.com", Position(Path(), 1), {}, {})}, {}, {}, {})


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("bob", Watched("example.com", "bob", address="Bob@Example.com")),
        ("6001", Watched("example.com", "6001")),
        ("park+6001", Watched("example.com", "6001", "park")),
        ("PARK+House", Watched("example.com", "house", "park")),
        ("conf+bob", Watched("example.com", "bob", "conf")),
        ("+4930123", Watched("example.com", "+4930123")),
        ("a+b", Watched("example.com", "a+b")),
        ("park+", None),
        ("", None),
        ("x" * 65, None),
        ("a\nb", None),
    ],
)
def test_names_of_what_is_watched(text: str, read: Watched | None) -> None:
    assert Watched.read(text, HOUSE) == read


@given(st.text(max_size=80))
def test_any_name_is_read_or_refused(text: str) -> None:
    found = Watched.read(text, HOUSE)
    assert found is None or (found.name and len(found.name) <= 64 and found.kind in ("", "park", "conf"))


def test_presence_is_open_or_closed() -> None:
    for status, basic in ((pidf.AWAY, "closed"), (pidf.THERE, "open"), (pidf.TALKING, "open")):
        root = read(pidf.document(ALICE, status))
        assert root.tag == f"{{{NS['p']}}}presence"
        assert root.get("entity") == ALICE
        assert root.findtext("p:tuple/p:status/p:basic", namespaces=NS) == basic
        assert root.findtext("p:tuple/p:note", namespaces=NS) == status.note
        assert (b"on-the-phone" in pidf.document(ALICE, status)) is status.busy
