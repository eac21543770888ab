"""What became of the calls that ended last, as faces show it without any file of records."""

from __future__ import annotations

from ringthru.switch.cdr.recent import MOST_KEPT, RecentCalls

from .home import Home
from .phones import hears_itself
from .waiting import eventually


async def test_a_call_that_was_heard_both_ways(home: Home) -> None:
    call = home.far_phone("alice").invite("9196", home.reached_at("external"))
    await call.answered()
    await hears_itself(call, 60)
    call.hang_up()
    (leg,) = await eventually(lambda: home.switch.snapshot().ended, "it is not told")
    assert (leg.caller_number, leg.destination, leg.direction) == ("alice", "9196", "inbound")
    assert (leg.ended_by, leg.audio, leg.ending.cause) == ("caller", "both ways", "NORMAL_CLEARING")
    assert "ended by the caller after" in leg.verdict
    assert leg.ended > leg.began


async def test_both_legs_of_a_call_belong_together_and_the_latest_is_first(home: Home) -> None:
    callee = await home.registered_phone()
    call = home.far_phone("alice").invite("1000", home.reached_at("external"))
    (await callee.rung()).answer()
    await call.answered()
    call.hang_up()
    await eventually(lambda: len(home.switch.snapshot().ended) == 2, "a leg is missing")
    legs = home.switch.snapshot().ended
    assert len({leg.call_uuid for leg in legs}) == 1
    assert legs[0].ended >= legs[1].ended
    assert {leg.direction for leg in legs} == {"inbound", "outbound"}


async def test_a_call_that_nobody_takes_says_why(home: Home) -> None:
    home.far_phone("alice").invite("7777", home.reached_at("external"))
    (leg,) = await eventually(lambda: home.switch.snapshot().ended, "it is not told")
    assert leg.verdict == "not answered: ended by the switch (NO_ROUTE_DESTINATION)"


async def test_only_so_many_are_kept(home: Home) -> None:
    call = home.far_phone("alice").invite("9196", home.reached_at("external"))
    await call.answered()
    (channel,) = home.switch.calls.channels.values()
    recent = RecentCalls()
    for _ in range(MOST_KEPT + 5):
        recent.take(channel, False)
    assert len(recent.snapshot()) == MOST_KEPT
