"""From a city to finished tables: the computing half of a run. Nothing here writes or draws."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.doors import find_doors
from doorview.city.ground import Ground, public_space
from doorview.city.model import City
from doorview.city.obstacles import find_obstacles, joined
from doorview.city.parked import parked_cars
from doorview.errors import EmptyCityError, InputError
from doorview.ownership.scenario import Scenario
from doorview.share.coverage import Coverage, fold
from doorview.share.discretisation import GridError, grid_errors
from doorview.share.grid import Grid
from doorview.share.outputs import Outputs, outputs_of
from doorview.share.scene import RangeCurve, Scene, build_scene
from doorview.share.summary import (
    DoorTable,
    counts_table,
    curve_table,
    face_shares,
    range_table,
    shares_table,
)
from doorview.share.tiles import TileResult, cover
from doorview.show.text import OSM_ATTRIBUTION
from doorview.sight.camera import CameraModel
from doorview.sight.levels import Level
from doorview.study.drivers import Drivers, assumptions_of
from doorview.study.dwellings import dwellings_table
from doorview.study.kits import kits_of, lenses_and_obstacles
from doorview.study.sections import Study
from doorview.study.zones import read_zones, zone_membership

__all__ = ["Prepared", "Stages", "Tables", "measure", "prepare", "scenarios_of"]

Progress = Callable[..., None]


FICTIONAL = "Fictional town made by doorview, in OpenStreetMap's format (real places: © OpenStreetMap contributors)"


def silent(stage: str, done: int = 0, total: int = 0) -> None:
    """Tell nobody."""


@dataclass
class Stages:
    """Seconds by stage, and who is told of progress."""

    tell: Progress = silent
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside, and tell its name."""
        self.tell(name)
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


@dataclass(frozen=True)
class Prepared:
    """A city made ready for covering. `inside` is where shares count; `lost_m2` what the edge rule took from it."""

    city: City
    study: Study
    camera: CameraModel
    levels: tuple[Level, ...]
    scenarios: tuple[Scenario, ...]
    doors: gpd.GeoDataFrame
    obstacles: gpd.GeoDataFrame
    ground: Ground
    zones: gpd.GeoDataFrame | None
    inside: Any
    lost_m2: float
    scene: Scene
    door_table: DoorTable
    counts: dict[str, Any]

    @property
    def attribution(self) -> str:
        """Who made the data; a fictional town says that it is one."""
        if self.study.study.fictional:
            return FICTIONAL
        return str(self.city.source.get("attribution") or OSM_ATTRIBUTION)

    def chances(self, scenario: Scenario) -> NDArray[np.float64]:
        """Return each door's chance of a camera (doors,)."""
        return scenario.probabilities(self.door_table.dwellings, self.door_table.inside)

    def equal_chances(self, scenario: Scenario) -> bool:
        """Say whether all doors own a camera independently with one and the same chance."""
        p = self.chances(scenario)
        return scenario.process == "independent" and bool((p == p[0]).all())


@dataclass(frozen=True)
class Tables:
    """Finished tables of a run."""

    coverage: Coverage
    outputs: Outputs
    shares: pd.DataFrame
    curve: pd.DataFrame
    range_curve: pd.DataFrame | None
    counts: pd.DataFrame
    faces: dict[str, pd.DataFrame]
    dwellings: pd.DataFrame | None
    grid_errors: list[GridError]
    drivers: Drivers | None = None


def scenarios_of(study: Study) -> tuple[Scenario, ...]:
    """Return the study's scenarios as ownership knows them."""
    return tuple(
        Scenario(
            name,
            process=item.process,
            rate=item.rate if item.process == "independent" else None,
            number=item.number if item.process == "exactly" else None,
            shared_doors=item.shared_doors or study.ownership.shared_doors,
        )
        for name, item in study.scenarios.items()
    )


def _counted_area(city: City, reach_m: float) -> tuple[Any, float]:
    """Return where shares are counted and the area [m2] that the edge takes away.

    Where the data end, doors beyond are unknown: the counted area ends one largest range earlier.
    """
    known = shapely.buffer(city.extent, -reach_m, join_style="mitre")
    wanted = city.extent if city.boundary is None else city.boundary
    inside = shapely.intersection(wanted, known)
    if shapely.is_empty(inside) or shapely.area(inside) == 0:
        raise InputError(
            f"'{city.name}': nothing is left to count in. The data reach over {shapely.area(city.extent):,.0f} m2, "
            "cameras "
            f"see up to {reach_m:.1f} m, and what lies nearer than that to the edge of the data is not counted, "
            "because doors "
            "beyond the edge are unknown. Take a larger extract, a boundary inside it, or levels with a shorter range."
        )
    return inside, float(shapely.area(wanted) - shapely.area(inside))


def _obstacles(study: Study, city: City, ground: Ground) -> gpd.GeoDataFrame:
    """Return all that hides, as the study asks."""
    asked, seed = study.coverage, study.study.seed
    obstacles = find_obstacles(city, asked.obstacles, openings=asked.openings, trees=asked.trees)
    more = []
    if asked.parked_cars > 0:
        more.append(parked_cars(ground, asked.parked_cars, seed, ways=city.ways))
    return joined(obstacles, *more) if more else obstacles


def prepare(study: Study, city: City, stages: Stages, *, camera: CameraModel | None = None) -> Prepared:
    """Find doors, obstacles and ground of a city, and lay out the scene.

    `camera` stands in for the study's own where a caller holds a model that is in no catalogue.

    Raises
    ------
    DoorviewError
        If the city has no homes, no streets, or nothing to count in; for zones that cannot be used.

    """
    if camera is None:
        camera = study.camera.camera_model()
    levels = study.camera.chosen_levels(camera)
    scenarios = scenarios_of(study)
    curve = RangeCurve() if study.coverage.range_curve else None
    # The range curve looks farther than the levels: it has an edge of its own to keep away from.
    reach = max([item.range_m for item in levels] + ([float(curve.longest)] if curve else []))
    inside, lost = _counted_area(city, reach)
    # Before anything slow, so that a wrong column is told of at once.
    zones, left_out = read_zones(study.zones, city.crs, inside)
    with stages.stage("finding doors"):
        doors = find_doors(city, along=study.doors.along, seed=study.study.seed)
        if not len(doors):
            raise EmptyCityError(
                f"'{city.name}' holds {len(city.buildings):,} buildings but no homes, so there is no door for a "
                "camera. "
                "Homes are told by building=*, addresses and entrances: take a place that has some, or give your own "
                "addresses under [place.layers] of a study file."
            )
    with stages.stage("laying out public space"):
        widths = study.public_space
        ground = public_space(city, doors, lane_width_m=widths.lane_width_m, sidewalk_width_m=widths.sidewalk_width_m)
    with stages.stage("finding obstacles"):
        at_doors = lenses_and_obstacles(study, camera, doors, _obstacles(study, city, ground))
        doors, obstacles = at_doors.doors, at_doors.obstacles
        kits, door_kit = kits_of(levels, camera, doors, obstacles)
    with stages.stage("laying out tiles"):
        scene = build_scene(
            doors,
            kits,
            ground,
            inside=inside,
            door_kit=door_kit,
            zones=zones,
            grid=Grid(study.coverage.cell_m),
            range_curve=curve,
            near_m=study.public_space.near_home_m,
        )
    table = DoorTable(
        key=scene.door_key,
        dwellings=np.asarray(doors["dwellings"], dtype=np.int64),
        inside=shapely.intersects(inside, shapely.points(scene.door_xy)),
        zone_inside=None if zones is None else zone_membership(zones, scene.door_xy),
    )
    for scenario in scenarios:
        scenario.probabilities(table.dwellings, table.inside)
    counts = {
        "read": dict(city.dropped),
        "doors": dict(doors.attrs.get("counts", {})),
        "obstacles": dict(obstacles.attrs.get("counts", {})),
        "zones": left_out,
        **({"at the doors": at_doors.counts} if at_doors.counts else {}),
    }
    return Prepared(
        city, study, camera, levels, scenarios, doors, obstacles, ground, zones, inside, lost, scene, table, counts
    )


def measure(
    ready: Prepared, stages: Stages, *, rasters: bool = False, sink: Callable[[TileResult], None] | None = None
) -> Tables:
    """Cover all tiles and make the tables; `sink` is handed every finished tile, in order."""

    def passed_on() -> Iterator[TileResult]:
        results = cover(
            ready.scene,
            rasters=rasters,
            threads=ready.study.coverage.workers,
            progress=lambda done, total: stages.tell("seeing and covering", done, total),
        )
        for result in results:
            if sink:
                sink(result)
            # The rasters are written; keep the counts only.
            yield _without_rasters(result) if sink else result

    study = ready.study
    with stages.stage("seeing and covering"):
        coverage = fold(ready.scene, passed_on())
        if not len(coverage.totals):
            raise InputError(
                f"'{ready.city.name}': the counted area holds no ground at all, not even one cell. Check the boundary, "
                "or "
                "take smaller cells (cell_m)."
            )
    with stages.stage("expected shares"):
        zones = None if ready.zones is None else pd.DataFrame(ready.zones[["zoning", "zone"]])
        outputs = outputs_of(coverage, zones)
        if not len(outputs.table):
            raise EmptyCityError(
                f"'{ready.city.name}': the counted area holds no public space: it has no streets, or the boundary "
                "misses "
                "them. Take a larger boundary or extract."
            )
        curve = curve_table(coverage, outputs, ready.door_table, study.ownership.rates, study.ownership.shared_doors)
        counts = counts_table(coverage, outputs)
        faces = {s.name: face_shares(coverage, s, ready.door_table, len(ready.ground.faces)) for s in ready.scenarios}
        ranges = None
        if study.coverage.range_curve:
            ranges = _range_curve(coverage, ready)
    with stages.stage("simulated intervals"):
        shares = shares_table(coverage, outputs, ready.door_table, ready.scenarios, zones=zones, seed=study.study.seed)
        dwellings = dwellings_table(ready, coverage, outputs, shares)
    with stages.stage("range over assumptions"):
        shares, drivers = assumptions_of(ready, shares, stages)
    with stages.stage("measuring the grid's error"):
        errors = grid_errors(ready.scene)
    return Tables(coverage, outputs, shares, curve, ranges, counts, faces, dwellings, errors, drivers)


def _without_rasters(result: TileResult) -> TileResult:
    """Return the result without its rasters, so that memory holds one tile's at a time."""
    return replace(result, seen_by=dict.fromkeys(result.seen_by))


def _range_curve(coverage: Coverage, ready: Prepared) -> pd.DataFrame:
    """Return range_curve.csv: every scenario at its mean rate per door, doors independent and alike.

    That is exact where `Prepared.equal_chances` holds. Doors that differ in their chances are counted as if each had
    the mean: every range needs the sets of its own, and the curve is counted from numbers of doors alone.
    """
    rates = {s.name: float(p.mean()) for s in ready.scenarios for p in [ready.chances(s)]}
    ranges = range_table(coverage, sorted(set(rates.values())))
    parts = [
        ranges[ranges["rate"] == rate].assign(scenario=name, zoning="all", zone="all") for name, rate in rates.items()
    ]
    columns = ["scenario", "zoning", "zone", "space", "measure", "range_m", "share_mean"]
    joined = pd.concat(parts, ignore_index=True)[columns]
    return joined.sort_values(columns[:-1], ignore_index=True)
