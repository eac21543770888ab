"""Whether a gateway keeps out whom a mapping does not allow: what is claimed, on what evidence."""

from __future__ import annotations

import pytest

from ringthru.portmap.errors import LocalError
from ringthru.portmap.events import FilterJudged
from ringthru.portmap.mapping.filtering import FilterRecord, is_allowed
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.memory.profile_codec import words
from ringthru.portmap.snapshots import FilterTruth
from ringthru.portmap.values import Family, Protocol, Wanted

FRIEND, STRANGER = "203.0.113.7", "198.51.100.7"
FRIENDS = ("203.0.113.0/24", "192.0.2.9")
TRUNK = Wanted(Protocol.UDP, 5060, allow_from=FRIENDS)


@pytest.fixture
def record():
    record = FilterRecord(FRIENDS)
    record.granted(100.0, anew=True)
    return record


class TestWhoIsAllowed:
    @pytest.mark.parametrize("remote", [FRIEND, "192.0.2.9", "203.0.113.255"])
    def test_those_in_a_network_that_is_named(self, remote):
        assert is_allowed(remote, FRIENDS)

    @pytest.mark.parametrize("remote", [STRANGER, "192.0.2.8", "2001:db8::1", "nonsense", ""])
    def test_nobody_else(self, remote):
        assert not is_allowed(remote, FRIENDS)

    def test_everybody_where_no_network_is_named(self):
        assert is_allowed(STRANGER, ())

    def test_a_link_local_scope_is_no_part_of_the_address(self):
        assert is_allowed("fe80::1%eth0", ("fe80::/64",))


class TestEvidence:
    def test_the_gateways_yes_is_its_word_alone(self, record):
        seen = record.seen()
        assert (seen.truth, seen.at) == (FilterTruth.WORD, 100.0)
        assert "nobody outside has tried" in seen.words

    def test_a_stranger_who_comes_in_is_proof_against_it_all_alone(self, record):
        assert record.tried(STRANGER, True, f"a probe of {STRANGER} came in", 101.0)
        assert record.seen().truth is FilterTruth.NOT_ENFORCED
        assert STRANGER in record.seen().words

    def test_a_stranger_who_stays_out_proves_nothing_alone(self, record):
        assert not record.tried(STRANGER, False, "3 probes did not come in", 101.0)
        assert record.seen().truth is FilterTruth.WORD
        assert "nobody who may come in has tried" in record.seen().words

    def test_a_friend_who_comes_in_proves_nothing_alone(self, record):
        assert not record.tried(FRIEND, True, "a probe came in", 101.0)
        assert record.seen().truth is FilterTruth.WORD
        assert "nobody has tried who may not" in record.seen().words

    @pytest.mark.parametrize("order", [(FRIEND, STRANGER), (STRANGER, FRIEND)])
    def test_both_together_prove_it_and_it_is_news_once(self, record, order):
        news = [record.tried(each, each is FRIEND, f"of {each}", 101.0) for each in order * 2]
        assert news == [False, True, False, False]
        assert record.seen().truth is FilterTruth.ENFORCED
        assert FRIEND in record.seen().words
        assert STRANGER in record.seen().words

    def test_where_nobody_comes_in_it_may_be_the_filter_or_anything_else(self, record):
        record.tried(STRANGER, False, "nothing", 101.0)
        record.tried(FRIEND, False, "nothing", 102.0)
        assert record.seen().truth is FilterTruth.WORD
        assert "do not come in either" in record.seen().words

    def test_that_a_stranger_came_in_is_not_forgotten_when_one_does_not(self, record):
        record.tried(FRIEND, True, "came", 101.0)
        record.tried(STRANGER, True, "came", 102.0)
        assert not record.tried(STRANGER, False, "lost on the way?", 103.0)
        assert record.seen().truth is FilterTruth.NOT_ENFORCED

    def test_a_renewal_keeps_the_evidence_and_a_new_mapping_does_not(self, record):
        record.tried(STRANGER, True, "came", 101.0)
        record.granted(200.0, anew=False)
        assert record.seen().truth is FilterTruth.NOT_ENFORCED
        record.granted(300.0, anew=True)
        assert record.seen().truth is FilterTruth.WORD

    def test_nothing_is_said_of_what_is_not_granted_or_has_no_filter(self, record):
        record.lost()
        assert record.seen() is None
        assert not record.tried(STRANGER, True, "came", 101.0)
        open_to_all = FilterRecord(())
        open_to_all.granted(100.0, anew=True)
        assert open_to_all.seen() is None


class TestWhatIsKnownOfTheKind:
    def test_one_that_let_strangers_in_is_not_believed_the_next_time(self, record):
        assert record.seen(enforces=False).truth is FilterTruth.NOT_ENFORCED

    def test_one_that_kept_them_out_is_spoken_well_of_and_still_to_be_proven(self, record):
        seen = record.seen(enforces=True)
        assert seen.truth is FilterTruth.WORD
        assert "were seen to keep strangers out" in seen.words

    def test_what_is_seen_now_outweighs_what_was_learned(self, record):
        record.tried(STRANGER, False, "out", 101.0)
        record.tried(FRIEND, True, "in", 101.0)
        assert record.seen(enforces=False).truth is FilterTruth.ENFORCED

    def test_it_reads_well(self):
        told = words(GatewayProfile(enforces_filters=False))
        assert told == ("lets everybody in where a mapping is for some alone",)


class TestInTheBook:
    @pytest.fixture
    def mapped(self, world):
        w = world()
        self.lease = w.book.want(TRUNK, w.now)
        w.settle().told()
        w.book.learned()
        return w

    def tried(self, w, remote, came, **rest):
        w.book.tried(self.lease, remote, came, f"word of {remote}", w.now, teaches=rest.get("teaches", True))

    def test_it_is_told_once_and_learned(self, mapped):
        for _ in range(3):
            self.tried(mapped, STRANGER, True)
        (event,) = mapped.told()
        assert event == FilterJudged(Protocol.UDP, 5060, FilterTruth.NOT_ENFORCED, event.words, Family.IPV4)
        assert mapped.shown().filtering.truth is FilterTruth.NOT_ENFORCED
        assert [each.enforces_filters for each in mapped.book.learned()] == [False]

    def test_enforced_is_learned_where_the_gateway_stands_alone(self, mapped):
        self.tried(mapped, FRIEND, True)
        self.tried(mapped, STRANGER, False)
        assert [each.enforces_filters for each in mapped.book.learned()] == [True]

    def test_behind_a_second_gateway_nobody_knows_which_one_it_was(self, mapped):
        self.tried(mapped, FRIEND, True, teaches=False)
        self.tried(mapped, STRANGER, False, teaches=False)
        assert mapped.shown().filtering.truth is FilterTruth.ENFORCED
        assert mapped.book.learned() == []

    def test_one_that_let_a_stranger_in_is_not_learned_to_keep_them_out(self, mapped):
        mapped.book.use_profile(GatewayProfile("Acme", enforces_filters=False), reads_back=True)
        self.tried(mapped, FRIEND, True)
        self.tried(mapped, STRANGER, False)
        assert mapped.book.learned() == []

    def test_a_gateway_that_lost_its_state_has_to_show_it_again(self, mapped):
        self.tried(mapped, STRANGER, True)
        mapped.book.doubt_all(mapped.now)
        assert mapped.shown().filtering.truth is not FilterTruth.ENFORCED


@pytest.mark.parametrize(
    ("network", "family"), [("2001:db8::/32", Family.IPV4), ("203.0.113.0/24", Family.IPV6)]
)
def test_a_network_of_the_other_family_cannot_come_in(network, family):
    with pytest.raises(LocalError, match=f"cannot come in through a mapping of {family.value}"):
        Wanted(Protocol.UDP, 5060, family=family, allow_from=(network,))
