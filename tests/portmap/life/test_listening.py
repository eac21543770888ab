"""What a gateway says unasked is heard, asked about, and believed only then."""

from __future__ import annotations

import asyncio
import os
import socket
import time

import pytest

from ringthru.lab.gateway.announcer import Announcer, forgeries
from ringthru.lab.gateway.announcer_driver import AnnouncerDriver
from ringthru.portmap import EpochChanged, ExternalAddressChanged, MappingState
from ringthru.portmap.drivers import mapper_driver as driver_module

from ...scenarios.waiting import eventually
from .conftest import settled

A, B = 26101, 26102


@pytest.fixture(autouse=True)
def listen_at_once(monkeypatch):
    monkeypatch.setattr(driver_module, "LISTEN_AFTER", 0.0)


@pytest.fixture
def announce():
    """The announcer of a house's gateway, heard by us."""
    made = []

    def make(house):
        core = house.gateway.core
        announcer = Announcer(
            core.port_control,
            house.inside,
            lambda: house.gateway.quirks,
            lambda kind: core.upnp.notifications(kind) if core.upnp.http else [],
        )
        made.append(AnnouncerDriver(announcer, house.us, time.monotonic))
        return made[-1]

    yield make
    for each in made:
        each.close()


def counters(mapper):
    return dict(mapper.snapshot().counters)


def subscriptions(house):
    return house.gateway.core.upnp._gena.subscriptions


class TestAnnouncements:
    """RFC 6886 §3.2.1, RFC 6887 §14.1: heard on port 5350 (here by unicast), confirmed by a question."""

    @pytest.mark.parametrize("protocol", ["natpmp", "pcp"])
    async def test_a_new_address_is_told_long_before_the_next_poll(
        self, build, new_mapper, announce, protocol
    ):
        house = await build(protocol)
        mapper, heard = new_mapper(house), []
        await settled(mapper, A)
        await eventually(lambda: mapper.snapshot().external_address)
        speaker = announce(house)
        await eventually(lambda: mapper._watching)
        mapper.subscribe(heard.append)
        house.gateway.change_external_address(f"127.84.{house.number}.2")
        speaker.announcer.address_changed(time.monotonic())
        speaker.pump()
        change = ExternalAddressChanged(house.public, f"127.84.{house.number}.2")
        await eventually(lambda: change in heard)
        assert counters(mapper)["hints followed"] >= 1

    @pytest.mark.parametrize("protocol", ["natpmp", "pcp"])
    async def test_after_a_reboot_everything_is_made_again(self, build, new_mapper, announce, protocol):
        house = await build(protocol)
        house.gateway.grow_older(3600)
        mapper, heard = new_mapper(house), []
        mapper.subscribe(heard.append)
        await settled(mapper, A, B)
        await eventually(lambda: mapper._watching)
        speaker = announce(house)
        await house.gateway.reboot()
        assert house.ours() == set()
        speaker.announcer.state_lost(time.monotonic())
        speaker.pump()
        await eventually(lambda: {A, B} <= house.ours())
        assert any(isinstance(event, EpochChanged) for event in heard)

    async def test_what_others_announce_is_counted_and_nobody_is_asked(
        self, build, new_mapper, announce, tapped
    ):
        house = await build("natpmp", rows=frozenset({"NP16", "PC14"}))
        mapper = new_mapper(house, tap=tapped)
        await settled(mapper, A)
        await eventually(lambda: mapper._watching)
        before = list(tapped.said)
        speaker = announce(house)
        for notice in forgeries(f"127.83.{house.number}.66", house.gateway.quirks) * 50:
            speaker._send(notice)
        await eventually(lambda: counters(mapper).get("spoofed announcements", 0) >= 20)
        assert tapped.said == before
        assert "hints followed" not in counters(mapper)

    async def test_ssdp_tells_of_a_restarted_gateway(self, build, new_mapper, announce):
        """BOOTID is another one, and the description is at another port (UPnP DA 1.1 §1.2.2)."""
        house = await build("upnp")
        mapper = new_mapper(house)
        await settled(mapper, A)
        await eventually(lambda: mapper._watching)
        speaker = announce(house)
        speaker.announcer.notify("alive")
        speaker.pump()
        await eventually(lambda: counters(mapper).get("hints followed"))
        house.gateway.core.upnp.restarted()
        await house.gateway.reboot()
        speaker.announcer.notify("alive")
        speaker.pump()
        await eventually(lambda: house.ours() == {A})


class TestEvents:
    """GENA (UPnP DA 1.1 §4): subscribed to, heard, and given up at the end."""

    async def test_another_address_is_told_by_an_event(self, build, new_mapper):
        house = await build("upnp")
        mapper, heard = new_mapper(house), []
        mapper.subscribe(heard.append)
        await settled(mapper, A)
        await eventually(lambda: subscriptions(house))
        await eventually(
            lambda: mapper._watching._listeners[mapper._near].events._subscription._next_sequence
        )
        house.gateway.change_external_address(f"127.84.{house.number}.2")
        change = ExternalAddressChanged(house.public, f"127.84.{house.number}.2")
        await eventually(lambda: change in heard)

    async def test_the_subscription_ends_at_the_stop(self, build, new_mapper):
        house = await build("upnp")
        mapper = new_mapper(house)
        await settled(mapper, A)
        await eventually(lambda: subscriptions(house))
        await mapper.stop()
        assert subscriptions(house) == ()
        assert house.ours() == set()

    @pytest.mark.parametrize("end", ["reinit", "stop"])
    async def test_a_subscription_given_up_before_it_has_a_name_is_not_left(
        self, build, new_mapper, monkeypatch, end
    ):
        """The gateway has it, and its answer with the name is on the way."""
        house = await build("upnp")
        gena, asked = house.gateway.core.upnp._gena, asyncio.Event()
        subscribe = gena._subscribe
        monkeypatch.setattr(gena, "_subscribe", lambda *request: (asked.set(), subscribe(*request))[1])
        mapper = new_mapper(house)
        making = asyncio.create_task(settled(mapper, A))
        async with asyncio.timeout(30):  # ``wait_for`` would come back too late
            await asked.wait()
        (before,) = subscriptions(house)
        await (mapper.reinit() if end == "reinit" else mapper.stop())
        wanted = 1 if end == "reinit" else 0
        await eventually(lambda: len(subscriptions(house)) == wanted and before not in subscriptions(house))
        making.cancel()

    async def test_after_a_restart_of_the_search_there_is_one_subscription(self, build, new_mapper):
        house = await build("upnp")
        mapper = new_mapper(house)
        await settled(mapper, A)
        (before,) = await eventually(lambda: subscriptions(house))
        await mapper.reinit()
        await eventually(lambda: len(subscriptions(house)) == 1 and subscriptions(house)[0] != before)

    @pytest.mark.parametrize("rows", [frozenset(), frozenset({"AD34"})])
    async def test_our_own_deletions_are_no_reason_to_make_everything_again(
        self, build, new_mapper, tapped, rows
    ):
        house = await build("upnp", rows=rows)
        mapper = new_mapper(house, tap=tapped)
        mappings = await settled(mapper, A, B)
        await eventually(lambda: subscriptions(house))
        listener = await eventually(lambda: mapper._watching._listeners[mapper._near])
        await eventually(lambda: listener._announcements._entries is not None)
        assert await mapper.release(mappings[0])
        asked = tapped.said.count("AddPortMapping")
        house.gateway.core.upnp.publish()
        house.gateway._upnp.deliver()
        await eventually(lambda: listener._announcements._entries == len(house.table()))
        await eventually(lambda: not mapper._near.engine.busy)
        assert tapped.said.count("AddPortMapping") == asked
        assert mappings[1].state is MappingState.ACCEPTED

    async def test_a_gateway_that_cannot_is_left_in_peace(self, build, new_mapper):
        house = await build("upnp", rows=frozenset({"EX11"}))
        mapper = new_mapper(house)
        await settled(mapper, A)
        await eventually(lambda: house.gateway.core.upnp._gena._made)
        await mapper.stop()
        assert house.ours() == set()


class TestTheEnd:
    """Nothing is left on the loop: no task, no timer, no socket."""

    @pytest.mark.parametrize("how", ["stop", "leave"])
    @pytest.mark.parametrize("protocol", ["natpmp", "pcp", "upnp"])
    async def test_nothing_is_left_on_the_loop(self, build, new_mapper, protocol, how):
        house = await build(protocol)
        tasks = asyncio.all_tasks()
        mapper = new_mapper(house)
        await settled(mapper, A)
        await eventually(lambda: mapper._watching)
        if protocol == "upnp":
            await eventually(lambda: subscriptions(house))
        if how == "stop":
            await mapper.stop()
        else:
            mapper.leave()
        await eventually(lambda: not [task for task in asyncio.all_tasks() - tasks if _is_ours(task)])
        assert _timers() == []
        await eventually(lambda: not _sockets_at(house.us))


class TestTwoEnginesInOneProcess:
    async def test_both_map_though_only_one_hears_announcements(self, build, new_mapper):
        """On loopback the ports 5350 and 1900 can be had once; where there is multicast they are shared."""
        house = await build()
        first, second = new_mapper(house), new_mapper(house)
        await settled(first, A)
        await eventually(lambda: first._watching)
        await settled(second, B)
        await eventually(lambda: second._watching)
        assert house.ours() == {A, B}
        await first.stop()
        assert house.ours() == {B}
        await second.stop()
        assert (house.ours(), house.journal()) == (set(), [])


def _is_ours(task):
    return "ringthru/portmap" in str(task.get_coro().cr_code.co_filename)


def _timers():
    """What the engine would still be woken for."""
    loop = asyncio.get_running_loop()
    return [each for each in loop._scheduled if not each.cancelled() and "portmap" in repr(each)]


def _sockets_at(address):
    """What the loop would still read of our own."""
    keys = asyncio.get_running_loop()._selector.get_map().values()
    return [key.fd for key in keys if _address_of(key.fd) == address]


def _address_of(descriptor):
    with socket.socket(fileno=os.dup(descriptor)) as again:
        name = again.getsockname()
    return name[0] if isinstance(name, tuple) else ""
