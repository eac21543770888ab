"""The E-model for narrow-band telephony: transmission planning values in, a rating R and a MOS out.

Recommendation ITU-T G.107, all of its algorithm; what a packet network does not tell keeps the value of
its Table 2. The clauses named below are those of the edition of 06/2015.

Lives here: the formulas, and the impairment of codecs (G.113). Never here: packets, or what was measured.
"""

from __future__ import annotations

from functools import cache
from math import exp, log2, log10, sqrt
from typing import Final

from ...net.values import frozen

# Table 2, default values, in dB unless it says otherwise
SLR: Final = 8.0  # send loudness rating
RLR: Final = 2.0  # receive loudness rating
STMR: Final = 15.0  # sidetone masking rating
LSTR: Final = 18.0  # listener sidetone rating
DS: Final = 3.0  # D-value of the telephone, send side
TELR: Final = 65.0  # talker echo loudness rating
WEPL: Final = 110.0  # weighted echo path loss
QDU: Final = 1.0  # quantization distortion units
NC: Final = -70.0  # circuit noise, dBm0p
NFOR: Final = -64.0  # noise floor at the receive side, dBmp
PS: Final = 35.0  # room noise at the send side, dB(A)
PR: Final = 35.0  # room noise at the receive side, dB(A)
BEST_RATING: Final = 93.2  # what all of these make (clause 7.7), with no delay and no loss
MOST_DELAY: Final = 10_000.0  # milliseconds; more is an error of somebody's clock


@frozen
class Impairment:
    """What a codec costs by itself, and how it stands loss: Ie and Bpl (G.113, Appendix I)."""

    ie: float
    bpl: float


# Table I.4 of Appendix I: with loss concealment, which phones have; without it G.711 would have a Bpl of 4.3.
G711: Final = Impairment(0, 25.1)
# Table I.4 of Appendix I, G.729A with silence suppression; the same Ie as without it (Table I.1).
G729: Final = Impairment(11, 19)
# Table I.1: 32 kbit/s ADPCM, full-rate GSM. For their loss it has nothing; GSM-EFR's Bpl is taken.
G726: Final = Impairment(7, 10)
GSM: Final = Impairment(20, 10)
IMPAIRMENTS: Final = {
    "PCMU": G711,
    "PCMA": G711,
    "G729": G729,
    "G726-32": G726,
    "GSM": GSM,
    # The narrow-band scale ends at G.711, so the wide-band ones have no impairment on it. G.113 has no Bpl
    # for them there: G.711's with concealment is taken, which does not flatter them.
    "G722": G711,
    "OPUS": G711,
    "L16": G711,
}
UNKNOWN: Final = G711


@frozen
class Rating:
    """R (0–100; below 50 nearly all are dissatisfied) and what it is made of (clause 7.1)."""

    r: float
    delay_impairment: float  # Id
    equipment_impairment: float  # Ie-eff

    @property
    def mos(self) -> float:
        """The estimated mean opinion of a conversation, 1 to 4.5 (Annex B)."""
        return mos_of(self.r)


def rate(
    impairment: Impairment, *, loss: float = 0.0, burst_ratio: float = 1.0, delay: float = 0.0
) -> Rating:
    """Clause 7.1, for a connection between two digital telephones.

    ``loss`` is a share of packets (0–1), ``burst_ratio`` the mean length of the gaps in the stream by what
    it would be were each packet lost by chance (1), ``delay`` milliseconds from mouth to ear. The echo of the
    far telephone is Table 2's, and takes twice as long as the voice.
    """
    one_way = min(max(delay, 0.0), MOST_DELAY)
    to_noise, simultaneous = _signal(one_way)
    late = _delay_impairment(to_noise, one_way)
    equipment = effective_impairment(impairment, loss, burst_ratio)
    return Rating(min(max(to_noise - simultaneous - late - equipment, 0.0), 100.0), late, equipment)


def effective_impairment(impairment: Impairment, loss: float, burst_ratio: float = 1.0) -> float:
    """Ie-eff: the codec's impairment under loss (clause 7.5)."""
    percent = 100 * min(max(loss, 0.0), 1.0)
    robust = percent / max(burst_ratio, 1.0) + impairment.bpl
    return impairment.ie + (95 - impairment.ie) * percent / robust


def mos_of(r: float) -> float:
    """Annex B, formula B-4."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    # Below 6.5 the cubic dips under 1, which no scale has.
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


@cache
def _noise() -> float:
    """No, dBm0p: all sources of noise, seen at the 0 dBr point (clause 7.2)."""
    olr = SLR + RLR
    send_room = PS - SLR - DS - 100 + 0.004 * (PS - olr - DS - 14) ** 2  # Nos
    effective_room = PR + 10 * log10(1 + 10 ** ((10 - LSTR) / 10))  # Pre
    receive_room = RLR - 121 + effective_room + 0.008 * (effective_room - 35) ** 2  # Nor
    floor = NFOR + RLR  # Nfo
    return 10 * log10(sum(10 ** (each / 10) for each in (NC, send_room, receive_room, floor)))


def _signal(one_way: float) -> tuple[float, float]:
    """Ro and Is; of Is only the sidetone's part knows of delay, and with Table 2's echo hardly."""
    noise = _noise()
    to_noise = 15 - 1.5 * (SLR + noise)
    return to_noise, _loudness(noise) + _sidetone(one_way) + _quantization(to_noise)


def _loudness(noise: float) -> float:
    """Iolr: too loud a connection (clause 7.3)."""
    x = SLR + RLR + 0.2 * (64 + noise - RLR)
    return float(20 * ((1 + (x / 8) ** 8) ** (1 / 8) - x / 8))


def _sidetone(one_way: float) -> float:
    """Ist: a sidetone that is not what talkers are used to (clause 7.3)."""
    masked = -10 * log10(10 ** (-STMR / 10) + exp(-one_way / 4) * 10 ** (-TELR / 10))  # STMRo
    near = 12 * (1 + ((masked - 13) / 6) ** 8) ** (1 / 8)
    middle = 28 * (1 + ((masked + 1) / 19.4) ** 35) ** (1 / 35)
    far = 13 * (1 + ((masked - 3) / 33) ** 13) ** (1 / 13)
    return float(near - middle - far + 29)


def _quantization(to_noise: float) -> float:
    """Iq: quantizing distortion (clause 7.3)."""
    q = 37 - 15 * log10(QDU)
    g = 1.07 + 0.258 * q + 0.0602 * q**2
    y = (to_noise - 100) / 15 + 46 / 8.4 - g / 9
    z = 46 / 30 - g / 40
    return float(15 * log10(1 + 10**y + 10**z))


def _delay_impairment(to_noise: float, one_way: float) -> float:
    """Id: talker echo, listener echo, and too long a way altogether (clause 7.4)."""
    if one_way == 0:
        return _listener_echo(to_noise, 0.0)
    return _talker_echo(one_way) + _listener_echo(to_noise, 2 * one_way) + _long_way(one_way)


def _talker_echo(one_way: float) -> float:
    """Idte. Table 2's sidetone needs neither of the corrections for extreme ones."""
    within = exp(-0.3 * one_way**2) if one_way < 50 else 0.0
    terv = TELR - 40 * log10((1 + one_way / 10) / (1 + one_way / 150)) + 6 * within
    echo = 80 + 2.5 * (terv - 14)  # Re
    roe = -1.5 * (_noise() - RLR)
    half = (roe - echo) / 2
    return float((half + sqrt(half**2 + 100) - 1) * (1 - exp(-one_way)))


def _listener_echo(to_noise: float, round_trip: float) -> float:
    """Idle."""
    echo = 10.5 * (WEPL + 7) * (round_trip + 1) ** -0.25  # Rle
    half = (to_noise - echo) / 2
    return float(half + sqrt(half**2 + 169))


def _long_way(one_way: float) -> float:
    """Idd: what delay alone does to a conversation, from 100 ms on."""
    if one_way <= 100:
        return 0.0
    x = log2(one_way / 100)
    return float(25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2))
