"""The far phone is behind a NAT of its own: what it says about its address is wrong."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest

from ringthru.media import PCMU, make_offer
from ringthru.net.address import Endpoint
from ringthru.sip import CallConfirmed, CallEnded

from . import home as home_module
from .home import EXTERNAL_XML, INTERNAL_XML, PASSWORD, PUBLIC, Home, extension, setting
from .phones import Phone, frame_of, hears_itself, hears_itself_once_learnt
from .waiting import eventually
from .wire import HandWritten

LEARNT_AFTER = 10  # packets from another address than the SDP's


class TestAStranger:
    def phone(self, home: Home) -> Phone:
        return home.far_phone(shows=home.place.elsewhere)

    async def test_it_is_answered_where_it_was_heard(self, home: Home) -> None:
        phone = self.phone(home)
        call = phone.invite("9196", home.reached_at("external"))
        response = await call.answered()
        via = response.via
        assert via.received == phone.address.host
        assert via.rport == phone.address.port

    async def test_its_audio_is_learnt_and_then_echoed(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        call = self.phone(home).invite("9196", home.reached_at("external"))
        await call.answered()
        assert await hears_itself_once_learnt(call) >= LEARNT_AFTER - 1
        await hears_itself(call)
        real, shown = call.audio._socket.local, call.audio.address
        assert f"Auto Changing audio port from {shown.host}:{shown.rtp_port} to {real}" in caplog.text
        (channel,) = home.switch.calls.channels.values()
        said = {
            "rtp_auto_adjust_audio": "true",
            "remote_audio_ip": real.host,
            "remote_audio_port": str(real.port),
            "remote_audio_ip_reported": shown.host,
            "remote_audio_port_reported": str(shown.rtp_port),
            "remote_media_ip": shown.host,
            "remote_media_port": str(shown.rtp_port),
            "sip_local_network_addr": home.outside_address,
        }
        assert {name: home.switch.calls.router.value(channel, name) for name in said} == said

    async def test_after_as_many_packets_as_the_dialplan_says(self, found: Any) -> None:
        """``rtp_auto_adjust_threshold``, for a network where nobody else can send."""
        soon = extension("31", ("set", "rtp_auto_adjust_threshold=2"), ("echo", ""))
        home: Home = await found({PUBLIC: soon})
        await home.switch.start()
        await home.mapped()
        call = self.phone(home).invite("31", home.reached_at("external"))
        await call.answered()
        assert await hears_itself_once_learnt(call) < LEARNT_AFTER - 1
        await hears_itself(call)

    async def test_our_bye_reaches_it(self, home: Home) -> None:
        call = self.phone(home).invite("9196", home.reached_at("external"))
        await call.answered()
        await eventually(lambda: all(each.call_state == "ACTIVE" for each in home.switch.snapshot().channels))
        await home.switch.hang_up_all("")
        assert isinstance(await call.over(), CallEnded)


class TestAStrangersSession:
    """FreeSWITCH refreshes it twice in 90 s, so that a BYE finds its way back through the caller's NAT."""

    @pytest.mark.parametrize(("behind", "expires"), [(True, "90;refresher=uac"), (False, None)])
    async def test_it_is_short_behind_a_nat(
        self, found: Callable[..., Any], behind: bool, expires: str | None
    ) -> None:
        home: Home = await found({EXTERNAL_XML: setting("aggressive-nat-detection", "true")})
        await home.switch.start()
        await home.mapped()
        phone = home.far_phone(shows=home.place.elsewhere if behind else None)
        call = phone.invite("9196", home.reached_at("external"))
        assert (await call.answered()).get("Session-Expires") == expires
        (channel,) = home.switch.calls.channels.values()
        assert channel.variables.get("sip_nat_detected") == ("true" if behind else None)


class TestWhatTheDialplanKnows:
    """Nothing shows that the caller is behind a NAT, but somebody wrote it down."""

    @pytest.mark.parametrize(
        ("name", "shown"), [("sip_force_nat_mode", "true"), ("sip_sticky_contact", None)]
    )
    async def test_our_bye_goes_where_it_was_heard(
        self, found: Callable[..., Any], name: str, shown: str | None
    ) -> None:
        wish = extension("31", ("set", f"{name}=true"), ("answer", ""), ("park", ""))
        home: Home = await found({PUBLIC: wish})
        await home.switch.start()
        await home.mapped()
        phone = home.far_phone()
        hand, right = HandWritten(phone, "31", home.reached_at("external")), phone.address

        def send(method: str, body: bytes = b"") -> None:
            wrong = rf"\g<1>{right.host}:9".encode()
            phone.send(re.sub(rf"(Contact: .*){right}".encode(), wrong, hand.write(method, 1, body)), hand.at)

        send("INVITE", make_offer(phone.new_audio().address, (PCMU,), 1, 1))
        await hand.final(1)
        assert "Session-Expires: 90" in phone.text
        send("ACK")
        await eventually(lambda: all(each.call_state == "ACTIVE" for each in home.switch.snapshot().channels))
        (channel,) = home.switch.calls.channels.values()
        assert channel.variables.get("sip_nat_detected") == shown
        await home.switch.hang_up_all("")
        await eventually(lambda: any(each.startswith(b"BYE ") for each in phone.heard), "no BYE came")

    async def test_nothing_is_changed_where_it_says_no(self, found: Callable[..., Any]) -> None:
        wish = extension("31", ("set", "sip_force_nat_mode=false"), ("answer", ""), ("park", ""))
        home: Home = await found({PUBLIC: wish})
        await home.switch.start()
        await home.mapped()
        answer = await home.far_phone().invite("31", home.reached_at("external")).answered()
        assert answer.get("Session-Expires") is None


class TestAPhoneThatDoesNotAskForRport:
    """STUN told it its public address, and its NAT uses another port toward us."""

    @pytest.mark.parametrize(
        ("edits", "heard"),
        [
            ({}, False),  # RFC 3261 §18.2.2: the port of its Via
            ({"aggressive-nat-detection": "true"}, True),
            ({"aggressive-nat-detection": "true", "NDLB-force-rport": "disabled"}, False),
            ({"NDLB-force-rport": "true"}, True),
        ],
    )
    async def test_it_is_answered_where_it_was_heard(
        self, found: Callable[..., Any], edits: dict[str, str], heard: bool
    ) -> None:
        home: Home = await found({EXTERNAL_XML: [setting(*each) for each in edits.items()]} if edits else {})
        await home.switch.start()
        await home.mapped()
        phone, port_of_its_via = home.far_phone(), home.far_phone()
        hand = HandWritten(phone, "9196", home.reached_at("external"))
        via = f"Via: SIP/2.0/UDP {phone.address.host}:{port_of_its_via.address.port};branch".encode()
        phone.send(re.sub(rb"Via: .*;rport;branch", via, hand.write("OPTIONS", 1)), hand.at)
        await phone.options(hand.at)  # that one was answered, so the other had its time
        assert any(b"by-hand" in each for each in phone.heard) == heard

    async def test_nor_does_our_bye_go_to_the_port_that_it_names(self, found: Callable[..., Any]) -> None:
        home: Home = await found({EXTERNAL_XML: setting("aggressive-nat-detection", "true")})
        await home.switch.start()
        await home.mapped()
        phone = home.far_phone()
        hand, right = HandWritten(phone, "9196", home.reached_at("external")), phone.address

        wrong = rf"\g<1>{right.host}:9".encode()

        def send(method: str, body: bytes = b"") -> None:
            text = hand.write(method, 1, body).replace(b";rport;branch", b";branch")
            phone.send(re.sub(rf"(Via: .*|Contact: .*){right}".encode(), wrong, text), hand.at)

        send("INVITE", make_offer(phone.new_audio().address, (PCMU,), 1, 1))
        await hand.final(1)
        send("ACK")
        await eventually(lambda: all(each.call_state == "ACTIVE" for each in home.switch.snapshot().channels))
        await home.switch.hang_up_all("")
        await eventually(lambda: any(each.startswith(b"BYE ") for each in phone.heard), "no BYE came")


class MisledPhone(Phone):
    """Says another port than it has."""

    @property
    def shown(self) -> Endpoint:
        return self.address._replace(port=9)


class TestAPhoneWhosePortTheNatChanges:
    """STUN told it its public address; but its NAT has a port for each peer, and it names the wrong one.

    What we ask within a call must reach it all the same: our ACK, and who hangs up.
    """

    @pytest.fixture(autouse=True)
    def wrong_port(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(home_module, "Phone", MisledPhone)

    async def test_a_stranger_hears_that_we_hang_up(self, home: Home) -> None:
        call = home.far_phone().invite("9196", home.reached_at("external"))
        await call.answered()
        await eventually(lambda: all(each.call_state == "ACTIVE" for each in home.switch.snapshot().channels))
        await home.switch.hang_up_all("")
        assert isinstance(await call.over(), CallEnded)

    async def test_a_user_gets_our_ack_and_hears_that_the_caller_hangs_up(self, home: Home) -> None:
        far = home.far_phone("1001")
        assert (await far.register(home.reached_at("internal"), PASSWORD)).status == 200
        call = home.far_phone("1000").invite("1001", home.reached_at("internal"), password=PASSWORD)
        rung = await far.rung()
        rung.answer()
        await call.answered()
        await rung.until(CallConfirmed)
        call.hang_up()
        assert isinstance(await rung.over(), CallEnded)


class TestAUserOfOurs:
    async def test_it_registers_is_called_and_talks(self, home: Home) -> None:
        far = home.far_phone("1001", shows=home.place.elsewhere)
        assert (await far.register(home.reached_at("internal"), PASSWORD)).status == 200
        caller = home.lan_phone("1000")
        call = caller.invite("1001", home.internal, password=PASSWORD)
        rung = await far.rung()
        rung.ring()
        rung.answer()
        await call.answered()
        await home.both_ways()
        for number in range(LEARNT_AFTER):
            rung.say(frame_of(number))
            await call.hears(frame_of(number))  # it is heard from the first frame on
        await call.reaches(rung, frame_of(99))
        assert home.private_prefix not in far.text
        call.hang_up()
        assert isinstance(await rung.over(), CallEnded)

    @pytest.mark.parametrize("behind", [True, False])
    async def test_it_may_be_told_where_it_was_heard(self, found: Callable[..., Any], behind: bool) -> None:
        """NDLB-received-in-nat-reg-contact: for phones that learn their public address from that alone."""
        home: Home = await found({INTERNAL_XML: setting("NDLB-received-in-nat-reg-contact", "true")})
        await home.switch.start()
        await home.mapped()
        phone = home.far_phone("1001", shows=home.place.elsewhere if behind else None)
        response = await phone.register(home.reached_at("internal"), PASSWORD)
        (contact,) = response.get_all("Contact")
        assert (f';received="{phone.address}"' in contact) is behind


class TestALineThatRepeats:
    async def test_an_invite_twice_is_one_call(self, home: Home) -> None:
        phone = home.lan_phone()
        audio = phone.new_audio()
        hand = HandWritten(phone, "9196", home.external)
        invite = hand.write("INVITE", 1)
        for _ in range(3):
            phone.send(invite, home.external)
        await hand.final(1)
        assert len(home.switch.snapshot().channels) == 1
        assert home.switch.snapshot().sessions_since_start == 1
        audio.close()
