"""The UDP driver on loopback: bytes, timers, events, and nothing that escapes."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from ringthru.net.address import Endpoint
from ringthru.net.sockets import PortInUse
from ringthru.sip import CallEnded, CallState, Flow, IncomingCall, SipDriver, Timing, UserAgent

ANY_ALICE, ANY_BOB = Endpoint("127.40.5.1", 0), Endpoint("127.40.5.2", 0)


class Phone:
    """An agent on a real socket."""

    def __init__(self, timing: Timing | None = None) -> None:
        self.seen: list = []
        self.answers = False
        self.raises = False
        self.trace: list[tuple[str, bytes]] = []
        self.ended = asyncio.Event()
        self.agent = UserAgent(
            seen_by=lambda flow: flow.local,
            token=lambda: secrets.token_hex(8),
            user_agent="Phone",
            timing=timing,
        )

    async def open(self, local: Endpoint) -> Phone:
        self.driver = await SipDriver.open(
            local, self.agent, self.on_event, trace=lambda way, data, flow: self.trace.append((way, data))
        )
        return self

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def on_event(self, event) -> None:
        self.seen.append(event)
        if self.raises:
            raise RuntimeError("a bug in the switch")
        if isinstance(event, IncomingCall) and self.answers:
            event.call.answer(self.now, b"v=0\r\n")
            self.driver.pump()
        if isinstance(event, CallEnded):
            self.ended.set()


@pytest.fixture
async def phones():
    alice, bob = await Phone().open(ANY_ALICE), await Phone().open(ANY_BOB)
    yield alice, bob
    alice.driver.close()
    bob.driver.close()


async def soon(condition) -> None:
    """Wait until something holds; the event loop does the work."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


def dial(alice: Phone, bob: Phone):
    call = alice.agent.invite(
        f"sip:bob@{bob.driver.local}",
        Flow("UDP", alice.driver.local, bob.driver.local),
        alice.now,
        from_uri="sip:alice@\x01",
        contact_user="alice",
        body=b"v=0\r\n",
    )
    alice.driver.pump()
    return call


async def test_a_call_over_real_sockets(phones):
    alice, bob = phones
    bob.answers = True
    call = dial(alice, bob)
    await soon(lambda: call.state is CallState.CONFIRMED)
    call.hang_up(alice.now)
    alice.driver.pump()
    await soon(bob.ended.is_set)
    assert [type(event).__name__ for event in bob.seen] == ["IncomingCall", "CallConfirmed", "CallEnded"]
    assert alice.trace[0][0] == "send"
    assert bob.trace[0] == ("recv", alice.trace[0][1])


async def test_a_receiver_that_raises_stops_nothing(phones, caplog):
    alice, bob = phones
    bob.raises = True
    dial(alice, bob)
    await soon(lambda: bob.driver.failures == 1)
    assert "a bug in the switch" in caplog.text
    bob.raises, bob.answers = False, True
    call = dial(alice, bob)
    await soon(lambda: call.state is CallState.CONFIRMED)


async def test_noise_is_survived(phones):
    alice, bob = phones
    transport = alice.driver._udp
    for data in (b"noise", b"\xff" * 1000, b"\r\n\r\n"):
        transport.send(data, bob.driver.local)
    await soon(lambda: ("recv", b"\r\n") in alice.trace)
    assert bob.driver.failures == 0
    assert bob.agent.counters.malformed == 2


async def test_a_port_in_use_is_said(phones):
    alice, _ = phones
    with pytest.raises(PortInUse, match=str(alice.driver.local.port)):
        await Phone().open(alice.driver.local)


async def test_timers_run(phones):
    _, bob = phones
    bob.driver.close()
    alice = await Phone(Timing(t1=0.001)).open(ANY_ALICE)
    dial(alice, bob)
    await soon(lambda: alice.seen)
    assert type(alice.seen[0]).__name__ == "CallFailed"
    assert len(set(alice.trace)) == 1
    assert 2 <= len(alice.trace) <= 7  # a late loop makes fewer copies; the machine's tests count them
    alice.driver.close()


async def test_after_closing_nothing_is_sent_or_raised(phones):
    alice, bob = phones
    alice.driver.close()
    alice.driver.close()
    dial(alice, bob)
    assert alice.trace == []
    assert alice.driver._timer is None
