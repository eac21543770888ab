"""One question to an echo host, under a manual clock: what each answer proves, and what silence does not."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.values import replace
from ringthru.portmap.echo.echo_proof import ATTEMPTS, EchoProof, Proof, compared
from ringthru.portmap.errors import LocalError
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.echo import Kind, Message, Outcome, decode

HOST = "22.51.100.50:4478"
HOME = "11.0.113.1"


class Question(EchoProof):
    """One under way, and an echo host's part in it."""

    def __init__(self, protocol: Protocol = Protocol.UDP, *, watched: bool = True) -> None:
        numbers = count(1)
        super().__init__(protocol, 5060, HOST, lambda size: next(numbers).to_bytes(size), watched=watched)
        self.start(100.0)

    def asked(self) -> Message:
        (data,) = self.datagrams_to_send()
        return decode(data)

    def challenged(self, now: float = 100.1) -> Message:
        """Answer the HELLO that is out; the PROVE that follows."""
        hello = self.asked()
        challenge = replace(hello, kind=Kind.CHALLENGE, cookie=b"c" * 16, address=HOME)
        self.receive_datagram(challenge.encode(), now)
        return self.asked()

    def reported(self, outcome: Outcome, now: float = 100.2) -> Message:
        """Answer both; the probe that goes with it."""
        prove = self.challenged(now)
        self.receive_datagram(replace(prove, kind=Kind.REPORT, outcome=outcome).encode(), now)
        return replace(prove, kind=Kind.PROBE, cookie=bytes(16))

    def run_out(self) -> list[float]:
        """Let time pass to the end; when something was sent meanwhile."""
        times = []
        while (when := self.next_timeout()) is not None:
            self.handle_timeout(when)
            times += [round(when, 3) for _ in self.datagrams_to_send()]
        return times


def test_the_question_bears_the_cookie_it_was_given():
    question = Question()
    prove = question.challenged()
    assert (prove.kind, prove.port, prove.cookie, prove.token) == (
        Kind.PROVE,
        5060,
        b"c" * 16,
        bytes(11) + b"\1",
    )


def test_a_probe_that_comes_in_is_proof_whatever_else_is_said():
    question = Question()
    probe = question.reported(Outcome.SENT)
    assert question.saw(probe.encode())
    assert question.proof == Proof(True, f"a probe of {HOST} came in", HOME)
    assert question.next_timeout() is None


def test_a_probe_may_be_quicker_than_its_report():
    question = Question()
    prove = question.challenged()
    assert question.saw(replace(prove, kind=Kind.PROBE).encode())
    assert question.proof is not None
    assert question.proof.holds


def test_a_lost_probe_is_sent_again_with_another_token_and_a_late_one_counts():
    question = Question()
    first = question.reported(Outcome.SENT)
    question.handle_timeout(101.2)
    second = question.reported(Outcome.SENT, 101.3)
    assert first.token != second.token
    assert question.saw(first.encode())
    assert question.proof is not None
    assert question.proof.holds


def test_probes_that_never_come_in_are_a_verdict():
    question = Question()
    for attempt in range(ATTEMPTS):
        question.reported(Outcome.SENT, 100.2 + attempt)
        question.handle_timeout(101.2 + attempt)
    assert question.proof == Proof(False, f"{ATTEMPTS} probes of {HOST} did not come in", HOME)


@pytest.mark.parametrize(
    ("outcome", "holds"),
    [
        (Outcome.CONNECTED, True),
        (Outcome.REFUSED, False),
        (Outcome.TIMEOUT, False),
        (Outcome.LIMITED, None),
        (Outcome.FAILED, None),
        (Outcome.NONE, None),
    ],
)
def test_what_the_host_says_of_a_port_that_nobody_watches(outcome, holds):
    question = Question(Protocol.TCP, watched=False)
    question.reported(outcome)
    assert question.proof is not None
    assert question.proof.holds is holds


def test_a_datagram_that_nobody_looks_for_proves_nothing():
    question = Question(watched=False)
    question.reported(Outcome.SENT)
    assert question.proof is not None
    assert question.proof.holds is None


def test_a_connection_that_another_machine_took_is_no_proof():
    question = Question(Protocol.TCP)
    question.reported(Outcome.CONNECTED)
    question.handle_timeout(101.2)
    assert question.proof == Proof(False, f"{HOST} was let in, but by another machine than this", HOME)


class TestSilence:
    def test_a_host_that_does_not_answer_is_no_verdict(self):
        question = Question()
        question.datagrams_to_send()
        assert question.run_out() == [100.5, 101.5]
        assert question.proof == Proof(None, f"the echo host {HOST} does not answer")

    def test_nor_is_one_that_falls_silent_later(self):
        question = Question()
        question.challenged(100.1)
        assert question.run_out() == [100.6, 101.6, 103.6]
        assert question.proof is not None
        assert question.proof.holds is None

    def test_nor_is_a_port_where_nobody_listens(self):
        question = Question()
        question.refused()
        assert question.proof == Proof(None, f"no echo host listens at {HOST}")


class TestNotBelieved:
    def test_another_questions_answers(self):
        question = Question()
        hello = question.asked()
        for kind in Kind:
            other = replace(hello, kind=kind, token=b"x" * 12, outcome=Outcome.CONNECTED)
            question.receive_datagram(other.encode(), 100.1)
            assert not question.saw(other.encode())
        assert question.datagrams_to_send() == []
        assert question.proof is None

    def test_a_report_before_the_question(self):
        question = Question()
        hello = question.asked()
        question.receive_datagram(replace(hello, kind=Kind.REPORT, outcome=Outcome.CONNECTED).encode(), 100.1)
        assert question.proof is None

    @given(st.binary(max_size=70))
    def test_noise(self, noise):
        question = Question()
        question.receive_datagram(noise, 100.1)
        assert not question.saw(noise)
        assert question.proof is None


@pytest.mark.parametrize("port", [0, 70000])
def test_a_port_that_cannot_be_is_our_own_mistake(port):
    with pytest.raises(LocalError):
        EchoProof(Protocol.UDP, port, HOST, bytes, watched=True).start(0.0)


class TestTheAddressItIsSeenAt:
    CAME_IN = Proof(True, "a probe of 11.0.113.9 came in", "11.0.113.1")

    def test_the_one_that_was_told(self):
        assert compared(self.CAME_IN, "11.0.113.1") is self.CAME_IN

    def test_another_one_proves_nothing_of_the_one_that_was_told(self):
        proof = compared(self.CAME_IN, "10.0.0.2")
        assert proof.holds is None
        assert proof.words.endswith("at 11.0.113.1: that is where it sees us, and the gateway says 10.0.0.2")

    def test_nobody_came_in_and_that_may_be_why(self):
        missed = replace(self.CAME_IN, holds=False)
        assert compared(missed, "10.0.0.2").holds is False

    @pytest.mark.parametrize("told", ["", "nonsense", "2a0e:113:1::1"])
    def test_nothing_to_compare_with(self, told):
        assert compared(self.CAME_IN, told) is self.CAME_IN
