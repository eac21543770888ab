"""Events on a connection: which a client is sent, in which form, and what becomes of a slow reader."""

from __future__ import annotations

import pytest

from ringthru.event_socket.connection import State
from ringthru.event_socket.encoding import EncodedEvent
from ringthru.event_socket.orders import Close, FireEvent, Listen, SendMessage, Tap
from ringthru.event_socket.outbox import MOST_LOST, Outbox
from ringthru.switch.events.bus import SwitchEvent

from .talking import GOODBYE, Client, reply


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
