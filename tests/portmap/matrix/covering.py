"""Covering arrays: few sets of rows that have every pair of them together at least once.

Greedy: begin with a pair that is still missing, then add whatever covers most of the others.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from .play import may_be_together

Pair = frozenset[str]


def covering_sets(rows: Sequence[str], size: int) -> list[frozenset[str]]:
    """Sets of at most ``size`` rows, none of which exclude each other; equal rows give equal sets."""
    missing = {
        frozenset(pair): None  # a dict keeps the order
        for pair in itertools.combinations(rows, 2)
        if may_be_together(pair[:1], pair[1])
    }
    found = []
    while missing:
        members = sorted(next(iter(missing)))
        while len(members) < size and (best := _best(rows, members, missing)) is not None:
            members.append(best)
        for pair in itertools.combinations(members, 2):
            missing.pop(frozenset(pair), None)
        found.append(frozenset(members))
    return found


def sets_around(row: str, others: Sequence[str], size: int) -> list[frozenset[str]]:
    """Sets of at most ``size`` rows, ``row`` in all of them and each of the others in one."""
    left = [each for each in others if may_be_together([row], each)]
    found = []
    while left:
        members = [row]
        for each in left:
            if len(members) < size and may_be_together(members, each):
                members.append(each)
        left = [each for each in left if each not in members]
        found.append(frozenset(members))
    return found


def _best(rows: Sequence[str], members: list[str], missing: dict[Pair, None]) -> str | None:
    """The row that covers most of what is missing together with the members."""
    best, most = None, 0
    for row in rows:
        if row in members or not may_be_together(members, row):
            continue
        gain = sum(frozenset((row, each)) in missing for each in members)
        if gain > most:
            best, most = row, gain
    return best
