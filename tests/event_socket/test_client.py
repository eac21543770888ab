"""A client's side of the event socket, as FreeSWITCH's server speaks to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.event_socket.client import ClientSession, Ended, Heard, Reply, Stage, Welcome
from ringthru.event_socket.framing import MalformedMessage

GREETING = b"Content-Type: auth/request\n\n"
ACCEPTED = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
BODY = b"Content-Type: api/response\nContent-Length: 7\n\n+OK 1\n\n"
EVENT = b"Content-Length: 22\nContent-Type: text/event-plain\n\nEvent-Name: HEARTBEAT\n"
GOODBYE = (
    b"Content-Type: text/disconnect-notice\nContent-Length: 67\n\n"
    b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
)


@pytest.fixture
def session():
    return ClientSession("lantern-71")


def entered(session):
    session.receive_data(GREETING + ACCEPTED)
    session.data_to_send()
    session.events()
    return session


class TestLoggingIn:
    def test_the_password_is_said_when_it_is_asked_for(self, session):
        assert session.data_to_send() == b""
        session.receive_data(GREETING)
        assert session.data_to_send() == b"auth lantern-71\n\n"
        session.receive_data(ACCEPTED)
        assert session.events() == [Welcome()]

    def test_a_user_of_the_directory(self):
        session = ClientSession("mary-71", "1000@pbx")
        session.receive_data(GREETING)
        assert session.data_to_send() == b"userauth 1000@pbx:mary-71\n\n"

    @pytest.mark.parametrize(
        ("said", "why"),
        [
            (
                GREETING + b"Content-Type: command/reply\nReply-Text: -ERR invalid\n\n",
                "the password is wrong",
            ),
            (
                b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n",
                "its access list does not let this address in",
            ),
            (b"HTTP/1.1 400 Bad Request\n\n", "it is no event socket: it did not ask for a password"),
        ],
    )
    def test_not_being_let_in(self, session, said, why):
        session.receive_data(said)
        assert session.events() == [Ended(why, refused=True)]
        session.receive_data(ACCEPTED)
        assert session.events() == []

    def test_a_password_with_a_line_break_is_none(self):
        with pytest.raises(MalformedMessage):
            ClientSession("a\n\napi shutdown")


class TestReplies:
    def test_come_in_order_with_events_between(self, session):
        entered(session)
        first, second = session.request("api version"), session.request("event plain ALL")
        session.receive_data(EVENT + BODY + EVENT + b"Content-Type: command/reply\nReply-Text: +OK\n\n")
        told = session.events()
        replies = [(each.number, each.text) for each in told if isinstance(each, Reply)]
        assert replies == [(first, "+OK 1\n\n"), (second, "+OK")]
        assert [type(each) for each in told] == [Heard, Reply, Heard, Reply]

    def test_one_that_nobody_asked_for_is_passed_over(self, session):
        entered(session).receive_data(BODY)
        assert session.events() == []

    @given(st.lists(st.integers(1, 200)))
    def test_however_the_bytes_are_cut(self, cuts):
        session = ClientSession("x")
        session.receive_data(GREETING)
        session.request("api version")
        stream, at = ACCEPTED + EVENT + BODY + GOODBYE, 0
        told = []
        for cut in [*cuts, len(stream)]:
            session.receive_data(stream[at : at + cut])
            told += session.events()
            at += cut
        assert [type(each) for each in told] == [Welcome, Heard, Reply, Ended]


class TestTheEnd:
    def test_a_goodbye(self, session):
        entered(session).receive_data(GOODBYE)
        assert session.events() == [Ended("the server said goodbye")]
        session.receive_end()
        assert session.events() == []

    def test_lingering_is_no_end(self, session):
        notice = b"Content-Type: text/disconnect-notice\nContent-Disposition: linger\nContent-Length: 0\n\n"
        entered(session).receive_data(notice)
        assert session.stage is Stage.READY

    def test_nonsense_ends_it(self, session):
        entered(session).receive_data(b"Content-Length: lots\n\n")
        (ended,) = session.events()
        assert isinstance(ended, Ended)
        assert not ended.refused
