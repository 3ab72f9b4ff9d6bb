"""Known cameras beside simulated ones: certain, counted in their own layer, and nothing simulated changes by them.

They are no members of the sets of doors. A tile counts, for each layer of known cameras, the ground that they see, and
how much of what each set of doors sees lies on that ground. So a spot seen by either is a sum of whole numbers: the
ground of the known cameras (chance 1), and that of each set outside of it (the set's chance).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.errors import InputError
from doorview.share.grid import TileIndex
from doorview.share.kernels.sets import bucket_spans, scan_level
from doorview.share.scene import Kit, KnownViews, Scene, door_keys
from doorview.sight.api import door_arrays

__all__ = ["KnownAmounts", "KnownPart", "Laid", "TileKnown", "fold_known", "known_of_tile", "with_known"]

_NO_SEEN = np.zeros((0, 0), np.uint16)
_ALONE = ["level", "space", "near", "zones"]
_WITH_SETS = ["level", "set", "space", "near", "zones"]


class Laid(NamedTuple):
    """The ground of a tile as groups, its samples of street length, and the views of doors laid over it.

    `group` (rows, columns) and `sample_group` -1 not counted; `public` per group; samples lie in `sample_start`
    (rows + 1,) order. `start` and `spans` as from `bucket_spans`, by the doors' `keys`; `set_key` ascending; None where
    no door looks.
    """

    group: NDArray[np.int32]
    public: NDArray[np.bool_]
    sample_start: NDArray[np.int64]
    sample_column: NDArray[np.int32]
    sample_group: NDArray[np.int32]
    start: NDArray[np.int64] | None = None
    spans: NDArray[np.int32] | None = None
    keys: NDArray[np.uint64] | None = None
    set_key: NDArray[np.uint64] | None = None


@dataclass(frozen=True)
class TileKnown:
    """What a layer of known cameras sees of a tile; amounts are cells or samples of street length.

    Per ground seen: `level`, `group`, `amount`. Per part of it that doors see too: `entry_level`, `entry_set`,
    `entry_group`, `entry_amount`. `seen_by` per level: cameras that see each cell, or None where none does or it was
    not asked for.
    """

    level: NDArray[np.int16]
    group: NDArray[np.int32]
    amount: NDArray[np.int64]
    entry_level: NDArray[np.int16]
    entry_set: NDArray[np.int64]
    entry_group: NDArray[np.int32]
    entry_amount: NDArray[np.int64]
    seen_by: dict[str, NDArray[np.uint16] | None]

    def without_rasters(self) -> TileKnown:
        """Return the counts alone."""
        return replace(self, seen_by=dict.fromkeys(self.seen_by))


@dataclass(frozen=True)
class KnownAmounts:
    """What a layer of known cameras sees, as numbers.

    `alone` by level, space, near, zones; `rows`, what sets of doors see of that, by level, set, space, near, zones;
    columns of these names, and `amount`.
    """

    alone: pd.DataFrame
    rows: pd.DataFrame


class KnownPart(NamedTuple):
    """A tile's counts; `space`, `near` and `zones` per group and `sets` per set of it, numbered as for all tiles."""

    layers: dict[str, TileKnown]
    space: NDArray[np.int16]
    near: NDArray[np.int8]
    zones: NDArray[np.int32]
    sets: NDArray[np.int64]


def with_known(
    scene: Scene,
    cameras: gpd.GeoDataFrame,
    kits: Sequence[Kit],
    camera_kit: NDArray[np.int64],
    layers: Mapping[str, NDArray[np.bool_]],
) -> Scene:
    """Return the scene with known cameras beside its doors.

    Parameters
    ----------
    scene
        As from `build_scene`.
    cameras
        Points with `heading`, unique index, in the scene's CRS.
    kits, camera_kit
        What they see by, and the number of each camera's kit (cameras,).
    layers
        Name of a layer to the cameras (cameras,) that are counted in it; each layer is counted by itself.

    Raises
    ------
    InputError
        For kits of other levels than the scene's, and cameras that `door_arrays` refuses.

    """
    names = [item.name for item in scene.levels]
    if any([item.name for item in kit.levels] != names for kit in kits):
        raise InputError(f"known cameras must be counted at the levels of the doors, in their order: {names}.")
    xy, forward = door_arrays(cameras)
    farthest = np.array([max(item.range_m for item in kit.levels) for kit in kits])
    reach = farthest[camera_kit] if len(kits) else np.zeros(0)
    index = TileIndex(
        np.column_stack([xy, xy]) + np.outer(reach, [-1.0, -1.0, 1.0, 1.0]), scene.grid, scene.grid.cell_m
    )
    views = replace(
        scene,
        door_ids=np.asarray(cameras.index, dtype=object),
        door_xy=xy,
        door_forward=forward,
        door_key=door_keys(list(cameras.index)),
        kits=tuple(kits),
        door_kit=np.asarray(camera_kit, np.int64),
        range_curve=None,
        index={"doors": index},
        known=None,
        limits=None,
    )
    return replace(scene, known=KnownViews(views, dict(layers)), index={**scene.index, "known": index})


def known_of_tile(
    known: KnownViews, cameras: NDArray[np.int64], spans: NDArray[np.int32], laid: Laid, names: Sequence[str],
    *, rasters: bool,
) -> dict[str, TileKnown]:  # fmt: skip
    """Return what each layer sees of a tile; `spans` of the `cameras` that reach it, as `window_spans` gives them."""
    keys = known.views.door_key[cameras]
    found = {}
    for name, member in known.layers.items():
        own = spans[member[cameras[spans[:, 4]]]]
        start, ordered = bucket_spans(own, len(own), len(names), len(laid.group))
        found[name] = _layer_of_tile(start, ordered, keys, laid, names, rasters=rasters)
    return found


def _layer_of_tile(
    start: NDArray[np.int64], ordered: NDArray[np.int32], keys: NDArray[np.uint64], laid: Laid, names: Sequence[str],
    *, rasters: bool,
) -> TileKnown:  # fmt: skip
    """Return what cameras with these spans by level and row see of a tile."""
    sample_row = np.repeat(np.arange(len(laid.group)), np.diff(laid.sample_start))
    seen_by: dict[str, NDArray[np.uint16] | None] = dict.fromkeys(names)
    alone, entries = [], []
    for level, name in enumerate(names):
        seen = np.zeros(laid.group.shape, np.uint16)
        _, group, amount, _, _ = scan_level(
            start, ordered, level, keys, laid.group, laid.public, laid.sample_start, laid.sample_column,
            laid.sample_group, seen,
        )  # fmt: skip
        if not seen.any():
            continue
        if rasters:
            seen_by[name] = seen
        whole = np.bincount(group, weights=amount, minlength=len(laid.public)).astype(np.int64)
        groups = np.flatnonzero(whole)
        alone.append((np.full(len(groups), level), groups, whole[groups]))
        if laid.start is None or laid.set_key is None:
            continue
        there = np.where(seen > 0, laid.group, np.int32(-1))
        sample_there = np.where(seen[sample_row, laid.sample_column] > 0, laid.sample_group, np.int32(-1))
        key, group, amount, _, _ = scan_level(
            laid.start, laid.spans, level, laid.keys, there, laid.public, laid.sample_start, laid.sample_column,
            sample_there, _NO_SEEN,
        )  # fmt: skip
        # Every set met here is one of the tile's sets.
        entries.append((np.full(len(key), level), np.searchsorted(laid.set_key, key), group, amount))
    level_of, group_of, amount_of = _columns(alone, 3)
    entry_level, entry_set, entry_group, entry_amount = _columns(entries, 4)
    return TileKnown(
        level_of.astype(np.int16),
        group_of.astype(np.int32),
        amount_of,
        entry_level.astype(np.int16),
        entry_set,
        entry_group.astype(np.int32),
        entry_amount,
        seen_by,
    )


def _columns(parts: Sequence[tuple[NDArray[Any], ...]], width: int) -> list[NDArray[np.int64]]:
    """Return columns of whole numbers, those of all parts laid end to end."""
    none = np.zeros(0, np.int64)
    return [np.concatenate([none, *(part[k] for part in parts)]).astype(np.int64) for k in range(width)]


def fold_known(layers: Sequence[str], parts: Sequence[KnownPart]) -> dict[str, KnownAmounts]:
    """Return the amounts of each layer over all tiles."""
    folded = {}
    for name in layers:
        alone = [pd.DataFrame(columns=[*_ALONE, "amount"], dtype=np.int64)]
        rows = [pd.DataFrame(columns=[*_WITH_SETS, "amount"], dtype=np.int64)]
        for part in parts:
            if name not in part.layers:
                continue
            tile = part.layers[name]
            ground: dict[str, NDArray[Any]] = {"space": part.space, "near": part.near, "zones": part.zones}
            columns: dict[str, Any] = {key: values[tile.group] for key, values in ground.items()}
            alone.append(pd.DataFrame({"level": tile.level, **columns, "amount": tile.amount}))
            columns = {key: values[tile.entry_group] for key, values in ground.items()}
            columns |= {"level": tile.entry_level, "set": part.sets[tile.entry_set], "amount": tile.entry_amount}
            rows.append(pd.DataFrame(columns))
        folded[name] = KnownAmounts(_summed(alone, _ALONE), _summed(rows, _WITH_SETS))
    return folded


def _summed(parts: list[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    """Return the tables together, rows of equal keys added up, sorted by key, all whole numbers."""
    table = pd.concat([part.astype(np.int64) for part in parts], ignore_index=True)
    return table.groupby(keys, sort=True, as_index=False)["amount"].sum()
