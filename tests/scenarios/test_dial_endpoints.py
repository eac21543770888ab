"""What a dial string may lead to beside phones: our own dialplan, nobody, a provider."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ringthru.lab.datagrams import Datagrams
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp
from ringthru.sip import Flow, Login, SipUri
from ringthru.sip.transactions.transaction import Timing
from ringthru.switch.calls.causes import HangupCause
from ringthru.switch.profiles.target import Target
from ringthru.switch.trunks.book import TrunkBook

from .home import DEFAULT, Home, extension
from .phones import hears_itself
from .waiting import eventually, uuid_of


class TestLoopback:
    async def test_into_our_own_dialplan(self, home: Home) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("loopback/9196/default", "&bridge(user/1000)"))
        rung = await phone.rung()
        rung.answer()
        await uuid_of(asked)
        await eventually(lambda: sum(1 for each in home.switch.snapshot().channels if each.bridged_to) == 2)
        await hears_itself(rung)
        rung.hang_up()
        await home.quiet()

    async def test_one_application(self, home: Home) -> None:
        assert await home.switch.originate("loopback/app=hangup:USER_BUSY", "&park") == "-ERR USER_BUSY"
        await home.quiet()

    async def test_a_number_that_nobody_has(self, home: Home) -> None:
        assert await home.switch.originate("loopback/4711", "&park") == "-ERR NO_ROUTE_DESTINATION"

    async def test_in_circles(self, found: Any) -> None:
        home: Home = await found({DEFAULT: extension("77", ("bridge", "loopback/77"))})
        await home.switch.start()
        for channel in list(home.switch.calls.channels.values()):
            channel.hang_up(HangupCause.NORMAL_CLEARING)
        said = await home.switch.originate("loopback/77", "&park")
        assert said.startswith("-ERR ")
        await home.quiet()


class TestNobody:
    """``null/…``, with which people try dialplans and programs."""

    async def test_it_answers_at_once_and_is_one_leg(self, home: Home) -> None:
        uuid = await uuid_of(home.switch.originate("null/test", "&park()"))
        (channel,) = home.switch.snapshot().channels
        assert (channel.uuid, channel.name) == (uuid, "null/test")
        home.switch.calls.channels[uuid].hang_up(HangupCause.NORMAL_CLEARING)
        await home.quiet()

    async def test_it_hears_what_is_played_and_said(self, home: Home) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("null/test", "&bridge(user/1000)"))
        rung = await phone.rung()
        rung.answer()
        leg = home.switch.calls.channels[await uuid_of(asked)]
        sent = lambda: leg.media and leg.media.report().packets_sent  # noqa: E731
        await eventually(sent, again=lambda: rung.say(bytes(160)))
        rung.hang_up()
        await home.quiet()

    async def test_an_extension_runs_on_it(self, home: Home) -> None:
        await uuid_of(home.switch.originate("null/1", "9197", context="default"))
        (leg,) = home.switch.calls.channels.values()
        await eventually(lambda: leg.media and leg.media.report().packets_sent > 2)

    async def test_later(self, home: Home) -> None:
        variables = "{null_auto_answer_delay=300000,originate_timeout=0.05}"
        assert await home.switch.originate(f"{variables}null/1", "&park") == "-ERR NO_ANSWER"
        await home.quiet()


class OneTrunk(TrunkBook):
    """A provider who is never registered with."""

    def __init__(self, home: Home, peer: Endpoint) -> None:
        super().__init__()
        self.home = home
        self.peer = peer

    async def target(self, name: str, number: str) -> Target | HangupCause:
        if name != "itsp":
            return HangupCause.INVALID_GATEWAY
        profile = self.home.switch.calls.profiles["external"]
        uri = SipUri.parse(f"sip:{number}@{self.peer}")
        way = Flow("UDP", profile.local, self.peer)
        return Target(
            profile,
            uri,
            (way,),
            "sip:me@itsp.example",
            Login("me", "secret"),
            (("X-Trunk", "1"),),
            variables=(("sip_gateway", "itsp"),),
        )


class TestTrunks:
    async def test_a_number_over_a_trunk(self, home: Home) -> None:
        provider = home.far_phone("provider")
        home.switch.calls.trunks = OneTrunk(home, provider.address)
        asked = asyncio.ensure_future(home.switch.originate("sofia/gateway/itsp/00441234", "&park"))
        rung = await provider.rung()
        request = rung.call.request
        assert (request.request_uri.user, str(request.from_.uri)) == ("00441234", "sip:me@itsp.example")
        assert request.get("X-Trunk") == "1"
        rung.answer()
        await uuid_of(asked)

    @pytest.mark.parametrize(
        ("first", "soon"), [("sofia/gateway/itsp/1", True), ("sofia/external/1@{}", False)]
    )
    async def test_a_silent_one_is_not_waited_for_where_another_is_called_next(
        self, home: Home, first: str, soon: bool
    ) -> None:
        """8 × T1 for a provider, who must say 100 at once; 64 × T1 for others, who may have to wake up."""
        silent = Datagrams(bind_udp(Endpoint(home.address, 0)), lambda data, source: heard.append(data))
        heard: list[bytes] = []
        agent = home.switch.calls.profiles["external"].agent
        agent._layer.timing = Timing(t1=0.02)
        home.switch.calls.trunks = OneTrunk(home, silent.local)
        phone = await home.registered_phone()
        dial = f"{first.format(silent.local)}|user/1000"
        asked = asyncio.ensure_future(home.switch.originate(dial, "&park"))
        (await phone.rung()).answer()
        await uuid_of(asked)
        assert (len(heard) <= 4) == soon  # in 8 × T1 there are four copies, in 64 × T1 seven
        silent.close()

    async def test_over_one_that_is_none(self, home: Home) -> None:
        assert await home.switch.originate("sofia/gateway/itsp/1", "&park") == "-ERR INVALID_GATEWAY"
        home.switch.calls.trunks = OneTrunk(home, home.external)
        assert await home.switch.originate("sofia/gateway/nobody/1", "&park") == "-ERR INVALID_GATEWAY"


class TestWhereTheAnsweredLegGoes:
    @pytest.mark.parametrize(
        ("onward", "dialplan"),
        [
            ("9196", "XML"),
            ("answer,echo", "inline"),
            ("m:;:set:a=1,2;echo", "inline"),
            ("&echo", "XML"),
            ("&echo()", "XML"),
        ],
    )
    async def test_it_echoes(self, home: Home, onward: str, dialplan: str) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("user/1000", onward, dialplan=dialplan))
        rung = await phone.rung()
        rung.answer()
        await uuid_of(asked)
        await hears_itself(rung)

    async def test_to_a_dialplan_that_is_none(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        phone = await home.registered_phone()
        asked = asyncio.ensure_future(home.switch.originate("user/1000", "9196", dialplan="YAML"))
        rung = await phone.rung()
        rung.answer()
        await uuid_of(asked)
        await rung.over()
        assert "There is no dialplan YAML" in caplog.text
