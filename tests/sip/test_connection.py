"""One connection: keepalives both ways (RFC 5626), and deadlines for those who dawdle."""

from __future__ import annotations

from ringthru.sip.transport.connection import (
    FIRST_MESSAGE,
    IDLE,
    PING,
    PING_INTERVAL,
    PONG,
    PONG_PATIENCE,
    WHOLE_MESSAGE,
    Connection,
)

WHOLE = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"


def accepted(now: float = 0.0) -> Connection:
    return Connection(opened_by_us=False, now=now, chance=0.0)


def opened(chance: float = 0.0) -> Connection:
    return Connection(opened_by_us=True, now=0.0, chance=chance)


def run_out(connection: Connection, limit: float = 100_000.0) -> float | None:
    """Let time pass until the connection is to be closed; when that is."""
    while (at := connection.next_timeout()) is not None and at <= limit:
        connection.handle_timeout(at)
        connection.data_to_send()
        if connection.closing:
            return at
    return None


class TestPingsOfThePeer:
    """RFC 5626 §4.4.1: CRLF CRLF is answered with CRLF."""

    def test_a_ping_gets_a_pong(self):
        connection = accepted()
        connection.receive_data(PING, 1.0)
        assert connection.data_to_send() == PONG
        assert connection.messages() == []
        assert connection.proven

    def test_in_two_pieces_as_well(self):
        for cut in range(1, 4):
            connection = accepted()
            connection.receive_data(PING[:cut], 1.0)
            connection.receive_data(PING[cut:], 2.0)
            assert connection.data_to_send() == PONG, cut

    def test_one_crlf_is_no_ping(self):
        connection = accepted()
        connection.receive_data(b"\r\n" + WHOLE + b"\r\n", 1.0)
        assert connection.messages() == [WHOLE]
        assert connection.data_to_send() == b""


class TestPingsOfOurs:
    def test_the_one_who_opened_pings(self):
        connection = opened()
        assert connection.next_timeout() == PING_INTERVAL
        connection.handle_timeout(PING_INTERVAL)
        assert connection.data_to_send() == PING

    def test_pings_are_spread_over_the_last_fifth(self):
        assert opened(chance=1.0).next_timeout() == PING_INTERVAL * 0.8

    def test_the_one_who_accepted_does_not(self):
        connection = accepted()
        connection.receive_data(WHOLE, 0.0)
        connection.handle_timeout(PING_INTERVAL)
        assert connection.data_to_send() == b""

    def test_a_peer_that_never_heard_of_pings_keeps_its_connection(self):
        assert run_out(opened(), limit=IDLE - 1) is None

    def test_pings_alone_do_not_keep_a_connection_that_nobody_uses(self):
        connection, answered = opened(), 0.0
        while (at := connection.next_timeout()) is not None and connection.closing is None:
            connection.handle_timeout(at)
            if connection.data_to_send() == PING:
                connection.receive_data(PONG, at + 0.1)
                answered = at
        assert "not used" in connection.closing
        assert IDLE - PING_INTERVAL <= answered <= IDLE

    def test_messages_either_way_do(self):
        for say in (lambda each, now: each.note_sent(now), lambda each, now: each.receive_data(WHOLE, now)):
            connection = opened()
            say(connection, 5000.0)
            assert run_out(connection) == 5000.0 + IDLE

    def test_a_peer_that_answered_once_must_answer_again(self):
        connection = opened()
        connection.handle_timeout(PING_INTERVAL)
        assert connection.data_to_send() == PING
        connection.receive_data(PONG, PING_INTERVAL + 1)
        assert connection.data_to_send() == b""  # a pong is not answered
        assert run_out(connection) == 2 * PING_INTERVAL + PONG_PATIENCE
        assert "keepalive" in connection.closing


class TestDeadlines:
    def test_who_says_nothing_is_not_waited_for(self):
        assert run_out(accepted()) == FIRST_MESSAGE

    def test_nor_who_drips_the_first_message(self):
        connection = accepted()
        for second in range(int(FIRST_MESSAGE)):
            connection.receive_data(WHOLE[second : second + 1], float(second))
        assert run_out(connection) == FIRST_MESSAGE

    def test_a_later_message_has_its_own_clock(self):
        connection = accepted()
        connection.receive_data(WHOLE, 5.0)
        connection.receive_data(WHOLE[:10], 1000.0)
        connection.receive_data(WHOLE[10:12], 1015.0)
        assert run_out(connection) == 1000.0 + WHOLE_MESSAGE

    def test_a_message_that_ends_in_time_stops_it(self):
        connection = accepted()
        connection.receive_data(WHOLE[:10], 5.0)
        connection.receive_data(WHOLE[10:], 15.0)
        assert connection.messages() == [WHOLE]
        assert run_out(connection) == 15.0 + IDLE

    def test_the_next_message_begins_when_its_first_byte_comes(self):
        connection = accepted()
        connection.receive_data(WHOLE + WHOLE[:10], 5.0)
        connection.receive_data(WHOLE[10:] + WHOLE[:10], 15.0)
        assert run_out(connection) == 15.0 + WHOLE_MESSAGE

    def test_an_idle_phone_may_stay_for_a_registration(self):
        connection = accepted()
        connection.receive_data(WHOLE, 0.0)
        assert run_out(connection) == IDLE
        assert IDLE > 7200


class TestNonsense:
    def test_the_last_message_is_the_head_for_the_refusal(self):
        head = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999999\r\n\r\n"
        connection = accepted()
        connection.receive_data(WHOLE + head + b"more", 0.0)
        assert connection.messages() == [WHOLE, head]
        assert "bytes" in connection.closing
        assert connection.next_timeout() is None
        connection.receive_data(WHOLE, 1.0)
        assert connection.messages() == []
