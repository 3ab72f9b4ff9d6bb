"""Tables of a coverage: expected shares by scenario, the whole curve, the range curve, block faces.

Chances are integers in units of 2^-40 and amounts are whole numbers, so sums are exact; the division comes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.ownership.expected import ONE, at_least_exactly, at_least_independent, fixed_point
from doorview.ownership.kernels.draws import at_least_of_sets
from doorview.ownership.scenario import Scenario, draw_owners
from doorview.share.coverage import Coverage
from doorview.share.kernels.draws import bits_of_sets, replicate_amounts
from doorview.share.outputs import HEADLINE, Outputs, base_numbers, street_spaces

__all__ = [
    "DoorTable",
    "counts_table",
    "curve_table",
    "face_shares",
    "range_table",
    "shares_table",
    "weighted_shares",
]

HALF = 20
MASK = (1 << HALF) - 1
SEEN_BY = 3


@dataclass(frozen=True)
class DoorTable:
    """What ownership needs of the doors, in the order of the coverage's door numbers."""

    key: NDArray[np.uint64]
    dwellings: NDArray[np.int64]
    inside: NDArray[np.bool_]
    zone_inside: NDArray[np.bool_] | None = None
    """(doors, zones): which zone each door lies in."""


def _weighted(amount: NDArray[np.int64], chance: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return amount * chance as two parts, high and low, each of which sums without overflow."""
    return amount * (chance >> HALF), amount * (chance & MASK)


def _ratio(high: NDArray[np.int64], low: NDArray[np.int64], amount: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (high * 2^20 + low) / (amount * 2^40), correctly rounded from whole numbers."""
    flat = [
        (int(h) << HALF) + int(lo) for h, lo in zip(high.ravel().tolist(), low.ravel().tolist(), strict=True)
    ]
    whole = np.broadcast_to(amount, high.shape).ravel().tolist()
    share = [value / (int(n) * ONE) if n else np.nan for value, n in zip(flat, whole, strict=True)]
    return np.array(share, dtype=np.float64).reshape(high.shape)


def _chances(
    coverage: Coverage, scenario: Scenario, doors: DoorTable
) -> NDArray[np.int64]:
    """Return (3, sets) in fixed point: the chance that at least 1, 2, 3 doors of each set own a camera."""
    members = coverage.members
    if scenario.process == "exactly":
        is_inside = np.concatenate([[0], np.cumsum(doors.inside[members.doors])])
        inside = np.diff(is_inside[members.start])
        # exactly() checks the number against the doors there are
        scenario.probabilities(doors.dwellings, doors.inside)
        return at_least_exactly(inside, members.size - inside, scenario.number or 0, int(doors.inside.sum()), SEEN_BY)
    p = scenario.probabilities(doors.dwellings, doors.inside)
    if len(p) and (p == p[0]).all():
        return at_least_independent(members.size, float(p[0]), SEEN_BY)
    return fixed_point(at_least_of_sets(members.start, members.doors, p, SEEN_BY))


def counts_table(coverage: Coverage, outputs: Outputs) -> pd.DataFrame:
    """Return amounts by number of doors: columns level, zoning, zone, space, measure, k, amount [m2 or m]; k = 0 included."""
    base = base_numbers(coverage, outputs)
    size = coverage.members.size
    k = size[np.asarray(coverage.rows["set"], np.int64)] if len(coverage.rows) else np.zeros(0, np.int64)
    top = int(k.max(initial=0))
    parts = []
    for number, name in enumerate(coverage.levels):
        counts = _base_counts(coverage, base, k, number, len(outputs.bases), top)
        out = outputs.summed(counts)
        out[:, 0] = outputs.amount - out[:, 1:].sum(axis=1)
        where, at = np.nonzero(out)
        part = outputs.table.iloc[where].reset_index(drop=True)
        part.insert(0, "level", name)
        part["k"] = at
        part["amount"] = out[where, at] * outputs.unit[where]
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["level", "zoning", "zone", "space", "measure", "k"], ignore_index=True)


def _base_counts(
    coverage: Coverage, base: NDArray[np.int64], k: NDArray[np.int64], level: int, bases: int, top: int
) -> NDArray[np.int64]:
    """Return (bases, top + 1) amounts by k at one level; k = 0 is left at 0."""
    here = np.asarray(coverage.rows["level"]) == level
    counts = np.zeros((bases, top + 1), np.int64)
    np.add.at(counts, (base[here], k[here]), np.asarray(coverage.rows["amount"], np.int64)[here])
    return counts


def curve_table(
    coverage: Coverage, outputs: Outputs, doors: DoorTable, rates: Sequence[float], shared_doors: str = "one"
) -> pd.DataFrame:
    """Return the expected share for every rate: level, zoning, zone, space, measure, rate, share_mean."""
    base = base_numbers(coverage, outputs)
    sizes = coverage.members.size
    sets = np.asarray(coverage.rows["set"], np.int64)
    k = sizes[sets] if len(sets) else np.zeros(0, np.int64)
    top = int(k.max(initial=0))
    by_size = shared_doors == "one" or bool((doors.dwellings == 1).all())
    parts = []
    for number, name in enumerate(coverage.levels):
        if by_size:
            out = outputs.summed(_base_counts(coverage, base, k, number, len(outputs.bases), top))
            chance = np.stack([at_least_independent(np.arange(top + 1), rate, 1)[0] for rate in rates], axis=1)
            high, low = out @ (chance >> HALF), out @ (chance & MASK)
        else:
            high, low = _curve_by_sets(coverage, outputs, doors, rates, shared_doors, base, number)
        share = _ratio(high, low, outputs.amount[:, None])
        part = outputs.table.loc[np.repeat(outputs.table.index, len(rates))].reset_index(drop=True)
        part.insert(0, "level", name)
        part["rate"] = np.tile(np.asarray(rates, dtype=np.float64), len(outputs.table))
        part["share_mean"] = share.ravel()
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["level", "zoning", "zone", "space", "measure", "rate"], ignore_index=True)


def _curve_by_sets(
    coverage: Coverage,
    outputs: Outputs,
    doors: DoorTable,
    rates: Sequence[float],
    shared_doors: str,
    base: NDArray[np.int64],
    level: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the two parts of (outputs, rates) sums where doors differ in their chances."""
    rows = coverage.rows
    here = np.flatnonzero(np.asarray(rows["level"]) == level)
    amount, sets = np.asarray(rows["amount"], np.int64)[here], np.asarray(rows["set"], np.int64)[here]
    high, low = (np.zeros((len(outputs.bases), len(rates)), np.int64) for _ in range(2))
    for column, rate in enumerate(rates):
        chance = _chances(coverage, Scenario("curve", rate=rate, shared_doors=shared_doors), doors)[0][sets]
        for target, part in zip((high, low), _weighted(amount, chance), strict=True):
            np.add.at(target[:, column], base[here], part)
    return outputs.summed(high), outputs.summed(low)


def shares_table(
    coverage: Coverage,
    outputs: Outputs,
    doors: DoorTable,
    scenarios: Sequence[Scenario],
    *,
    zones: pd.DataFrame | None = None,
    seed: int = 0,
    replicates: int = 256,
) -> pd.DataFrame:
    """Return the contract's `shares.csv` as a table.

    share_mean and seen_by_2_mean, seen_by_3_mean are exact; share_p05 and share_p95 are quantiles over `replicates` simulated
    ownerships (chance alone). share_low and share_high, the range over assumptions, are NaN: they need runs under other
    assumptions.
    """
    base = base_numbers(coverage, outputs)
    rows = coverage.rows
    level_of, sets = np.asarray(rows["level"]), np.asarray(rows["set"], np.int64)
    amount = np.asarray(rows["amount"], np.int64)
    words = max(replicates // 64, 1)
    table, doors_in = outputs.table, _doors_inside(outputs, doors, zones)
    seeing = {number: _doors_seeing(coverage, outputs, base, number) for number in range(len(coverage.levels))}
    parts = []
    for scenario in scenarios:
        chance = _chances(coverage, scenario, doors)
        p = scenario.probabilities(doors.dwellings, doors.inside)
        owners = draw_owners(scenario, doors.key, doors.dwellings, doors.inside, seed, words)
        bits = bits_of_sets(coverage.members.start, coverage.members.doors, owners)
        cameras = _sum_of_doors(doors_in, p)
        homes = _sum_of_doors(doors_in, doors.dwellings)
        for number, name in enumerate(coverage.levels):
            here = np.flatnonzero(level_of == number)
            shares = []
            for m in range(SEEN_BY):
                high, low = (np.zeros(len(outputs.bases), np.int64) for _ in range(2))
                for target, part in zip((high, low), _weighted(amount[here], chance[m][sets[here]]), strict=True):
                    np.add.at(target, base[here], part)
                shares.append(_ratio(outputs.summed(high), outputs.summed(low), outputs.amount))
            drawn = np.zeros((len(outputs.bases), 64 * words), np.int64)
            replicate_amounts(base[here], sets[here], amount[here], bits, drawn)
            simulated = outputs.summed(drawn) / outputs.amount[:, None]
            low_q, high_q = np.quantile(simulated, [0.05, 0.95], axis=1)
            part = table.copy()
            part.insert(0, "scenario", scenario.name)
            part.insert(1, "level", name)
            part["doors_inside"] = [len(item) for item in doors_in]
            part["doors_seeing"] = seeing[number]
            part["dwellings"] = homes.astype(np.int64)
            part["rate_per_door"] = cameras / np.maximum([len(item) for item in doors_in], 1)
            part["rate_per_household"] = cameras / np.maximum(homes, 1)
            part["public_amount"] = outputs.amount * outputs.unit
            part["share_mean"], part["share_p05"], part["share_p95"] = shares[0], low_q, high_q
            part["share_low"], part["share_high"] = np.nan, np.nan
            part["seen_by_2_mean"], part["seen_by_3_mean"] = shares[1], shares[2]
            parts.append(part)
    keys = ["scenario", "level", "zoning", "zone", "space", "measure"]
    return pd.concat(parts, ignore_index=True).sort_values(keys, ignore_index=True)


def _doors_inside(outputs: Outputs, doors: DoorTable, zones: pd.DataFrame | None) -> list[NDArray[np.int64]]:
    """Return, for every output, the doors that lie in its zone (in the counted area for the zone `all`)."""
    found: dict[tuple[str, str], NDArray[np.int64]] = {("all", "all"): np.flatnonzero(doors.inside)}
    if zones is not None and doors.zone_inside is not None:
        for number, (zoning, zone) in enumerate(zip(zones["zoning"], zones["zone"], strict=True)):
            found[str(zoning), str(zone)] = np.flatnonzero(doors.zone_inside[:, number] & doors.inside)
    return [found[zoning, zone] for zoning, zone in zip(outputs.table["zoning"], outputs.table["zone"], strict=True)]


def _sum_of_doors(groups: list[NDArray[np.int64]], values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the sum of door values over each group; outputs of one zone share a group, which is added up once."""
    known: dict[int, float] = {}
    for group in groups:
        if id(group) not in known:
            known[id(group)] = float(np.sum(values[group], dtype=np.float64))
    return np.array([known[id(group)] for group in groups])


def _doors_seeing(coverage: Coverage, outputs: Outputs, base: NDArray[np.int64], level: int) -> NDArray[np.int64]:
    """Return how many different doors see some of each output at a level."""
    here = np.flatnonzero(np.asarray(coverage.rows["level"]) == level)
    sets = np.asarray(coverage.rows["set"], np.int64)[here]
    pairs = np.unique(base[here] * np.int64(1 << 32) + sets)
    pair_base, pair_set = pairs >> 32, pairs & 0xFFFFFFFF
    size, start = coverage.members.size[pair_set], coverage.members.start[pair_set]
    at = np.repeat(start - np.concatenate([[0], np.cumsum(size)[:-1]]), size) + np.arange(int(size.sum()))
    seen = np.unique(np.repeat(pair_base, size) * np.int64(1 << 32) + coverage.members.doors[at])
    bounds = np.searchsorted(seen >> 32, np.arange(len(outputs.bases) + 1))
    door = (seen & 0xFFFFFFFF).astype(np.int64)
    counted = np.empty(len(outputs.table), np.int64)
    mark = np.zeros(len(coverage.door_ids), bool)
    for n in range(len(outputs.table)):
        mark[:] = False
        for b in outputs.parts[outputs.start[n] : outputs.start[n + 1]].tolist():
            mark[door[bounds[b] : bounds[b + 1]]] = True
        counted[n] = int(mark.sum())
    return counted


def range_table(coverage: Coverage, rates: Sequence[float]) -> pd.DataFrame:
    """Return the share against range: space (`all`, the headline), measure, range_m, rate, share_mean, by rate of ownership.

    Doors own a camera independently, each with the same chance.
    """
    if coverage.rings is None or coverage.range_curve is None:
        raise ValueError("this coverage was computed without a range curve")
    classes = coverage.rings.shape[0] // 2
    street = street_spaces()
    totals = coverage.totals
    space, near = np.asarray(totals["space"], np.int64), np.asarray(totals["near"], np.int64)
    amount = np.asarray(totals["amount"], np.int64)
    depth = coverage.rings.shape[2]
    chance = np.stack([at_least_independent(np.arange(depth), rate, 1)[0] for rate in rates], axis=1)
    ranges = coverage.range_curve.shortest + np.arange(coverage.range_curve.bins)
    public = sorted({int(s) for s in space if s < classes and coverage.rings[2 * s : 2 * s + 2].any()})
    parts = []
    for name, codes, wanted in (
        ("all", public, (0, 1)),
        (HEADLINE, street, (1,)),
        ("streets", street, (0, 1)),
    ):
        rows = [2 * s + n for s in codes for n in wanted]
        counts = coverage.rings[rows].sum(axis=0)
        whole = int(amount[np.isin(space, codes) & np.isin(near, wanted)].sum())
        if not whole:
            continue
        share = _ratio(counts @ (chance >> HALF), counts @ (chance & MASK), np.array(whole))
        for column, rate in enumerate(rates):
            parts.append(
                pd.DataFrame(
                    {
                        "space": name,
                        "measure": "area_m2",
                        "range_m": ranges.astype(np.float64),
                        "rate": float(rate),
                        "share_mean": share[:, column],
                    }
                )
            )
    return pd.concat(parts, ignore_index=True).sort_values(["space", "measure", "rate", "range_m"], ignore_index=True)


def face_shares(coverage: Coverage, scenario: Scenario, doors: DoorTable, faces: int) -> pd.DataFrame:
    """Return, by block face: public_m2 of its street space, and share_LEVEL, the expected share of it in view.

    Index `face`; NaN where a face has no public ground that is counted.
    """
    chance = _chances(coverage, scenario, doors)[0]
    street = street_spaces()
    totals = coverage.totals[np.isin(coverage.totals["space"], street) & (coverage.totals["face"] >= 0)]
    amount = np.zeros(faces, np.int64)
    np.add.at(amount, np.asarray(totals["face"], np.int64), np.asarray(totals["amount"], np.int64))
    out = pd.DataFrame({"public_m2": amount * coverage.cell_m**2}, index=pd.RangeIndex(faces, name="face"))
    rows = coverage.rows[np.isin(coverage.rows["space"], street) & (coverage.rows["face"] >= 0)]
    for number, name in enumerate(coverage.levels):
        here = rows[rows["level"] == number]
        high, low = (np.zeros(faces, np.int64) for _ in range(2))
        parts = _weighted(np.asarray(here["amount"], np.int64), chance[np.asarray(here["set"], np.int64)])
        for target, part in zip((high, low), parts, strict=True):
            np.add.at(target, np.asarray(here["face"], np.int64), part)
        out[f"share_{name}"] = _ratio(high, low, amount)
    return out


def weighted_shares(coverage: Coverage, outputs: Outputs, p: NDArray[np.float64]) -> pd.DataFrame:
    """Return the expected share where door j owns a camera with probability p[j]: level, zoning, zone, space, measure.

    The last column is `share_weighted_to_count`: what the chances were weighted to is the caller's business.
    """
    base = base_numbers(coverage, outputs)
    rows = coverage.rows
    chance = fixed_point(at_least_of_sets(coverage.members.start, coverage.members.doors, p, 1)[0])
    parts = []
    for number, name in enumerate(coverage.levels):
        here = np.flatnonzero(np.asarray(rows["level"]) == number)
        high, low = (np.zeros(len(outputs.bases), np.int64) for _ in range(2))
        amount, sets = np.asarray(rows["amount"], np.int64)[here], np.asarray(rows["set"], np.int64)[here]
        for target, part in zip((high, low), _weighted(amount, chance[sets]), strict=True):
            np.add.at(target, base[here], part)
        table = outputs.table.copy()
        table.insert(0, "level", name)
        table["share_weighted_to_count"] = _ratio(outputs.summed(high), outputs.summed(low), outputs.amount)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)
