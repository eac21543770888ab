"""One connection, request by request: the texts that FreeSWITCH's clients compare, to the byte."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.event_socket.connection import AUTH_TIMEOUT, Connection, State
from ringthru.event_socket.encoding import EncodedEvent
from ringthru.event_socket.framing import MessageReader
from ringthru.event_socket.orders import (
    CheckPassword,
    Close,
    DescribeChannel,
    FireEvent,
    Listen,
    ReadVariable,
    RunApi,
    RunJob,
    SendMessage,
    Tap,
)
from ringthru.event_socket.outbox import MOST_LOST, Outbox
from ringthru.event_socket.session import ControlledCall, Door, EslUser, Rights
from ringthru.switch.events.bus import SwitchEvent

GOODBYE = (
    b"Content-Type: text/disconnect-notice\nContent-Length: 67\n\n"
    b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
)
DENIED = "-ERR permission denied"
CALL = ControlledCall("7f4de4bc-17d7-4b8a-8e2f-4d0f8c1b0a11", "sofia/internal/1000@pbx", True, True)
MARY = EslUser(
    "s3cret",
    Rights.read(
        {"esl-allowed-events": "HEARTBEAT", "esl-allowed-api": "status,version", "esl-allowed-log": "false"}
    ),
)


def reply(text: str, extra: str = "") -> bytes:
    return f"Content-Type: command/reply\nReply-Text: {text}\n{extra}\n".encode()


class Client:
    """The other end: says something, and takes what it is answered."""

    def __init__(self, users: EslUser = MARY, **options) -> None:
        numbers = count(1)
        door = Door("pass word", lambda user, domain: users if (user, domain) == ("mary", "pbx") else None)
        self.connection = Connection(0.0, lambda: f"uuid-{next(numbers)}", door, **options)
        self.now = 0.0

    def say(self, text: str) -> bytes:
        self.connection.receive_data(text.encode(), self.now)
        return self.hear()

    def hear(self) -> bytes:
        heard = b""
        while data := self.connection.data_to_send():
            heard += data
        return heard

    def wait(self) -> bytes:
        """Until the next timeout."""
        self.now = self.connection.next_timeout()
        self.connection.handle_timeout(self.now)
        return self.hear()

    def answer(self, text: str) -> bytes:
        self.connection.answer(self.connection.orders()[-1], text, self.now)
        return self.hear()

    def event(self, *headers: tuple[str, str], name: str = "HEARTBEAT", subclass: str = "") -> bytes:
        event = SwitchEvent(name, (("Event-Name", name), *headers), "", subclass)
        self.connection.receive_event(EncodedEvent(event))
        return self.hear()


@pytest.fixture
def stranger():
    return Client()


@pytest.fixture
def client(stranger):
    stranger.hear()
    assert stranger.say("auth pass word\n\n") == reply("+OK accepted")
    return stranger


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


class TestEvents:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("event plain ALL", "+OK event listener enabled plain"),
            ("event json HEARTBEAT", "+OK event listener enabled json"),
            ("event xml HEARTBEAT CUSTOM sofia::register", "+OK event listener enabled xml"),
            ("events plain ALL", "+OK event listener enabled plain"),  # as Genesis says it
            ("EVENT HEARTBEAT", "+OK event listener enabled plain"),
            ("event plain", "-ERR no keywords supplied"),
            ("event", "-ERR no keywords supplied"),
            ("event plain NONSENSE", "-ERR no keywords supplied"),
            ("nixevent HEARTBEAT", "+OK events nixed"),
            ("nixevent", "-ERR no keywords supplied"),
            ("noevents", "-ERR not listening for events"),
            ("nolog", "-ERR not loging"),
            ("log", "+OK log level debug [7]"),
            ("log 3", "+OK log level 3 [3]"),
            ("log WARNING", "+OK log level WARNING [4]"),
            ("log 9", "+OK log level 9 [9]"),  # more than DEBUG, which some ask for
            ("log loud", "-ERR invalid log level"),
            ("log 100", "-ERR invalid log level"),
            ("linger", "-ERR not controlling a session"),
            ("nolinger", "-ERR not controlling a session"),
            ("divert_events on", "-ERR not controlling a session."),
            ("resume", "-ERR not controlling a session"),
            ("getvar x", "-ERR not controlling a session"),
            ("myevents", "-ERR invalid uuid"),
            ("myevents 7f4d json", "+OK Events Enabled"),
            ("filter Event-Name HEARTBEAT", "+OK filter added. [Event-Name]=[HEARTBEAT]"),
            ("filter add Event-Name /^HEART/", "+OK filter added. [Event-Name]=[/^HEART/]"),
            ("filter Event-Name", "-ERR invalid syntax"),
            ("filter delete Event-Name HEARTBEAT", "+OK filter deleted. [Event-Name][HEARTBEAT]"),
            ("filter delete Event-Name", "+OK filter deleted. [Event-Name][]"),
            ("filter delete all", "+OK filter deleted. [all][]"),
            ("sendmsg", "-ERR invalid session id []"),
        ],
    )
    def test_texts(self, client, line, said):
        assert client.say(f"{line}\n\n") == reply(said)

    def test_a_plain_event_in_its_frame(self, client):
        client.say("event plain HEARTBEAT\n\n")
        assert client.event(("Up-Time", "0 years, 1 day"), ("Empty", "")) == (
            b"Content-Length: 68\nContent-Type: text/event-plain\n\n"
            b"Event-Name: HEARTBEAT\nUp-Time: 0%20years,%201%20day\nEmpty: _undef_\n\n"
        )

    def test_names_add_up_and_are_taken_back(self, client):
        client.say("event plain HEARTBEAT\n\n")
        client.say("event plain NAT\n\n")
        assert client.connection.orders()[-1] == Listen(frozenset({"HEARTBEAT", "NAT"}))
        client.say("nixevent NAT\n\n")
        assert (bool(client.event()), bool(client.event(name="NAT"))) == (True, False)
        assert client.say("noevents\n\n") == reply("+OK no longer listening for events")
        assert not client.event()

    def test_one_name_is_taken_out_of_all(self, client):
        client.say("event plain ALL\n\nnixevent HEARTBEAT\n\n")
        assert (bool(client.event()), bool(client.event(name="NAT"))) == (False, True)

    def test_subclasses_of_custom(self, client):
        client.say("event plain NAT CUSTOM sofia::register sofia::expire\n\n")
        heard = {
            each: bool(client.event(name="CUSTOM", subclass=each))
            for each in ("sofia::register", "sofia::expire", "sofia::gateway_state")
        }
        assert heard == {"sofia::register": True, "sofia::expire": True, "sofia::gateway_state": False}
        client.say("nixevent CUSTOM sofia::expire\n\n")
        assert not client.event(name="CUSTOM", subclass="sofia::expire")
        client.say("event plain CUSTOM\n\n")
        assert client.event(name="CUSTOM", subclass="anything::else")

    def test_filters_include_exclude_and_go(self, client):
        client.say("event plain ALL\n\nfilter Unique-ID 7f4d\n\n")
        assert client.event(("Unique-ID", "7F4D"))
        assert not client.event(("Unique-ID", "other"))
        assert not client.event()
        client.say("filter Event-Name /^NAT|TRAP$/\n\n")
        assert client.event(name="TRAP")
        client.say("filter Event-Name -HEARTBEAT\n\n")
        assert not client.event(("Unique-ID", "7f4d"))
        client.say("filter delete Unique-ID\n\n")
        assert not client.event(("Unique-ID", "7f4d"), name="API")
        client.say("filter delete all\n\n")
        assert client.event()

    def test_a_filter_that_is_no_expression_or_would_never_end(self, client):
        assert client.say("filter x /(/\n\n").startswith(b"Content-Type: command/reply\nReply-Text: -ERR")
        client.say("event plain ALL\n\nfilter x /^(a+)+$/\n\n")
        assert not client.event(("x", "a" * 60 + "!"))

    def test_myevents_is_one_channel_alone(self, client):
        client.say("myevents 7f4d\n\n")
        assert client.event(("Unique-ID", "7f4d"), name="CHANNEL_ANSWER")
        assert not client.event(("Unique-ID", "else"), name="CHANNEL_ANSWER")

    def test_sendevent_goes_out_with_a_number(self, client):
        said = client.say("sendevent custom\nEvent-Subclass: my::own\nA: b\nContent-Length: 2\n\nhi")
        assert said == reply("+OK uuid-1")
        headers = (("Event-Subclass", "my::own"), ("A", "b"), ("Event-UUID", "uuid-1"))
        assert client.connection.orders() == [FireEvent("CUSTOM", headers, "hi")]

    def test_sendmsg_waits_for_its_answer(self, client):
        client.say("sendmsg 7f4d\ncall-command: hangup\n\n")
        order = client.connection.orders()[-1]
        assert isinstance(order, SendMessage)
        assert order.uuid == "7f4d"
        client.connection.answer(order, "+OK", 0.0)
        assert client.hear() == reply("+OK")

    def test_exit_says_goodbye(self, client):
        assert client.say("exit\n\napi status\n\n") == reply("+OK bye") + GOODBYE
        assert [type(each) for each in client.connection.orders()] == [Close]

    def test_a_log_is_tapped_and_left(self, client):
        client.say("log info\n\n")
        client.connection.receive_log(b"frame")
        assert client.hear() == b"frame"
        assert client.say("nolog\n\n") == reply("+OK no longer logging")
        assert client.connection.orders() == [Tap(6), Tap(None)]


def test_filters_that_may_take_long_are_few(client):
    for _ in range(4):
        assert b"+OK filter added" in client.say("filter Evil /^(a+)+$/\n\n")
    refused = reply("-ERR too many filters, or too many that take long: delete some")
    assert client.say("filter Evil /^(a+)+$/\n\n") == refused
    assert b"+OK filter added" in client.say("filter Mild /^a+$/\n\n")


class TestASlowClient:
    def flood(self, client, events: int) -> None:
        for number in range(events):
            headers = (("Event-Name", "HEARTBEAT"), ("Event-Sequence", str(number)), ("Event-Info", "x"))
            client.connection.receive_event(EncodedEvent(SwitchEvent("HEARTBEAT", headers)))

    def test_loses_events_is_told_how_many_and_goes_on(self):
        client = Client(outbox=Outbox(most_waiting=10))
        client.hear()
        client.say("auth pass word\n\nevent plain ALL\n\n")
        self.flood(client, 25)
        heard = client.hear()
        assert heard.count(b"Event-Name: HEARTBEAT") == 10
        assert heard.endswith(
            b"Event-Subclass: ringthru%3A%3Aevents_lost\nEvent-Name: CUSTOM\nEvent-Sequence: 24\n"
            b"Events-Lost: 15\n\n"
        )
        self.flood(client, 1)
        assert b"Events-Lost" not in client.hear(), "it is told once"

    def test_loses_its_connection_at_last_and_never_memory(self):
        client = Client(outbox=Outbox(most_waiting=10))
        client.hear()
        client.say("auth pass word\n\nevent plain ALL\n\n")
        client.connection.orders()
        self.flood(client, 10 + MOST_LOST)
        assert client.connection.state is State.OPEN
        self.flood(client, 1)
        assert client.connection.state is State.CLOSED
        assert [type(each) for each in client.connection.orders()] == [Close]
        before = client.connection._outbox.waiting_bytes
        self.flood(client, 1000)
        assert client.connection._outbox.waiting_bytes == before

    def test_who_does_not_read_is_not_read(self, client):
        client.connection.receive_data(b"nonsense\n\n" * 40_000, 0.0)
        assert client.connection._outbox.waiting_bytes < 1 << 20 + 1
        assert not client.connection.wants_to_read
        heard = b""
        while data := client.connection.data_to_send():
            heard += data
            client.connection.go_on(0.0)
        assert heard.count(b"-ERR command not found") == 40_000


class TestOutbound:
    @pytest.fixture
    def program(self):
        return Client(call=CALL)

    def test_it_says_nothing_before_connect(self, program):
        assert program.hear() == b""
        program.say("connect\n\n")
        (order,) = program.connection.orders()
        assert order == DescribeChannel()
        program.connection.answer(order, "Unique-ID: 7f4d\n", 0.0)
        assert program.hear() == b"Unique-ID: 7f4d\n\n"
        assert program.connection.next_timeout() is None

    def test_whoever_does_not_connect_is_left(self, program):
        assert program.wait() == GOODBYE

    def test_its_own_call_without_a_uuid(self, program):
        program.say("sendmsg\ncall-command: execute\nexecute-app-name: answer\n\n")
        assert program.connection.orders()[-1].uuid == CALL.uuid

    def test_getvar_myevents_and_linger(self, program):
        program.say("getvar x\n\n")
        assert program.connection._waits_for == ReadVariable("x")
        assert program.answer("y") == reply("y")
        assert program.say("myevents json\n\n") == reply("+OK Events Enabled")
        assert program.say("divert_events on\n\n") == reply("+OK events diverted")
        assert program.say("linger\n\n") == reply("+OK will linger")
        assert program.say("linger 5\n\n") == reply("+OK will linger 5 seconds")
        assert program.say("linger 0\n\n") == reply("+OK will linger 0 seconds")
        assert program.say("linger 99999999\n\n") == reply("+OK will linger 86400 seconds")
        assert program.say("nolinger\n\n") == reply("+OK will not linger")

    def test_the_end_of_the_call_ends_it(self, program):
        program.connection.receive_hangup(0.0)
        assert program.hear() == GOODBYE.replace(
            b"Content-Length",
            f"Controlled-Session-UUID: {CALL.uuid}\nContent-Disposition: disconnect\nContent-Length".encode(),
        )

    def test_who_lingers_hears_events_for_a_while(self, program):
        program.say("connect\n\nlinger 5\n\nmyevents\n\n")
        program.answer("")
        program.connection.receive_hangup(10.0)
        lines = (
            "Content-Type: text/disconnect-notice",
            f"Controlled-Session-UUID: {CALL.uuid}",
            "Content-Disposition: linger",
            f"Channel-Name: {CALL.name}",
            "Linger-Time: 5",
            "Content-Length: 0",
        )
        assert program.hear() == "".join(f"{line}\n" for line in (*lines, "")).encode()
        assert program.event(("Unique-ID", CALL.uuid), name="CHANNEL_HANGUP_COMPLETE")
        assert program.say("exit\n\n").startswith(reply("+OK bye"))

    def test_lingering_has_an_end(self, program):
        program.say("linger 5\n\n")
        program.connection.receive_hangup(10.0)
        program.hear()
        assert program.wait() == GOODBYE
        assert program.now == 15.0

    @pytest.mark.parametrize(
        "line", ["api status", "bgapi status", "event plain ALL", "log", "nolog", "sendevent NAT"]
    )
    def test_without_full_only_what_is_about_the_call(self, line):
        program = Client(call=ControlledCall(CALL.uuid, CALL.name, True, False))
        assert program.say(f"{line}\n\n") == reply("-ERR command not found")
        assert program.say("sendmsg other\ncall-command: hangup\n\n") == reply(
            "-ERR invalid session id [other]"
        )
        assert program.say("myevents\n\n") == reply("+OK Events Enabled")
        assert program.say("filter a b\n\n") == reply("+OK filter added. [a]=[b]")
        assert program.say("divert_events\n\n") == reply("-ERR missing value.")

    def test_a_header_may_name_the_call_too(self, client):
        client.say("sendmsg\nsession-id: 1-2\ncall-command: hangup\n\n")
        assert client.connection.orders()[-1].uuid == "1-2"


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
