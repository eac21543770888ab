"""SRTP through the switch, over each media engine: who insists on it, and who has none (RFC 4568)."""

from __future__ import annotations

import wave
from array import array
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest

from ringthru.media import MANDATORY, OPTIONAL, PCMU, OfferAnswer, SecureMedia, Securing, SessionDescription
from ringthru.media.leg.libsrtp import make_session
from ringthru.media.leg.protecting import Protection
from ringthru.media.sound.g711 import encode
from ringthru.media.sound.tones import tone_share
from ringthru.net.address import Endpoint
from ringthru.switch.audio import secure_media

from .engines import SWITCH_XML
from .hearing import hears_tone, humming
from .home import DEFAULT, INTERNAL_XML, PASSWORD, RING_1000, Edit, Home, extension, setting
from .phones import Audio, Phone, PhoneCall, hear_each_other, hears_itself
from .waiting import eventually

SUITE = "AES_CM_128_HMAC_SHA1_80"


class SecureAudio(Audio):
    """An RTP socket whose packets are protected as soon as there are keys."""

    def __init__(self, phone: Phone) -> None:
        self.protection = Protection(make_session)
        super().__init__(phone._open_socket, phone._shows)
        plain = self._socket
        self._socket = self  # type: ignore[assignment]
        self._plain = plain

    @property
    def local(self) -> Any:
        return self._plain.local

    def send(self, data: bytes, to: Endpoint) -> bool:
        protected = self.protection.protect(data)
        return protected is not None and self._plain.send(protected, to)

    def close(self) -> None:
        self._plain.close()

    def _on_datagram(self, data: bytes, source: Endpoint) -> None:
        opened = self.protection.open(data)
        if opened is not None:
            super()._on_datagram(opened, source)


class SecureCall:
    """A phone that offers SRTP."""

    def __init__(self, phone: Phone, number: str, at: Endpoint, mode: str) -> None:
        self.audio = SecureAudio(phone)
        self.descriptions = OfferAnswer(
            1, securing=Securing(SecureMedia(mode, (SUITE,), offers=True), token_bytes)
        )
        offer = self.descriptions.offer(self.audio.address, [PCMU])
        phone.new_audio = lambda: self.audio  # type: ignore[method-assign]
        self.call: PhoneCall = phone.invite(number, at, password=PASSWORD, body=offer)
        self.call.offer = offer

    async def answered(self) -> PhoneCall:
        response = await self.call.answered()
        agreed = self.descriptions.read_answer(SessionDescription.parse(response.body))
        self.audio.protection.agree(agreed.srtp)
        return self.call

    async def offered_anew(self, *, moved_keys: bool) -> None:
        """A re-INVITE, with the same key or another."""
        if moved_keys:
            self.descriptions._securing._keys.clear()  # type: ignore[union-attr]
        offer = self.descriptions.offer(self.audio.address, [PCMU])
        response = await self.call.reinvite(offer)
        agreed = self.descriptions.read_answer(SessionDescription.parse(response.body))
        self.audio.protection.agree(agreed.srtp)


@pytest.fixture
async def home(each_engine: Edit, found: Any, tmp_path: Path) -> Home:
    must = extension("78", ("set", "rtp_secure_media=mandatory"), ("answer", ""), ("echo", ""))
    kept = extension(
        "79",
        ("record_session", f"{tmp_path}/said.wav"),
        ("answer", ""),
        ("playback", "tone_stream://%(60000,0,500)"),
    )
    made: Home = await found({DEFAULT: [must, kept, RING_1000], SWITCH_XML: each_engine})
    await made.switch.start()
    return made


@pytest.mark.parametrize("mode", [MANDATORY, OPTIONAL])
async def test_an_echo_with_new_keys_in_between(home: Home, mode: str) -> None:
    secure = SecureCall(home.lan_phone("1001"), "9196", home.internal, mode)
    call = await secure.answered()
    assert call.agreed is not None
    assert call.agreed.srtp is not None
    await hears_itself(call)
    await secure.offered_anew(moved_keys=False)
    await hears_itself(call)
    await secure.offered_anew(moved_keys=True)
    await hears_itself(call)
    (channel,) = home.switch.calls.channels.values()
    assert channel.variables["rtp_secure_media_confirmed"] == "true"
    assert channel.variables["rtp_has_crypto"] == SUITE
    assert not any("inline:" in value for value in channel.variables.values())
    call.hang_up()
    await home.quiet()


async def test_it_hears_a_sound_and_is_recorded(home: Home, tmp_path: Path) -> None:
    secure = SecureCall(home.lan_phone("1001"), "79", home.internal, MANDATORY)
    call = await secure.answered()
    async with humming(call, 1100):
        await hears_tone(call, 500, 0.9)
        await eventually(lambda: len(call.audio.heard) > 100)
    call.hang_up()
    await home.quiet()
    with wave.open(str(tmp_path / "said.wav")) as file:
        samples = array("h", file.readframes(file.getnframes()))
    ulaw = encode(samples, "PCMU")
    kept = [tone_share([ulaw[at : at + 800]], 1100) for at in range(0, len(ulaw) - 800, 800)]
    assert max(kept) > 0.95


async def test_it_talks_to_a_phone_that_has_none(home: Home) -> None:
    callee = await home.registered_phone()
    secure = SecureCall(home.lan_phone("1001"), "1000", home.internal, MANDATORY)
    rung = await callee.rung()
    assert b"m=audio" in rung.call.request.body
    assert b"crypto" not in rung.call.request.body  # by UDP everybody would read the key
    rung.answer()
    call = await secure.answered()
    await hear_each_other(call, rung)
    call.press("5")


async def test_without_it_there_is_no_call_where_it_is_mandatory(home: Home) -> None:
    call = home.lan_phone("1001").invite("78", home.internal, password=PASSWORD)
    assert (await call.refused()).status == 488
    secure = SecureCall(home.lan_phone("1001"), "78", home.internal, OPTIONAL)
    await hears_itself(await secure.answered())


async def test_without_the_library_who_insists_is_refused_and_the_log_says_what_to_install(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(secure_media, "suites_here", lambda: ())
    insisting = SecureCall(home.lan_phone("1001"), "9196", home.internal, MANDATORY)
    assert (await insisting.call.refused()).status == 488
    assert "install ringthru[srtp]" in caplog.text
    other = SecureCall(home.lan_phone("1001"), "9196", home.internal, OPTIONAL)
    await hears_itself(await other.answered())  # in plain RTP


async def test_a_profile_that_forbids_it(found: Any) -> None:
    home: Home = await found({INTERNAL_XML: setting("rtp-secure-media", "forbidden")})
    await home.switch.start()
    insisting = SecureCall(home.lan_phone("1001"), "9196", home.internal, MANDATORY)
    assert (await insisting.call.refused()).status == 488


async def test_a_called_user_for_whom_it_is_mandatory_is_offered_it(found: Any) -> None:
    must = f'<variable name="rtp_secure_media" value="mandatory:{SUITE}"/></variables>'
    home: Home = await found(
        {
            DEFAULT: RING_1000,
            "directory/default.xml": lambda text: text.replace("</variables>", must),
        }
    )
    await home.switch.start()
    callee = await home.registered_phone()
    SecureCall(home.lan_phone("1001"), "1000", home.internal, MANDATORY)
    (medium,) = SessionDescription.parse((await callee.rung()).call.request.body).media
    assert medium.protocol == "RTP/SAVP"
    assert [each.split()[1] for each in medium.values("crypto")] == [SUITE]
