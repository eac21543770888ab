"""Which codec each leg speaks: nothing is transcoded that need not be, and everything is that must."""

from __future__ import annotations

import asyncio
import logging
import wave
from typing import Any

import pytest

from ringthru.console.calls import uuid_dump
from ringthru.media import G722, OPUS, PCMA, PCMU, Codec, make_offer
from ringthru.media.coding.coders import decoder_of, encoder_of, installed, samples_of, ulaw_of
from ringthru.media.description.audio import audio_of
from ringthru.media.engine import choice, coding_driver
from ringthru.media.sound.g711 import G711
from ringthru.media.sound.tones import holds_tone, tone

from .home import DEFAULT, EXTERNAL_XML, INTERNAL_XML, PASSWORD, PUBLIC, RING_1000, Home, extension, setting
from .phones import PhoneCall, hear_each_other, hears_itself
from .waiting import eventually

G729 = Codec("G729", 18, parameters="annexb=no")
MISSING = "G.722 and Opus are not installed: pip install 'ringthru[codecs]', and Debian's libopus0"
needs_coders = pytest.mark.skipif(not {"G722", "OPUS"} <= installed(), reason=MISSING)


def offered_to(rung: PhoneCall) -> list[str]:
    return [each.name for each in audio_of(rung.described.media[0])]


def spoken(call: PhoneCall) -> str:
    assert call.agreed is not None
    return call.agreed.codec.name


async def dumped(home: Home, call: PhoneCall) -> str:
    """``uuid_dump`` of the leg of a phone."""
    codec = {"OPUS": "opus"}.get(spoken(call), spoken(call))
    rows = [each for each in home.switch.snapshot().channels if each.codec == codec]
    return await uuid_dump(home.switch, rows[0].uuid)


@needs_coders
class TestACallerOfSeveralCodecs:
    async def test_is_answered_with_what_the_called_side_took(self, home: Home) -> None:
        """Late negotiation: nothing is transcoded although the caller likes Opus best."""
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"), codecs=(OPUS, G722, PCMA))
        rung = await callee.rung()
        assert offered_to(rung) == ["OPUS", "G722", "PCMA", "PCMU"]  # the caller's order, then ours
        rung.answer(codecs=(PCMA,))
        await call.answered()
        assert (spoken(call), spoken(rung)) == ("PCMA", "PCMA")
        await hear_each_other(call, rung)
        said = await dumped(home, call)
        assert "Channel-Read-Codec-Name: PCMA\nChannel-Read-Codec-Rate: 8000\n" in said
        assert "Ringthru-Bridged-Audio: passes\n" in said

    async def test_keeps_opus_where_both_have_it(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"), codecs=(OPUS, PCMU))
        rung = await callee.rung()
        rung.answer(codecs=(OPUS, PCMU))
        await call.answered()
        assert (spoken(call), spoken(rung)) == ("OPUS", "OPUS")
        await hear_each_other(call, rung)  # the very octets

    async def test_one_that_the_called_side_lacks_is_transcoded(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"), codecs=(OPUS,))
        rung = await callee.rung()
        rung.answer(codecs=(G722,))
        await call.answered()
        assert (spoken(call), spoken(rung)) == ("OPUS", "G722")
        said = await dumped(home, call)
        for line in (
            "Channel-Read-Codec-Name: opus\nChannel-Read-Codec-Rate: 48000\nChannel-Read-Codec-Bit-Rate: 0\n",
            "Ringthru-Bridged-Audio: transcodes\n",
            "variable_read_codec: opus\n",
            "variable_rtp_use_codec_ptime: 20\n",
            "variable_ep_codec_string: opus@48000h\n",
        ):
            assert line in said
        # Of G.722, whatever its clock says
        assert "Channel-Write-Codec-Rate: 16000\n" in await dumped(home, rung)

    async def test_is_refused_where_no_more_can_be_transcoded(
        self, home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """503, before anybody waits for a word; the called side is let go. What passes is still taken."""
        monkeypatch.setattr(coding_driver, "MOST", 0)
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"), codecs=(OPUS,))
        rung = await callee.rung()
        rung.answer(codecs=(PCMU,))
        assert (await call.refused()).status == 503
        await rung.over()
        assert "calls are transcoded already; one more would harm them all: let more" in caplog.text
        call = caller.invite("1000", home.reached_at("external"), codecs=(OPUS, PCMU))
        rung = await callee.rung(2)
        rung.answer(codecs=(PCMU,))
        await call.answered()

    async def test_changes_it_in_a_standing_call(self, home: Home) -> None:
        """A re-INVITE without Opus: what was transcoded passes from then on."""
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"), codecs=(OPUS,))
        rung = await callee.rung()
        rung.answer(codecs=(PCMU,))
        await call.answered()
        response = await call.reinvite(offer(call, PCMU, G722))
        assert b" RTP/AVP 0 " in response.body
        await eventually(lambda: home.switch._engine.joints == {}, "it is still transcoded")


def offer(call: PhoneCall, *codecs: Codec) -> bytes:
    return make_offer(call.audio.address, codecs, 1, 2)


class TestACodecNobodyHereMakes:
    async def test_passes_where_both_sides_have_it(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"), codecs=(G729,))
        rung = await callee.rung()
        assert offered_to(rung) == ["G729"]
        assert b"a=fmtp:18 annexb=no\r\n" in rung.call.request.body  # the caller's words
        rung.answer(codecs=(G729,))
        response = await call.answered()
        assert b"m=audio" in response.body
        assert b" RTP/AVP 18 " in response.body
        await hear_each_other(call, rung)

    async def test_is_refused_where_the_switch_itself_should_speak(self, home: Home, caplog: Any) -> None:
        call = home.far_phone().invite("9196", home.reached_at("external"), codecs=(G729,))
        assert (await call.refused()).status == 488
        assert "offers G729, of which nothing can be made here" in caplog.text

    async def test_a_called_side_without_it_makes_488(self, home: Home) -> None:
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"), codecs=(G729,))
        (await callee.rung()).reject(488)
        assert (await call.refused()).status == 488


class TestWithoutTheExtra:
    @pytest.fixture
    async def bare(
        self, found: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> Home:
        """A machine on which nothing was installed but the switch."""
        caplog.set_level(logging.INFO)
        monkeypatch.setattr(choice, "installed", lambda: G711)
        made: Home = await found({PUBLIC: RING_1000})
        await made.switch.start()
        await made.mapped()
        return made

    async def test_is_said_in_one_line_at_the_start_and_not_for_each_profile(
        self, bare: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        (said,) = [each.getMessage() for each in caplog.get_records("setup") if "make them here" in each.msg]
        assert said.startswith(
            "OPUS, G722 (profile external, internal) only pass where both phones have them;"
        )

    async def test_what_would_need_it_is_refused_with_the_cure(self, bare: Home, caplog: Any) -> None:
        call = bare.far_phone().invite("9196", bare.reached_at("external"), codecs=(OPUS,))
        assert (await call.refused()).status == 488
        assert "install: pip install 'ringthru[codecs]'" in caplog.text
        assert "libopus0" in caplog.text

    async def test_offers_lack_them_and_the_rest_works(self, bare: Home) -> None:
        call = bare.lan_phone("1001").invite("9196", bare.internal, password=PASSWORD, codecs=(OPUS, PCMA))
        await call.answered()
        assert spoken(call) == "PCMA"
        await hears_itself(call)
        phone = await bare.registered_phone()
        asked = asyncio.ensure_future(bare.switch.originate("user/1000", "&park"))
        rung = await phone.rung()
        assert offered_to(rung) == ["PCMU", "PCMA"]
        rung.answer()
        await asked

    async def test_opus_passes_all_the_same(self, bare: Home) -> None:
        callee, caller = await bare.registered_phone(), bare.far_phone()
        call = caller.invite("1000", bare.reached_at("external"), codecs=(OPUS,))
        rung = await callee.rung()
        assert offered_to(rung) == ["OPUS"]
        rung.answer(codecs=(OPUS,))
        await call.answered()
        await hear_each_other(call, rung)


@needs_coders
class TestWishes:
    async def test_ours_decides_where_we_are_greedy(self, found: Any) -> None:
        """``inbound-codec-negotiation``; FreeSWITCH's other word for it is scrooge."""
        home: Home = await found({INTERNAL_XML: setting("inbound-codec-negotiation", "greedy")})
        await home.switch.start()
        call = home.lan_phone("1001").invite("9196", home.internal, password=PASSWORD, codecs=(PCMU, OPUS))
        await call.answered()
        assert spoken(call) == "OPUS"

    async def test_without_late_negotiation_the_callers_codec_is_chosen_first(self, found: Any) -> None:
        edits = {PUBLIC: RING_1000, EXTERNAL_XML: setting("inbound-late-negotiation", "false")}
        home: Home = await found(edits)
        await home.switch.start()
        await home.mapped()
        callee, caller = await home.registered_phone(), home.far_phone()
        call = caller.invite("1000", home.reached_at("external"), codecs=(OPUS, PCMU))
        rung = await callee.rung()
        rung.answer(codecs=(PCMU,))
        await call.answered()
        assert (spoken(call), spoken(rung)) == ("OPUS", "PCMU")

    @pytest.mark.parametrize(
        ("variables", "offered"),
        [
            ("{absolute_codec_string=G722}", ["G722"]),
            ("{codec_string='PCMA,OPUS'}", ["PCMA", "OPUS"]),
            ("", ["OPUS", "G722", "PCMU", "PCMA"]),
        ],
    )
    async def test_of_a_leg_that_is_dialled(self, home: Home, variables: str, offered: list[str]) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate(f"{variables}user/1000", "&park"))
        rung = await phone.rung()
        assert offered_to(rung) == offered
        rung.answer(codecs=(OPUS, G722, PCMA))
        await asked

    async def test_a_length_of_packets(self, home: Home) -> None:
        """As FreeSWITCH writes it: ``PCMU@30i``."""
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(
            home.switch.originate("{absolute_codec_string=PCMU@30i}user/1000", "&park")
        )
        rung = await phone.rung()
        assert b"a=ptime:30\r\n" in rung.call.request.body
        rung.answer()
        await asked

    async def test_a_list_forbids_what_it_does_not_name(self, found: Any) -> None:
        narrow = [setting("inbound-codec-prefs", "PCMA"), setting("outbound-codec-prefs", "PCMA")]
        home: Home = await found({PUBLIC: RING_1000, EXTERNAL_XML: narrow, INTERNAL_XML: narrow})
        await home.switch.start()
        await home.mapped()
        callee, caller = await home.registered_phone(), home.far_phone()
        refused = caller.invite("1000", home.reached_at("external"), codecs=(OPUS, PCMU))
        assert (await refused.refused()).status == 488
        caller.invite("1000", home.reached_at("external"), codecs=(OPUS, PCMU, PCMA))
        assert offered_to(await callee.rung()) == ["PCMA"]


@needs_coders
async def test_what_is_recorded_of_opus_is_played_to_g722(found: Any, tmp_path: Any) -> None:
    """``record`` and ``playback`` in either codec; the file is a WAV of 8000 Hz as ever."""
    said = extension("77", ("record", f"{tmp_path}/said.wav 1"), ("playback", f"{tmp_path}/said.wav"))
    home: Home = await found({DEFAULT: [said]})
    await home.switch.start()
    call = home.lan_phone("1001").invite("77", home.internal, password=PASSWORD, codecs=(OPUS,))
    await call.answered()
    assert call.agreed is not None
    encoder = encoder_of(OPUS, 8000)
    frame = samples_of(tone(400, 0.02)[0])  # eight whole waves: one after another they are a tone

    def hum() -> bool:
        call.say(encoder.encode(frame))
        heard = [payload for payload, _ in call.audio.heard if payload]
        decoder = decoder_of(OPUS, 8000)
        frames = [ulaw_of(decoder.decode(each)) for each in heard[-25:]][5:]
        return len(frames) == 20 and holds_tone(frames, 400)

    await eventually(hum, "it hears nothing of what it said")
    with wave.open(f"{tmp_path}/said.wav") as file:
        assert file.getframerate() == 8000


async def test_a_new_offer_of_ours_says_what_the_other_side_said(home: Home) -> None:
    """A refresh of a call that passes: the called phone's words about its codec, not the caller's own."""
    callee, caller = await home.registered_phone(), home.far_phone()
    mine, theirs = (Codec("AMR", 98, parameters=f"mode-set={each}") for each in (1, 2))
    call = caller.invite("1000", home.reached_at("external"), codecs=(mine,))
    rung = await callee.rung()
    assert b"a=fmtp:98 mode-set=1\r\n" in rung.call.request.body
    rung.answer(codecs=(theirs,))
    response = await call.answered()
    assert b"a=fmtp:98 mode-set=2\r\n" in response.body
    await eventually(lambda: all(each.bridged_to for each in home.switch.snapshot().channels))
    (leg,) = (each for each in home.switch.calls.channels.values() if each.direction.value == "inbound")
    assert [each.parameters for each in leg.kept_codecs] == ["mode-set=2"]
    again = await call.reinvite(offer(call, mine))
    assert b"a=fmtp:98 mode-set=2\r\n" in again.body
