"""Counters out of a query's answer, whatever it holds."""

from __future__ import annotations

import pytest

from ringthru.media.ng.messages import Message
from ringthru.media.ng.statistics import Counters, counters_of


def side(packets: object, octets: object) -> dict[str, object]:
    return {"medias": [{"streams": [{"stats": {"packets": packets, "bytes": octets}}]}]}


def test_what_each_side_took_in_without_the_headers_of_rtp():
    answer = Message("1", {"tags": {"outer": side(10, 1720), "inner": side(4, 688)}})  # type: ignore[dict-item]
    assert counters_of(answer) == Counters(10, 1600, 4, 640)


@pytest.mark.parametrize("tags", [None, [], {"outer": []}, {"outer": side(b"x", 1)}, {"outer": side(-1, 1)}])
def test_what_is_missing_is_nothing(tags):
    assert counters_of(Message("1", {"tags": tags})) == Counters(0, 0, 0, 0)
