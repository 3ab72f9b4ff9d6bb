"""A city counted part by part, in a folder: all that no scenario, seed or output changes.

It is made of a stored city once, and read by every scenario after that.
"""

from __future__ import annotations

import functools
import json
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from doorview.city.city_store import CityStore
from doorview.city.ground import ground_notes
from doorview.city.ground_streets import StreetSums
from doorview.city.streets import from_total
from doorview.share.coverage import Coverage, Members
from doorview.share.covering import TilesLostError, Work
from doorview.share.discretisation import SAMPLE, GridError, pooled_errors
from doorview.share.grid import Grid
from doorview.share.outputs import outputs_of
from doorview.share.parts import CoverageParts, load_part, save_part, whole_of
from doorview.share.scene import check_keys, door_keys, tiles_of
from doorview.share.summary import DoorTable
from doorview.study.compute import Asked, no_ground, no_homes, no_public_space
from doorview.study.memory import give_back
from doorview.study.part_city import PartDoors, cover_part, whole_city
from doorview.study.part_plan import BUILDINGS_PER_PART, plan_parts
from doorview.study.part_shelf import PartShelf
from doorview.study.part_views import PartViews
from doorview.study.sections import Study
from doorview.study.stages import Stages
from doorview.study.zones import zone_membership

__all__ = ["CountedCity", "count_city", "read_counted"]

_META = "counted.json"


@dataclass(frozen=True)
class CountedCity:
    """A counted city: its doors, in order of their ids, and its coverage in parts.

    `face` (doors,) and `metres` are what owners are told of streets (`residents_from`).
    """

    ids: NDArray[Any]
    xy: NDArray[np.float64]
    face: NDArray[np.int64]
    metres: float
    views: PartViews
    errors: list[GridError]
    counts: dict[str, int]
    notes: list[str]
    hiding: list[str]
    ground_notes: dict[str, Any]


def count_city(
    study: Study,
    asked: Asked,
    store: CityStore,
    folder: Path,
    stages: Stages,
    *,
    buildings_per_part: int = BUILDINGS_PER_PART,
    work: Work | None = None,
    shelf: PartShelf | None = None,
) -> None:
    """Find the doors of a stored city and count what is seen, part by part, into an empty folder.

    `work` says who covers; `shelf` has the parts that an earlier run of the same finished.

    Raises
    ------
    TilesLostError
        If tiles could not be covered; after all other parts.
    DoorviewError
        If the city has no homes, no streets, or nothing to count in.
    OSError
        If the folder cannot be written.

    """
    grid = Grid(study.coverage.cell_m)
    with stages.stage("laying out streets"):
        whole = whole_city(study, store)
        tiles = tiles_of(asked.inside, grid)
        plan = plan_parts(store.boxes("buildings"), list(tiles), grid, buildings_per_part, store.boxes("ways"))
    at_work = work or Work(study.coverage.threads)
    lost: list[TilesLostError] = []
    doors: list[PartDoors] = []
    rows: list[pa.Table] = []
    nothing = np.zeros(0, np.int64)
    done, saved = 0, 0
    for part in plan:

        def progress(tile: int, _: int, before: int = done) -> None:
            stages.tell("seeing and covering", before + tile, len(tiles))

        sample = -(-SAMPLE // max(sum(bool(item.counted) for item in plan), 1))
        found = shelf.find(part, sample) if shelf else None
        try:
            own, made = found or cover_part(study, asked, whole, part, grid, stages, progress, sample, at_work)
        except TilesLostError as fault:
            lost.append(fault)
            continue
        if shelf and not found:
            shelf.keep(part, sample, own, made)
        done += len(part.counted)
        rows.append(_rows_of(own))
        # Their doors are held in few bytes by now.
        doors.append(replace(own, ids=np.zeros(0, object), xy=np.zeros((0, 2)), dwellings=nothing, face=nothing))
        if made is not None:
            save_part(folder / f"part-{saved:05d}", made)
            saved += 1
        del found, own, made
        give_back()
    if lost:
        raise TilesLostError(
            {tile: why for fault in lost for tile, why in fault.tiles.items()},
            {tile: box for fault in lost for tile, box in fault.bounds.items()},
        )
    with stages.stage("putting parts together"):
        table = _doors_in_order(rows)
        if not len(table):
            raise no_homes(store.frame.name, store.sizes["buildings"])
        streets = functools.reduce(StreetSums.plus, (own.streets for own in doors), StreetSums())
        pq.write_table(table, folder / "doors.parquet")
        counts = Counter[str]()
        for own in doors:
            counts.update(own.counts)
        levels = [item.name for item in asked.levels]
        _write_sums(folder, saved, levels, asked, grid, table)
        errors = np.sum([own.errors for own in doors if own.errors is not None], axis=0)
        np.save(folder / "errors.npy", errors)
        meta = {
            "parts": saved,
            "metres": from_total(sum(own.metres for own in doors)),
            "counts": dict(counts),
            "notes": list(dict.fromkeys(note for own in doors for note in own.notes)),
            "hiding": _alike([own.hiding for own in doors if own.hiding]),
            "ground": {k: v for k, v in ground_notes(whole.empty, streets, {}).items() if k != "counts"},
        }
        (folder / _META).write_text(json.dumps(meta, default=_plain), encoding="utf-8")


def _rows_of(own: PartDoors) -> pa.Table:
    """Return the doors of a part as rows of the doors' table; texts lie in one piece, without an object for each."""
    ids = own.ids.tolist()
    columns = {
        "door": pa.array(ids, pa.large_string()),
        "x": own.xy[:, 0],
        "y": own.xy[:, 1],
        "key": door_keys(ids),
        "dwellings": own.dwellings,
        "face": own.face,
    }
    return pa.table(columns)


def _doors_in_order(rows: list[pa.Table]) -> pa.Table:
    """Return the doors of all parts in order of their ids; what is handed over is emptied."""
    if not rows:
        return pa.table({"door": pa.array([], pa.large_string())})
    table = pa.concat_tables(rows)
    rows.clear()
    order = pc.sort_indices(table["door"])
    check_keys(pc.take(table["key"], order).to_numpy())
    return table.take(order)


def _plain(value: Any) -> Any:
    """Return a numpy scalar as a plain one, for JSON."""
    return value.item()


def _alike(notes: list[list[str]]) -> list[str]:
    """Return the notes that all parts share: one with numbers of a single part says nothing of the city."""
    return [note for note in notes[0] if all(note in other for other in notes)] if notes else []


def _write_sums(folder: Path, saved: int, levels: list[str], asked: Asked, grid: Grid, table: pa.Table) -> None:
    """Write what no scenario changes, added up over all parts."""
    # Only how many there are is asked here.
    ids, key = np.zeros(len(table), bool), table["key"].to_numpy()
    parts = (load_part(folder / f"part-{number:05d}") for number in range(saved))
    whole = whole_of(parts, cell_m=grid.cell_m, levels=tuple(levels), door_ids=ids, range_curve=asked.curve)
    np.save(folder / "totals.npy", whole.totals.to_numpy(np.int64))
    (folder / "zones.json").write_text(json.dumps(whole.zones), encoding="utf-8")
    if whole.rings is not None:
        np.save(folder / "rings.npy", whole.rings)
    coverage = _parts(folder, saved, whole, asked, key)
    for number, (counts, seeing) in enumerate(zip(coverage.base_counts(), coverage.doors_seeing(), strict=True)):
        np.save(folder / f"count{number}.npy", counts)
        np.save(folder / f"seeing{number}.npy", seeing)


def _parts(folder: Path, saved: int, whole: Coverage, asked: Asked, key: NDArray[np.uint64]) -> CoverageParts:
    zones = None if asked.zones is None else pd.DataFrame(asked.zones[["zoning", "zone"]])
    outputs = outputs_of(whole, zones)
    order = np.argsort(key, kind="stable")
    folders = [folder / f"part-{number:05d}" for number in range(saved)]
    return CoverageParts(folders, whole.levels, whole, outputs, key[order], order, min(2, os.cpu_count() or 1))


def read_counted(folder: Path, study: Study, asked: Asked, name: str) -> CountedCity:
    """Open a city that `count_city` counted; `name` is the city's.

    Raises
    ------
    DoorviewError
        If the counted area holds no ground, or no public space.

    """
    meta = json.loads((folder / _META).read_text(encoding="utf-8"))
    table = pd.read_parquet(folder / "doors.parquet")
    ids = np.asarray(table["door"], dtype=object)
    nothing = np.zeros(0, np.int64)
    empty = pd.DataFrame(dict.fromkeys(("level", "set", "space", "near", "zones", "face", "amount"), nothing))
    totals = pd.DataFrame(np.load(folder / "totals.npy"), columns=["space", "near", "zones", "amount", "face"])
    zones = [tuple(item) for item in json.loads((folder / "zones.json").read_text(encoding="utf-8"))]
    rings = np.load(folder / "rings.npy") if (folder / "rings.npy").exists() else None
    levels = tuple(item.name for item in asked.levels)
    members = Members(np.zeros(1, np.int64), nothing)
    cell_m = study.coverage.cell_m
    whole = Coverage(cell_m, levels, ids, empty, totals, members, zones, asked.curve, rings)
    if not len(totals):
        raise no_ground(name)
    key = table["key"].to_numpy(np.uint64)
    parts = _parts(folder, int(meta["parts"]), whole, asked, key)
    if not len(parts.outputs.table):
        raise no_public_space(name)
    xy = table[["x", "y"]].to_numpy(np.float64)
    doors = DoorTable(
        key=key,
        dwellings=table["dwellings"].to_numpy(np.int64),
        inside=shapely.intersects(asked.inside, shapely.points(xy)),
        zone_inside=None if asked.zones is None else zone_membership(asked.zones, xy),
    )
    by_count = [np.load(folder / f"count{number}.npy") for number in range(len(levels))]
    seeing = [np.load(folder / f"seeing{number}.npy") for number in range(len(levels))]
    views = PartViews(whole, parts.outputs, doors, parts=parts, by_count=by_count, seeing=seeing)
    errors = pooled_errors(levels, [np.load(folder / "errors.npy")])
    return CountedCity(
        ids, xy, table["face"].to_numpy(np.int64), float(meta["metres"]), views, errors, meta["counts"],
        meta["notes"], meta["hiding"], meta["ground"],
    )  # fmt: skip


def doors_table(counted: CountedCity, crs: Any) -> gpd.GeoDataFrame:
    """Return the doors as points with their dwellings, index `door`."""
    doors = gpd.GeoDataFrame(
        {"dwellings": counted.views.doors.dwellings},
        geometry=gpd.GeoSeries(shapely.points(counted.xy), crs=crs),
        crs=crs,
    )
    doors.index = pd.Index(counted.ids, dtype=object, name="door")
    doors.attrs = {"counts": counted.counts, "notes": counted.notes}
    return doors
