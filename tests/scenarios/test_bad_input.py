"""What is wrong gets a clear answer or a line in the log, and the switch keeps serving."""

from __future__ import annotations

import logging
import random
import re
from typing import Any

import pytest

from ringthru.media import Codec
from ringthru.net.sockets import PortInUse, bind_udp

from .home import (
    DIRECTORY,
    EXTERNAL_XML,
    INTERNAL,
    INTERNAL_XML,
    PUBLIC,
    VARS,
    Edit,
    Home,
    extension,
    setting,
    tasks_besides_this,
    variables,
)
from .phones import Phone, hears_itself
from .waiting import eventually
from .wire import HandWritten

G729 = Codec("G729", 18)
HEAD = b"v=0\r\no=- 1 1 IN IP4 127.9.9.9\r\ns=-\r\nt=0 0\r\n"
CONNECTION = b"c=IN IP4 127.9.9.9\r\n"
SDP = HEAD + CONNECTION + b"m=audio 40000 RTP/AVP 0\r\n"


async def still_serves(home: Home) -> None:
    call = home.lan_phone("2222").invite("9196", home.external)
    await call.answered()
    await hears_itself(call, frames=1)
    for profile in home.switch.calls.profiles.values():
        assert profile.transports._driver is not None
        assert profile.transports._driver.failures == 0


class TestACallThatCannotBe:
    async def test_no_codec_in_common_is_488(self, home: Home) -> None:
        call = home.far_phone().invite("9196", home.reached_at("external"), codecs=(G729,))
        response = await call.refused()
        assert response.status == 488
        assert response.get("Reason") == 'Q.850;cause=88;text="INCOMPATIBLE_DESTINATION"'
        await still_serves(home)

    @pytest.mark.parametrize(
        "body",
        [
            b"this is no SDP",
            b"v=0\r\nnonsense",
            HEAD + CONNECTION + b"m=audio 99999 RTP/AVP 0\r\n",
            HEAD + b"m=audio 4000 RTP/AVP 0\r\n",  # no address
            HEAD + CONNECTION + b"m=video 4000 RTP/AVP 31\r\n",
            HEAD + CONNECTION + b"m=audio 4000 RTP/SAVP 0\r\n",
            HEAD + CONNECTION + b"m=audio 0 RTP/AVP 0\r\n",
            b"\x00\xff" * 500,
        ],
    )
    async def test_broken_sdp_is_refused(self, home: Home, body: bytes) -> None:
        call = home.far_phone().invite("9196", home.reached_at("external"), body=body)
        assert (await call.refused()).status in (400, 488)
        await home.quiet()
        await still_serves(home)

    @pytest.mark.parametrize("number", ["0800", "1001", "91960", "", "%00", "9" * 300])
    async def test_a_number_that_nobody_has_is_404(self, home: Home, number: str) -> None:
        call = home.far_phone().invite(number or "+", home.reached_at("external"))
        assert (await call.refused()).status == 404

    async def test_a_loop_of_hops_is_483(self, home: Home) -> None:
        phone = home.lan_phone()
        hand = HandWritten(phone, "9196", home.external)
        phone.send(hand.write("INVITE", 1).replace(b"Max-Forwards: 70", b"Max-Forwards: 0"), home.external)
        assert (await hand.final(1)).startswith(b"SIP/2.0 483 ")

    async def test_an_extension_we_must_know_and_do_not_is_420(self, home: Home) -> None:
        hand = HandWritten(home.lan_phone(), "9196", home.external)
        hand.send("INVITE", 1, b"", "Require: 100rel")
        response = await hand.final(1)
        assert response.startswith(b"SIP/2.0 420 ")
        assert b"\r\nUnsupported: 100rel\r\n" in response


class TestADialplanWithMistakes:
    async def ringing(self, found: Any, *actions: tuple[str, str], **more: Any) -> tuple[Home, int]:
        home: Home = await found({PUBLIC: extension("77", *actions), **more})
        await home.switch.start()
        response = await home.lan_phone().invite("77", home.external).refused()
        await home.quiet()
        return home, response.status

    async def test_an_unknown_application(self, found: Any, caplog: pytest.LogCaptureFixture) -> None:
        home, status = await self.ringing(found, ("make_coffee", "black"))
        assert status == 502
        assert "Invalid Application make_coffee" in caplog.text
        await still_serves(home)

    @pytest.mark.parametrize(
        ("dial", "status"),
        [
            ("", 484),
            ("nonsense", 484),
            ("{a=1", 484),
            ("user/", 480),
            ("user/4711", 480),
            ("sofia/nowhere/sip:1000@127.0.0.1", 502),
            ("sofia/internal/1000", 480),
            ("sofia/internal/sip:", 484),
            ("sofia/internal/sip:a@b@c d", 484),
            ("verto/9196", 480),
            ("error/user_busy", 486),
            ("error/17", 486),
        ],
    )
    async def test_a_bridge_to_nowhere(self, found: Any, dial: str, status: int) -> None:
        _, heard = await self.ringing(found, ("bridge", dial))
        assert heard == status

    async def test_a_user_whose_dial_string_is_himself(
        self, found: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        narcissus: Edit = lambda text: re.sub(  # noqa: E731
            r'(name="dial-string" value=)"[^"]*"', r'\1"user/${dialed_user}@${dialed_domain}"', text
        )
        home, status = await self.ringing(
            found, ("bridge", "user/1000@${domain_name}"), **{DIRECTORY: narcissus}
        )
        assert status == 483
        assert "Dial strings within dial strings, without end" in caplog.text
        await still_serves(home)

    async def test_hangup_with_a_cause(self, found: Any) -> None:
        assert (await self.ringing(found, ("hangup", "USER_BUSY")))[1] == 486

    async def test_an_extension_that_ends_without_an_answer(self, found: Any) -> None:
        assert (await self.ringing(found, ("log", "INFO nothing to do")))[1] == 480


class TestNoise:
    @pytest.mark.parametrize("profile", ["internal", "external"])
    async def test_noise_changes_nothing(
        self, home: Home, profile: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        phone, dice = home.lan_phone(), random.Random(5060)
        at = getattr(home, profile)
        for _ in range(200):
            phone.send(dice.randbytes(dice.randrange(0, 1400)), at)
        await still_serves(home)
        assert "Traceback" not in caplog.text
        assert not [each for each in caplog.records if each.levelno >= logging.ERROR]

    @pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS", "BYE", "MESSAGE", "SUBSCRIBE"])
    async def test_a_message_cut_anywhere(
        self, home: Home, method: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        phone = home.lan_phone()
        whole = HandWritten(phone, "9196", home.external).write(method, 1, SDP)
        for end in range(0, len(whole), 3):
            phone.send(whole[:end], home.external)
        await still_serves(home)
        assert not [each for each in caplog.records if each.levelno >= logging.ERROR]

    async def test_noise_at_the_audio_port_is_not_echoed_for_long(self, home: Home) -> None:
        phone, dice = home.far_phone(), random.Random(9196)
        call = phone.invite("9196", home.reached_at("external"))
        await call.answered()
        assert call.agreed is not None
        for _ in range(200):
            call.audio._socket.send(dice.randbytes(dice.randrange(0, 300)), call.agreed.remote_rtp)
        await hears_itself(call)


class TestTheGuard:
    """A profile is not opened to the Internet while a password is easy to guess."""

    WEAK = staticmethod(variables(default_password="1234"))

    async def test_it_is_not_mapped_and_says_why(self, found: Any, caplog: pytest.LogCaptureFixture) -> None:
        home: Home = await found({VARS: self.WEAK})
        await home.switch.start()
        await home.switch_knows_the_gateway()
        assert home.gateway is not None
        assert home.gateway.mappings() == ()
        assert re.search(
            r"Profile internal is not mapped: the password of 1000\S* is on every list", caplog.text
        )
        assert "allow-weak-secrets=true" in caplog.text
        assert "1234" not in caplog.text
        await still_serves(home)

    async def test_one_parameter_overrides_it(self, found: Any) -> None:
        open_it = setting("allow-weak-secrets", "true")
        home: Home = await found({VARS: self.WEAK, INTERNAL_XML: open_it, EXTERNAL_XML: open_it})
        await home.switch.start()
        await home.mapped()


class TestAPortInUse:
    @pytest.mark.parametrize("taken", ["internal", "external"])
    async def test_the_start_fails_and_leaves_nothing_open(self, found: Any, taken: str) -> None:
        home: Home = await found()
        before = tasks_besides_this()
        endpoint = getattr(home, taken)
        holder = bind_udp(endpoint)
        try:
            with pytest.raises(PortInUse, match=re.escape(str(endpoint))) as refused:
                await home.switch.start()
            cure = f": end that program, or give the profile {taken} another sip-port"
            assert str(refused.value.strerror).endswith(cure)
        finally:
            holder.close()
        for each in (home.internal, home.external):
            bind_udp(each).close()
        assert home.gateway is not None
        assert home.gateway.mappings() == ()
        assert tasks_besides_this() <= before


class TestAnAddressThatIsNotOurs:
    async def test_the_start_fails_and_says_what_would_help(self, found: Any) -> None:
        home: Home = await found({INTERNAL_XML: setting("sip-ip", "192.0.2.1")})
        with pytest.raises(OSError, match=r"192\.0\.2\.1:5060: .* with sip-ip=auto profile internal takes"):
            await home.switch.start()


class TestStopping:
    async def test_twice(self, home: Home) -> None:
        await home.switch.stop()
        await home.switch.stop()
        bind_udp(home.internal).close()

    async def test_before_the_start(self, found: Any) -> None:
        home: Home = await found()
        await home.switch.stop()

    async def test_while_the_gateway_is_still_looked_for(self, found: Any) -> None:
        home: Home = await found()
        await home.switch.start()
        await home.switch.stop()
        assert home.gateway is not None
        gateway = home.gateway
        await eventually(lambda: gateway.mappings() == ())

    async def test_nothing_is_left_on_the_gateway(self, home: Home) -> None:
        assert home.gateway is not None
        assert len(home.gateway.mappings()) == 8
        await home.switch.stop()
        assert home.gateway.mappings() == ()


class TestMoreThanWeCanTake:
    async def test_a_full_switch_says_503_and_when_to_come_again(self, found: Any) -> None:
        full: Edit = lambda text: text.replace('"max-sessions" value="1000"', '"max-sessions" value="1"')  # noqa: E731
        home: Home = await found({"autoload_configs/switch.conf.xml": full})
        await home.switch.start()
        first = home.lan_phone().invite("9196", home.external)
        await first.answered()
        response = await home.lan_phone().invite("9196", home.external).refused()
        assert response.status == 503
        assert response.get("Retry-After")
        first.hang_up()
        await home.quiet()
        await home.lan_phone().invite("9196", home.external).answered()

    async def test_no_rtp_port_left(self, found: Any) -> None:
        narrow: Edit = lambda text: text.replace(  # noqa: E731
            '"rtp-end-port" value="32768"', '"rtp-end-port" value="16387"'
        )
        home: Home = await found({"autoload_configs/switch.conf.xml": narrow}, nat=False)
        await home.switch.start()
        calls = [home.lan_phone().invite("9196", home.external) for _ in range(2)]
        for each in calls:
            await each.answered()
        assert (await home.lan_phone().invite("9196", home.external).refused()).status == 503
        calls[0].hang_up()
        await eventually(lambda: len(home.switch.calls.channels) == 1)
        await home.lan_phone().invite("9196", home.external).answered()

    async def test_a_full_media_engine(self, home: Home) -> None:
        """It refuses before packets are late, and the ports that were meant for the call are free again."""
        engine: Any = home.switch._engine
        engine = getattr(engine, "_home", engine)  # what moves the packets, behind what codes
        await eventually(lambda: engine.reserved() == 2, "the pool is not full")
        capacity, engine._capacity = engine._capacity, 0
        assert (await home.far_phone().invite("9196", home.reached_at("external")).refused()).status == 503
        assert (await home.lan_phone().invite("9196", home.external).refused()).status == 503
        engine._capacity = capacity
        await home.quiet()
        await eventually(lambda: engine.reserved() == home.switch.calls.ports.pool.size, "ports are kept")
        await home.far_phone().invite("9196", home.reached_at("external")).answered()


class TestAPhoneThatIsGone:
    async def test_the_port_is_closed(self, home: Home) -> None:
        """ICMP says so; the INVITE is repeated until the caller gives up."""
        gone: Phone = await home.registered_phone()
        gone.close()
        call = home.far_phone().invite("1000", home.reached_at("external"))
        await eventually(lambda: len(home.switch.calls.channels) == 2)
        call.hang_up()
        assert (await call.refused()).status == 487
        bind_udp(home.internal._replace(port=INTERNAL + 1)).close()
        await still_serves(home)
