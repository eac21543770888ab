"""The memory on disk: what is written is read back, stays small, and is nobody else's."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringthru.net.values import replace
from ringthru.portmap.memory.holding import GatewayIdentity, Holding, JournalEntry
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.memory.rows import entry_of, entry_row
from ringthru.portmap.memory.store_driver import Store
from ringthru.portmap.values import Family, GatewayType, Protocol, Wanted

TEXTS = st.text(max_size=30)
ENTRIES = st.builds(
    JournalEntry,
    st.builds(
        Holding,
        *(st.sampled_from(Family), st.sampled_from(Protocol), TEXTS, st.integers(0, 65535)),
        *(st.integers(0, 65535), st.integers(0, 2**32 - 1), TEXTS, st.binary(min_size=12, max_size=12)),
        *(TEXTS, st.booleans()),
        allow_from=st.lists(st.ip_addresses().map(str), max_size=3).map(tuple),
    ),
    st.builds(GatewayIdentity, st.sampled_from(GatewayType), TEXTS, TEXTS, TEXTS, TEXTS),
    *(st.floats(0, 1e12), st.booleans(), TEXTS, TEXTS),
)
CELLS = st.none() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=12)


class TestTheJournal:
    def test_what_was_kept_is_there_at_the_next_start(self, store, path, entry):
        first, second = entry(5060, owner=store.owner), entry(5061, lifetime=0, kept=True)
        store.keep_all([first, second])
        store.close()
        assert Store(path).entries() == [replace(first, owner=""), second]

    def test_a_renewal_takes_the_place_of_what_was_written(self, store, entry):
        store.keep(entry(at=1000.0))
        store.keep(entry(at=2800.0))
        assert store.entries() == [entry(at=2800.0)]

    def test_another_external_port_is_another_mapping(self, store, entry):
        store.keep(entry(external=5060))
        store.keep(entry(external=6000))
        assert len(store.entries()) == 2

    def test_what_is_forgotten_is_gone(self, store, entry, gateway):
        store.keep_all([entry(5060), entry(5061)])
        store.forget(entry(5060).holding, gateway)
        assert store.entries() == [entry(5061)]

    def test_the_gateway_may_have_got_a_name_since(self, store, entry, gateway):
        store.keep(entry(gateway=replace(gateway, name="")))
        store.forget(entry().holding, gateway)
        assert store.entries() == []

    def test_the_same_mapping_on_another_gateway_stays(self, store, entry, gateway):
        store.keep(entry())
        store.forget(entry().holding, replace(gateway, address="10.0.0.1"))
        assert store.entries() == [entry()]

    def test_the_oldest_go_when_it_is_full(self, store, entry, said, gateway):
        store.keep_all(entry(1 + n % 60000, external=1 + n % 60000) for n in range(4100))
        assert [each.holding.internal_port for each in store.entries()] == list(range(5, 4101))
        assert len(said) == 1

    def test_words_of_a_gateway_that_are_too_long_are_not_kept(self, store, entry, gateway):
        store.keep(entry(gateway=replace(gateway, name="x" * 100_000)))
        assert store.entries()[0].gateway.name == ""


class TestWishes:
    """What is wanted for good (``sticky``), whatever becomes of the process."""

    FULL = Wanted(
        *(Protocol.TCP, 5061, 6061, True, "Ringthru tcp 5061"),
        sticky=True,
        listed=False,
        family=Family.IPV6,
        internal_client="2001:db8::7",
        allow_from=("2001:db8:9::1", "2001:db8:8::/48"),
        lifetime=900,
    )
    SHORT = Wanted(Protocol.UDP, 5060, sticky=True)

    def test_are_there_at_the_next_start_in_the_order_they_came(self, store, path):
        store.remember_wish(self.FULL)
        store.remember_wish(self.SHORT)
        store.close()
        assert Store(path).wishes() == [self.FULL, self.SHORT]

    def test_end_when_they_are_given_back(self, store):
        store.remember_wish(self.FULL)
        store.remember_wish(self.SHORT)
        store.forget_wish(self.FULL)
        assert store.wishes() == [self.SHORT]

    def test_one_port_is_wanted_in_one_way(self, store):
        store.remember_wish(self.SHORT)
        store.remember_wish(replace(self.SHORT, external_port=7000))
        assert store.wishes() == [replace(self.SHORT, external_port=7000)]

    def test_the_oldest_go_when_there_are_too_many(self, store, said):
        for port in range(1, 260):
            store.remember_wish(replace(self.SHORT, internal_port=port))
        assert [each.internal_port for each in store.wishes()] == list(range(4, 260))
        assert len(said) == 1


class TestGatewaysAndTheirWays:
    def test_profiles_are_known_by_their_fingerprint(self, store, path):
        store.save_profile(GatewayProfile("Acme R1", table_size=20))
        store.save_profile(GatewayProfile("Acme R1", table_size=32))
        store.save_profile(GatewayProfile("Acme R2", permanent_only=True))
        store.delete_profile("Acme R2")
        assert Store(path).profiles() == {"Acme R1": GatewayProfile("Acme R1", table_size=32)}

    def test_a_profile_of_no_gateway_in_particular_is_not_kept(self, store):
        store.save_profile(GatewayProfile("", permanent_only=True))
        store.save_profile(GatewayProfile("x" * 257))
        assert store.profiles() == {}

    def test_profiles_are_bounded(self, store):
        for number in range(260):
            store.save_profile(GatewayProfile(f"kind {number}"))
        assert list(store.profiles()) == [f"kind {number}" for number in range(4, 260)]

    def test_the_last_gateway_of_a_network_is_remembered(self, store, path, gateway):
        known = replace(gateway, type=GatewayType.UPNP, name="uuid:a", control="http://192.168.1.1:5000/ctl")
        store.remember_gateway(gateway, "192.168.1.0/24")
        store.remember_gateway(known, "192.168.1.0/24")
        assert Store(path).last_gateway("192.168.1.0/24") == known
        assert store.last_gateway("10.0.0.0/8") is None

    def test_networks_are_bounded(self, store, gateway):
        for number in range(70):
            store.remember_gateway(gateway, f"10.{number}.0.0/16")
        assert store.last_gateway("10.5.0.0/16") is None
        assert store.last_gateway("10.6.0.0/16") == gateway


class TestTheFile:
    def test_only_its_owner_may_read_it(self, store, path, entry):
        store.keep(entry())
        assert {stat.S_IMODE(os.stat(file).st_mode) for file in path.parent.iterdir()} == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_a_file_that_all_could_read_is_closed_to_them(self, path):
        path.parent.mkdir()
        path.touch(0o644)
        Store(path).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_after_close_nothing_is_written_and_nothing_raised(self, store, entry, gateway, said):
        store.close()
        store.keep(entry())
        store.forget(entry().holding, gateway)
        store.close()
        assert (store.entries(), store.profiles(), store.last_gateway("x"), said) == ([], {}, None, [])

    def test_sqlite_is_not_imported_before_a_store_is_made(self):
        check = "import ringthru.portmap.memory.store_driver, sys; sys.exit('sqlite3' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", check]).returncode == 0


class TestRows:
    @given(ENTRIES)
    def test_every_entry_reads_back_as_it_was(self, entry):
        assert entry_of(entry_row(entry)) == entry

    @given(ENTRIES, st.integers(0, 18), CELLS)
    def test_a_spoilt_row_is_an_entry_or_refused(self, entry, column, cell):
        row = list(entry_row(entry))
        row[column] = cell
        try:
            entry_row(entry_of(tuple(row)))
        except ValueError:
            return

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
    @given(ENTRIES)
    def test_any_entry_goes_through_the_file(self, store, entry):
        store.keep(entry)
        assert replace(entry) in store.entries()
        store.forget(entry.holding, entry.gateway)
        assert store.entries() == []
