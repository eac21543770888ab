"""One connection, request by request: the texts that FreeSWITCH's clients compare, to the byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.event_socket.connection import AUTH_TIMEOUT, Connection, State
from ringthru.event_socket.framing import MessageReader
from ringthru.event_socket.orders import CheckPassword, Close, RunApi, RunJob
from ringthru.event_socket.session import Door, EslUser, Rights

from .talking import GOODBYE, Client, reply

DENIED = "-ERR permission denied"


class TestTheDoor:
    def test_it_greets_and_lets_in(self, stranger):
        assert stranger.hear() == b"Content-Type: auth/request\n\n"
        assert stranger.say("auth pass word\r\n\r\n") == reply("+OK accepted")

    def test_a_wrong_password_is_answered_late_and_ends_it(self, stranger):
        stranger.hear()
        assert stranger.say("auth ClueCon\n\nauth pass word\n\n") == b""
        assert stranger.connection.orders() == [CheckPassword("the event socket's password")]
        assert not stranger.connection.wants_to_read
        assert stranger.wait() == reply("-ERR invalid") + GOODBYE
        assert stranger.now == 1.0
        assert [type(each) for each in stranger.connection.orders()] == [Close]

    @pytest.mark.parametrize("line", ["auth", "auth ", "auth pass", "auth PASS WORD", "auth pass word "[:-2]])
    def test_no_other_password_opens_it(self, stranger, line):
        stranger.hear()
        stranger.say(f"{line}\n\n")
        assert stranger.connection.state is State.REFUSING

    def test_an_empty_password_opens_no_door(self):
        connection = Connection(0.0, str, Door(""))
        connection.receive_data(b"auth \n\n", 0.0)
        assert connection.state is State.REFUSING

    def test_nothing_else_is_understood_before(self, stranger):
        stranger.hear()
        for line in ("api status", "event plain ALL", "log debug", "sendmsg", "  ", "bgapi x"):
            assert stranger.say(f"{line}\n\n") in (reply("-ERR command not found"), b"")
        assert stranger.connection.orders() == []

    def test_whoever_says_nothing_is_sent_away_after_25_seconds(self, stranger):
        stranger.hear()
        assert stranger.wait() == GOODBYE
        assert stranger.now == AUTH_TIMEOUT == 25.0

    def test_a_stranger_may_not_send_much(self, stranger):
        stranger.hear()
        assert stranger.say("auth " + "x" * 5000) == GOODBYE
        assert stranger.connection.state is State.CLOSED

    def test_a_strangers_body_is_not_taken(self, stranger):
        stranger.hear()
        assert stranger.say("auth pass word\nContent-Length: 1000000\n\n") == GOODBYE


class TestUsersOfTheDirectory:
    def test_a_user_has_his_own_password_and_is_told_his_rights(self, stranger):
        stranger.hear()
        assert stranger.say("userauth mary@pbx:s3cret\n\n") == reply(
            "+OK accepted",
            "Allowed-Events: HEARTBEAT\nAllowed-API: status version\nAllowed-LOG: false\n",
        )
        assert stranger.say("api status\n\n") == b""
        assert stranger.answer("UP") == b"Content-Type: api/response\nContent-Length: 2\n\nUP"
        assert stranger.say("api shutdown\n\n") == reply(DENIED)
        assert stranger.say("api hupall\nconsole_execute: true\n\n") == reply(DENIED)
        assert stranger.say("bgapi originate x y\n\n") == reply(DENIED)
        assert stranger.say("log debug\n\n") == reply(DENIED)
        assert stranger.say("sendmsg 1\ncall-command: hangup\n\n") == reply(DENIED)
        assert stranger.say("sendevent TRAP\n\n") == reply(DENIED)
        assert stranger.say("event plain ALL\n\n") == reply(DENIED)
        assert stranger.say("event plain HEARTBEAT TRAP\n\n") == reply(DENIED)
        assert stranger.say("event plain CUSTOM sofia::register\n\n") == reply(DENIED)
        assert stranger.say("myevents 1-2\n\n") == reply("+OK Events Enabled")
        assert stranger.event(("Unique-ID", "1-2"), name="HEARTBEAT")
        assert not stranger.event(("Unique-ID", "1-2"), name="CHANNEL_ANSWER")

    def test_subclasses_that_are_allowed_do_not_allow_all_of_them(self):
        rights = Rights.read({"esl-allowed-events": "heartbeat CUSTOM sofia::register"})
        client = Client(users=EslUser("s3cret", rights))
        client.hear()
        client.say("userauth mary@pbx:s3cret\n\n")
        assert client.say("event plain CUSTOM sofia::expire\n\n") == reply(DENIED)
        assert client.say("event plain CUSTOM\n\n") == reply("+OK event listener enabled plain")
        assert client.event(name="CUSTOM", subclass="sofia::register")
        assert not client.event(name="CUSTOM", subclass="sofia::expire")
        assert Rights.read({"esl-allowed-events": "CUSTOM"}).events == {"CUSTOM"}
        assert Rights.read({"esl-allowed-events": "all"}).events is None

    def test_whoever_may_not_do_everything_may_not_send_much_either(self, client):
        big = "sendevent NAT\nContent-Length: 100000\n\n"
        assert client.say(big) == b"", "it waits for the body"
        other = Client()
        other.hear()
        other.say("userauth mary@pbx:s3cret\n\n")
        assert (
            other.say(big) == reply("-ERR Content-Length '100000'; at most 65536 bytes are taken") + GOODBYE
        )

    @pytest.mark.parametrize("length", ["-1", "abc", "16777217", "99999999999999", "0x10", "1e3"])
    def test_a_length_that_is_none_is_answered_before_the_end(self, client, length):
        said = f"-ERR Content-Length '{length}'; at most 16777216 bytes are taken"
        assert client.say(f"sendevent NAT\nContent-Length: {length}\n\nhi") == reply(said) + GOODBYE

    def test_a_commands_separator_gains_no_rights(self, stranger):
        stranger.hear()
        stranger.say("userauth mary@pbx:s3cret\n\n")
        stranger.say("api status;;shutdown\nconsole_execute: true\n\n")
        assert not any(isinstance(each, RunApi) and each.console for each in stranger.connection.orders())

    @pytest.mark.parametrize(
        "who", ["mary@pbx:wrong", "mary@pbx", "anna@pbx:s3cret", ":", "mary@else:s3cret"]
    )
    def test_nobody_else(self, stranger, who):
        stranger.hear()
        stranger.say(f"userauth {who}\n\n")
        assert stranger.wait() == reply("-ERR invalid") + GOODBYE


class TestApi:
    def test_the_body_is_counted_in_bytes_and_an_empty_one_is_told(self, client):
        assert client.say("api global_getvar x\n\n") == b""
        assert client.answer("Grüße") == "Content-Type: api/response\nContent-Length: 7\n\nGrüße".encode()
        client.say("api nothing\n\n")
        assert client.answer("") == b"Content-Type: api/response\nContent-Length: 14\n\n-ERR no reply\n"

    def test_replies_come_in_the_order_of_the_requests(self, client):
        assert client.say("api slow\n\nnoevents\n\napi slow2\n\n") == b""
        heard = client.answer("one")
        assert heard == (
            b"Content-Type: api/response\nContent-Length: 3\n\none" + reply("-ERR not listening for events")
        )
        assert client.answer("two").endswith(b"two")

    def test_the_console_way_is_told_apart(self, client):
        client.say("api status;;version\nconsole_execute: true\n\n")
        assert client.connection.orders() == [RunApi("status;;version", True)]

    def test_a_job_has_a_number_of_ours_or_of_the_clients(self, client):
        assert client.say("bgapi status\n\n") == reply("+OK Job-UUID: uuid-1", "Job-UUID: uuid-1\n")
        assert client.say("bgapi version\nJob-UUID: 77\n\n") == reply("+OK Job-UUID: 77", "Job-UUID: 77\n")
        assert client.connection.orders() == [RunJob("status", "uuid-1"), RunJob("version", "77")]

    def test_there_is_an_end_to_the_jobs_at_once(self, client):
        for _ in range(100):
            client.say("bgapi status\n\n")
        jobs = client.connection.orders()
        assert client.say("bgapi status\n\n") == reply("-ERR too many of them: wait until some are done")
        client.connection.answer(jobs[0], "", 0.0)
        assert client.say("bgapi status\n\n").startswith(b"Content-Type: command/reply\nReply-Text: +OK")

    @pytest.mark.parametrize(
        "line", ["api", "bgapi", "nonsense", "filter", "getvar", "sendevent", "connect", "ap"]
    )
    def test_what_is_no_command(self, client, line):
        assert client.say(f"{line}\n\n") == reply("-ERR command not found")


class TestAClientThatClosesItsSide:
    """As ``printf … | nc -N`` does."""

    def test_is_answered_all_that_it_asked_for(self, client):
        assert client.say("api status\n\napi version\n\n") == b""
        client.connection.receive_eof(0.0)
        assert client.hear() == b""
        assert client.answer("UP") == b"Content-Type: api/response\nContent-Length: 2\n\nUP"
        assert client.answer("1") == b"Content-Type: api/response\nContent-Length: 1\n\n1" + GOODBYE
        assert [type(each) for each in client.connection.orders()] == [Close]

    def test_and_told_of_a_wrong_password(self, stranger):
        stranger.hear()
        stranger.say("auth a guess\n\n")
        stranger.connection.receive_eof(0.0)
        assert stranger.wait() == reply("-ERR invalid") + GOODBYE

    @pytest.mark.parametrize("said", ["", "event plain ALL\n\n", "api sta"])
    def test_whoever_waits_for_nothing_is_let_go(self, client, said):
        client.say(said)
        client.connection.receive_eof(0.0)
        assert client.hear() == GOODBYE
        assert client.connection.state is State.CLOSED


PIECES = (
    *(b"\n\n", b"auth pass word\n\n", b"api x\n\n", b"event plain ALL\n\n", b"filter a /b/\n\n"),
    *(b"sendmsg 1\n\n", b"Content-Length: 3\n\n"),
)
TYPES = ("auth/request", "command/reply", "api/response", "text/disconnect-notice")


@given(pieces=st.lists(st.one_of(st.binary(max_size=80), st.sampled_from(PIECES))))
def test_whatever_is_said_nothing_is_raised_and_what_is_answered_is_frames(pieces):
    client, reader = Client(), MessageReader()
    for piece in pieces:
        client.connection.receive_data(piece, client.now)
        for order in client.connection.orders():
            client.connection.answer(order, "", client.now)
    reader.feed(client.hear())
    while (frame := reader.next_frame()) is not None:
        assert frame.content_type in TYPES
    assert reader.buffered == 0


def test_who_may_run_some_commands_may_have_none_run_for_him():
    rights = Rights.read({"esl-allowed-api": "status,expand,sched_api"})
    assert rights.allows("status")
    assert not rights.allows("expand status")
    assert not rights.allows("sched_api +0 none shutdown")
    assert Rights.read({}).allows("expand status")
