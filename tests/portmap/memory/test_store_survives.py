"""``kill -9`` in the middle of anything, and several processes on one file."""

from __future__ import annotations

import os
import random
import sqlite3

import pytest

from ringthru.net.values import replace
from ringthru.portmap.memory.journal import take_stock
from ringthru.portmap.memory.owner_driver import is_alive, own_name, start_of
from ringthru.portmap.memory.store_driver import Store
from ringthru.portmap.values import Family

WRITE_FOR_EVER = """
store.keep(entry(1, store.owner))
say(f"owner {store.owner}")
for port in range(2, 60000):
    store.keep(entry(port, store.owner))
    say(f"kept {port}")
    if port > 10:
        store.forget(entry(port - 8, store.owner).holding, gateway)
        say(f"forgot {port - 8}")
"""
KEEP_MANY = """
say("ready")
sys.stdin.readline()
first = int(sys.stdin.readline())
for port in range(first, first + 100):
    store.keep(entry(port, store.owner))
say(f"failures {store.failures}")
sys.stdin.readline()
"""


def tell(process, *words):
    process.stdin.write("".join(f"{word}\n" for word in words).encode())
    process.stdin.flush()


class TestKilled:
    @pytest.mark.parametrize("seed", range(6))
    def test_every_acknowledged_word_is_there(self, child, path, seed):
        chance = random.Random(seed)
        writer = child(WRITE_FOR_EVER)
        lines = [writer.stdout.readline() for _ in range(chance.randrange(1, 400))]
        spun = sum(range(chance.randrange(20000)))  # somewhere within a transaction
        writer.kill()
        lines += writer.stdout.read().splitlines()
        words = [line.split() for line in lines if line.strip()]
        kept = {1} | {int(port) for verb, port in words if verb == b"kept"}
        forgotten = {int(port) for verb, port in words if verb == b"forgot"}
        store = Store(path)
        written = {entry.holding.internal_port for entry in store.entries()}
        assert kept - forgotten - {max(kept) - 8} <= written, spun  # a forgetting may not have been told yet
        assert not forgotten & written
        assert len(written - kept) <= 1
        assert store.failures == 0
        assert all(
            entry.holding.nonce == entry.holding.internal_port.to_bytes(12, "big")
            for entry in store.entries()
        )

    def test_the_killed_one_owns_nothing_any_more_even_before_it_is_reaped(self, child, path):
        writer = child(WRITE_FOR_EVER)
        owner = writer.stdout.readline().split()[1].decode()
        store = Store(path)
        assert store.living(store.entries()) == {owner}
        writer.kill()
        os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
        assert store.living(store.entries()) == frozenset()

    def test_its_mappings_can_be_taken_over(self, child, path):
        writer = child(WRITE_FOR_EVER)
        writer.stdout.readline()
        writer.kill()
        writer.wait()
        store = Store(path)
        theirs = next(entry for entry in store.entries() if entry.holding.internal_port == 1)
        store.keep(theirs)
        assert len([entry for entry in store.entries() if entry.holding.internal_port == 1]) == 1

    def test_the_next_start_adopts_exactly_what_it_left(self, child, path, entry, gateway):
        writer = child(WRITE_FOR_EVER)
        for _ in range(4):
            writer.stdout.readline()
        store = Store(path)
        other = entry(60000, gateway=replace(gateway, address="10.0.0.1"))
        for _ in range(100):  # the other one writes without a pause: the file may be busy for a while
            store.keep(other)
            if any(each.holding.internal_port == 60000 for each in store.entries()):
                break
        where = {"own_address": "192.168.1.5", "family": Family.IPV4, "now": 1100.0}
        alive = take_stock(store.entries(), gateway, living=store.living(store.entries()), **where)
        assert (alive.holdings, len(alive.leftovers), bool(alive.others)) == ((), 1, True)
        writer.kill()
        writer.wait()
        dead = take_stock(store.entries(), gateway, living=store.living(store.entries()), **where)
        assert (len(dead.leftovers), dead.others) == (1, ())
        assert [held for held, _ in dead.holdings] == [each.holding for each in store.entries() if each.owner]
        assert {left for _, left in dead.holdings} == {3500.0}


class TestSeveralProcesses:
    def test_many_that_start_and_write_at_once_lose_nothing(self, child, path):
        writers = [child(KEEP_MANY) for _ in range(4)]
        for writer in writers:
            assert writer.stdout.readline() == b"ready\n"
        for number, writer in enumerate(writers):
            tell(writer, "go", 1 + number * 100)
        told = [writer.stdout.readline() for writer in writers]
        written = {entry.holding.internal_port for entry in Store(path).entries()}
        assert written == set(range(1, 401)), told

    def test_what_a_living_process_renews_is_neither_struck_out_nor_replaced(
        self, child, path, entry, gateway
    ):
        writer = child(KEEP_MANY)
        tell(writer, "go", 5000)
        assert writer.stdout.readline() == b"ready\n"
        assert writer.stdout.readline() == b"failures 0\n"
        store = Store(path)
        mine = entry(5060, owner=store.owner)
        store.forget(mine.holding, gateway)
        store.keep(mine)
        owners = [each.owner for each in store.entries() if each.holding.internal_port == 5060]
        assert len(owners) == 2
        store.forget(mine.holding, gateway)
        assert [each.owner for each in store.entries() if each.holding.internal_port == 5060] == owners[:1]

    def test_two_stores_of_one_process_are_two_owners(self, store, path, entry):
        other = Store(path)
        other.keep(entry(owner=other.owner))
        assert store.living(store.entries()) == {other.owner}
        assert other.living(store.entries()) == frozenset()

    def test_who_closes_gives_up_what_it_renewed(self, store, path, entry):
        other = Store(path)
        other.keep(entry(owner=other.owner))
        other.close()
        assert [each.owner for each in store.entries()] == [""]


class TestABusyFile:
    @pytest.fixture
    def blocker(self, store, path):
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.close()

    def test_that_it_is_busy_is_told_once(self, store, blocker, entry, said):
        for port in range(1, 101):
            store.keep(entry(port))
        assert (store.failures, len(said)) == (100, 1)
        assert "locked" in said[0]

    def test_who_waited_in_vain_once_does_not_wait_for_every_word(self, store, blocker, entry):
        def patience():
            return store._connection.execute("PRAGMA busy_timeout").fetchone()[0]

        assert patience() == 250
        store.keep(entry(1))
        assert patience() == 0
        blocker.execute("ROLLBACK")
        store.keep(entry(2))
        assert patience() == 250

    def test_what_could_not_be_written_is_written_with_the_next_word(self, store, blocker, entry):
        store.keep(entry(1))
        store.keep(entry(2))
        assert store.entries() == []  # reading needs no waiting
        blocker.execute("ROLLBACK")
        store.keep(entry(3))
        assert store.entries() == [entry(1), entry(2), entry(3)]

    def test_or_at_the_close(self, store, blocker, path, entry):
        store.keep(entry())
        blocker.execute("ROLLBACK")
        store.close()
        assert Store(path).entries() == [entry()]

    def test_a_long_wait_does_not_grow_without_bound(self, store, blocker, path, entry):
        for port in range(1, 1201):
            store.keep(entry(port))
        blocker.execute("ROLLBACK")
        store.close()
        assert store.failures == 1200
        found = [each.holding.internal_port for each in Store(path).entries()]
        assert len(found) <= 1024
        assert found[-1] == 1200


class TestOwners:
    def test_this_process_is_alive(self):
        assert is_alive(own_name())

    def test_the_same_number_with_another_start_or_of_another_boot_is_another_process(self):
        pid, start, boot, token = own_name().split("/")
        assert is_alive(f"{pid}/{start}")
        assert not is_alive(f"{pid}/{int(start) + 1}/{boot}/{token}")
        assert not is_alive(f"{pid}/{start}/00000000/{token}")

    @pytest.mark.parametrize("name", ["", "/", "x/1", "-1/1", "1", "²/1", "9" * 5000 + "/1", "../1", "0/0"])
    def test_what_is_no_name_is_not_alive(self, name):
        assert not is_alive(name)

    def test_a_program_may_have_parentheses_in_its_name(self):
        fields = " ".join(str(number) for number in range(4, 53))
        assert start_of(f"7 (a) b) (c) S {fields}") == "22"
        assert start_of(f"7 (a) Z {fields}") is None
        assert start_of("7 (a") is None
