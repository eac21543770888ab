"""Learned profiles: written down and read back, put in words, and set by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.portmap.errors import LocalError
from ringthru.portmap.memory.profile import GatewayProfile
from ringthru.portmap.memory.profile_codec import (
    READERS,
    from_json,
    learn_again,
    set_by_hand,
    to_json,
    words,
)

PROFILES = st.builds(
    GatewayProfile,
    fingerprint=st.text(max_size=40),
    permanent_only=st.booleans(),
    cannot_read_back=st.booleans(),
    omit_remote_host=st.booleans(),
    renew_by_delete=st.booleans(),
    recheck_every=st.none() | st.floats(10, 86400),
    table_size=st.none() | st.integers(1, 65535),
    takes_labels=st.none() | st.booleans(),
    enforces_filters=st.none() | st.booleans(),
    serves_several=st.none() | st.booleans(),
    pace=st.floats(0, 5),
    missing_actions=st.frozensets(st.text(min_size=1, max_size=20), max_size=32),
    by_hand=st.frozensets(st.sampled_from(list(READERS))),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*READERS, "x"]), inner),
    max_leaves=12,
)


class TestWrittenDown:
    @given(PROFILES)
    def test_every_profile_reads_back_as_it_was(self, profile):
        assert from_json(to_json(profile)) == profile

    def test_what_only_a_newer_version_knows_is_left_out(self):
        text = json.dumps({"fingerprint": "Acme R1", "table_size": 20, "melts": True, "by_hand": ["melts"]})
        assert from_json(text) == GatewayProfile("Acme R1", table_size=20)

    @pytest.mark.parametrize(
        "fields",
        [
            {"recheck_every": 9.9},
            {"recheck_every": float("nan")},
            {"recheck_every": float("inf")},
            {"table_size": 0},
            {"table_size": 2.5},
            {"table_size": True},
            {"table_size": 10**400},
            {"pace": -0.1},
            {"pace": 5.1},
            {"pace": None},
            {"permanent_only": 1},
            {"takes_labels": "perhaps"},
            {"missing_actions": ["A"] * 33},
            {"missing_actions": [""]},
            {"missing_actions": [7]},
            {"fingerprint": 7},
            {"fingerprint": "x" * 257},
            {"by_hand": "pace"},
        ],
        ids=str,
    )
    def test_values_out_of_range_are_refused(self, fields):
        with pytest.raises(LocalError):
            from_json(json.dumps(fields))

    @pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 100_000, '"\ud800"'], ids=lambda t: t[:6])
    def test_what_is_no_profile_is_refused(self, text):
        with pytest.raises(LocalError):
            from_json(text)

    def test_however_deep_it_is_nested_it_is_refused(self):
        for depth in range(800, 1000):  # around what this Python bears
            with pytest.raises(LocalError):
                from_json('{"pace": ' + "[" * depth + "]" * depth + "}")

    @given(st.text() | JSON.map(json.dumps))
    def test_any_text_is_a_profile_or_refused(self, text):
        try:
            profile = from_json(text)
        except LocalError:
            return
        assert from_json(to_json(profile)) == profile

    @given(PROFILES)
    def test_cut_anywhere_it_is_refused(self, profile):
        text = to_json(profile)
        for end in range(len(text)):
            with pytest.raises(LocalError):
                from_json(text[:end])


class TestInWords:
    def test_a_gateway_without_peculiarities_needs_no_words(self):
        assert words(GatewayProfile("Acme R1")) == ()

    def test_each_lesson_is_a_phrase_that_people_understand(self):
        profile = GatewayProfile(
            permanent_only=True,
            recheck_every=45.0,
            table_size=20,
            pace=0.2,
            missing_actions=frozenset({"GetListOfPortMappings", "AddAnyPortMapping"}),
        )
        assert words(profile) == (
            "grants permanent leases only",
            "forgets mappings: looked at every 45 s",
            "holds 20 mappings",
            "wants 0.2 s between two requests",
            "does not know AddAnyPortMapping, GetListOfPortMappings",
        )

    def test_what_a_person_decided_is_said_even_where_it_is_the_usual(self):
        profile = set_by_hand(GatewayProfile(), permanent_only=False, recheck_every=None)
        assert words(profile) == (
            "grants leases that end (set by hand)",
            "keeps its mappings (set by hand)",
        )

    @given(PROFILES)
    def test_every_profile_has_words(self, profile):
        assert all(words(profile))


class TestSetByHand:
    def test_values_are_taken_as_they_are_or_as_typed(self):
        typed = set_by_hand(GatewayProfile(), permanent_only="Yes", recheck_every=" 45 ", table_size="none")
        meant = set_by_hand(GatewayProfile(), permanent_only=True, recheck_every=45, table_size=None)
        assert typed == meant
        assert typed.by_hand == {"permanent_only", "recheck_every", "table_size"}

    def test_actions_are_typed_as_a_list(self):
        profile = set_by_hand(GatewayProfile(), missing_actions="AddAnyPortMapping, GetStatusInfo")
        assert profile.missing_actions == {"AddAnyPortMapping", "GetStatusInfo"}

    def test_what_was_set_is_not_learned_over(self):
        profile = set_by_hand(GatewayProfile(), table_size=16)
        assert profile.learn(table_size=20, pace=0.2) == set_by_hand(GatewayProfile(pace=0.2), table_size=16)

    def test_what_was_set_can_be_taken_back_and_is_learned_again(self):
        profile = set_by_hand(GatewayProfile(), table_size=16, pace=1)
        assert learn_again(profile, "table_size") == set_by_hand(GatewayProfile(), pace=1)
        assert learn_again(profile) == GatewayProfile()

    @pytest.mark.parametrize(
        ("field", "value", "allowed"),
        [
            ("recheck_every", 5, "recheck_every is 10 to 86400 seconds, or none, not '5'"),
            ("table_size", "many", "table_size is 1 to 65535 mappings, or none, not 'many'"),
            ("table_size", 2.5, "table_size is a whole number of mappings, not 2.5"),
            ("pace", "9", "pace is 0 to 5 seconds, not '9'"),
            ("renew_by_delete", "maybe", "renew_by_delete is yes or no"),
            ("fingerprint", "x", "a gateway profile has no field 'fingerprint': there are permanent_only, "),
        ],
    )
    def test_an_error_says_what_is_allowed(self, field, value, allowed):
        with pytest.raises(LocalError) as refusal:
            set_by_hand(GatewayProfile(), **{field: value})
        assert str(refusal.value).startswith(allowed)
