"""From a city to finished tables: the computing half of a run. Nothing here writes or draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from doorview.city.property_lines import property_limits
from doorview.errors import EmptyCityError, InputError, StudyError
from doorview.ownership.scenario import Scenario
from doorview.share.coverage import Coverage, fold
from doorview.share.covering import Work
from doorview.share.discretisation import GridError, grid_errors
from doorview.share.face_groups import face_groups, homes_by_face
from doorview.share.grid import Grid
from doorview.share.outputs import Outputs, outputs_of
from doorview.share.rules import capped_kits, ruled_scene
from doorview.share.scene import RangeCurve, Scene, build_scene
from doorview.share.summary import (
    DoorTable,
    counts_table,
    curve_table,
    face_amounts,
    face_shares,
    range_table,
)
from doorview.share.tiles import TileResult
from doorview.show.text import OSM_ATTRIBUTION
from doorview.sight.camera import CameraModel
from doorview.sight.levels import Level
from doorview.sight.rasters import Terrain
from doorview.study.alerts_run import AlertsRun, alerts_run
from doorview.study.camera_mix import Mix
from doorview.study.counting import Counted, Cut, Views, count_scenarios, cuts_of, views_of
from doorview.study.drivers import Drivers, assumptions_of
from doorview.study.dwellings import dwellings_table
from doorview.study.kits import kits_of_models, lenses_and_obstacles
from doorview.study.known import KnownCameras, find_known, known_scene, known_tables
from doorview.study.memory import check_memory
from doorview.study.owners import Plan, Residents, columns_of, plans_of, residents_of
from doorview.study.partnership_run import PartnershipRun, partnership_plan, partnership_run
from doorview.study.sections import Study
from doorview.study.stages import Stages
from doorview.study.terrain import study_terrain
from doorview.study.thefts_run import TheftsRun, thefts_plan, thefts_run
from doorview.study.zone_faults import zone_faults
from doorview.study.zones import read_zones, zone_membership

__all__ = [
    "Asked",
    "Prepared",
    "Stages",
    "Tables",
    "asked_of",
    "measure",
    "no_ground",
    "no_homes",
    "no_public_space",
    "obstacles_of",
    "prepare",
    "range_curve_of",
]

FICTIONAL = "Fictional town made by doorview, in OpenStreetMap's format (real places: © OpenStreetMap contributors)"


@dataclass(frozen=True)
class Prepared:
    """A city made ready for covering. `inside` is where shares count; `lost_m2` what the edge rule took from it.

    With a `mix` of cameras, `model_of` (doors,) says which of its models hangs at each door; `camera` is its lead, and
    `levels` reach as far as any of its models.
    """

    city: City
    study: Study
    camera: CameraModel
    levels: tuple[Level, ...]
    plans: tuple[Plan, ...]
    residents: Residents
    doors: gpd.GeoDataFrame
    obstacles: gpd.GeoDataFrame
    ground: Ground
    zones: gpd.GeoDataFrame | None
    inside: Any
    lost_m2: float
    scene: Scene
    door_table: DoorTable
    counts: dict[str, Any]
    known: KnownCameras | None = None
    mix: Mix | None = None
    model_of: NDArray[np.int64] | None = None

    @property
    def camera_label(self) -> str:
        """The camera at the doors in words, or the mix of them."""
        return self.camera.label if self.mix is None else self.mix.label

    @property
    def models(self) -> tuple[list[tuple[CameraModel, tuple[Level, ...]]], NDArray[np.int64]]:
        """The models at the doors, each with its levels, and the number of each door's model (doors,)."""
        if self.mix is None or self.model_of is None:
            return [(self.camera, self.levels)], np.zeros(len(self.doors), np.int64)
        return list(zip(self.mix.models, self.mix.by_model, strict=True)), self.model_of

    @property
    def reading_words(self) -> str:
        """How disputed fields of view are read; empty if none is."""
        return self.camera.reading_words() if self.mix is None else self.mix.reading_words

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
        return scenario.equal_rate(self.door_table.dwellings, self.door_table.inside) is not None


@dataclass(frozen=True)
class Tables:
    """Finished tables of a run."""

    coverage: Coverage
    outputs: Outputs
    scenarios: tuple[Scenario, ...]
    counted: Counted
    shares: pd.DataFrame
    curve: pd.DataFrame
    range_curve: pd.DataFrame | None
    counts: pd.DataFrame
    faces: dict[str, pd.DataFrame]
    dwellings: pd.DataFrame | None
    grid_errors: list[GridError]
    known: dict[str, pd.DataFrame] = field(default_factory=dict)
    drivers: Drivers | None = None
    partnership: PartnershipRun | None = None
    alerts: AlertsRun | None = None
    thefts: TheftsRun | None = None
    covering: dict[str, object] = field(default_factory=dict)


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


def obstacles_of(study: Study, city: City, ground: Ground) -> gpd.GeoDataFrame:
    """Return all that hides, as the study asks."""
    asked, seed = study.coverage, study.study.seed
    obstacles = find_obstacles(
        city,
        asked.obstacles,
        openings=asked.openings,
        trees=asked.trees,
        row_spacing_m=asked.tree_row_spacing_m,
    )
    more = []
    if asked.parked_cars > 0:
        more.append(parked_cars(ground, asked.parked_cars, seed, ways=city.ways))
    return joined(obstacles, *more) if more else obstacles


@dataclass(frozen=True)
class Asked:
    """What a study asks of a city before anything is found in it; `left_out` counts zones by reason."""

    camera: CameraModel
    mix: Mix | None
    levels: tuple[Level, ...]
    curve: RangeCurve | None
    reach_m: float
    inside: Any
    lost_m2: float
    zones: gpd.GeoDataFrame | None
    left_out: dict[str, int]
    terrain: Terrain | None

    def models_at(
        self, doors: gpd.GeoDataFrame, seed: int
    ) -> tuple[list[tuple[CameraModel, tuple[Level, ...]]], NDArray[np.int64]]:
        """Return the models, each with its levels, and the number of the model at each door (doors,)."""
        if self.mix is None:
            return [(self.camera, self.levels)], np.zeros(len(doors), np.int64)
        return list(zip(self.mix.models, self.mix.by_model, strict=True)), self.mix.drawn(doors.index, seed)


def asked_of(study: Study, city: City, camera: CameraModel | None = None) -> Asked:
    """Return what a study asks of a city; nothing slow, so that what is wrong is told of at once. As `prepare`."""
    mix = study.camera.camera_mix() if camera is None else None
    if camera is None:
        camera = study.camera.camera_model()
    levels = study.camera.chosen_levels(camera) if mix is None else mix.levels
    curve = RangeCurve() if study.coverage.range_curve else None
    # The range curve looks farther than the levels: it has an edge of its own to keep away from.
    reach = max([item.range_m for item in levels] + ([float(curve.longest)] if curve else []))
    inside, lost = _counted_area(city, reach)
    wrong, _ = zone_faults(study)
    if wrong:
        raise StudyError("zones and scenarios", wrong)
    zones, left_out = read_zones(study.zones, city.crs, inside, columns_of(study))
    terrain = study_terrain(study, city, inside, reach)
    return Asked(camera, mix, levels, curve, reach, inside, lost, zones, left_out, terrain)


def no_homes(name: str, buildings: int) -> EmptyCityError:
    """Return the error of a city without a home."""
    return EmptyCityError(
        f"'{name}' holds {buildings:,} buildings but no homes, so there is no door for a camera. "
        "Homes are told by building=*, addresses and entrances: take a place that has some, or give your own "
        "addresses under [place.layers] of a study file."
    )


def prepare(study: Study, city: City, stages: Stages, *, camera: CameraModel | None = None) -> Prepared:
    """Find doors, obstacles and ground of a city, and lay out the scene.

    `camera` stands in for the study's own where a caller holds a model that is in no catalogue.

    Raises
    ------
    DoorviewError
        If the city has no homes, no streets, or nothing to count in; for zones that cannot be used.

    """
    check_memory(city.name, len(city.buildings))
    asked = asked_of(study, city, camera)
    camera, mix, levels, curve, reach = asked.camera, asked.mix, asked.levels, asked.curve, asked.reach_m
    inside, lost, zones, left_out = asked.inside, asked.lost_m2, asked.zones, asked.left_out
    known = find_known(study, city, camera)
    terrain = asked.terrain
    with stages.stage("finding doors"):
        doors = find_doors(city, along=study.doors.along, seed=study.study.seed)
        if not len(doors):
            raise no_homes(city.name, len(city.buildings))
    with stages.stage("laying out public space"):
        widths = study.public_space
        ground = public_space(city, doors, lane_width_m=widths.lane_width_m, sidewalk_width_m=widths.sidewalk_width_m)
    with stages.stage("finding obstacles"):
        models, model_of = asked.models_at(doors, study.study.seed)
        mounts = np.array([model.mount_height_m for model, _ in models])[model_of]
        at_doors = lenses_and_obstacles(study, mounts, doors, obstacles_of(study, city, ground))
        doors, obstacles = at_doors.doors, at_doors.obstacles
        kits, door_kit = kits_of_models(models, model_of, doors, obstacles, terrain, reach)
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
            terrain=terrain,
        )
        if known is not None:
            scene = known_scene(scene, known, obstacles)
    table = DoorTable(
        key=scene.door_key,
        dwellings=np.asarray(doors["dwellings"], dtype=np.int64),
        inside=shapely.intersects(inside, shapely.points(scene.door_xy)),
        zone_inside=None if zones is None else zone_membership(zones, scene.door_xy),
    )
    residents = residents_of(doors, table.key, inside, ground, zones, table.zone_inside)
    plans = plans_of(study, residents)
    counts = {
        "read": dict(city.dropped),
        "doors": dict(doors.attrs.get("counts", {})),
        "obstacles": dict(obstacles.attrs.get("counts", {})),
        "zones": left_out,
        **({"at the doors": at_doors.counts} if at_doors.counts else {}),
    }
    return Prepared(
        city, study, camera, levels, plans, residents, doors, obstacles, ground, zones, inside, lost, scene, table,
        counts, known, mix, None if mix is None else model_of,
    )  # fmt: skip


def no_ground(name: str) -> InputError:
    """Return the error of a counted area without a cell."""
    return InputError(
        f"'{name}': the counted area holds no ground at all, not even one cell. Check the boundary, or take smaller "
        "cells (cell_m)."
    )


def no_public_space(name: str) -> EmptyCityError:
    """Return the error of a counted area without public space."""
    return EmptyCityError(
        f"'{name}': the counted area holds no public space: it has no streets, or the boundary misses them. Take a "
        "larger boundary or extract."
    )


def measure(
    ready: Prepared,
    stages: Stages,
    *,
    rasters: bool = False,
    sink: Callable[[TileResult], None] | None = None,
    work: Work | None = None,
) -> Tables:
    """Cover all tiles and make the tables; `sink` is handed every finished tile, in order, `work` says who covers."""
    at_work = work or Work(ready.study.coverage.threads)

    def passed_on() -> Iterator[TileResult]:
        results = at_work.cover(
            ready.scene,
            rasters=rasters,
            progress=lambda done, total: stages.tell("seeing and covering", done, total),
        )
        for result in results:
            if sink:
                sink(result)
            # The rasters are written; keep the counts only.
            yield _without_rasters(result) if sink else result

    study = ready.study
    # Before anything slow: its faults that only a city shows are told of at once.
    partnership = partnership_plan(study, ready.residents)
    thefts = thefts_plan(ready)
    with stages.stage("seeing and covering"):
        coverage = fold(ready.scene, passed_on())
        if not len(coverage.totals):
            raise no_ground(ready.city.name)
    with stages.stage("expected shares"):
        zones = None if ready.zones is None else pd.DataFrame(ready.zones[["zoning", "zone"]])
        outputs = outputs_of(coverage, zones)
        if not len(outputs.table):
            raise no_public_space(ready.city.name)
        curve = curve_table(coverage, outputs, ready.door_table, study.ownership.rates, study.ownership.shared_doors)
        counts = counts_table(coverage, outputs)
    base = Views(coverage, outputs, ready.door_table)
    cut = {item: _cut_views(ready, item, zones, stages, at_work) for item in cuts_of(ready.plans)}
    with stages.stage("counting scenarios"):
        counted = count_scenarios(study, ready.plans, ready.residents, base, cut, zones)
        scenarios, shares = counted.scenarios, counted.shares
        faces = _faces(ready, counted, coverage)
        # By full views: what lies beyond a rule's edge is in none of these tables.
        plain = tuple(item for item in scenarios if counted.views[item.name][0] is base)
        # Without clusters, lots and rules: a number of doors at each range is all that the range curve knows.
        simple = tuple(item for item in plain if item.built is None)
        ranges = range_curve_of(coverage, ready, simple) if study.coverage.range_curve and simple else None
        dwellings = dwellings_table(ready, plain, coverage, outputs, shares)
        known = known_tables(ready.known, coverage, outputs, ready.door_table, plain, ready.inside, ready.zones)
    with stages.stage("range over assumptions"):
        shares, drivers = assumptions_of(ready, scenarios, shares, stages)
    with stages.stage("measuring the grid's error"):
        errors = grid_errors(ready.scene)
    with stages.stage("the partnership and alerts"):
        deal = partnership_run(partnership, coverage, outputs, counts)
        told = alerts_run(ready, scenarios)
    laid_over = None
    if thefts is not None:
        with stages.stage("reported thefts"):
            laid_over = thefts_run(ready, thefts, tuple(s for s in scenarios if counted.views[s.name][0] is base))
    return Tables(
        coverage, outputs, scenarios, counted, shares, curve, ranges, counts, faces, dwellings, errors, known, drivers,
        deal, told, laid_over, at_work.facts(),
    )  # fmt: skip


def _cut_views(ready: Prepared, cut: Cut, zones: pd.DataFrame | None, stages: Stages, work: Work) -> Views:
    """Return the coverage by the views that a scenario's rules leave; every door twice where not all views are cut."""
    zone_m, trigger_m, whose = cut
    both = whose == "programme"
    # Known cameras and the range curve are not what rules are about: they are counted once, by full views.
    scene = replace(ready.scene, known=None, range_curve=None)
    limits, found = None, {}
    with stages.stage("seeing by rules"):
        if zone_m is not None:
            lines = property_limits(ready.doors, ready.ground, zone_m, reach_m=scene.reach_m)
            limits, found = lines.geometry.to_numpy(), dict(lines.attrs["counts"])
        kits = None if trigger_m is None else capped_kits(scene.kits, trigger_m)
        ruled = ruled_scene(scene, limits=limits, kits=kits, both=both)
        results = work.cover(
            ruled,
            rasters=False,
            progress=lambda done, total: stages.tell("seeing by rules", done, total),
        )
        table = ready.door_table.repeated(2) if both else ready.door_table
        return replace(views_of(fold(ruled, results), zones, table, 2 if both else 1), counts=found)


def _faces(ready: Prepared, counted: Counted, coverage: Coverage) -> dict[str, pd.DataFrame]:
    """Return the shares of block faces under every scenario."""
    number, groups, seed = len(ready.ground.faces), _face_groups(ready, coverage), ready.study.study.seed
    return {
        name: face_shares(seen.coverage, scenario, seen.doors, number, groups, seed=seed)
        for name, (seen, scenario) in counted.views.items()
    }


def _face_groups(ready: Prepared, coverage: Coverage) -> NDArray[np.int64]:
    """Return the group of each block face: none that is published has 1 to 4 homes."""
    faces = ready.ground.faces
    counted = face_amounts(coverage, len(faces)) > 0
    homes = homes_by_face(faces, counted, ready.scene.door_xy, ready.door_table.dwellings)
    return face_groups(faces, homes, counted)


def _without_rasters(result: TileResult) -> TileResult:
    """Return the result without its rasters, so that memory holds one tile's at a time."""
    known = {name: tile.without_rasters() for name, tile in result.known.items()}
    return replace(result, seen_by=dict.fromkeys(result.seen_by), known=known)


def range_curve_of(coverage: Coverage, ready: Prepared, scenarios: tuple[Scenario, ...]) -> pd.DataFrame:
    """Return range_curve.csv: every scenario at its mean rate per door, doors independent and alike.

    That is exact where `Prepared.equal_chances` holds. Doors that differ in their chances are counted as if each had
    the mean: every range needs the sets of its own, and the curve is counted from numbers of doors alone.
    """
    rates = {s.name: float(p.mean()) for s in scenarios for p in [ready.chances(s)]}
    ranges = range_table(coverage, sorted(set(rates.values())))
    parts = [
        ranges[ranges["rate"] == rate].assign(scenario=name, zoning="all", zone="all") for name, rate in rates.items()
    ]
    columns = ["scenario", "zoning", "zone", "space", "measure", "range_m", "share_mean"]
    joined = pd.concat(parts, ignore_index=True)[columns]
    return joined.sort_values(columns[:-1], ignore_index=True)
