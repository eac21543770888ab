"""What somebody with bad intentions tries, and how far it gets."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from ringthru.console.log_lines import LogFormatter
from ringthru.media import PCMU, MediaAddress, make_offer

from .home import PUBLIC, Home, extension
from .phones import Phone, PhoneCall, hears_itself
from .waiting import eventually
from .wire import HandWritten

EVIL = "%0d%0aX-Evil:%20yes"
BEGINS_A_LINE = re.compile(r"^X-Evil", re.M)
INTO_HEADERS = (
    "{origination_caller_id_name='${caller_id_name}',origination_caller_id_number='${caller_id_number}',"
    "sip_h_X-Said='$1 ${sip_from_user} ${sip_to_user}',sip_contact_user='$1'}user/1000@${domain_name}"
)


class TestLineEnds:
    """``%0d%0a`` in a user part is CR LF once it is decoded: it must begin no header, no line of a log."""

    @pytest.mark.parametrize("dial", ["user/1000@${domain_name}", INTO_HEADERS])
    async def test_of_a_caller(self, found: Any, dial: str, caplog: pytest.LogCaptureFixture) -> None:
        home: Home = await found(
            {PUBLIC: extension("7(.*)", ("export", "sip_h_X-Number=$1"), ("log", "ERR $1"), ("bridge", dial))}
        )
        await home.switch.start()
        await home.mapped()
        phone = await home.registered_phone("1000")
        hand = HandWritten(home.far_phone("joe" + EVIL), "7" + EVIL, home.reached_at("external"))
        hand.phone.send(hand.write("INVITE", 1), hand.at)
        await phone.rung()
        assert not BEGINS_A_LINE.search(phone.text + hand.phone.text)
        layout = LogFormatter(lambda: 0.0)
        lines = [layout.format(each) for each in caplog.records if "X-Evil" in each.getMessage()]
        assert lines
        assert not [each for each in lines if "\n" in each or "\r" in each]

    @pytest.mark.parametrize(
        "variable",
        [
            "origination_caller_id_name",
            "origination_caller_id_number",
            "sip_invite_domain",
            "sip_contact_user",
        ],
    )
    async def test_of_a_program_that_dials(self, home: Home, variable: str) -> None:
        far = home.lan_phone("far")
        line = f"{{{variable}='a\r\nX-Evil: yes'}}sofia/external/1@{far.address}"
        answer = await self.originate(home, far, line)
        assert answer in ("-ERR INVALID_URL", "")
        await eventually(lambda: not home.switch.calls.channels)

    async def test_of_a_program_in_an_address(self, home: Home) -> None:
        far = home.lan_phone("far")
        answer = await self.originate(home, far, f"sofia/external/1\r\nX-Evil: yes@{far.address}")
        assert answer == "-ERR INVALID_URL"

    async def originate(self, home: Home, far: Phone, dial: str) -> str:
        """What it says when it fails at once; "" where the phone rings, which says no then."""
        asked = asyncio.ensure_future(home.switch.originate(dial, "&park"))
        await eventually(lambda: far.calls or asked.done())
        if far.calls:
            far.calls[0].reject(486)
            await asked
        assert not BEGINS_A_LINE.search(far.text)
        return "" if far.calls else (await asked).strip()


class TestWhoIsHere:
    """A guesser must not learn which users there are."""

    async def test_a_known_and_an_unknown_user_are_answered_alike(self, home: Home) -> None:
        phone = home.far_phone("x")
        at = home.reached_at("internal")
        said = []
        for user in ("1000", "4711"):
            phone.user = user
            heard = len(phone.heard)
            await phone.register(at, "wrong")
            said.append([self.without_what_always_differs(each, user) for each in phone.heard[heard:]])
        assert said[0] == said[1]
        assert len(said[0]) == 2

    @staticmethod
    def without_what_always_differs(message: bytes, user: str) -> str:
        text = message.decode().replace(user, "USER")
        text = re.sub(r'nonce="[^"]*"', "nonce", text)
        text = re.sub(r"(tag|branch|rport)=[\w.]+", r"\1", text)
        return re.sub(r"(Call-ID|CSeq): .*", r"\1", text)


class TestAudioThatChasesItself:
    """SDP that names our own ports: an echo must not feed itself for ever."""

    async def turned_on_itself(self, home: Home, call: PhoneCall, other: PhoneCall) -> None:
        assert other.agreed is not None
        host, port = other.agreed.remote_rtp
        response = await call.reinvite(make_offer(MediaAddress(host, port, port + 1), (PCMU,), 1, 2))
        assert response.status == 200

    @pytest.mark.parametrize("count", [1, 2])
    async def test_it_ends(self, home: Home, count: int) -> None:
        calls = [home.lan_phone(str(number)).invite("9196", home.external) for number in range(count)]
        for call in calls:
            await call.answered()
            await hears_itself(call, frames=1)
        for call, other in zip(calls, reversed(calls), strict=True):
            await self.turned_on_itself(home, call, other)
        for _ in range(5):
            calls[0].say(bytes(160))
        channel = next(iter(home.switch.calls.channels.values()))
        assert channel.media is not None
        counts = [-1, 0]
        while counts[-1] != counts[-2]:
            await hears_itself_elsewhere(home)
            counts.append(channel.media.report().packets_received)
        assert counts[-1] < 200


async def hears_itself_elsewhere(home: Home) -> None:
    call = home.lan_phone("beside").invite("9196", home.external)
    await call.answered()
    await hears_itself(call)
    call.hang_up()


class TestADialplanThatCallsItself:
    async def test_its_copies_do_not_fill_the_switch(self, found: Any) -> None:
        """Each leg doubles, so Max-Forwards alone would end it after 2^70 (RFC 5393)."""
        twice = ",".join(["sofia/external/7@${local_ip_v4}:5080"] * 2)
        home: Home = await found({PUBLIC: extension("7", ("bridge", twice))})
        await home.switch.start()
        await home.mapped()
        call = home.far_phone().invite("7", home.reached_at("external"))
        assert (await call.refused()).status in (482, 483, 503)
        assert home.switch.calls.started <= 60
        await eventually(lambda: not home.switch.calls.channels)
