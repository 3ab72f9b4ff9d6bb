"""Tables of a coverage: expected shares by scenario, the whole curve, the range curve, block faces.

Chances are integers in units of 2^-40 and amounts are whole numbers, so sums are exact; the division comes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.city.classes import CLASSES
from doorview.errors import EmptyCityError, InputError
from doorview.ownership.expected import at_least_independent, fixed_point
from doorview.ownership.kernels.draws import at_least_of_sets
from doorview.ownership.scenario import Scenario, draw_owners
from doorview.ownership.union import chances_given_shared, mean_of_draws
from doorview.share.coverage import Coverage, Members
from doorview.share.kernels.draws import bits_of_sets, replicate_amounts
from doorview.share.kernels.sums import count_doors, doors_of_bases, sum_chances
from doorview.share.outputs import HEADLINE, Outputs, street_spaces
from doorview.share.rows import HALF, MASK, LevelRows, expected_shares, ratio, rows_by_level

__all__ = [
    "DoorTable",
    "base_counts",
    "chances_of_sets",
    "counts_of_bases",
    "counts_table",
    "curve_by_size",
    "curve_of_bases",
    "curve_of_shares",
    "curve_table",
    "face_amounts",
    "face_shares",
    "known_table",
    "range_table",
    "set_chances",
    "shares_of_scenario",
    "shares_table",
    "weighted_shares",
]

SEEN_BY = 3
SHARED_WORDS = 4
"""Words of draws of what doors share, 256 replicates, where no closed form gives the mean: the error is that of the
shared part alone."""
SHARED_WORDS_BESIDES = 1
"""The same where seen by one is exact, and seen by two and three are not."""
DRAWN_WORDS = 16
"""Words of drawn owners where not even that leaves a closed form: 1,024 replicates."""


@dataclass(frozen=True)
class DoorTable:
    """What ownership needs of the doors, in the order of the coverage's door numbers."""

    key: NDArray[np.uint64]
    dwellings: NDArray[np.int64]
    inside: NDArray[np.bool_]
    zone_inside: NDArray[np.bool_] | None = None
    """(doors, zones): which zone each door lies in."""

    def repeated(self, blocks: int) -> DoorTable:
        """Return the doors `blocks` times, block after block, each with its own key again."""
        zone_inside = None if self.zone_inside is None else np.tile(self.zone_inside, (blocks, 1))
        key, dwellings = np.tile(self.key, blocks), np.tile(self.dwellings, blocks)
        return DoorTable(key, dwellings, np.tile(self.inside, blocks), zone_inside)


def set_chances(coverage: Coverage, scenario: Scenario, doors: DoorTable, seed: int = 0) -> NDArray[np.int64]:
    """Return (3, sets) in fixed point: the chance that at least 1, 2, 3 doors of each set own a camera.

    Exact where there is a closed form. Else (owners alike over a distance) the mean over draws of what doors share,
    each exact given it. With several layers of lots and clusters seen by one is exact, seen by two and three are such
    means. `Scenario.exact` says which.
    """
    return chances_of_sets(coverage.members, scenario, doors, seed)


def chances_of_sets(members: Members, scenario: Scenario, doors: DoorTable, seed: int = 0) -> NDArray[np.int64]:
    """Return `set_chances` of some sets of doors."""
    rate = scenario.equal_rate(doors.dwellings, doors.inside)
    if rate is not None:
        return at_least_independent(members.size, rate, SEEN_BY)
    owners = scenario.owners(doors.dwellings, doors.inside)
    exact = owners.at_least(members.start, members.doors, SEEN_BY)
    if exact is not None:
        return exact
    # Seen by one has a closed form for several lots and clusters too; then less is left to chance.
    first = owners.at_least(members.start, members.doors, 1)
    draws = SHARED_WORDS if first is None else SHARED_WORDS_BESIDES
    mean = chances_given_shared(owners, doors.key, members.start, members.doors, seed=seed, words=draws, most=SEEN_BY)
    if mean is None:
        mean = fixed_point(
            mean_of_draws(owners, doors.key, members.start, members.doors, seed=seed, words=DRAWN_WORDS).mean
        )
    if first is None:
        return mean
    return np.concatenate([first, np.minimum(mean[1:], first)])


def counts_table(coverage: Coverage, outputs: Outputs) -> pd.DataFrame:
    """Return amounts by number of doors: level, zoning, zone, space, measure, k, amount [m2 or m]; k = 0 included."""
    rows = rows_by_level(coverage, outputs)
    return counts_of_bases(
        coverage.levels, outputs, [base_counts(coverage.members, level, len(outputs.bases)) for level in rows]
    )


def counts_of_bases(levels: Sequence[str], outputs: Outputs, counts: Sequence[NDArray[np.int64]]) -> pd.DataFrame:
    """Return `counts_table` from the amounts of each level by base and number of doors, as `base_counts`."""
    parts = []
    for name, amounts in zip(levels, counts, strict=True):
        out = outputs.summed(amounts)
        out[:, 0] = outputs.amount - out[:, 1:].sum(axis=1)
        where, at = np.nonzero(out)
        part = outputs.table.iloc[where].reset_index(drop=True)
        part.insert(0, "level", name)
        part["k"] = at
        part["amount"] = out[where, at] * outputs.unit[where]
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["level", "zoning", "zone", "space", "measure", "k"], ignore_index=True)


def base_counts(members: Members, rows: LevelRows, bases: int) -> NDArray[np.int64]:
    """Return (bases, most k + 1) amounts by the number of doors k; k = 0 is left at 0."""
    k = members.size[rows.sets]
    counts = np.zeros((bases, int(k.max(initial=0)) + 1), np.int64)
    np.add.at(counts, (rows.base, k), rows.amount)
    return counts


def curve_table(
    coverage: Coverage, outputs: Outputs, doors: DoorTable, rates: Sequence[float], shared_doors: str = "one"
) -> pd.DataFrame:
    """Return the expected share for every rate: level, zoning, zone, space, measure, rate, share_mean."""
    by_size = curve_by_size(doors, shared_doors)
    chance = _chance_by_size(int(coverage.members.size.max(initial=0)) + 1, rates) if by_size else None
    found = []
    for rows in rows_by_level(coverage, outputs):
        if chance is not None:
            found.append(_curve_of_counts(outputs, base_counts(coverage.members, rows, len(outputs.bases)), chance))
        else:
            scenarios = [Scenario("curve", rate=rate, shared_doors=shared_doors) for rate in rates]
            chances = np.stack([set_chances(coverage, s, doors)[0] for s in scenarios])
            found.append(expected_shares(outputs, rows, chances).T)
    return curve_of_shares(coverage.levels, outputs, rates, found)


def curve_by_size(doors: DoorTable, shared_doors: str) -> bool:
    """Say whether all doors have the same chance of a camera at one rate, so that numbers of doors make the curve."""
    return shared_doors == "one" or bool((doors.dwellings == 1).all())


def curve_of_bases(
    levels: Sequence[str], outputs: Outputs, counts: Sequence[NDArray[np.int64]], rates: Sequence[float]
) -> pd.DataFrame:
    """Return `curve_table` from amounts by base and number of doors (`base_counts`), where `curve_by_size` holds."""
    chance = _chance_by_size(max(level.shape[1] for level in counts), rates)
    return curve_of_shares(levels, outputs, rates, [_curve_of_counts(outputs, level, chance) for level in counts])


def curve_of_shares(
    levels: Sequence[str], outputs: Outputs, rates: Sequence[float], shares: Sequence[NDArray[np.float64]]
) -> pd.DataFrame:
    """Return `curve_table` from the shares (outputs, rates) of each level."""
    parts = []
    for name, share in zip(levels, shares, strict=True):
        part = outputs.table.loc[np.repeat(outputs.table.index, len(rates))].reset_index(drop=True)
        part.insert(0, "level", name)
        part["rate"] = np.tile(np.asarray(rates, dtype=np.float64), len(outputs.table))
        part["share_mean"] = share.ravel()
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["level", "zoning", "zone", "space", "measure", "rate"], ignore_index=True)


def _curve_of_counts(outputs: Outputs, by_base: NDArray[np.int64], chance: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (outputs, rates) expected shares where all doors have the same chance: the number of doors decides.

    `chance` (sizes, rates) in fixed point, for all sizes that there are.
    """
    counts = outputs.summed(by_base)
    chance = chance[: counts.shape[1]]
    return ratio(counts @ (chance >> HALF), counts @ (chance & MASK), outputs.amount[:, None])


def _chance_by_size(sizes: int, rates: Sequence[float]) -> NDArray[np.int64]:
    """Return (sizes, rates) in fixed point: the chance that at least one of 0 .. sizes - 1 doors owns a camera."""
    return np.stack([at_least_independent(np.arange(sizes), rate, 1)[0] for rate in rates], axis=1)


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

    share_mean and seen_by_2_mean, seen_by_3_mean are exact; share_p05 and share_p95 are quantiles over `replicates`
    simulated ownerships (chance alone; a multiple of 64; with 0 nothing is simulated and they are NaN). share_low and
    share_high, the range over assumptions, are NaN: they need runs under other assumptions.
    """
    if replicates % 64 or replicates < 0:
        raise InputError(f"{replicates} replicates: give a multiple of 64, e.g. 256, or 0 for no simulation.")
    words = replicates // 64
    by_level = rows_by_level(coverage, outputs)
    seeing = [_doors_seeing(coverage, outputs, rows) for rows in by_level]
    parts = []
    for scenario in scenarios:
        chance = set_chances(coverage, scenario, doors, seed)
        means = [expected_shares(outputs, rows, chance) for rows in by_level]
        quantiles = None
        if words:
            owners = draw_owners(scenario, doors.key, doors.dwellings, doors.inside, seed, words)
            bits = bits_of_sets(coverage.members.start, coverage.members.doors, owners)
            quantiles = [np.quantile(_simulated_shares(outputs, rows, bits), [0.05, 0.95], axis=1) for rows in by_level]
        parts.append(shares_of_scenario(coverage.levels, outputs, doors, scenario, means, seeing, zones, quantiles))
    keys = ["scenario", "level", "zoning", "zone", "space", "measure"]
    return pd.concat(parts, ignore_index=True).sort_values(keys, ignore_index=True)


def shares_of_scenario(
    levels: Sequence[str],
    outputs: Outputs,
    doors: DoorTable,
    scenario: Scenario,
    means: Sequence[NDArray[np.float64]],
    seeing: Sequence[NDArray[np.int64]],
    zones: pd.DataFrame | None,
    quantiles: Sequence[NDArray[np.float64]] | None = None,
) -> pd.DataFrame:
    """Return the rows of one scenario as `shares_table` has them, level by level.

    Parameters
    ----------
    levels, outputs, doors, scenario, zones
        As `shares_table`.
    means
        For each level (3, outputs): the expected share seen by at least one, two and three.
    seeing
        For each level (outputs,): how many different doors see some of it.
    quantiles
        For each level (2, outputs): the quantiles of the share; None: NaN.

    """
    doors_in = _doors_inside(outputs, doors, zones)
    inside = np.array([len(group) for group in doors_in], np.int64)
    homes = _sum_of_doors(doors_in, doors.dwellings)
    cameras = _sum_of_doors(doors_in, scenario.probabilities(doors.dwellings, doors.inside))
    owning = _sum_of_doors(doors_in, scenario.owning_households(doors.dwellings, doors.inside))
    parts = []
    for number, name in enumerate(levels):
        low, high = np.full((2, len(outputs.table)), np.nan) if quantiles is None else quantiles[number]
        part = outputs.table.copy()
        part.insert(0, "scenario", scenario.name)
        part.insert(1, "level", name)
        part["doors_inside"] = inside
        part["doors_seeing"] = seeing[number]
        part["dwellings"] = homes.astype(np.int64)
        part["rate_per_door"] = cameras / np.maximum(inside, 1)
        part["rate_per_household"] = owning / np.maximum(homes, 1)
        part["public_amount"] = outputs.amount * outputs.unit
        part["share_mean"], part["share_p05"], part["share_p95"] = means[number][0], low, high
        part["share_low"], part["share_high"] = np.nan, np.nan
        part["seen_by_2_mean"], part["seen_by_3_mean"] = means[number][1], means[number][2]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _simulated_shares(outputs: Outputs, rows: LevelRows, bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return (outputs, replicates) shares in view; `bits` (sets, words) says in which replicates a set has an owner."""
    drawn = np.zeros((len(outputs.bases), 64 * bits.shape[1]), np.int64)
    replicate_amounts(rows.base, rows.sets, rows.amount, bits, drawn)
    shares: NDArray[np.float64] = outputs.summed(drawn) / outputs.amount[:, None]
    return shares


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


def _doors_seeing(coverage: Coverage, outputs: Outputs, rows: LevelRows) -> NDArray[np.int64]:
    """Return how many different doors see some of each output."""
    members, doors = coverage.members, len(coverage.door_ids)
    first, found = doors_of_bases(rows.base, rows.sets, members.start, members.doors, len(outputs.bases), doors)
    counted: NDArray[np.int64] = count_doors(outputs.start, outputs.parts, first, found, doors)
    return counted


def range_table(coverage: Coverage, rates: Sequence[float]) -> pd.DataFrame:
    """Return the share against range: space (`all`, `streets`, the headline), measure, range_m, rate, share_mean.

    Doors own a camera independently, each with the same chance `rate`.

    Raises
    ------
    ValueError
        If the coverage was computed without a range curve.
    EmptyCityError
        If it holds no public ground.

    """
    if coverage.rings is None or coverage.range_curve is None:
        raise ValueError("this coverage was computed without a range curve")
    totals = coverage.totals
    space, near = np.asarray(totals["space"], np.int64), np.asarray(totals["near"], np.int64)
    amount = np.asarray(totals["amount"], np.int64)
    chance = _chance_by_size(coverage.rings.shape[2], rates)
    ranges = coverage.range_curve.shortest + np.arange(coverage.range_curve.bins)
    public, street = [item.rank for item in CLASSES if item.public], street_spaces()
    parts = []
    for name, codes, wanted in (("all", public, (0, 1)), (HEADLINE, street, (1,)), ("streets", street, (0, 1))):
        counts = coverage.rings[[2 * code + n for code in codes for n in wanted]].sum(axis=0)
        whole = int(amount[np.isin(space, codes) & np.isin(near, wanted)].sum())
        share = ratio(counts @ (chance >> HALF), counts @ (chance & MASK), np.array(whole))
        part = pd.DataFrame(
            {"space": name, "measure": "area_m2", "range_m": np.repeat(ranges.astype(float), len(rates))}
        )
        part["rate"] = np.tile(np.asarray(rates, dtype=np.float64), len(ranges))
        part["share_mean"] = share.ravel()
        if whole:
            parts.append(part)
    if not parts:
        raise EmptyCityError("the counted area holds no public ground, so there is no share to draw against range.")
    return pd.concat(parts, ignore_index=True).sort_values(["space", "measure", "rate", "range_m"], ignore_index=True)


def face_shares(
    coverage: Coverage,
    scenario: Scenario,
    doors: DoorTable,
    faces: int,
    groups: NDArray[np.int64] | None = None,
    *,
    seed: int = 0,
) -> pd.DataFrame:
    """Return, by block face: public_m2 of its street space, near_home_m2 of that, and share_LEVEL, the share in view.

    Index `face`; NaN where a face has no public ground that is counted. With `groups` (faces,), as
    `doorview.share.face_groups.face_groups`, there is a column `group`, and a face has the share of all the ground of
    its group; NaN where that is -1.
    """
    chance = set_chances(coverage, scenario, doors, seed)[0]
    street = street_spaces()
    totals = coverage.totals[np.isin(coverage.totals["space"], street) & (coverage.totals["face"] >= 0)]
    amount, near = np.zeros(faces, np.int64), np.zeros(faces, np.int64)
    face, counts = np.asarray(totals["face"], np.int64), np.asarray(totals["amount"], np.int64)
    np.add.at(amount, face, counts)
    np.add.at(near, face, counts * np.asarray(totals["near"], np.int64))
    cell = coverage.cell_m**2
    index = pd.RangeIndex(faces, name="face")
    out = pd.DataFrame({"public_m2": amount * cell, "near_home_m2": near * cell}, index=index)
    place = np.arange(faces) if groups is None else np.where(groups < 0, np.arange(faces), groups)
    joined = np.zeros(faces, np.int64)
    np.add.at(joined, place, amount)
    if groups is not None:
        out["group"] = groups
        joined[groups < 0] = 0
    rows = coverage.rows[np.isin(coverage.rows["space"], street) & (coverage.rows["face"] >= 0)]
    for number, name in enumerate(coverage.levels):
        here = rows[rows["level"] == number]
        face, sets, seen = (np.asarray(here[column], np.int64) for column in ("face", "set", "amount"))
        high, low = sum_chances(place[face], sets, seen, chance[None, :], faces)
        share = ratio(high[:, 0], low[:, 0], joined)[place]
        share[amount == 0] = np.nan
        out[f"share_{name}"] = share
    return out


def known_table(
    coverage: Coverage,
    outputs: Outputs,
    doors: DoorTable,
    scenarios: Sequence[Scenario],
    layer: str,
    cameras: DoorTable,
    *,
    zones: pd.DataFrame | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return known cameras beside simulated ones: level, zoning, zone, space, measure, scenario, and shares in view.

    `known_cameras` of `cameras` lie in the zone; `share_known` is certain, `share_mean` that of `shares_table`, and
    `share_either` the expected share that a camera of either kind sees: known ground, plus what each set of doors sees
    outside of it times the set's chance. Exact, as everything here; doors are independent of known cameras.
    """
    known = coverage.known[layer]
    inside = np.array([len(group) for group in _doors_inside(outputs, cameras, zones)], np.int64)
    by_level = rows_by_level(coverage, outputs)
    there = rows_by_level(replace(coverage, rows=known.rows), outputs)
    alone = rows_by_level(replace(coverage, rows=known.alone.assign(set=0)), outputs)
    bases, parts = len(outputs.bases), []
    for scenario in scenarios:
        chance = set_chances(coverage, scenario, doors, seed)[0]
        for name, rows, shared, seen in zip(coverage.levels, by_level, there, alone, strict=True):
            amount = np.zeros(bases, np.int64)
            np.add.at(amount, seen.base, seen.amount)
            high, low = (part[:, 0] for part in sum_chances(*rows, chance[None], bases))
            less_high, less_low = (part[:, 0] for part in sum_chances(*shared, chance[None], bases))
            either = high - less_high + (amount << HALF), low - less_low
            part = outputs.table.copy()
            part.insert(0, "level", name)
            part["scenario"] = scenario.name
            part["known_cameras"] = inside
            part["public_amount"] = outputs.amount * outputs.unit
            part["share_known"] = outputs.summed(amount) / outputs.amount
            part["share_mean"] = ratio(outputs.summed(high), outputs.summed(low), outputs.amount)
            part["share_either"] = ratio(outputs.summed(either[0]), outputs.summed(either[1]), outputs.amount)
            parts.append(part)
    keys = ["level", "zoning", "zone", "space", "measure", "scenario"]
    return pd.concat(parts, ignore_index=True).sort_values(keys, ignore_index=True)


def face_amounts(coverage: Coverage, faces: int) -> NDArray[np.int64]:
    """Return the counted cells of street space of each block face, shape (faces,)."""
    totals = coverage.totals[np.isin(coverage.totals["space"], street_spaces()) & (coverage.totals["face"] >= 0)]
    amount = np.zeros(faces, np.int64)
    np.add.at(amount, np.asarray(totals["face"], np.int64), np.asarray(totals["amount"], np.int64))
    return amount


def weighted_shares(coverage: Coverage, outputs: Outputs, p: NDArray[np.float64]) -> pd.DataFrame:
    """Return the expected share where door j owns a camera with probability p[j]: level, zoning, zone, space, measure.

    The last column is `share_weighted_to_count`: what the chances were weighted to is the caller's business.
    """
    chance = fixed_point(at_least_of_sets(coverage.members.start, coverage.members.doors, p, 1)[0])
    parts = []
    for name, rows in zip(coverage.levels, rows_by_level(coverage, outputs), strict=True):
        table = outputs.table.copy()
        table.insert(0, "level", name)
        table["share_weighted_to_count"] = expected_shares(outputs, rows, chance[None, :])[0]
        parts.append(table)
    return pd.concat(parts, ignore_index=True)
