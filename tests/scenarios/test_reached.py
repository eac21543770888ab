"""A caller who came in through the gateway proves the mapping that he came by (the rung ``reachable``)."""

from __future__ import annotations

from typing import Any

import pytest

from ringthru.portmap import Protocol, Rung

from .home import Home
from .phones import PhoneCall
from .waiting import eventually


@pytest.fixture
def edits() -> dict[str, Any]:
    return {}


def proof(home: Home, protocol: Protocol = Protocol.UDP) -> str:
    """Who shows that the external profile's port is reached; empty: nobody yet."""
    mapper = home.switch.snapshot().mapper
    assert mapper is not None
    port = home.external.port
    (mapping,) = [each for each in mapper.mappings if (each.protocol, each.internal_port) == (protocol, port)]
    return next((each.words for each in mapping.evidence if each.rung is Rung.REACHABLE and each.holds), "")


async def test_a_stranger_who_confirms_our_answer(home: Home) -> None:
    caller = home.far_phone()
    assert not proof(home)
    await answered(home, caller.invite("9196", home.reached_at("external")))
    words = await eventually(lambda: proof(home))
    assert words == f"{caller.address.host} called, and confirmed our answer"
    assert not proof(home, Protocol.TCP)


async def test_a_phone_on_the_lan_shows_nothing(home: Home) -> None:
    call = home.lan_phone().invite("9196", home.external)
    await answered(home, call)
    call.hang_up()
    await home.quiet()
    assert not proof(home)


async def test_who_is_not_answered_shows_nothing(home: Home) -> None:
    """His source address may be anybody's."""
    call = home.far_phone().invite("nobody", home.reached_at("external"))
    await call.refused()
    await home.quiet()
    assert not proof(home)


async def answered(home: Home, call: PhoneCall) -> None:
    await call.answered()
    await eventually(lambda: any(each.up for each in home.switch.calls.channels.values()))
