"""RTP ports: even, with the odd neighbour, in the range (RFC 3550 §11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.media.engine.ports import PortBook
from ringthru.media.errors import LocalError, NoFreePorts


@given(st.integers(1, 65534), st.integers(1, 40), st.floats(0, 1, exclude_max=True))
def test_every_pair_is_even_within_the_range_and_comes_once(first, width, fraction):
    last = min(first + width, 65535)
    try:
        book = PortBook(first, last)
    except LocalError:
        assert last - first < 2  # no room for an even port and the next
        return
    ports = list(book.candidates("a", fraction))
    assert all(port % 2 == 0 and first <= port and port + 1 <= last for port in ports)
    assert len(set(ports)) == len(ports) == (last - first - first % 2 + 1) // 2


def test_the_search_starts_where_it_is_told():
    assert list(PortBook(20000, 20007).candidates("a", 0.5)) == [20004, 20006, 20000, 20002]


def test_a_port_taken_on_one_host_is_free_on_another():
    book = PortBook(20000, 20003)
    book.take("a", 20000)
    assert list(book.candidates("a", 0.0)) == [20002]
    assert list(book.candidates("b", 0.0)) == [20000, 20002]


def test_a_full_range_is_refused_in_words_and_free_again_afterwards():
    book = PortBook(20000, 20001)
    book.take("a", 20000)
    with pytest.raises(NoFreePorts, match="all 1 RTP port pairs of 20000–20001 on a are in use"):
        next(book.candidates("a", 0.0))
    book.give_back("a", 20000)
    book.give_back("a", 20000)
    assert next(book.candidates("a", 0.0)) == 20000


@pytest.mark.parametrize(("first", "last"), [(0, 10), (10, 5), (20001, 20002), (65535, 65536)])
def test_a_range_that_cannot_work_is_a_bad_setting(first, last):
    with pytest.raises(LocalError):
        PortBook(first, last)
