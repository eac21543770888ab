"""Answers that look like success and are none: rows HT12, HT19, HT20, DE18; each is counted."""

from __future__ import annotations

import pytest

from ringthru.portmap.values import MappingState
from ringthru.portmap.wire.http import Response

GATEWAY = "192.168.1.1"
HTML = b"<!DOCTYPE html><html><head><title>Router</title></head><body>OK, done!</body></html>"
FOUND = f"HTTP/1.1 200 OK\r\nLOCATION: http://{GATEWAY}:5000/d.xml\r\n\r\n".encode()


def answers(words, page: Response):
    """What a gateway says to each request: the truth until a mapping is asked for, then ``page``."""

    def answer(data: bytes) -> Response:
        if data.startswith(b"GET"):
            return words.page(words.description())
        if b"GetExternalIPAddress" in data:
            return words.success("GetExternalIPAddress", NewExternalIPAddress="11.0.113.1")
        return page

    return answer


@pytest.mark.parametrize(
    ("page", "counter"),
    [
        pytest.param(Response(200, HTML), "pages for people", id="HT12-html"),
        pytest.param(Response(200, b"\r\n" + HTML.lower()), "pages for people", id="HT12-blank-line"),
        pytest.param(Response(302, b""), "redirects not followed", id="HT19"),
        pytest.param(Response(200, b""), None, id="empty"),
        pytest.param(Response(200, b"<AddPortMappingResponse"), None, id="cut"),
        pytest.param(Response(200, b"<a><!-- <AddPortMappingResponse/> --></a>"), None, id="comment"),
        pytest.param(Response(200, b"<a>&lt;AddPortMappingResponse/&gt;</a>"), None, id="escaped"),
        pytest.param(Response(200, b"<AddPortMapping><x/></AddPortMapping>"), None, id="echoed"),
        pytest.param(
            Response(200, b"<!DOCTYPE a [<!ENTITY b 'c'>]><AddPortMappingResponse/>"), None, id="DE18-DTD"
        ),
    ],
)
def test_only_the_response_element_makes_a_mapping(attacked, words, page, counter):
    answer = answers(words, page)
    attacked.engine.pmp_refused(attacked.now)
    attacked.hear(FOUND)
    requests = 0
    for _ in range(200):
        for request in attacked.engine.http_to_send():
            assert request.ask.endpoint.host == GATEWAY
            requests += 1
            attacked.engine.receive_http(request.number, answer(request.ask.data), attacked.now)
        attacked.now += 0.5
        attacked.engine.handle_timeout(attacked.now)
    (mapping,) = attacked.engine.snapshot(attacked.now).mappings
    assert mapping.state is not MappingState.ACCEPTED
    assert mapping.external_port is None
    assert mapping.attempts
    assert requests < 80  # in a hundred seconds: it is not asked for ever
    if counter is not None:
        assert attacked.counters[counter] >= 1
        assert attacked.said("nobody goes there") + attacked.said("where XML was asked for") == 1


@pytest.mark.parametrize(
    ("row", "counter", "is_used"),
    [
        ("SD20", "search answers beyond those looked at", True),
        ("SD21", "refused search answers", True),
        ("HT12", "pages for people", True),
        ("HT19", "redirects not followed", False),
        ("HT20", "HTTP answers timeout", False),
        ("DE18", "HTTP answers broken", False),
    ],
)
def test_each_hostile_row_is_counted_and_no_false_claim_is_made(row, counter, is_used, world_of, is_mapped):
    world = world_of(row)
    world.gateways[0].seed_foreign(2)
    world.run(300)
    assert dict(world.engine.snapshot(world.now).counters).get(counter)
    assert is_mapped(world) is is_used
    assert {each.peer.host for each in world.records.requests("http")} == {GATEWAY}
    assert world.verdicts() == []
