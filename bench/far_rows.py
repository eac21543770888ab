"""The same as P3 and P4, where the gateway stands as far away as in a home: round trips decide there.

A gateway on the same machine hides them, and shows the interpreter instead. They are counted on the wire: the
one figure here that noise does not touch. What a program waits for of its own accord is in its time alone.
"""

from __future__ import annotations

import time

from ringthru.lab.namespaces.far_wire import FarWire
from ringthru.lab.namespaces.laboratory import Laboratory
from ringthru.lab.namespaces.miniupnpd import Serves

from . import engines
from .inside_runs import ours, run
from .mapping_rows import CALL, KNOWN, NAMES, NEW, OURS, filled
from .report import Row, progress

DISTANCES = (0.001, 0.004)  # seconds there and back: a home's cable, its Wi-Fi
COUNT = 40  # mappings one after another
FIRST, EACH = "first mapping", f"each of {COUNT} more"
BARE = "bare exchange"
BETWEEN = 0.1  # seconds: the time before is over

Cost = tuple[float, float]  # seconds, round trips
Found = dict[tuple[str, str], Cost]  # by FIRST or EACH, and whose


def far_rows(runs: int) -> list[Row]:
    """Everybody at every distance; the best of the runs, as noise only ever adds."""
    rows = []
    for serves in (Serves.NATPMP, Serves.UPNP):
        for distance in DISTANCES:
            rows += _rows(f"{NAMES[serves]} at {distance * 1000:.0f} ms", _best(serves, distance, runs))
    return rows


def _rows(where: str, found: Found) -> list[Row]:
    rows = []
    for what, whose in sorted(found, key=lambda each: each[0] == EACH):
        seconds, trips = found[what, whose]
        ratio, peer = (None, "") if whose == OURS else (seconds / found[what, OURS][0], "ours")
        words = f"{where}: {what}, {whose}"
        rows.append(Row("far", words, seconds * 1000, "ms", ratio=ratio, peer=peer, trips=trips))
    return rows


def _best(serves: Serves, distance: float, runs: int) -> Found:
    rounds = []
    for turn in range(runs):
        progress(f"far, {NAMES[serves]} at {distance * 1000:.0f} ms, run {turn + 1} of {runs}")
        rounds.append(_one_round(serves, distance))
    return {
        key: (min(each[key][0] for each in rounds), min(each[key][1] for each in rounds)) for key in rounds[0]
    }


def _one_round(serves: Serves, distance: float) -> Found:
    """Everybody once, each behind a new gateway."""
    found: Found = {}
    with Laboratory(serves=serves) as keeper:  # its directory keeps the record for the bare exchange
        record = keeper.directory / "record"
        with_journal = engines.first("STORE")
        for name, argv in ((OURS, engines.first()), (NEW, with_journal), (KNOWN, with_journal)):
            told, trips = _alone(serves, distance, argv, twice=name == KNOWN)
            found[FIRST, name] = told[CALL], trips
        many = [_alone(serves, distance, ours("engine", "many", n, "in-turn", "-")) for n in (0, COUNT)]
        found[EACH, OURS] = many[1][0][CALL] / COUNT, (many[1][1] - many[0][1]) / COUNT
        _alone(serves, distance, ours("engine", "many", COUNT, "in-turn", record))
        told, trips = _alone(serves, distance, ours("bare", record))
        found[EACH, BARE] = told[CALL] / COUNT, trips / COUNT
    without, more = engines.libraries(serves, 0), engines.libraries(serves, COUNT)
    for name in without:
        told, trips = _alone(serves, distance, without[name])
        found[FIRST, name] = told[CALL], trips
        if name in more:
            told, all_trips = _alone(serves, distance, more[name])
            found[EACH, name] = told["many"] / COUNT, (all_trips - trips) / COUNT
    return found


def _alone(
    serves: Serves, distance: float, argv: list[str], twice: bool = False
) -> tuple[dict[str, float], int]:
    """What the program tells, and its round trips."""
    with Laboratory(serves=serves) as laboratory, FarWire(laboratory, distance) as wire:
        program = filled(argv, laboratory)
        if twice:  # the time before
            run(laboratory, program)
            time.sleep(BETWEEN)
        before = wire.trips
        told, _ = run(laboratory, program)
        return told, wire.trips - before
