"""Hangup causes: FreeSWITCH's tables row by row, and what a Reason header says (RFC 3326)."""

from __future__ import annotations

import pytest

from ringthru.sip import Reason, Request, Response
from ringthru.switch.calls.causes import HangupCause, cause_named, cause_of, cause_said, reason_for, status_of

C = HangupCause
FROM_STATUS = {
    200: C.NORMAL_CLEARING,
    **dict.fromkeys((401, 402, 403, 407, 603, 608), C.CALL_REJECTED),
    404: C.UNALLOCATED_NUMBER,
    **dict.fromkeys((485, 604), C.NO_ROUTE_DESTINATION),
    **dict.fromkeys((408, 504), C.RECOVERY_ON_TIMER_EXPIRE),
    410: C.NUMBER_CHANGED,
    **dict.fromkeys((413, 414, 416, 420, 421, 423, 505, 513), C.INTERWORKING),
    480: C.NO_USER_RESPONSE,
    **dict.fromkeys((400, 481, 500, 503), C.NORMAL_TEMPORARY_FAILURE),
    **dict.fromkeys((486, 600), C.USER_BUSY),
    484: C.INVALID_NUMBER_FORMAT,
    **dict.fromkeys((488, 606), C.INCOMPATIBLE_DESTINATION),
    502: C.NETWORK_OUT_OF_ORDER,
    405: C.SERVICE_UNAVAILABLE,
    **dict.fromkeys((406, 415, 501), C.SERVICE_NOT_IMPLEMENTED),
    **dict.fromkeys((482, 483), C.EXCHANGE_ROUTING_ERROR),
    487: C.ORIGINATOR_CANCEL,
    607: C.UNWANTED,
    **dict.fromkeys((300, 302, 418, 499, 580, 699), C.NORMAL_UNSPECIFIED),
}
TO_STATUS = {
    **dict.fromkeys((1, 2, 3), 404),
    17: 486,
    18: 408,
    **dict.fromkeys((19, 20, 31), 480),
    21: 603,
    **dict.fromkeys((22, 23), 410),
    **dict.fromkeys((27, 811), 502),
    **dict.fromkeys((28, 808, 810), 484),
    **dict.fromkeys((29, 69, 79), 501),
    **dict.fromkeys((34, 38, 41, 42, 44, 58, 809), 503),
    **dict.fromkeys((52, 54, 57), 403),
    **dict.fromkeys((65, 88), 488),
    102: 504,
    487: 487,
    25: 483,
    815: 600,
    816: 603,
    817: 604,
    818: 606,
}


@pytest.mark.parametrize("status", FROM_STATUS)
def test_a_status_received(status):
    assert cause_of(status) is FROM_STATUS[status]


@pytest.mark.parametrize("cause", HangupCause, ids=lambda cause: cause.name)
def test_a_status_sent(cause):
    assert status_of(cause) == TO_STATUS.get(int(cause), 480)


def test_every_cause_has_its_number():
    assert len(HangupCause) == 82
    assert (C.BEARERCAPABILITY_NOTAUTH, C.BOWOUT, C.REJECT_ALL) == (57, 814, 825)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("USER_BUSY", 17),
        ("user_busy", 17),
        ("17", 17),
        ("702", 702),
        ("x", 16),
        ("", 16),
        ("-1", 16),
    ],
)
def test_by_name_or_number(text, cause):
    assert cause_named(text) == cause


def bye(*reasons: str) -> Request:
    return Request("BYE", "sip:x", [("Reason", each) for each in reasons])


class TestReasonReceived:
    @pytest.mark.parametrize(
        ("reasons", "cause"),
        [
            (["Q.850;cause=17"], C.USER_BUSY),
            (["SIP;cause=486", "Q.850;cause=21"], C.CALL_REJECTED),  # Q.850 counts before SIP
            (["q.850 ; cause=127"], C.INTERWORKING),
            (["SIP;cause=486"], C.USER_BUSY),
            (['SIP;cause=408;text="ACK Timeout"'], C.RECOVERY_ON_TIMER_EXPIRE),
            (['SIP;cause=200;text="whatever"'], C.NORMAL_CLEARING),
            (["Q.850;cause=702"], C.NORMAL_CLEARING),  # nobody but FreeSWITCH knows that number
            (["Q.850;cause=4"], C.NORMAL_CLEARING),
            (["Q.850"], C.NORMAL_CLEARING),
            (["preemption;cause=1"], C.NORMAL_CLEARING),
            ([";", '"'], C.NORMAL_CLEARING),
            ([], C.NORMAL_CLEARING),
        ],
    )
    def test_of_a_bye(self, reasons, cause):
        assert cause_said(bye(*reasons), C.NORMAL_CLEARING) is cause

    def test_of_a_cancel_for_a_call_that_was_answered_elsewhere(self):
        cancel = bye('SIP;cause=200;text="Call completed elsewhere"')
        assert cause_said(cancel, C.ORIGINATOR_CANCEL) is C.LOSE_RACE

    def test_of_a_response(self):
        refusal = Response(503, "Service Unavailable", [("Reason", "Q.850;cause=34")])
        assert cause_said(refusal, cause_of(503)) is C.NORMAL_CIRCUIT_CONGESTION

    def test_of_nothing(self):
        assert cause_said(None, C.NO_ANSWER) is C.NO_ANSWER


class TestReasonSent:
    def test_q850_says_its_number_and_freeswitch_s_name(self):
        assert str(reason_for(C.USER_BUSY, False)) == 'Q.850;cause=17;text="USER_BUSY"'

    def test_a_lost_race_was_completed_elsewhere(self):
        """RFC 3326 §2: so that the phone shows no missed call."""
        assert str(reason_for(C.LOSE_RACE, False)) == 'SIP;cause=200;text="Call completed elsewhere"'

    def test_after_the_answer_it_was_not(self):
        assert reason_for(C.LOSE_RACE, True) == Reason("Q.850", 16, "LOSE_RACE")

    def test_what_q850_does_not_know_is_said_by_what_comes_near(self):
        assert reason_for(C.MANAGER_REQUEST, True) == Reason("Q.850", 16, "MANAGER_REQUEST")
        assert reason_for(C.STALE_DATE, False) == Reason("Q.850", 31, "STALE_DATE")

    @pytest.mark.parametrize("cause", HangupCause, ids=lambda cause: cause.name)
    def test_each_reads_back_as_a_reason(self, cause):
        for answered in (False, True):
            reason = reason_for(cause, answered)
            assert Reason.parse(str(reason)) == reason
            assert reason.cause == 200 or reason.cause <= 127
