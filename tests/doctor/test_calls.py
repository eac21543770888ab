"""What calls that went wrong have in common."""

from __future__ import annotations

from ringthru.net.values import replace
from ringthru.switch.calls.causes import HangupCause
from ringthru.switch.calls.post_mortem import AudioFacts, CallFacts, Mishap, judge

CALL = CallFacts(
    uuid="7d54",
    name="sofia/external/alice@sip.example",
    ended_at=1_800_000_000.0,
    inbound=True,
    cause=HangupCause.NORMAL_CLEARING,
    ended_by="the peer",
    talked=10.0,
    peer="203.0.113.50:5060",
    peer_host="203.0.113.50",
    peer_is_far=True,
    bridged=True,
    audio=AudioFacts(received=0, sent=500, told="198.51.100.20:16384", wanted="203.0.113.50:4000"),
)


def mishap(**changes):
    facts = replace(CALL, **changes)
    verdict = judge(facts)
    assert verdict is not None
    return Mishap(facts, verdict)


def test_none_is_well(patient):
    assert patient.status("calls") == "ok"


def test_those_with_one_fault_are_one_finding_that_names_the_last_and_whom_they_were_with(patient):
    others = [mishap(uuid=str(n)) for n in range(3)]
    patient.seen = replace(patient.seen, calls=(*others, mishap(peer_host="192.0.2.9", uuid="last-one")))
    found = patient.finding("calls.heard-nothing")
    assert found.status.value == "fail"
    assert found.evidence.startswith("4 times, 3 of them with 203.0.113.50: nothing was heard from the peer")
    assert "'doctor call last-one'" in found.cure


def test_a_side_that_is_out_of_order_is_a_warning(patient):
    gone = mishap(
        cause=HangupCause.RECOVERY_ON_TIMER_EXPIRE, talked=0.0, audio=None, inbound=False, refusal=""
    )
    patient.seen = replace(patient.seen, calls=(gone, mishap()))
    assert patient.status("calls.unreachable") == "warn"
    assert patient.status("calls.heard-nothing") == "fail"
