"""The engine's side of the memory: notes in order, who takes what over, and a gateway without a name."""

from __future__ import annotations

import pytest

from ringthru.net.values import replace
from ringthru.portmap.memory import memory_driver
from ringthru.portmap.memory.holding import Forget, GatewayIdentity, Keep
from ringthru.portmap.memory.memory_driver import Memory
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.memory.store_driver import Store
from ringthru.portmap.values import Family, GatewayType

US = "192.168.1.5"


@pytest.fixture
def memory(path, said):
    made = Memory(path, lambda level, text: said.append(text))
    yield made
    made.close()


@pytest.fixture
def other(path):
    """Another engine's, in a process that lives."""
    made = Memory(path, lambda level, text: None)
    yield made
    made.close()


def ports(memory):
    return [entry.holding.internal_port for entry in memory._opened().entries()]


class TestNotes:
    def test_the_last_word_on_a_mapping_counts(self, memory, entry, gateway):
        one, two = entry(1).holding, entry(2).holding
        notes = [Keep(one), Keep(two), Forget(one), Keep(one), Forget(two)]
        memory.write([(note, gateway) for note in notes], US)
        assert ports(memory) == [1]

    def test_a_mapping_from_an_address_we_had_is_another_one(self, memory, entry, gateway):
        held = entry(1).holding
        memory.write([(Keep(held), gateway)], US)
        memory.write([(Keep(held), gateway)], "192.168.1.6")
        memory.write([(Forget(held), gateway)], "192.168.1.6")
        (left,) = memory._opened().entries()
        assert left.own_address == US


class TestTakingOver:
    def test_what_one_engine_took_over_another_does_not_take_too(self, memory, other, path, entry, gateway):
        store = Store(path)
        store.keep_all([replace(entry(port), at=memory_driver.time.time()) for port in (1, 2)])
        store.close()
        found = memory.recall(gateway, US, Family.IPV4)
        assert {holding.internal_port for holding, _ in found.holdings} == {1, 2}
        assert other.recall(gateway, US, Family.IPV4).holdings == ()
        memory.close()
        assert len(other.recall(gateway, US, Family.IPV4).holdings) == 2


class TestGatewaysWithoutAName:
    """NAT-PMP and PCP tell no name: the hardware address is one, and its first half names the maker."""

    def test_what_one_taught_is_known_of_its_kind(self, memory, monkeypatch):
        monkeypatch.setattr(memory_driver, "hardware_address", lambda ip: "02:00:5e:10:00:01")
        nameless = GatewayIdentity(GatewayType.NAT_PMP, "192.168.1.1", "")
        found = memory.recall(nameless, US, Family.IPV4)
        assert (found.name, found.profile.fingerprint) == ("02:00:5e:10:00:01", "pmp of 02:00:5e")
        memory.learn([replace(found.profile, table_size=20)])
        assert memory.recall(nameless, US, Family.IPV4).profile.table_size == 20

    def test_an_unknown_kind_is_not_remembered(self, memory, monkeypatch):
        monkeypatch.setattr(memory_driver, "hardware_address", lambda ip: "")
        nameless = GatewayIdentity(GatewayType.PCP, "192.168.1.1", "")
        memory.learn([GatewayProfile(table_size=20)])
        assert memory.recall(nameless, US, Family.IPV4).profile == GatewayProfile()


class TestWithoutAFile:
    def test_one_warning_and_no_memory(self, tmp_path, said, entry, gateway):
        memory = Memory(tmp_path, lambda level, text: said.append(text))
        memory.write([(Keep(entry(1).holding), gateway)], US)
        memory.remember_gateway(gateway, "home")
        assert memory.last_gateway("home") is None
        assert memory.recall(gateway, US, Family.IPV4).holdings == ()
        assert len(said) == 1
        assert said[0].startswith("Going on without a journal")
