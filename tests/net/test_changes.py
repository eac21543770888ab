"""Changes of the network are noticed, many at once are told once, and sleep is seen in the clocks."""

from __future__ import annotations

import asyncio
import socket
from itertools import pairwise

import pytest

from ringthru.net.changes import PAUSE, QUIET, Clocks, Coalescer, NetworkChanges, SuspendWatch, clock, slept

PATIENCE = 30.0


class TestOneReportOfManyMessages:
    def test_it_waits_for_a_moment_of_peace(self):
        coalescer = Coalescer()
        coalescer.notice(10.0)
        coalescer.notice(10.05)
        assert coalescer.next_timeout() == pytest.approx(10.05 + QUIET)
        assert not coalescer.handle_timeout(10.1)
        assert coalescer.handle_timeout(10.15)
        assert coalescer.next_timeout() is None

    def test_a_flood_is_told_once_a_second_while_it_lasts(self):
        coalescer, told = Coalescer(), []
        for millisecond in range(5000):
            now = millisecond / 1000
            coalescer.notice(now)
            if coalescer.handle_timeout(now):
                told.append(now)
        assert len(told) == 4
        assert all(later - earlier >= PAUSE for earlier, later in pairwise(told))

    def test_a_second_change_soon_after_the_first_waits_for_its_turn_and_is_not_lost(self):
        coalescer = Coalescer()
        coalescer.notice(0.0)
        assert coalescer.handle_timeout(QUIET)
        coalescer.notice(0.2)
        assert coalescer.next_timeout() == pytest.approx(QUIET + PAUSE)
        assert coalescer.handle_timeout(QUIET + PAUSE)

    def test_nothing_noticed_nothing_told(self):
        assert not Coalescer().handle_timeout(1e9)


class TestNetlink:
    def test_a_link_an_address_and_a_route_are_told(self, namespace, monkeypatch):
        monkeypatch.setattr("ringthru.net.changes.PAUSE", 0.05)
        namespace.ip("link add one type veth peer name two", "link set two up")

        async def watch() -> None:
            told = asyncio.Semaphore(0)
            changes = NetworkChanges(told.release)
            assert changes.listening
            for change in (
                "link set one up",
                "address add 192.168.1.5/24 dev one",
                "route add default via 192.168.1.1",
                "address add 2001:db8::5/64 dev one nodad",
                "address delete 192.168.1.5/24 dev one",
            ):
                namespace.ip(change)
                async with asyncio.timeout(PATIENCE):
                    await told.acquire()
            changes.close()
            changes.close()
            assert not changes.listening

        namespace.call(lambda: asyncio.run(watch()))

    async def test_without_such_a_socket_nothing_is_told_and_nothing_breaks(self, monkeypatch):
        def refuse(*_):
            raise OSError("no netlink here")

        monkeypatch.setattr("ringthru.net.changes.socket.socket", refuse)
        changes = NetworkChanges(lambda: None)
        assert not changes.listening
        changes.close()

    async def test_more_changes_than_the_kernel_keeps_are_a_change(self, monkeypatch):
        class Full:
            def __init__(self) -> None:
                self.ours, self.other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
                self.ours.setblocking(False)
                self.other.send(b"more")

            def fileno(self) -> int:
                return self.ours.fileno()

            def recv(self, size: int) -> bytes:
                self.ours.recv(size)
                raise OSError(105, "No buffer space available")

            def close(self) -> None:
                self.ours.close()
                self.other.close()

        monkeypatch.setattr("ringthru.net.changes._netlink", Full)
        told = asyncio.Event()
        changes = NetworkChanges(told.set)
        async with asyncio.timeout(PATIENCE):
            await told.wait()
        changes.close()


class TestSuspend:
    def test_awake_both_clocks_go_alike(self):
        assert slept(Clocks(100.0, 90.0), Clocks(160.0, 150.0)) == 0.0

    def test_asleep_only_one_goes(self):
        assert slept(Clocks(100.0, 90.0), Clocks(3705.0, 95.0)) == 3600.0

    def test_what_lies_between_two_readings_is_no_sleep(self):
        assert slept(Clocks(100.0, 90.0), Clocks(105.02, 95.0)) == 0.0

    async def test_a_sleep_is_told_once(self):
        readings = iter([Clocks(10.0, 10.0), Clocks(15.0, 15.0), Clocks(620.0, 20.0), Clocks(625.0, 25.0)])
        told: list[float] = []
        watch = SuspendWatch(told.append, lambda: next(readings))
        for _ in range(3):
            watch.look()
        watch.close()
        assert told == [600.0]

    async def test_it_looks_by_itself(self, monkeypatch):
        monkeypatch.setattr("ringthru.net.changes.LOOK", 0.0)
        readings = iter([Clocks(10.0, 10.0), Clocks(40.0, 11.0)])
        told: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        watch = SuspendWatch(told.set_result, lambda: next(readings, Clocks(40.0, 11.0)))
        async with asyncio.timeout(PATIENCE):
            assert await told == 29.0
        watch.close()

    def test_the_clock_of_leases_goes_on(self):
        assert clock() <= clock()
