"""A connection that we made: the program at its other end is told of a call, and orders it."""

from __future__ import annotations

import pytest

from ringthru.event_socket.orders import DescribeChannel, ReadVariable
from ringthru.event_socket.session import ControlledCall

from .talking import GOODBYE, Client, reply

CALL = ControlledCall("7f4de4bc-17d7-4b8a-8e2f-4d0f8c1b0a11", "sofia/internal/1000@pbx", True, True)


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
