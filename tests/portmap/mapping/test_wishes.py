"""Two wishes for one port: one lease, unless that would break what was promised to the second."""

import pytest

from ringthru.net.values import replace
from ringthru.portmap import LocalError
from ringthru.portmap.mapping.sets import SetRule
from ringthru.portmap.values import Family, Protocol, Wanted

SIP = Wanted(Protocol.UDP, 5060)
TRUNK = replace(SIP, allow_from=("11.0.0.0/8", "12.0.0.1"))
PINHOLE = Wanted(Protocol.UDP, 5060, family=Family.IPV6, allow_from=("2001:db8:9::1",))


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        pytest.param(SIP, TRUNK, "for everybody: release that mapping first", id="open, then for some"),
        pytest.param(TRUNK, SIP, r"for 11\.0\.0\.0/8, 12\.0\.0\.1 alone", id="for some, then open"),
        pytest.param(
            TRUNK, replace(SIP, allow_from=("13.0.0.0/8",)), "name all who may come in", id="for others"
        ),
        pytest.param(
            PINHOLE, replace(PINHOLE, allow_from=("2001:db8:9::2",)), "2001:db8:9::1 alone", id="a pinhole"
        ),
        pytest.param(
            SIP,
            replace(SIP, external_port=5080, exact=True),
            "at external port 5060 if it can be had",
            id="exact",
        ),
        pytest.param(SIP, replace(SIP, exact=True), "if it can be had", id="exact, where the first was not"),
        pytest.param(
            replace(SIP, external_port=5080, exact=True),
            replace(SIP, exact=True),
            "at external port 5080 exactly",
            id="two exact ports",
        ),
    ],
)
def test_what_would_break_the_second_wish_is_refused_and_the_first_stays(world, first, second, words):
    w = world()
    lease = w.book.want(first, w.now)
    with pytest.raises(LocalError, match=words):
        w.book.want(second, w.now)
    assert w.book.holds(lease)
    assert lease.wanted == first
    assert len(w.book.snapshot(w.now)) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(SIP, replace(SIP, label="another", lifetime=60, sticky=True), id="label and lifetime"),
        pytest.param(SIP, replace(SIP, external_port=5080), id="a preferred port"),
        pytest.param(replace(SIP, exact=True), SIP, id="exact is more than was asked for"),
        pytest.param(TRUNK, replace(TRUNK, allow_from=("12.0.0.1/32", "11.0.0.0/8")), id="written otherwise"),
    ],
)
def test_what_keeps_both_promises_is_one_lease(world, first, second):
    w = world()
    assert w.book.want(first, w.now) is w.book.want(second, w.now)


def test_after_a_release_the_port_may_be_wanted_for_others(world):
    w = world()
    lease = w.book.want(TRUNK, w.now)
    w.book.release(lease, False, True)
    assert w.book.want(SIP, w.now).wanted == SIP


class TestSets:
    BOTH = (SIP, replace(SIP, protocol=Protocol.TCP))

    def test_the_same_set_twice_is_one(self, world):
        w = world()
        made = w.book.want_set(self.BOTH, SetRule.SAME_NUMBER, w.now)
        assert w.book.want_set(self.BOTH, SetRule.SAME_NUMBER, w.now) is made

    def test_with_other_guests_it_is_refused(self, world):
        w = world()
        w.book.want_set(self.BOTH, SetRule.SAME_NUMBER, w.now)
        guarded = tuple(replace(each, allow_from=("11.0.0.0/8",)) for each in self.BOTH)
        with pytest.raises(LocalError, match="for everybody"):
            w.book.want_set(guarded, SetRule.SAME_NUMBER, w.now)

    def test_by_another_rule_it_is_refused(self, world):
        w = world()
        w.book.want_set(self.BOTH, SetRule.INDEPENDENT, w.now)
        with pytest.raises(LocalError, match="any numbers, but all or none"):
            w.book.want_set(self.BOTH, SetRule.SAME_NUMBER, w.now)
