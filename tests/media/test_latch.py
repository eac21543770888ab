"""Learning where a peer really is: FreeSWITCH's auto-adjust, as a table of packet sequences."""

import pytest

from ringthru.media.rtp.latch import MOST_THRESHOLD, RTCP_THRESHOLD, Confirmed, Latch, Latched
from ringthru.net.address import Endpoint

SDP = Endpoint("10.0.0.5", 4000)
NAT = Endpoint("198.51.100.7", 31000)
SPY = Endpoint("203.0.113.66", 9)
WHO = {"S": SDP, "n": NAT, "x": SPY, "c": NAT, "s": Endpoint("10.0.0.5", 4002)}


def run(packets: str, threshold: int = 10) -> tuple[str, list[object], Latch]:
    """Feed a latch; ``c`` is comfort noise from the NAT. Heard packets are +, others −."""
    latch = Latch("audio", SDP, threshold)
    verdicts, learned = "", []
    for letter in packets:
        heard, news = latch.judge(tuple(WHO[letter]), comfort_noise=letter == "c")
        verdicts += "+" if heard else "-"
        if news is not None:
            learned.append(news)
    return verdicts, learned, latch


CONFIRMED = [Confirmed("audio", SDP)]
LATCHED = [Latched("audio", SDP, NAT)]

TABLE = [
    # packets, heard, learned, where we send afterwards
    ("S", "+", CONFIRMED, SDP),
    ("Sn", "+-", CONFIRMED, SDP),
    ("n" * 9, "+" * 9, [], SDP),
    ("n" * 10, "+" * 10, LATCHED, NAT),
    ("n" * 10 + "S", "+" * 10 + "-", LATCHED, NAT),
    ("n" * 10 + "nxnx", "+" * 10 + "+-+-", LATCHED, NAT),
    ("n" * 9 + "S" + "n" * 20, "+" * 10 + "-" * 20, CONFIRMED, SDP),
    ("c" * 30, "+" * 30, [], SDP),
    ("c" * 30 + "n" * 10, "+" * 40, LATCHED, NAT),
    ("n" * 9 + "c" * 9 + "n", "+" * 19, LATCHED, NAT),
    ("x" * 9 + "n" * 10, "+" * 19, LATCHED, NAT),
    ("xn" * 9, "+" * 18, [], SDP),
    ("s" * 10, "+" * 10, [Latched("audio", SDP, WHO["s"])], WHO["s"]),
]


@pytest.mark.parametrize(("packets", "heard", "learned", "target"), TABLE)
def test_sequences(packets, heard, learned, target):
    verdicts, news, latch = run(packets)
    assert (verdicts, news, latch.target) == (heard, learned, target)


def test_ten_of_one_source_must_come_within_twenty_packets():
    many = [Endpoint("203.0.113.1", port) for port in range(1, 200)]
    latch = Latch("audio", SDP)
    for index in range(100):  # every third packet is the NAT's: at most seven in any twenty
        latch.judge(NAT if index % 3 == 0 else many[index])
    assert latch.target == SDP
    assert latch.learning


@pytest.mark.parametrize(("asked", "packets"), [(1, 1), (3, 3), (25, 25), (1000, MOST_THRESHOLD)])
def test_a_leg_may_ask_for_another_number_of_packets(asked, packets):
    latch = Latch("audio", SDP, asked)
    news = [latch.judge(NAT)[1] for _ in range(packets)]
    assert news == [None] * (packets - 1) + [Latched("audio", SDP, NAT)]


def test_one_that_is_fixed_hears_and_follows_nobody_else():
    latch = Latch("audio", SDP)
    latch.fixed = True
    assert [latch.judge(NAT) for _ in range(30)] == [(False, None)] * 30
    assert latch.follow(NAT) is None
    assert latch.judge(SDP) == (True, Confirmed("audio", SDP))
    latch.learn(NAT)  # another SDP
    assert latch.judge(SDP) == (False, None)
    assert latch.target == NAT


def test_rtcp_moves_with_its_first_packet():
    _, learned, latch = run("n", RTCP_THRESHOLD)
    assert latch.target == NAT
    assert len(learned) == 1


def test_a_new_sdp_starts_the_learning_again():
    _, _, latch = run("n" * 10)
    latch.learn(Endpoint("10.0.0.5", 5000))
    assert latch.judge(SPY) == (True, None)
    assert latch.judge(("10.0.0.5", 5000)) == (True, Confirmed("audio", Endpoint("10.0.0.5", 5000)))


class TestLogTexts:
    """The words that FreeSWITCH's users search for."""

    def test_latched(self):
        text = "Auto Changing audio port from 10.0.0.5:4000 to 198.51.100.7:31000"
        assert str(Latched("audio", SDP, NAT)) == text

    def test_latched_rtcp(self):
        text = "Auto Changing audio RTCP port from 10.0.0.5:4000 to 198.51.100.7:31000"
        assert str(Latched("audio RTCP", SDP, NAT)) == text

    def test_confirmed(self):
        assert str(Confirmed("audio", SDP)) == "Correct audio ip/port confirmed."
