"""The "ACK timeout": a phone behind a NAT, with STUN, and a SIP ALG in its router that rewrites.

Its ACK reaches the switch, and differs from what the switch waits for. The call must stand all the same, the
log must say why, and where nothing can be done it must say so after 4 s and not after 32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringthru.media import PCMU, make_offer

from .home import EXTERNAL_XML, PUBLIC, RING_1000, Home, setting
from .phones import Phone
from .waiting import eventually
from .wire import HandWritten


class Rewritten(HandWritten):
    """A caller whose router makes the private host in the Call-ID public, after the INVITE."""

    def __init__(self, phone: Phone, at: Any) -> None:
        super().__init__(phone, "9196", at)
        self._call_id = f"{id(self):x}@192.168.7.20"

    def rewrite(self) -> None:
        self._call_id = self._call_id.partition("@")[0] + f"@{self.phone.address.host}"


async def answered(home: Home) -> Rewritten:
    phone = home.far_phone(shows="192.168.7.20")
    hand = Rewritten(phone, home.reached_at("external"))
    offer = make_offer(phone.new_audio().address, (PCMU,), 1, 1)
    hand.send("INVITE", 1, offer)
    assert (await hand.final(1)).startswith(b"SIP/2.0 200 ")
    return hand


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]


class TestAnAlgThatRewrites:
    async def test_its_ack_counts_and_the_log_names_the_alg(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        hand = await answered(home)
        hand.rewrite()
        hand.send("ACK", 1)
        await eventually(lambda: any("SIP ALG" in each for each in lines(caplog)), "not said")
        (said,) = [each for each in lines(caplog) if "SIP ALG" in each]
        assert "its Call-ID is" in said
        assert "192.168.7.20" in said
        assert "counts all the same" in said
        (channel,) = home.switch.calls.channels.values()
        assert channel.call is not None
        assert channel.call.state.value == "confirmed"
        hand.send("BYE", 2)  # rewritten as well
        assert (await hand.final(2, "BYE")).startswith(b"SIP/2.0 200 ")
        await home.quiet()

    async def test_by_parameter_it_does_not_count_and_the_verdict_names_it(
        self, found: Callable[..., Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        home: Home = await found({EXTERNAL_XML: setting("accept-odd-acks", "false"), PUBLIC: RING_1000})
        await home.switch.start()
        await home.mapped()
        hand = await answered(home)
        hand.rewrite()
        hand.send("ACK", 1)
        verdict = await overdue(caplog)
        assert "rewrites SIP" in verdict
        assert "Cure: turn off SIP ALG" in verdict
        await home.switch.hang_up_all("")


async def overdue(caplog: pytest.LogCaptureFixture) -> str:
    def found() -> str | None:
        return next((each for each in lines(caplog) if "no ACK for our 200 in 4 s" in each), None)

    return await eventually(found, "no verdict")


class TestAnAckElsewhere:
    async def test_one_that_came_to_the_other_profile_counts(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Docker's port mapping, two profiles on 5060 and 5080: the ACK finds the wrong socket."""
        hand = await answered(home)
        hand.at = home.reached_at("internal")
        hand.send("ACK", 1)
        await eventually(lambda: any("came to profile internal" in each for each in lines(caplog)))
        (channel,) = home.switch.calls.channels.values()
        assert channel.call is not None
        assert channel.call.state.value == "confirmed"
        await home.switch.hang_up_all("")

    async def test_one_for_nobody_is_nothing(self, home: Home, caplog: pytest.LogCaptureFixture) -> None:
        hand = HandWritten(home.far_phone(), "9196", home.reached_at("external"))
        hand.send("ACK", 1)
        phone = home.far_phone()
        await phone.options(home.reached_at("external"))
        assert lines(caplog) == []


class TestNoAckAtAll:
    async def test_after_four_seconds_it_is_said_why_as_far_as_it_can_be_known(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        hand = await answered(home)
        verdict = await overdue(caplog)
        assert "does not acknowledge" in verdict
        assert str(home.reached_at("external")) in verdict
        (channel,) = home.switch.calls.channels.values()
        assert "acknowledge" in channel.variables["sip_ack_verdict"]
        hand.send("ACK", 1)  # late, and welcome
        await eventually(lambda: channel.call is not None and channel.call.state.value == "confirmed")
        await home.switch.hang_up_all("")

    async def test_a_caller_whom_our_answers_do_not_reach(
        self, home: Home, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Its NAT closed, or a firewall stands before it: all that it can do is to ask again."""
        phone = home.far_phone()
        hand = HandWritten(phone, "9196", home.reached_at("external"))
        offer = make_offer(phone.new_audio().address, (PCMU,), 1, 1)
        invite = hand.write("INVITE", 1, offer)
        phone.send(invite, hand.at)
        await hand.final(1)
        for _ in range(3):
            phone.send(invite, hand.at)
        verdict = await overdue(caplog)
        assert "Our answers do not reach the caller" in verdict
        assert str(phone.address) in verdict
        await home.switch.hang_up_all("")

    async def test_a_private_contact_for_a_far_caller(
        self, found: Callable[..., Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nothing maps the ports here, so the caller was told where the switch listens."""
        home: Home = await found({PUBLIC: RING_1000}, nat=False, gateway=False)
        await home.switch.start()
        phone = home.phone_at(home.place.host_outside(77))
        hand = HandWritten(phone, "9196", home.external)
        hand.send("INVITE", 1, make_offer(phone.new_audio().address, (PCMU,), 1, 1))
        await hand.final(1)
        verdict = await overdue(caplog)
        assert "an address that it cannot reach" in verdict
        assert "auto-nat" in verdict
        await home.switch.hang_up_all("")
