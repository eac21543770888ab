"""ACKs that something on the way rewrote, that came elsewhere, or never."""

from __future__ import annotations

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip import (
    AckNearMiss,
    AckOverdue,
    CallConfirmed,
    CallEnded,
    CallState,
    IncomingCall,
    StrayAck,
)

from .network import ALICE, BOB, CAROL, Network, Party, Script, answering


@pytest.fixture
def network() -> Network:
    return Network()


class Caller:
    """A script that called Bob, was answered, and now sends its ACK in its own way."""

    def __init__(self, network: Network, **settings) -> None:
        self.network = network
        self.script = Script(network, ALICE)
        self.bob = Party(network, BOB, **settings)
        self.bob.on_event = answering(self.bob)
        self.script.send(self.script.request("INVITE", BOB, CSeq="7 INVITE"), BOB)
        self.to = self.script.got[-1].get("To")
        self.call = self.bob.last(IncomingCall).call

    def ack(self, source: Script | None = None, **changes: str) -> None:
        source = source or self.script
        rows = {"To": self.to, "CSeq": "7 ACK", "Via": f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-ack", **changes}
        source.send(source.request("ACK", BOB, **rows), BOB)


WRONG = {
    "Call-ID": {"Call_ID": "script-call@203.0.113.9"},
    "From tag": {"From": f"<sip:script@{ALICE}>;tag=rewritten"},
    "To tag": {"To": f"<sip:bob@{BOB}>;tag=rewritten"},
    "CSeq": {"CSeq": "8 ACK"},
}
CHANGES = {
    key: {name.replace("_", "-"): value for name, value in rows.items()} for key, rows in WRONG.items()
}


class TestNearMisses:
    @pytest.mark.parametrize("key", CHANGES)
    def test_one_key_differs_it_is_named_and_accepted(self, network, key):
        caller = Caller(network)
        caller.ack(**CHANGES[key])
        miss = caller.bob.last(AckNearMiss)
        assert (miss.call, miss.difference.key, miss.accepted) == (caller.call, key, True)
        assert miss.difference.ours != miss.difference.theirs
        assert caller.call.state is CallState.CONFIRMED
        assert caller.bob.last(CallConfirmed).call is caller.call
        network.run(60.0)
        assert caller.call.state is CallState.CONFIRMED, "no BYE after 32 s"

    @pytest.mark.parametrize("key", CHANGES)
    def test_by_option_it_is_named_only(self, network, key):
        caller = Caller(network, accept_odd_acks=False)
        caller.ack(**CHANGES[key])
        assert caller.bob.last(AckNearMiss).accepted is False
        assert caller.call.state is CallState.ANSWERED
        network.run(60.0)
        assert caller.bob.last(CallEnded).reason == "ACK Timeout"

    def test_two_keys_are_somebody_else(self, network):
        caller = Caller(network)
        caller.ack(**CHANGES["Call-ID"] | CHANGES["From tag"])
        assert caller.bob.last(StrayAck).request.call_id == "script-call@203.0.113.9"
        assert caller.call.state is CallState.ANSWERED

    def test_a_stranger_cannot_confirm_a_call(self, network):
        """The source must be the one that the INVITE came from."""
        caller, stranger = Caller(network), Script(network, CAROL)
        caller.ack(stranger, **CHANGES["Call-ID"])
        assert caller.bob.last(StrayAck)
        assert caller.call.state is CallState.ANSWERED

    @pytest.mark.parametrize("key", CHANGES)
    def test_what_follows_with_the_rewritten_key_is_understood(self, network, key):
        """An ALG rewrites every message alike: the BYE must end the call, not meet a 481."""
        caller = Caller(network)
        caller.ack(**CHANGES[key])
        rows = {"To": caller.to, "Via": f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-bye"}
        rows |= CHANGES[key] | {"CSeq": "9 BYE"}
        caller.script.send(caller.script.request("BYE", BOB, **rows), BOB)
        assert caller.script.statuses[-1] == 200
        assert caller.call.state is CallState.ENDED
        network.run(60.0)
        assert caller.bob.agent._core.calls == {}

    def test_what_follows_of_another_than_the_device_made_of_it_is_not(self, network):
        caller = Caller(network)
        caller.ack(**CHANGES["From tag"])
        rows = {"To": caller.to, "CSeq": "9 BYE", "Via": f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-bye"}
        rows["From"] = f"<sip:script@{ALICE}>;tag=guessed"
        caller.script.send(caller.script.request("BYE", BOB, **rows), BOB)
        assert caller.script.statuses[-1] == 481
        assert caller.call.state is CallState.CONFIRMED

    def test_an_ack_that_cannot_be_read_is_named(self, network):
        caller = Caller(network)
        caller.script.send(
            b"ACK sip:bob@127.40.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 127.40.0.1;branch=z9hG4bK-a\r\n"
            b"CSeq: 7 ACK\r\nCall-ID: script-call\r\nFrom: <sip:a@b>;tag=\x01\r\nTo: <sip:c@d>\r\n\r\n",
            BOB,
        )
        miss = caller.bob.last(AckNearMiss)
        assert (miss.call, miss.difference, miss.accepted) == (caller.call, None, False)
        assert miss.problem

    def test_a_repeated_ack_is_nothing_odd(self, network):
        caller = Caller(network)
        caller.ack()
        caller.ack()
        assert {"AckNearMiss", "StrayAck"}.isdisjoint(caller.bob.kinds())

    def test_a_flood_of_stray_acks_is_held_against_few_calls(self, network):
        caller = Caller(network)
        for number in range(100):
            caller.ack(**{"Call-ID": f"{number}", "From": f"<sip:x@y>;tag={number}"})
        assert caller.bob.kinds().count("StrayAck") == 100
        assert caller.bob.agent._core.awaiting.from_source(ALICE.host) == [caller.call]


class TestAnotherSocket:
    def test_an_ack_that_came_to_another_agent_is_matched(self, network):
        """Two profiles of one switch: the ACK went to the other's port."""
        caller = Caller(network)
        other = Party(network, Endpoint("127.40.0.2", 5080))
        rows = {"To": caller.to, "CSeq": "7 ACK", "Via": f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-ack"}
        caller.script.send(caller.script.request("ACK", BOB, **rows), other.local)
        stray = other.last(StrayAck)
        assert not other.agent.receive_ack(stray.request, network.now)
        assert caller.bob.agent.receive_ack(stray.request, network.now)
        assert caller.call.state is CallState.CONFIRMED


class TestOverdue:
    def test_after_four_seconds_it_is_told_once_and_the_copies_go_on(self, network):
        caller = Caller(network)
        network.run(3.8)
        assert "AckOverdue" not in caller.bob.kinds()
        network.run(0.4)
        overdue = caller.bob.last(AckOverdue)
        assert (overdue.call, overdue.copies) == (caller.call, 4)
        assert overdue.size > 200
        network.run(40.0)
        assert caller.bob.kinds().count("AckOverdue") == 1
        assert network.sent("SIP/2.0 200")[:6] == [0, 0.5, 1.5, 3.5, 7.5, 11.5]

    def test_a_caller_that_never_hears_us_is_known_by_its_copies(self, network):
        caller = Caller(network)
        for _ in range(3):
            network.run(1.0)
            caller.script.send(caller.script.request("INVITE", BOB, CSeq="7 INVITE"), BOB)
        network.run(2.0)
        overdue = caller.bob.last(AckOverdue)
        assert (overdue.unheard, overdue.asked) == (3, False)

    def test_a_caller_that_asks_something_later_was_answered(self, network):
        caller = Caller(network)
        network.run(1.0)
        rows = {"To": caller.to, "CSeq": "8 INFO", "Via": f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-info"}
        caller.script.send(caller.script.request("INFO", BOB, **rows), BOB)
        network.run(4.0)
        overdue = caller.bob.last(AckOverdue)
        assert (overdue.unheard, overdue.asked) == (0, True)

    def test_an_ack_in_time_says_nothing(self, network):
        caller = Caller(network)
        caller.ack()
        network.run(60.0)
        assert "AckOverdue" not in caller.bob.kinds()
