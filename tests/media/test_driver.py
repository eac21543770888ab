"""Every engine on real sockets of the loopback: two phones, two legs, bridges, floods, leftovers."""

import asyncio
import os
import signal

import pytest

from ringthru.media.engine.twin_driver import TwinEngine
from ringthru.media.errors import EngineFull, LocalError, NoFreePorts
from ringthru.media.events import Said, Timeout
from ringthru.media.rtp.latch import Latched
from ringthru.media.rtp.rtcp import Goodbye, decode_compound
from ringthru.media.sound.tones import holds_tone, tone
from ringthru.net.address import Endpoint
from ringthru.net.sockets import bind_udp
from ringthru.net.values import replace

from .engine_phones import HOST, leg, until


async def test_echo(engine, phones):
    ours = leg(engine, phones[0])
    ours.echo()
    frames = tone(440, 0.6)
    for frame in frames:
        phones[0].say(frame, ours)
        await asyncio.sleep(0)
    heard = await phones[0].listen(30)
    assert [each.payload for each in heard] == frames
    assert holds_tone([each.payload for each in heard], 440)
    await until(lambda: ours.report().packets_received == 30)
    report = ours.report()
    assert (report.lost, report.dropped) == (0, 0)
    assert report.packets_sent >= 31  # the first silence, and the echo


async def test_bridge_carries_both_ways_and_ends(engine, phones):
    a, b = phones
    one, two = leg(engine, a, "one"), leg(engine, b, "two")
    one.bridge(two)
    for low, high in zip(tone(440, 0.4), tone(1000, 0.4), strict=True):
        a.say(low, one)
        b.say(high, two)
        await asyncio.sleep(0)
    assert holds_tone([each.payload for each in await a.listen(20)], 1000)
    assert holds_tone([each.payload for each in await b.listen(20)], 440)
    assert {each.ssrc for each in b.heard} == {two.report().ssrc}
    one.close()
    sent = two.report().packets_sent
    b.say(b"\x10" * 160, two)
    await until(lambda: two.report().packets_received == 21)
    assert two.report().packets_sent <= sent + 1  # silence at most


async def test_a_phone_behind_a_nat_is_followed(engine, phones, caplog):
    caplog.set_level("INFO")
    events = []
    ours = leg(engine, phones[0])
    ours.subscribe(events.append)
    ours.subscribe(lambda event: 1 / 0)  # a listener that fails harms nobody
    ours.echo()
    for frame in tone(440, 0.4):
        phones[0].say(frame, ours, sock=phones[1].rtp)
        await asyncio.sleep(0)
    heard = await phones[1].listen(10)
    here, there = phones[0].agreed().remote_rtp, phones[1].agreed().remote_rtp
    await until(lambda: Latched("audio", here, there) in events)
    assert f"Auto Changing audio port from {here} to {there}" in caplog.messages
    assert len(heard) >= 10


async def test_one_that_must_not_be_followed_is_not_even_heard(engine, phones, caplog):
    """``disable_rtp_auto_adjust``: only where the SDP says."""
    caplog.set_level("INFO")
    ours = engine.open(engine.reserve(HOST), name="leg")
    ours.connect(replace(phones[0].agreed(), learns=False))
    ours.echo()
    for frame in tone(440, 0.4):
        phones[0].say(frame, ours, sock=phones[1].rtp)
        await asyncio.sleep(0)
    await until(lambda: ours.report().dropped == 20)
    phones[0].say(b"\x11" * 160, ours)
    assert (await phones[0].listen(1))[-1].payload in (b"\x11" * 160, b"\xff" * 160)
    await until(lambda: ours.report().packets_received == 1)
    assert phones[1].heard == []
    assert "Auto Changing" not in caplog.text


async def test_goodbye_is_said_and_the_port_is_free_again(engine, phones):
    ours = leg(engine, phones[0])
    last = ours.close()
    assert ours.close() == last
    datagram = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(phones[0].rtcp, 2048), 30)
    assert decode_compound(datagram)[-1] == Goodbye((last.ssrc,))
    bind_udp(ours.local).close()
    ours.connect(phones[0].agreed())  # too late, and harmless
    ours.echo()


async def test_pairs_are_even_and_adjacent_and_the_range_ends(phones, make):
    engine = make(20400, 20407)
    taken = bind_udp(Endpoint(HOST, 20403))  # another program has half a pair
    pairs = [engine.reserve(HOST) for _ in range(3)]
    assert sorted(pair.rtp_port for pair in pairs) == [20400, 20404, 20406]
    assert all(pair.rtcp_port == pair.rtp_port + 1 for pair in pairs)
    with pytest.raises(NoFreePorts, match="3 are ours, other programs hold 1"):
        engine.reserve(HOST)
    taken.close()
    assert engine.reserve(HOST).rtp_port == 20402
    engine.release(pairs[0])
    engine.release(pairs[0])
    assert engine.reserve(HOST).rtp_port == pairs[0].rtp_port
    with pytest.raises(LocalError):
        engine.open(pairs[0], name="stale")
    await engine.close()


async def test_an_address_that_is_not_ours_is_refused_in_words(engine):
    with pytest.raises(NoFreePorts, match=r"cannot open RTP port 192\.0\.2\.1:"):
        engine.reserve("192.0.2.1")


async def test_what_waited_before_the_call_belongs_to_no_call(engine, phones):
    pair = engine.reserve(HOST)
    for _ in range(5):
        phones[0].rtp.sendto(bytes(172), (HOST, pair.rtp_port))
    ours = engine.open(pair, name="fresh")
    ours.connect(phones[0].agreed())
    ours.echo()
    phones[0].say(b"\x01" * 160, ours)
    await phones[0].listen(1)
    assert ours.report().dropped == 0


async def test_a_flood_of_noise_leaves_the_call_as_it_is(engine, phones):
    ours = leg(engine, phones[0])
    ours.echo()
    phones[0].say(b"\x01" * 160, ours)
    await phones[0].listen(1)
    for n in range(200):
        phones[1].rtp.sendto(bytes([n]) * (n % 60), ours.local)
        phones[1].rtp.sendto(bytes([n]) * (n % 60), (HOST, ours.local.port + 1))
    phones[0].say(b"\x02" * 160, ours)
    assert (await phones[0].listen(2))[1].payload == b"\x02" * 160
    assert ours.report().remote == phones[0].agreed().remote_rtp


async def test_a_peer_that_went_away_raises_nothing(engine, phones):
    ours = leg(engine, phones[0])
    ours.echo()
    phones[0].say(b"\x01" * 160, ours)
    phones[0].rtp.close()  # packets to a closed port come back as ICMP errors
    await until(lambda: ours.report().packets_received == 1)


async def test_two_engines_in_one_process(engine, phones, make):
    other = make(20000, 20399)
    one, two = leg(engine, phones[0]), leg(other, phones[1])
    assert one.local != two.local
    await other.close()
    await other.close()
    one.echo()
    phones[0].say(b"\x01" * 160, one)
    assert len(await phones[0].listen(1)) == 1


async def test_a_full_engine_refuses_in_words(phones, make):
    engine = make(20000, 20399, capacity=1)
    one = leg(engine, phones[0])
    with pytest.raises(EngineFull, match="has 1 legs"):
        leg(engine, phones[1])
    one.close()
    leg(engine, phones[1])
    await engine.close()


async def test_feed_and_tap(engine, phones):
    ours = leg(engine, phones[0])
    tap, feed, told = ours.tap(), ours.feed(), []
    ours.subscribe(told.append)
    frames = tone(440, 0.2)
    for frame in frames:
        assert feed.write(frame, 160)
        phones[0].say(frame, ours)
    feed.finish()
    assert [each.payload for each in await phones[0].listen(10)] == frames
    assert [each.payload for each in tap.read()] == frames
    await until(lambda: Said() in told)
    tap.close()


async def test_what_is_blocked_stays_on_this_side(engine, phones):
    one, two = leg(engine, phones[0]), leg(engine, phones[1])
    one.bridge(two)
    one.block(media=True)
    phones[0].say(b"\x01" * 160, one)
    await until(lambda: one.report().packets_received == 1)
    one.block(media=False)
    phones[0].say(b"\x02" * 160, one)
    assert [each.payload for each in await phones[1].listen(1)] == [b"\x02" * 160]


@pytest.mark.parametrize("direction", ["sendonly", "recvonly", "inactive", "sendrecv"])
async def test_a_leg_on_hold_has_a_patience_of_its_own(engine, phones, direction):
    told = []
    patience = 3600.0 if direction == "sendrecv" else 0.6  # seconds
    ours = engine.open(engine.reserve(HOST), name="leg", rtp_timeout=0.05, hold_timeout=patience)
    ours.subscribe(told.append)
    ours.connect(replace(phones[0].agreed(), direction=direction))
    await until(lambda: any(isinstance(each, Timeout) for each in told))
    (silence,) = [each.seconds for each in told if isinstance(each, Timeout)]
    assert (silence >= 0.6) or direction == "sendrecv"


class TestTheProcess:
    """The engine in Python moves packets in a process of its own."""

    async def test_one_that_dies_ends_its_calls_and_the_next_call_has_another(self, phones, caplog):
        engine = TwinEngine(20000, 20399)
        ours, told = leg(engine, phones[0]), []
        ours.subscribe(told.append)
        ours.echo()
        phones[0].say(b"\x01" * 160, ours)
        await phones[0].listen(1)
        os.kill(engine.process_number, signal.SIGKILL)
        await until(lambda: any(isinstance(each, Timeout) for each in told))
        assert "The process that moves the audio is lost" in caplog.text
        assert ours.close() == ours.close()
        again = leg(engine, phones[1])
        again.echo()
        phones[1].say(b"\x02" * 160, again)
        assert len(await phones[1].listen(1)) == 1
        await engine.close()

    async def test_it_ends_with_the_engine(self, phones):
        engine = TwinEngine(20000, 20399)
        leg(engine, phones[0])
        number = engine.process_number
        await engine.close()
        assert not os.path.exists(f"/proc/{number}")
