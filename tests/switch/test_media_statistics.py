"""The variables about a leg's audio: FreeSWITCH's names, and that none is made up."""

from types import SimpleNamespace

from ringthru.media import PCMU
from ringthru.media.rtp.report import LegReport
from ringthru.net.values import replace
from ringthru.switch.audio.media_statistics import figures, leg_quality, statistic, variables_of

REPORT = LegReport(
    packets_received=950,
    packets_sent=1000,
    octets_received=152000,
    octets_sent=160000,
    dropped=0,
    lost=50,
    remote_lost=20,
    jitter_ms=2.0,
    round_trip_ms=40.0,
    ssrc=1,
    remote_ssrc=2,
    remote=None,
    loss_runs=30,
    mean_jitter_ms=2.0,
    least_jitter_ms=1.0,
    most_jitter_ms=3.0,
    remote_expected=1000,
    remote_jitter_ms=4.0,
)
MEDIA = SimpleNamespace(negotiated=SimpleNamespace(codec=PCMU, ptime=20), report=lambda: REPORT)


def test_both_directions_have_a_figure_and_what_it_is_made_of():
    found = dict(variables_of(MEDIA, REPORT))
    expected = {
        "rtp_audio_in_skip_packet_count": "50",
        "rtp_audio_in_jitter_min_variance": "1.00",
        "rtp_audio_in_jitter_max_variance": "9.00",
        "rtp_audio_in_jitter_loss_rate": "5.00",
        "rtp_audio_in_jitter_burst_rate": "40.00",
        "ringthru_out_loss_rate": "2.00",
        "ringthru_out_lost_packet_count": "20",
        "ringthru_out_jitter_ms": "4.00",
        "ringthru_round_trip_ms": "40.0",
    }
    assert {name: found[name] for name in expected} == expected
    assert 1 < float(found["rtp_audio_in_mos"]) < float(found["ringthru_out_mos"]) < 4.5
    assert 50 < float(found["rtp_audio_in_quality_percentage"]) < 93.2


def test_what_the_peer_does_not_tell_has_no_variable():
    silent = replace(REPORT, remote_lost=None, remote_expected=None, round_trip_ms=None)
    found = dict(variables_of(MEDIA, silent))
    assert not [name for name in found if name.startswith(("ringthru_out", "ringthru_round"))]


def test_a_leg_that_heard_nothing_has_no_figure():
    found = dict(variables_of(MEDIA, replace(REPORT, packets_received=0, lost=0)))
    assert "rtp_audio_in_mos" not in found
    assert found["rtp_audio_in_packet_count"] == "0"


def test_each_can_be_asked_for_by_name():
    channel = SimpleNamespace(media=MEDIA)
    assert statistic(channel, "rtp_audio_in_packet_count") == "950"
    assert statistic(channel, "rtp_audio_in_nonsense") is None
    assert statistic(SimpleNamespace(media=None), "rtp_audio_in_mos") is None


def test_the_log_says_the_figures_that_there_are():
    assert figures(leg_quality(MEDIA, REPORT)).startswith(", MOS ")
    nothing = SimpleNamespace(negotiated=None)
    assert figures(leg_quality(nothing, REPORT)) == ""
