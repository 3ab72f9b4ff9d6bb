"""Ownership from the set rows of a city of 27,567 buildings: curve, replicates, a second scenario, variance, placing.

The city is seen and covered once, four levels, one process, kernels compiled before; all else reads its set rows. The
*exact pass* of a scenario is `shares_table` without replicates: the expected shares seen by one, two and three, with
doors and homes, of every printed row, from the set rows. Best of 7 runs each, as the figures are milliseconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from figure import Figure, MissingDataError, data_file, table

import doorview as dv
from doorview.city.model import City
from doorview.ownership.processes import by_distance, by_street
from doorview.ownership.scenario import Scenario, draw_owners
from doorview.share.coverage import fold
from doorview.share.outputs import outputs_of
from doorview.share.placing import most_in_view
from doorview.share.rows import set_rows
from doorview.share.simulate import interval_table, simulated_shares
from doorview.share.summary import curve_table, set_chances, shares_table
from doorview.share.tiles import cover
from doorview.share.variance import share_variance, share_variance_exactly
from doorview.study.compute import Prepared

EXTRACT = ("baltimore_county_md", "reisterstown_sorted.osm.pbf")
RUNS = 7
WORDS = 16
"""1,024 replicates."""
CURVE, REPLICATES = 1.1, 2.0
"""Targets."""


def best(work: Callable[[], object], runs: int = RUNS) -> float:
    """Return the shortest time of several runs [s], after one that does not count."""
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def prepared(extract: Path) -> Prepared:
    """Return the city ready for covering; running it once compiles all kernels."""
    return dv.estimate(City.from_extract(extract), range_curve=False).ready


def _alike(ready: Prepared) -> tuple[Scenario, Scenario]:
    """Return owners at 20 % who cluster by block face, and by distance."""
    p, residents = np.full(len(ready.door_table.key), 0.2), ready.residents
    owners = by_street(p, residents.face, strength=1.5), by_distance(p, residents.xy, 200.0, strength=1.5)
    clustered, field = (Scenario("alike", "built", built=item, households=p, text="alike") for item in owners)
    return clustered, field


def run() -> list[Figure]:
    """Measure; see the module."""
    ready = prepared(data_file(*EXTRACT))
    doors, scene = ready.door_table, ready.scene
    start = time.perf_counter()
    coverage = fold(scene, cover(scene, rasters=False, threads=1))
    covering = time.perf_counter() - start
    outputs = outputs_of(coverage)
    rates = [n / 100 for n in range(101)]
    scenario = Scenario("independent_20", rate=0.2)
    curve, one = (best(lambda r=r: curve_table(coverage, outputs, doors, r)) for r in (rates, [0.2]))  # type: ignore[misc]
    exact = best(lambda: shares_table(coverage, outputs, doors, [scenario], replicates=0))
    both = best(lambda: shares_table(coverage, outputs, doors, [scenario], replicates=64 * WORDS))
    rows = set_rows(coverage, outputs)

    def simulate() -> object:
        owners = draw_owners(scenario, doors.key, doors.dwellings, doors.inside, 0, WORDS)
        return interval_table(rows, simulated_shares(rows, owners))

    simulated = best(simulate)
    number = int(doors.inside.sum()) // 5
    chance = np.full(len(doors.key), 0.2)
    variance = best(lambda: share_variance(rows, chance), 3)
    crowded = best(lambda: share_variance_exactly(rows, doors.inside, number), 3)
    placing = best(lambda: most_in_view(rows, doors.key, len(doors.key), level="detect", space="all"), 3)
    clustered, field = _alike(ready)
    draws = {
        "street clusters": best(lambda: clustered.owners(doors.dwellings, doors.inside).draw(doors.key, 0, 4), 3),
        "a field": best(lambda: field.owners(doors.dwellings, doors.inside).draw(doors.key, 0, 4), 3),
    }
    averaged = best(lambda: set_chances(coverage, field, doors), 3)
    sets = len(coverage.members.start) - 1
    ms = "{:.1f} ms".format
    whole = (covering + curve) / (covering + one)
    return [
        Figure(
            f"ownership, {EXTRACT[1]}", f"{len(coverage.rows):,} set rows, {sets:,} sets, covered in {covering:.1f} s"
        ),
        Figure(
            "  covering and the whole curve, 101 rates",
            f"{covering + curve:.2f} s",
            f"{covering + one:.2f} s, one rate",
            f"{whole:.3f}",
            f"<= {CURVE}",
            whole <= CURVE,
        ),
        Figure("  the curve alone, from set rows", ms(1e3 * curve), f"{ms(1e3 * one)}, one rate", f"{curve / one:.2f}"),
        Figure(
            "  1,024 replicates from set rows",
            ms(1e3 * simulated),
            f"{ms(1e3 * exact)}, exact pass",
            f"{simulated / exact:.2f}",
            f"<= {REPLICATES:.0f}",
            simulated <= REPLICATES * exact,
        ),
        Figure(
            "  exact pass and 1,024 replicates", ms(1e3 * both), f"{ms(1e3 * exact)}, exact pass", f"{both / exact:.2f}"
        ),
        Figure("  1,024 replicates", ms(1e3 * simulated), f"{covering:.1f} s, covering", f"{simulated / covering:.4f}"),
        Figure("  a second scenario, exact", ms(1e3 * exact), f"{covering:.1f} s, covering", f"{exact / covering:.4f}"),
        *(
            Figure(
                f"  256 ownerships drawn, {what}",
                ms(1e3 * time_),
                f"{covering:.1f} s, covering",
                f"{time_ / covering:.4f}",
            )
            for what, time_ in draws.items()
        ),
        Figure(
            "  mean chances of a field, 256 draws",
            ms(1e3 * averaged),
            f"{covering:.1f} s, covering",
            f"{averaged / covering:.4f}",
        ),
        Figure("  exact variances, independent", ms(1e3 * variance)),
        Figure("  exact variances, exactly n", ms(1e3 * crowded)),
        Figure(f"  best placing of 1 to {len(doors.key):,} cameras", ms(1e3 * placing)),
    ]


if __name__ == "__main__":
    try:
        print(table(run()))
    except MissingDataError as missing:
        print(f"skipped: {missing}")
