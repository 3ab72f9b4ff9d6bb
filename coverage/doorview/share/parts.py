"""A coverage in parts: the set rows of each part of a city by themselves, and what is added up over all of them.

All that is counted of set rows is a sum of whole numbers, so parts may be counted one after another and no table
depends on how a city is taken apart. One thing is no sum: how many different doors see some of a row. Doors that stand
in one part alone are counted there; those that stand in several are told apart by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.ownership.scenario import Scenario
from doorview.share.coverage import Coverage, Members
from doorview.share.kernels.draws import bits_of_sets, replicate_amounts
from doorview.share.kernels.sums import count_doors, doors_of_bases, sum_chances
from doorview.share.outputs import Outputs, outputs_of
from doorview.share.rows import LevelRows, SetRows, ratio, rows_by_level
from doorview.share.scene import RangeCurve
from doorview.share.summary import DoorTable, base_counts, chances_of
from doorview.threads import Threads

__all__ = ["CoverageParts", "Part", "load_part", "part_of", "save_part", "whole_of"]

Zones = tuple[int, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """The set rows of one part of a city.

    `bases` (space, near, zones as numbers of `zones`) number the rows of `by_level`; sets hold numbers of the part's
    own doors, whose keys are `door_key`. `totals`: space, near, zones, amount of all ground, seen or not.
    """

    zones: list[Zones]
    totals: pd.DataFrame
    bases: pd.DataFrame
    by_level: tuple[LevelRows, ...]
    members: Members
    door_key: NDArray[np.uint64]
    rings: NDArray[np.int64] | None


def part_of(coverage: Coverage, door_key: NDArray[np.uint64]) -> Part:
    """Return a coverage as a part; block faces are added up."""
    outputs = outputs_of(coverage)
    rows = coverage.totals.groupby(["space", "near", "zones"], sort=True, as_index=False)["amount"].sum()
    rings = coverage.rings
    return Part(
        coverage.zones,
        rows,
        outputs.bases,
        tuple(rows_by_level(coverage, outputs)),
        coverage.members,
        door_key,
        rings,
    )


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers of 0 or more in as few bytes as hold them."""
    most = int(values.max(initial=0))
    kind = np.uint8 if most < 1 << 8 else np.uint16 if most < 1 << 16 else np.uint32 if most < 1 << 32 else np.int64
    return values.astype(kind)


def save_part(folder: Path, part: Part) -> None:
    """Write a part into a new folder, each array in as few bytes as hold it."""
    folder.mkdir()
    arrays: dict[str, NDArray[Any]] = {
        "size": _narrow(part.members.size),
        "doors": _narrow(part.members.doors),
        "door_key": part.door_key,
        "zones": np.array([number for item in part.zones for number in item], np.int32),
        "zones_size": np.array([len(item) for item in part.zones], np.int32),
    }
    for name in ("totals", "bases"):
        table = getattr(part, name)
        arrays[name] = np.column_stack([table[column].to_numpy(np.int64) for column in table.columns])
    for number, rows in enumerate(part.by_level):
        arrays |= {f"level{number}_{column}": _narrow(getattr(rows, column)) for column in LevelRows._fields}
    if part.rings is not None:
        arrays["rings"] = part.rings
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)


def load_part(folder: Path) -> Part:
    """Read a part that `save_part` wrote."""

    def array(name: str) -> NDArray[Any]:
        loaded: NDArray[Any] = np.load(folder / f"{name}.npy")
        return loaded

    def whole(name: str) -> NDArray[np.int64]:
        return array(name).astype(np.int64)

    start = np.concatenate([[0], np.cumsum(whole("size"))]).astype(np.int64)
    flat, ends = array("zones").tolist(), np.cumsum(array("zones_size")).tolist()
    zones = [tuple(flat[a:b]) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    levels = sorted(folder.glob("level*_base.npy"), key=lambda path: int(path.name[5:].partition("_")[0]))
    return Part(
        zones,
        pd.DataFrame(array("totals"), columns=["space", "near", "zones", "amount"]),
        pd.DataFrame(array("bases"), columns=["space", "near", "zones"]),
        tuple(LevelRows(*(whole(f"level{n}_{column}") for column in LevelRows._fields)) for n in range(len(levels))),
        Members(start, whole("doors")),
        array("door_key"),
        array("rings") if (folder / "rings.npy").exists() else None,
    )


def whole_of(
    parts: Iterable[Part],
    *,
    cell_m: float,
    levels: tuple[str, ...],
    door_ids: NDArray[Any],
    range_curve: RangeCurve | None,
) -> Coverage:
    """Return the coverage of all parts without its set rows: totals, zones and the range curve."""
    every = [(part.zones, part.totals, part.rings) for part in parts]
    zones = sorted({tuple(sorted(item)) for own, _, _ in every for item in own} | {()})
    number = {item: at for at, item in enumerate(zones)}
    tables = []
    for own, totals, _ in every:
        renamed = np.array([number[tuple(sorted(item))] for item in own], np.int64)
        tables.append(totals.assign(zones=renamed[totals["zones"].to_numpy(np.int64)]))
    joined = pd.concat(tables, ignore_index=True)
    joined = joined.groupby(["space", "near", "zones"], sort=True, as_index=False)["amount"].sum()
    joined["face"] = -1
    rings = None
    if range_curve is not None:
        depth = max([own.shape[2] for _, _, own in every if own is not None], default=1)
        shape = next((own.shape[:2] for _, _, own in every if own is not None), (0, range_curve.bins))
        rings = np.zeros((*shape, depth), np.int64)
        for _, _, ring in every:
            if ring is not None:
                rings[:, :, : ring.shape[2]] += ring
    nothing = np.zeros(0, np.int64)
    rows = pd.DataFrame(dict.fromkeys(("level", "set", "space", "near", "zones", "face", "amount"), nothing))
    members = Members(np.zeros(1, np.int64), nothing)
    return Coverage(cell_m, levels, door_ids, rows, joined, members, zones, range_curve, rings)


@dataclass(frozen=True)
class CoverageParts:
    """The set rows of a whole city in folders, counted part by part.

    `key_order` and `number` say which door has a key: keys in order, and the number of the door of each. `threads`
    parts are held in memory at once.
    """

    folders: Sequence[Path]
    levels: tuple[str, ...]
    whole: Coverage
    outputs: Outputs
    sorted_keys: NDArray[np.uint64]
    number: NDArray[np.int64]
    threads: int = 1
    _base_of: dict[tuple[int, int, Zones], int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Give the bases of all parts one numbering."""
        bases, zones = self.outputs.bases, self.whole.zones
        for at, (space, near, zone) in enumerate(bases[["space", "near", "zones"]].to_numpy(np.int64).tolist()):
            self._base_of[space, near, zones[zone]] = at

    def read(self, folder: Path) -> SetRows:
        """Return the set rows of one part, numbered as those of the whole city: bases and doors."""
        part = load_part(folder)
        own = part.bases.to_numpy(np.int64).tolist()
        base_of = np.array(
            [self._base_of[space, near, tuple(sorted(part.zones[zone]))] for space, near, zone in own], np.int64
        )
        at = np.searchsorted(self.sorted_keys, part.door_key)
        doors = self.number[at][part.members.doors] if len(part.door_key) else part.members.doors
        by_level = tuple(LevelRows(base_of[rows.base], rows.sets, rows.amount) for rows in part.by_level)
        return SetRows(self.levels, self.whole.door_ids, Members(part.members.start, doors), self.outputs, by_level)

    def each(self, work: Any) -> Iterator[Any]:
        """Yield `work(rows)` of every part, in order, `threads` at once."""
        with Threads(self.threads) as pool:
            rest = iter(self.folders)
            waiting = [pool.submit(lambda path: work(self.read(path)), path) for path in islice(rest, self.threads)]
            while waiting:
                yield pool.answer(waiting.pop(0))
                waiting += [pool.submit(lambda path: work(self.read(path)), path) for path in islice(rest, 1)]

    # --- what no scenario changes

    def base_counts(self) -> list[NDArray[np.int64]]:
        """Return, for each level, the amounts by base and number of doors, as `summary.base_counts`."""
        bases = len(self.outputs.bases)
        total = [np.zeros((bases, 1), np.int64) for _ in self.levels]
        for found in self.each(lambda rows: [base_counts(rows.members, level, bases) for level in rows.by_level]):
            for n, own in enumerate(found):
                if own.shape[1] > total[n].shape[1]:
                    total[n] = np.pad(total[n], ((0, 0), (0, own.shape[1] - total[n].shape[1])))
                total[n][:, : own.shape[1]] += own
        return total

    def doors_seeing(self) -> list[NDArray[np.int64]]:
        """Return, for each level, how many different doors see some of each output (outputs,)."""
        doors, outputs = len(self.whole.door_ids), self.outputs
        times = np.zeros(doors, np.int64)
        for here in self.each(lambda rows: np.unique(rows.members.doors)):
            times[here] += 1
        several = times > 1
        counted = [np.zeros(len(outputs.table), np.int64) for _ in self.levels]
        pairs: list[list[NDArray[np.int64]]] = [[] for _ in self.levels]

        def of_part(rows: SetRows) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
            return [_seeing(rows, level, several) for level in rows.by_level]

        for found in self.each(of_part):
            for n, (alone, shared) in enumerate(found):
                counted[n] += alone
                pairs[n].append(shared)
        for n, codes in enumerate(pairs):
            output = np.unique(np.concatenate([np.zeros(0, np.int64), *codes])) // max(doors, 1)
            counted[n] += np.bincount(output, minlength=len(outputs.table))
        return counted

    # --- scenarios

    def means(
        self, scenario: Scenario, doors: DoorTable, seed: int, counts: Sequence[NDArray[np.int64]] | None = None
    ) -> list[NDArray[np.float64]]:
        """Return, for each level (3, outputs), the expected share seen by at least one, two and three.

        `counts`, as `base_counts`, spare reading the parts where all doors own alike.
        """
        bases, outputs = len(self.outputs.bases), self.outputs
        high = [np.zeros((bases, 3), np.int64) for _ in self.levels]
        low = [np.zeros((bases, 3), np.int64) for _ in self.levels]
        if counts is not None and scenario.equal_rate(doors.dwellings, doors.inside) is not None:
            for n, amounts in enumerate(counts):
                size = np.arange(amounts.shape[1])
                # One set of each size, of any doors: they are alike.
                start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
                chance = chances_of(start, np.zeros(start[-1], np.int64), scenario, doors, seed)
                base, sets = np.nonzero(amounts)
                high[n], low[n] = sum_chances(base, sets, amounts[base, sets], chance, bases)
        else:

            def of_part(rows: SetRows) -> list[Any]:
                chance = np.ascontiguousarray(chances_of(rows.members.start, rows.members.doors, scenario, doors, seed))
                return [sum_chances(level.base, level.sets, level.amount, chance, bases) for level in rows.by_level]

            for found in self.each(of_part):
                for n, (own_high, own_low) in enumerate(found):
                    high[n] += own_high
                    low[n] += own_low
        return [
            ratio(outputs.summed(h).T, outputs.summed(lo).T, outputs.amount) for h, lo in zip(high, low, strict=True)
        ]

    def curve(self, scenarios: Sequence[Scenario], doors: DoorTable) -> list[NDArray[np.float64]]:
        """Return, for each level (outputs, scenarios), the expected share seen by at least one; reads parts once."""
        bases, outputs = len(self.outputs.bases), self.outputs
        high = [np.zeros((bases, len(scenarios)), np.int64) for _ in self.levels]
        low = [np.zeros((bases, len(scenarios)), np.int64) for _ in self.levels]

        def of_part(rows: SetRows) -> list[Any]:
            chance = np.stack(
                [chances_of(rows.members.start, rows.members.doors, scenario, doors)[0] for scenario in scenarios]
            )
            return [sum_chances(level.base, level.sets, level.amount, chance, bases) for level in rows.by_level]

        for found in self.each(of_part):
            for n, (own_high, own_low) in enumerate(found):
                high[n] += own_high
                low[n] += own_low
        return [
            ratio(outputs.summed(h).T, outputs.summed(lo).T, outputs.amount).T for h, lo in zip(high, low, strict=True)
        ]

    def simulated(self, owners: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Return (levels, outputs, replicates) shares in view; `owners` (doors, words) uint64 as bits."""
        bases, outputs = len(self.outputs.bases), self.outputs
        drawn = np.zeros((len(self.levels), bases, 64 * owners.shape[1]), np.int64)

        def of_part(rows: SetRows) -> NDArray[np.int64]:
            bits = bits_of_sets(rows.members.start, rows.members.doors, owners)
            own = np.zeros_like(drawn)
            for n, level in enumerate(rows.by_level):
                replicate_amounts(level.base, level.sets, level.amount, bits, own[n])
            return own

        for found in self.each(of_part):
            drawn += found
        return np.stack([outputs.summed(level) / outputs.amount[:, None] for level in drawn])


def _seeing(rows: SetRows, level: LevelRows, several: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many doors of this part alone see some of each output, and (output * doors + door) of the others."""
    outputs, members, doors = rows.outputs, rows.members, len(rows.door_ids)
    first, found = doors_of_bases(level.base, level.sets, members.start, members.doors, len(outputs.bases), doors)
    other = several[found]
    base = np.repeat(np.arange(len(outputs.bases)), np.diff(first))
    alone = np.concatenate([[0], np.cumsum(np.bincount(base[~other], minlength=len(outputs.bases)))]).astype(np.int64)
    counted: NDArray[np.int64] = count_doors(outputs.start, outputs.parts, alone, found[~other], doors)
    shared, base = found[other], base[other]
    begin = np.searchsorted(base, np.arange(len(outputs.bases) + 1))
    codes = []
    for n in range(len(outputs.table)):
        own = outputs.parts[outputs.start[n] : outputs.start[n + 1]]
        here = [shared[begin[b] : begin[b + 1]] for b in own.tolist() if begin[b + 1] > begin[b]]
        if here:
            codes.append(n * doors + np.unique(np.concatenate(here)))
    return counted, np.concatenate([np.zeros(0, np.int64), *codes])
