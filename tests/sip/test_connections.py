"""The book of connections: which one a message takes, and how many may come."""

from __future__ import annotations

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip.flow import Flow
from ringthru.sip.transport.connections import ConnectionBook, ConnectionLimits

US = Endpoint("127.40.9.1", 5060)
PHONE = Endpoint("127.40.9.2", 40000)
LIMITS = ConnectionLimits(per_source=3, total=5, opened=2, unproven_per_source=2, unread=1000)


@pytest.fixture
def book() -> ConnectionBook:
    return ConnectionBook(LIMITS)


def flow(remote: Endpoint = PHONE, connection: int = 0, name: str = "", transport: str = "TCP") -> Flow:
    return Flow(transport, US, remote, connection, name)


class TestWhichOne:
    """RFC 3261 §18.2.2, RFC 5626 §4.3: back on the connection it came over, and reused both ways."""

    def test_the_flows_own_while_it_is_open(self, book):
        first, second = book.add("TCP", PHONE), book.add("TCP", Endpoint("127.40.9.2", 40001))
        listening = Endpoint("127.40.9.2", 5060)
        assert book.find(flow(listening, second)) == second
        book.remove(second)
        assert book.find(flow(listening, second)) is None
        assert book.find(flow(PHONE, second)) == first

    def test_a_number_is_never_used_again(self, book):
        first = book.add("TCP", PHONE)
        book.remove(first)
        assert book.add("TCP", PHONE) != first

    def test_tcp_is_not_tls(self, book):
        number = book.add("TCP", PHONE)
        assert book.find(flow(transport="TLS")) is None
        assert book.find(flow(connection=number, transport="TLS")) is None

    def test_what_a_stranger_opened_stands_for_no_domain(self, book):
        """RFC 5922: a connection proves the name it was opened for, and no other."""
        book.add("TLS", PHONE)
        assert book.find(flow(transport="TLS", name="provider.example")) is None
        ours = book.add("TLS", PHONE, "provider.example", opened_by_us=True)
        assert book.find(flow(transport="TLS", name="provider.example")) == ours

    def test_the_newest_of_two_and_the_older_when_it_is_gone_is_not_guessed(self, book):
        book.add("TCP", PHONE)
        newer = book.add("TCP", PHONE)
        assert book.find(flow()) == newer
        book.remove(newer)
        assert book.find(flow()) is None


class TestHowMany:
    def test_silent_ones_of_one_source(self, book):
        for port in (1, 2):
            assert book.room_for("192.0.2.1") is None
            number = book.add("TCP", Endpoint("192.0.2.1", port))
        assert "said nothing" in book.room_for("192.0.2.1")
        assert book.room_for("192.0.2.2") is None
        book.note(number, proven=True, unread=0)
        assert book.room_for("192.0.2.1") is None
        assert book.refused == 1

    def test_all_of_one_source(self, book):
        for port in (1, 2, 3):
            book.note(book.add("TCP", Endpoint("192.0.2.1", port)), proven=True, unread=0)
        assert "of 192.0.2.1 are open" in book.room_for("192.0.2.1")

    def test_all(self, book):
        for number in range(5):
            assert book.room_for(f"192.0.2.{number}") is None
            book.add("TCP", Endpoint(f"192.0.2.{number}", 1))
        assert "5 connections" in book.room_for("192.0.2.9")
        assert book.room_to_open("192.0.2.9") is None, "strangers at the door do not keep us from calling out"

    def test_ours(self, book):
        for port in (1, 2):
            assert book.room_to_open("192.0.2.1") is None
            book.add("TCP", Endpoint("192.0.2.1", port), opened_by_us=True)
        assert "of ours" in book.room_to_open("192.0.2.1")
        assert book.room_for("192.0.2.1") is None

    @pytest.mark.parametrize(
        ("descriptors", "total", "per_source", "silent"),
        [(1024, 128, 64, 32), (10**6, 5000, 500, 50), (4, 1, 1, 1)],
    )
    def test_where_the_process_may_open_few_sockets(self, descriptors, total, per_source, silent):
        """Connections must not take the sockets that calls need for their sound."""
        limits = ConnectionLimits().within(descriptors)
        assert (limits.total, limits.per_source, limits.unproven_per_source) == (total, per_source, silent)

    def test_a_hundred_thousand_attempts_of_ten_thousand_addresses(self):
        book = ConnectionBook()
        inside = []
        for number in range(100_000):
            source = f"10.0.{number % 10_000 // 250}.{number % 250}"
            if book.room_for(source) is None:
                inside.append(book.add("TCP", Endpoint(source, number % 60_000)))
        assert len(book) == len(inside) == book.limits.total
        assert book.refused == 100_000 - len(inside)
        assert len(book._sources) <= book.limits.total
        for number in inside:
            book.remove(number)
        assert not book._sources

    def test_answers_to_those_who_closed_their_connection_take_little(self):
        """Who asks, closes, and swallows what we open in return must not keep us from calling out."""
        book = ConnectionBook(ConnectionLimits(opened=20, back=4))
        opened = []
        for number in range(100):
            host = f"192.0.2.{number % 10}"
            if book.room_to_open(host, back=True) is None:
                opened.append(book.add("TCP", Endpoint(host, number), opened_by_us=True))
        assert len(opened) == 10
        assert book.room_to_open("192.0.2.1") is None
        for number in opened:
            book.remove(number)
        assert not book._to
        for number in range(4):
            book.add("TCP", Endpoint("192.0.2.1", number), opened_by_us=True)
        assert "back to 192.0.2.1" in book.room_to_open("192.0.2.1", back=True)
        assert book.room_to_open("192.0.2.2", back=True) is None

    def test_a_crowd_that_left_leaves_nothing(self, book):
        for number in range(300):
            source = f"192.0.2.{number % 250}"
            assert book.room_for(source) is None
            book.remove(book.add("TCP", Endpoint(source, number)))
        assert len(book) == 0
        assert not book._sources
        assert not book._unproven
        assert not book._by_peer

    def test_unfinished_messages_of_all_together(self, book):
        one, two = book.add("TCP", PHONE), book.add("TCP", Endpoint("192.0.2.2", 1))
        assert book.note(one, proven=True, unread=600)
        assert not book.note(two, proven=False, unread=600)
        book.remove(two)
        assert book.note(one, proven=True, unread=900)
        assert book.note(one, proven=True, unread=0)
