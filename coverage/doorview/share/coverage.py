"""All tiles folded together: set rows, members, totals. Whole numbers, so nothing depends on the order of tiles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.city.classes import CLASSES
from doorview.share.known import KnownAmounts, KnownPart, fold_known
from doorview.share.scene import SPACES, RangeCurve, Scene
from doorview.share.tiles import KeyCollisionError, TileResult

__all__ = ["Coverage", "Members", "fold"]


@dataclass(frozen=True)
class Members:
    """The doors of each set: set i is `doors[start[i]:start[i + 1]]`, ascending door numbers; `size` is k."""

    start: NDArray[np.int64]
    doors: NDArray[np.int64]

    @property
    def size(self) -> NDArray[np.int64]:
        """Number of doors of each set."""
        return np.diff(self.start)


@dataclass(frozen=True)
class Coverage:
    """Which doors see how much of what.

    rows
        One row per (level, set, space, near, zones, face): columns of these names, as numbers, and `amount`: cells of
        `cell_m` squared, or samples of street length `cell_m` long. Sorted by those keys; sets are numbered by their
        first door, then by size, then by key.
    totals
        The amount that there is, seen or not: space, near, zones, face, amount.
    zones
        The zone numbers of each combination; number 0 is "in no zone".
    rings
        Cells by (space code * 2 + near, range, k) for the range curve, or None.
    known
        What each layer of known cameras sees, in the same counts.

    """

    cell_m: float
    levels: tuple[str, ...]
    door_ids: NDArray[Any]
    rows: pd.DataFrame
    totals: pd.DataFrame
    members: Members
    zones: list[tuple[int, ...]]
    range_curve: RangeCurve | None
    rings: NDArray[np.int64] | None
    known: dict[str, KnownAmounts] = field(default_factory=dict)

    @property
    def unit(self) -> NDArray[np.float64]:
        """What one count of each space is worth: m2 for ground, m for street length."""
        return np.array([self.cell_m if name.endswith("line") else self.cell_m**2 for name in SPACES])


def _combination_numbers(results: list[TileResult]) -> tuple[list[tuple[int, ...]], dict[tuple[int, ...], int]]:
    """Return all zone combinations in the order of their zones, and the number of each."""
    met = {tuple(sorted(zones)) for result in results for zones in result.zones}
    ordered = sorted(met | {()})
    return ordered, {zones: number for number, zones in enumerate(ordered)}


def _zone_numbers(result: TileResult, number: dict[tuple[int, ...], int]) -> NDArray[np.int32]:
    """Return the number of the zone combination of each group of a tile."""
    return np.array([number[tuple(sorted(zones))] for zones in result.zones], np.int32)


def _summed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with rows of equal keys (all columns but amount) added up, sorted by key."""
    keys = [name for name in table.columns if name != "amount"]
    return table.groupby(keys, sort=True, as_index=False, observed=True)["amount"].sum()


def fold(scene: Scene, results: Iterable[TileResult]) -> Coverage:
    """Return the coverage of all tiles.

    Raises
    ------
    KeyCollisionError
        If two tiles hold different doors under one set key.

    """
    kept = list(results)
    zones, number = _combination_numbers(kept)
    rows, members, set_numbers = _fold_sets(scene, kept, number)
    known = _fold_known(scene, kept, number, set_numbers) if scene.known else {}
    columns = {name: _joined([getattr(r, name) for r in kept]) for name in ("space", "near", "face", "amount")}
    columns["zones"] = _joined([_zone_numbers(r, number) for r in kept])
    totals = pd.DataFrame(columns)[["space", "near", "zones", "face", "amount"]]
    totals = _summed(totals[totals["amount"] > 0])
    rings = None
    if scene.range_curve:
        depth = max([r.rings.shape[2] for r in kept if r.rings is not None], default=1)
        rings = np.zeros((2 * len(CLASSES), scene.range_curve.bins, depth), np.int64)
        for r in kept:
            if r.rings is not None:
                rings[:, :, : r.rings.shape[2]] += r.rings
        # Tiles hold changes from range to range.
        rings = np.cumsum(rings, axis=1)
    return Coverage(
        scene.grid.cell_m,
        tuple(item.name for item in scene.levels),
        scene.door_ids,
        rows,
        totals,
        members,
        zones,
        scene.range_curve,
        rings,
        known,
    )


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the arrays laid end to end; none gives an empty one."""
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _fold_sets(
    scene: Scene, kept: list[TileResult], number: dict[tuple[int, ...], int]
) -> tuple[pd.DataFrame, Members, NDArray[np.int64]]:
    """Return the set rows of all tiles, the members of the sets, numbered by their doors, and those numbers by tile."""
    keys = _joined([r.set_key for r in kept]).astype(np.uint64)
    sizes = _joined([np.diff(r.member_start) for r in kept])
    doors = _joined([r.members for r in kept])
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    # A second, independent sum over the doors tells apart what an XOR might not.
    check = np.add.reduceat(np.append(_mixed(scene.door_key[doors]), np.uint64(0)), starts[:-1]) if len(keys) else keys
    if len(keys) and not ((check == check[first][which]).all() and (sizes == sizes[first][which]).all()):
        raise KeyCollisionError("two tiles hold different doors under one set key; change a door's id and run again.")
    # Number sets by what they hold, so that the numbers do not depend on tiles.
    order = np.lexsort((keys[first], sizes[first], doors[starts[first]]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    size = sizes[first][order]
    start = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
    flat = doors[np.repeat(starts[first][order] - start[:-1], size) + np.arange(start[-1])]
    offset = np.cumsum([0] + [len(r.set_key) for r in kept])
    numbers = rank[which.ravel()]
    columns: dict[str, NDArray[Any]] = {
        "level": _joined([r.level for r in kept]),
        "set": numbers[_joined([r.entry_set + offset[n] for n, r in enumerate(kept)]).astype(np.int64)],
    }
    for name in ("space", "near", "face"):
        columns[name] = _joined([getattr(r, name)[r.entry_group] for r in kept])
    columns["zones"] = _joined([_zone_numbers(r, number)[r.entry_group] for r in kept])
    columns["amount"] = _joined([r.entry_amount for r in kept])
    rows = pd.DataFrame(columns)[["level", "set", "space", "near", "zones", "face", "amount"]]
    return _summed(rows), Members(start, flat), numbers


def _fold_known(
    scene: Scene, kept: list[TileResult], number: dict[tuple[int, ...], int], set_numbers: NDArray[np.int64]
) -> dict[str, KnownAmounts]:
    """Return what each layer of known cameras sees; `set_numbers` of the sets of all tiles laid end to end."""
    offset = np.cumsum([0, *(len(r.set_key) for r in kept)])
    parts = [
        KnownPart(r.known, r.space, r.near, _zone_numbers(r, number), set_numbers[offset[n] : offset[n + 1]])
        for n, r in enumerate(kept)
        if r.known
    ]
    return fold_known(list(scene.known.layers) if scene.known else [], parts)


def _mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return keys through a multiply-and-shift mixer, unrelated to their XOR."""
    mixed = (keys ^ (keys >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(32))
