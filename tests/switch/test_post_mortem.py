"""Each way in which a call goes wrong has its sentence, and a call that went well has none."""

from __future__ import annotations

import pytest

from ringthru.net.values import replace
from ringthru.switch.calls.causes import HangupCause
from ringthru.switch.calls.post_mortem import AudioFacts, CallFacts, Fault, judge

GOOD = AudioFacts(
    received=500,
    sent=500,
    told="198.51.100.20:16384",
    wanted="203.0.113.50:4000",
    went_to="203.0.113.50:4000",
    mapped=True,
    mos_in=4.3,
    mos_out=4.3,
)
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
    audio=GOOD,
)


def call(audio=None, **changes):
    return replace(CALL, audio=replace(GOOD, **(audio or {})), **changes)


class TestWell:
    def test_heard_both_ways(self):
        assert judge(CALL) is None

    @pytest.mark.parametrize(
        "cause", [HangupCause.USER_BUSY, HangupCause.NO_ANSWER, HangupCause.ORIGINATOR_CANCEL]
    )
    def test_nobody_answered_and_that_is_life(self, cause):
        assert judge(replace(CALL, cause=cause, talked=0.0, audio=None)) is None

    def test_two_seconds_may_pass_in_silence(self):
        assert judge(call({"received": 0}, talked=1.0)) is None

    def test_whoever_was_on_hold_all_the_time_was_not_to_be_heard(self):
        assert judge(call({"received": 0, "may_come": False})) is None

    def test_an_application_that_says_nothing_is_no_fault(self):
        assert judge(call({"sent": 0}, bridged=False)) is None


class TestOneWay:
    def test_says_who_heard_whom_where_packets_went_and_where_none_came(self):
        verdict = judge(call({"received": 0, "sent": 842}))
        assert verdict is not None
        assert verdict.fault is Fault.HEARD_NOTHING
        assert "203.0.113.50 may have heard us, we heard nothing of it" in verdict.sentence
        assert "842 packets went to 203.0.113.50:4000, none came to 198.51.100.20:16384" in verdict.sentence

    def test_its_rtcp_tells_that_it_heard_us(self):
        verdict = judge(call({"received": 0, "remote_lost": 0}))
        assert verdict is not None
        assert "203.0.113.50 heard us," in verdict.sentence

    @pytest.mark.parametrize(
        ("audio", "far", "words"),
        [
            ({"unmapped": "error 718 (conflict)", "mapped": False}, True, "error 718 (conflict)"),
            ({"told": "192.168.1.103:16384", "told_private": True}, True, "a private address"),
            ({"forged": 7, "dropped": 7}, True, "another key"),
            ({"dropped": 9}, True, "another codec"),
            (
                {"wanted": "10.0.0.5:4000", "wanted_private": True, "went_to": "10.0.0.5:4000"},
                True,
                "an address of its own LAN",
            ),
            ({}, True, "a port open for it"),
            ({"mapped": False}, True, "No port is opened"),
            ({}, False, "in one network"),
        ],
    )
    def test_the_likeliest_reason_is_named(self, audio, far, words):
        verdict = judge(call({"received": 0, **audio}, peer_is_far=far))
        assert verdict is not None
        assert words in verdict.sentence
        assert verdict.cure

    def test_the_surest_evidence_comes_first(self):
        verdict = judge(call({"received": 0, "forged": 3, "dropped": 3, "unmapped": "error 718"}))
        assert verdict is not None
        assert "another key" in verdict.meaning

    def test_the_other_leg_was_silent(self):
        verdict = judge(call({"sent": 0}))
        assert verdict is not None
        assert verdict.fault is Fault.SENT_NOTHING
        assert "you heard 203.0.113.50, which heard nothing" in verdict.sentence

    def test_nothing_either_way(self):
        verdict = judge(call({"received": 0, "sent": 0}))
        assert verdict is not None
        assert verdict.fault is Fault.NO_AUDIO


class TestSignalling:
    def test_an_answer_without_an_ack_comes_before_its_audio(self):
        words = "A proxy on the way loses the ACK. Evidence: two. Cure: ask whoever runs it."
        expired = HangupCause.RECOVERY_ON_TIMER_EXPIRE
        verdict = judge(call({"received": 0}, ack_verdict=words, talked=32.0, cause=expired))
        assert verdict is not None
        assert verdict.fault is Fault.UNACKNOWLEDGED
        assert verdict.sentence.startswith("the call ended after 32 s, because 203.0.113.50:5060 did not")
        assert "A proxy on the way loses the ACK." in verdict.sentence
        assert verdict.cure == "ask whoever runs it"

    def test_whoever_hangs_up_before_that_is_said_to_have_sent_none_by_then(self):
        verdict = judge(call(ack_verdict="It is lost.", talked=6.0))
        assert verdict is not None
        assert "after 6 s, and 4 s after our answer 203.0.113.50:5060 had not" in verdict.sentence

    def test_an_ack_that_came_late_is_nothing(self):
        assert judge(call(ack_verdict="It is lost.", talked=600.0)) is None

    def test_no_codec_in_common(self):
        refused = replace(
            CALL,
            inbound=False,
            cause=HangupCause.INCOMPATIBLE_DESTINATION,
            talked=0.0,
            audio=None,
            refusal="status 488",
        )
        verdict = judge(refused)
        assert verdict is not None
        assert verdict.fault is Fault.CODECS
        assert "203.0.113.50:5060 refused the call (status 488)" in verdict.sentence

    @pytest.mark.parametrize("refusal", ["", "status 408"])
    def test_an_invite_without_an_answer(self, refusal):
        expired = HangupCause.RECOVERY_ON_TIMER_EXPIRE
        lost = replace(CALL, inbound=False, cause=expired, talked=0.0, audio=None, refusal=refusal)
        verdict = judge(lost)
        assert verdict is not None
        assert verdict.fault is Fault.UNREACHABLE
        assert "our INVITE went to 203.0.113.50:5060, and no answer came" in verdict.sentence

    def test_a_refusal_of_a_server_is_no_silence(self):
        busy = replace(
            CALL,
            inbound=False,
            cause=HangupCause.NORMAL_TEMPORARY_FAILURE,
            talked=0.0,
            audio=None,
            refusal="status 503",
        )
        verdict = judge(busy)
        assert verdict is not None
        assert "could not take the call (status 503)" in verdict.sentence


class TestAudioThatFaded:
    def test_it_stopped(self):
        verdict = judge(call(cause=HangupCause.MEDIA_TIMEOUT))
        assert verdict is not None
        assert verdict.fault is Fault.MEDIA_LOST
        assert "stopped after 500 packets" in verdict.sentence

    @pytest.mark.parametrize(
        ("audio", "words"),
        [
            (
                {"mos_in": 2.1, "lost": 90},
                "what came from 203.0.113.50 was hard to understand (MOS 2.1): 90 of 590",
            ),
            ({"mos_out": 1.9, "remote_lost": 200}, "what went to 203.0.113.50"),
        ],
    )
    def test_it_was_bad(self, audio, words):
        verdict = judge(call(audio))
        assert verdict is not None
        assert verdict.fault is Fault.POOR
        assert words in verdict.sentence
