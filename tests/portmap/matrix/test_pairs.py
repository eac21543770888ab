"""Every pair of quirk rows together, in sets of a covering array; one engine and one gateway for each set.

Rows under which nothing can be mapped hide what others do, so each of them comes with many others.
"""

import itertools

import pytest

from ringthru.lab.gateway.quirks import ROWS, Quirks

from .covering import covering_sets, sets_around
from .play import complaints, may_be_together

SIZE = 8  # rows in a set: few sets, and still one name too many is soon found in a set that fails
OF_MANY = "LI18"  # shows with more than 128 mappings alone: ``test_many`` plays it
SIZE_OF_ALL = 14  # where another protocol mostly hides what a row does
PATIENCE = 900.0  # seconds until all is mapped and looked at: eight bad habits take their time
FAMILIES = {"upnp": ("upnp",), "5351": ("natpmp", "pcp"), "all": ("natpmp", "pcp", "upnp")}
KINDS = {"upnp": ("upnp", "world"), "5351": ("natpmp", "pcp", "world")}


def rows_of(family: str, works: bool) -> list[str]:
    """Rows that show in a family of protocols, by whether anything can be mapped under them."""
    kinds = KINDS.get(family, ("natpmp", "pcp", "upnp", "world"))
    return [
        row.id
        for row in ROWS.values()
        if row.protocol in kinds and row.expectation.accepted is works and row.id != OF_MANY
    ]


def sets_of(family: str) -> list[frozenset[str]]:
    working = rows_of(family, works=True)
    hopeless = rows_of(family, works=False)
    sets = covering_sets(working, SIZE_OF_ALL if family == "all" else SIZE)
    if family != "all":  # two hopeless rows have nothing to tell each other
        sets += [each for row in hopeless for each in sets_around(row, working, SIZE)]
    return sets


@pytest.mark.parametrize("family", FAMILIES)
def test_every_pair_is_together_in_some_set(family):
    rows = rows_of(family, works=True)
    covered = {frozenset(pair) for each in sets_of(family) for pair in itertools.combinations(each, 2)}
    wanted = {
        frozenset(pair) for pair in itertools.combinations(rows, 2) if may_be_together(pair[:1], pair[1])
    }
    assert wanted <= covered


@pytest.mark.parametrize("family", FAMILIES)
def test_under_every_pair_of_rows_the_truth_is_told(family, capsys):
    sets = sets_of(family)
    found = {
        tuple(sorted(rows)): wrong
        for seed, rows in enumerate(sets)
        if (wrong := complaints(Quirks(rows=rows), FAMILIES[family], seed, PATIENCE))
    }
    with capsys.disabled():
        print(f"\n{family}: {len(sets)} sets of quirk rows, {len(found)} with complaints")
    assert found == {}
