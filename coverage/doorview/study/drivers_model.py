"""A run on sampled spots: the share under any setting of the assumptions, in milliseconds.

Computed once: the spots and what each is at three widths of streets, the sight lines past buildings between spots and
doors within the longest range of any setting, what would hide each of them, block faces, zones. An evaluation filters
the sight lines, takes the exact chance that each spot is in view, and adds up weights (`share.sightings`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from doorview.city.chances import keys_of, uniform
from doorview.city.doors import find_doors, homes_of
from doorview.city.doors_tags import parsed, tag
from doorview.city.obstacles import find_obstacles, obstacle_rules
from doorview.city.parked import parked_cars
from doorview.city.values import metres
from doorview.errors import InputError
from doorview.ownership.expected import door_probabilities
from doorview.ownership.scenario import Scenario
from doorview.share.outputs import printed_spaces
from doorview.share.sightings import (
    Barriers,
    DoorSettings,
    Lenses,
    Sightings,
    cluster_tops,
    opening_degrees,
    sightings_of,
)
from doorview.share.spots import Spots, sample_spots
from doorview.sight.api import lens_groups, wall_indexes
from doorview.sight.levels import Level, level, level_at
from doorview.sight.walls import walls_of
from doorview.study.drivers_rules import Factor, driver_rules, factors_of

if TYPE_CHECKING:
    from doorview.study.compute import Prepared

__all__ = ["Model", "Tally", "build_model"]

Floats = NDArray[np.float64]
Setting = Mapping[str, float]
"""Factor -> its value; what is not named is as the run has it."""

SAME_QUESTION = {"detect": "outline", "observe": "discern", "recognise": "perceive", "identify": "characterise"}
"""Levels of the 2014 edition and of the 2025 draft that have one plain name."""
DOUBTFUL_RULES = ("unspecified, of a home's size", "unspecified, levels above a shop")
"""Rules by which a building without a tag of a home and without a number counts as one."""
NEARER = 1.5
"""Ends of strata lie at least this many times apart."""
# Numbers drawn per door: which counter is for what. Far from the counters of replicates.
PLACE, SIDE, RECESS, WEDGE, TURN, PLANTING, HOME = range(1_000_000, 1_000_007)


class Tally(NamedTuple):
    """Rows of a table of shares over spots.

    `weights` has a matrix (rows, spots) for each width of streets; `near` (rows,) says which rows count only what lies
    near a home.
    """

    weights: tuple[Any, ...]
    near: NDArray[np.bool_]


@dataclass(frozen=True)
class Model:
    """A run on sampled spots; see `build_model`.

    `factors` are those that can change anything here, by level; `dropped` says why others cannot; `sightings` by level.
    `movable` (2, doors) says which doors stand elsewhere near the right and the left end of their walls;
    `near_from` (spots,) is the share of doubtful homes from which on a home lies near (0: a certain one does).
    """

    ready: Prepared
    spots: Spots
    factors: dict[str, dict[str, Factor]]
    dropped: dict[str, str]
    sightings: dict[str, Sightings]
    widths: tuple[float, ...]
    near_from: Floats
    drawn: dict[int, Floats]
    doubtful: NDArray[np.bool_]
    lens_m: Floats
    lenses: tuple[tuple[float, NDArray[np.int64]], ...]
    turn: Floats
    movable: NDArray[np.bool_]
    cluster: NDArray[np.int64]
    single: NDArray[np.bool_]
    base: dict[str, float]
    run_chances: dict[int, tuple[Scenario, Floats]] = field(default_factory=dict, compare=False)

    def level(self, name: str) -> Level:
        """Return one of the run's levels."""
        return next(item for item in self.ready.levels if item.name == name)

    def tally(self, rows: pd.DataFrame) -> Tally:
        """Return how the rows of a table (zoning, zone, space, measure) add up over spots."""
        named = {(name, measure): (codes, only) for name, measure, codes, only in printed_spaces()}
        zone_of = self._zones()
        whole = np.ones(len(self.spots), bool)
        near = np.zeros(len(rows), bool)
        at: list[list[NDArray[np.int64]]] = [[] for _ in self.widths]
        keys = rows[["zoning", "zone", "space", "measure"]].itertuples(index=False)
        for number, (zoning, zone, space, measure) in enumerate(keys):
            codes, only = named[space, measure]
            near[number] = only == 1
            inside = whole if (zoning, zone) == ("all", "all") else zone_of[zoning, zone]
            for width in range(len(self.widths)):
                at[width].append(np.flatnonzero(inside & np.isin(self.spots.space[:, width], codes)))
        shape = (len(rows), len(self.spots))
        return Tally(tuple(_matrix(columns, self.spots.weight, shape) for columns in at), near)

    def of_rows(self, tally: Tally) -> tuple[Model, Tally]:
        """Return this model on the spots alone that a tally counts, and the tally of those: the same shares, sooner.

        `Model.error` asks for the whole model.
        """
        counted = np.zeros(len(self.spots), bool)
        for matrix in tally.weights:
            counted[matrix.indices] = True
        sightings = {name: table.of_spots(counted) for name, table in self.sightings.items()}
        part = replace(self, sightings=sightings, near_from=self.near_from[counted])
        return part, Tally(tuple(matrix[:, counted] for matrix in tally.weights), tally.near)

    def _zones(self) -> dict[tuple[str, str], NDArray[np.bool_]]:
        """Return which spots (spots,) lie in each zone."""
        zones, found = self.ready.zones, {}
        if zones is None:
            return {}
        tree = shapely.STRtree(shapely.points(self.spots.xy))
        for zoning, zone, shape in zip(zones["zoning"], zones["zone"], zones.geometry, strict=True):
            inside = np.zeros(len(self.spots), bool)
            inside[tree.query(shape, predicate="intersects")] = True
            found[str(zoning), str(zone)] = inside
        return found

    def chances(self, level_name: str, scenario: Scenario, setting: Setting) -> Floats:
        """Return the chance (spots,) that each spot is in view at a level, under a scenario and a setting."""
        full = {**self.base, **setting}
        own = self._owning(scenario, setting, full)
        correlation = full["clustering"]
        return self.sightings[level_name].chances(
            self._doors(level_name, full, setting),
            self._level(level_name, full, setting).field_of_view_degrees,
            full["barrier_height"],
            full["parked_cars"],
            own,
            cluster_tops(self.cluster, own) if correlation > 0 else np.zeros(0),
            correlation,
        )

    def shares(self, tally: Tally, chance: Floats, setting: Setting) -> Floats:
        """Return the share (rows,) in view of the rows of a tally; NaN where no spot lies in one."""
        full = {**self.base, **setting}
        near = (self.near_from < full["home_rule"]).astype(np.float64)
        columns = [chance * near, near]
        if not tally.near.all():
            columns += [chance, np.ones(len(chance))]
        stacked = np.column_stack(columns)
        sums = np.zeros((len(tally.near), len(columns)))
        for part, matrix in zip(self._width_parts(full["street_width"]), tally.weights, strict=True):
            if part:
                sums += part * (matrix @ stacked)
        top, whole = sums[:, 0], sums[:, 1]
        if len(columns) > 2:
            top, whole = np.where(tally.near, top, sums[:, 2]), np.where(tally.near, whole, sums[:, 3])
        share: Floats = np.divide(top, whole, out=np.full(len(top), np.nan), where=whole > 0)
        return share

    def error(self, tally: Tally, chance: Floats) -> Floats:
        """Return the standard error (rows,) of `shares` at the run's own setting, from the sample of spots alone.

        That of a ratio of two sums over spots drawn in strata with weights, by its linear form (Cochran 1977, Sampling
        Techniques, 3rd ed., sections 5.6 and 6.11). Blocks are spread evenly, which makes the true error smaller.
        """
        share = self.shares(tally, chance, {})
        base = tally.weights[self.widths.index(1.0)]
        near = self.near_from < self.base["home_rule"]
        error = np.full(len(share), np.nan)
        for row in range(len(share)):
            held = np.zeros(len(self.spots))
            held[base.indices[base.indptr[row] : base.indptr[row + 1]]] = 1.0
            if tally.near[row]:
                held *= near
            part = self.spots.weight * held
            residual = part * (chance - share[row])
            square = 0.0
            for stratum in np.unique(self.spots.stratum):
                here = residual[self.spots.stratum == stratum]
                # Candidates that were no public ground count as zeros of the sum.
                looked = max(int(self.spots.classified[stratum]), len(here))
                square += float((here**2).sum() - here.sum() ** 2 / looked)
            error[row] = math.sqrt(max(square, 0.0)) / part.sum() if part.sum() else math.nan
        return error

    def _width_parts(self, factor: float) -> list[float]:
        """Return what part each sampled width has in a width between two of them: linear in the width."""
        return [
            float(np.interp(factor, self.widths, np.eye(len(self.widths))[place])) for place in range(len(self.widths))
        ]

    def _owning(self, scenario: Scenario, setting: Setting, full: Mapping[str, float]) -> Floats:
        """Return each door's chance (doors,) of a camera."""
        table, chance = self.ready.door_table, self._chance(scenario)
        rule = scenario.shared_doors
        independent = scenario.built is None and scenario.process == "independent"
        if independent and "shared_doors" in setting:
            rule = self._choice("shared_doors", setting)
        if "rate" in setting:
            mean = float(chance.mean()) or 1.0
            chance = (
                door_probabilities(table.dwellings, setting["rate"], rule)
                if independent
                else np.minimum(chance * (setting["rate"] / mean), 1.0)
            )
        elif rule != scenario.shared_doors:
            chance = door_probabilities(table.dwellings, float(scenario.rate or 0.0), rule)
        kept: Floats = np.where(self.doubtful & (self.drawn[HOME] >= full["home_rule"]), 0.0, chance)
        return kept

    def _chance(self, scenario: Scenario) -> Floats:
        """Return each door's chance (doors,) of a camera as the run has it; found once for each scenario."""
        found = self.run_chances.get(id(scenario))
        if found is None or found[0] is not scenario:
            found = self.run_chances[id(scenario)] = (scenario, self.ready.chances(scenario))
        return found[1]

    def _choice(self, name: str, setting: Setting) -> str:
        """Return which of its choices a factor has."""
        factor = next(item[name] for item in self.factors.values() if name in item)
        return factor.choices[int(setting[name])]

    def _level(self, name: str, full: Mapping[str, float], setting: Setting) -> Level:
        """Return a level as a setting has it, for a lens at the model's mount height."""
        item, camera = self.level(name), self.ready.camera
        wanted = name
        if "edition" in setting and self.factors[name]["edition"].choices[int(setting["edition"])] != item.edition:
            wanted = {**SAME_QUESTION, **{new: old for old, new in SAME_QUESTION.items()}}.get(name, name)
            if self._choice("edition", setting).startswith(item.edition):
                wanted = name
        if "field_of_view" in setting and name != "trigger":
            camera = replace(camera, field_of_view_degrees=setting["field_of_view"])
        if wanted != name or camera is not self.ready.camera:
            try:
                item = level(camera, wanted, target_height_m=item.target_height_m, night=item.night)
            except InputError:  # nothing is in view at this level any more
                item = replace(item, range_m=0.0, near_m=0.0)
        return replace(item, name=name, range_m=item.range_m * full["range"])

    def _doors(self, name: str, full: Mapping[str, float], setting: Setting) -> DoorSettings:
        """Return what a setting makes of every door."""
        rules, doors = driver_rules(), len(self.lens_m)
        seen = self._level(name, full, setting)
        near, reach = np.zeros(doors), np.zeros(doors)
        for height, rows in self.lenses:
            here = level_at(seen, self.ready.camera, height)
            near[rows], reach[rows] = here.near_m, here.range_m if here.range_m > 0 else -1.0
        side = np.where(self.drawn[SIDE] < 0.5, 0, 1)
        moved = (self.drawn[PLACE] < full["door_placement"]) & self.movable[side, np.arange(doors)]
        variant = np.where(moved, side + 1, 0).astype(np.int8)
        degrees = np.where(self.drawn[TURN] < 0.5, -1.0, 1.0) * float(rules["wedge"]["degrees"])
        turn = self.turn + np.where(self.drawn[WEDGE] < full["wedge"], degrees, 0.0)
        opening = opening_degrees(float(rules["recess"]["width_m"]), float(rules["recess"]["depth_m"]))
        recess = np.where(self.single & (self.drawn[RECESS] < full["recess"]), opening, 180.0)
        planted = self.single & (self.drawn[PLANTING] < full["planting"])
        return DoorSettings(variant, turn, recess, planted, near, reach)


def _matrix(columns: Sequence[NDArray[np.int64]], weight: Floats, shape: tuple[int, int]) -> Any:
    """Return a sparse matrix (rows, spots) that holds the weights of the spots of each row."""
    first = np.concatenate([[0], np.cumsum([len(each) for each in columns])]).astype(np.int64)
    index = np.concatenate(columns).astype(np.int64) if columns else np.zeros(0, np.int64)
    return sparse.csr_matrix((weight[index], index, first), shape=shape)


def build_model(ready: Prepared, *, placement: bool = True) -> Model:
    """Draw the spots of a run and find all that is computed once.

    Parameters
    ----------
    ready
        As from `prepare`.
    placement
        Whether doors may stand elsewhere on their walls, for which all are placed twice more.

    """
    asked, doors, scene = ready.study.drivers, ready.doors, ready.scene
    seed = ready.study.study.seed
    drawn = {counter: uniform(scene.door_key, seed, counter) for counter in range(PLACE, HOME + 1)}
    doubtful = _doubtful(ready)
    unknown, known, index = _barriers(ready)
    cars = _cars(ready)
    base = {
        "range": 1.0,
        "street_width": 1.0,
        "door_placement": 0.0,
        "recess": 0.0,
        "wedge": 0.0,
        "planting": 0.0,
        "barrier_height": 1.0 if ready.study.coverage.obstacles == "all" else 0.0,
        "parked_cars": ready.study.coverage.parked_cars,
        "home_rule": 1.0,
        "clustering": 0.0,
    }
    dropped = _dropped(ready, doubtful, len(unknown) + len(known), len(cars), placement=placement)
    own = {**asked.factors, **dict.fromkeys(dropped, False)}
    view = field_of_view_ends(ready)
    factors = {
        item.name: factors_of("trigger" if item.name == "trigger" else "density", view, own) for item in ready.levels
    }
    every = {name: factor for found in factors.values() for name, factor in found.items()}
    if ready.camera.stated_field_of_view_degrees is None and view[0] == view[1]:
        dropped["field_of_view"] = "the study gives the camera's field of view"
    reach = {item.name: _reach(ready, item, factors[item.name], view) for item in ready.levels}
    width = every.get("street_width")
    widths = tuple(sorted({1.0, width.low, width.high})) if width else (1.0,)
    spots = sample_spots(
        scene,
        ready.ground,
        spots=asked.spots,
        seed=seed,
        rings_m=_rings([*reach.values(), *(item.range_m for item in ready.levels), scene.near_m]),
        widths=widths,
    )
    groups = tuple(lens_groups(doors, None, ready.camera.mount_height_m))
    lens_m, kit_of = np.zeros(len(doors)), np.zeros(len(doors), np.int64)
    for number, (height, rows) in enumerate(groups):
        lens_m[rows], kit_of[rows] = height, number
    target = max(item.target_height_m for item in ready.levels)
    fixed = ready.obstacles[~ready.obstacles.index.isin(index) & (ready.obstacles["kind"] != "parked_car").to_numpy()]
    kits = (
        [kit.walls for kit in scene.kits]
        if len(fixed) == len(ready.obstacles) and scene.terrain is None
        else wall_indexes(fixed, doors.crs, [height for height, _ in groups], target)
    )
    turn = doors["wedge_degrees"].to_numpy(dtype=np.float64) if "wedge_degrees" in doors else np.zeros(len(doors))
    cluster = _block_faces(ready)
    rules = driver_rules()
    planting = rules["planting"]
    wide = max([item.field_of_view_degrees for item in ready.levels] + [view[1]])
    variants = _variants(ready, turn, seed) if "door_placement" in every else _first(ready, turn)
    table = sightings_of(
        spots.xy,
        variants,
        kits=kits,
        kit_of=kit_of,
        lens_m=lens_m,
        target_m=target,
        reach_m=max(reach.values()),
        field_degrees=min(
            wide + 2.0 * (float(np.abs(turn).max(initial=0.0)) + float(rules["wedge"]["degrees"])), 360.0
        ),
        cluster=cluster,
        unknown_barriers=unknown,
        known_barriers=known,
        cars=cars,
        planting=(float(planting["away_m"]) - 0.1, float(planting["width_m"]), float(planting["height_m"])),
    )
    return Model(
        ready,
        spots,
        factors,
        dropped,
        {name: table.within(far) for name, far in reach.items()},
        widths,
        _near_from(ready, spots.xy, drawn[HOME], doubtful),
        drawn,
        doubtful,
        lens_m,
        groups,
        turn,
        _movable(variants),
        cluster,
        (doors["kind"] != "apartments").to_numpy() if "kind" in doors else np.ones(len(doors), bool),
        base,
    )


def field_of_view_ends(ready: Prepared) -> tuple[float, float]:
    """Return between what the camera's field of view lies [degrees]; both alike where the study gives it."""
    camera = ready.camera
    views = [item.field_of_view_degrees for item in camera.readings()]
    figure = camera.figures.get("field_of_view_degrees")
    if len(views) == 1 and figure is not None and figure.mark == "user":
        return views[0], views[0]
    more = float(driver_rules()["field_of_view"]["more_degrees"])
    low = min(views) if len(views) > 1 else views[0] - more
    top = 179.0 if camera.projection == "rectilinear" else 360.0
    return max(low, more), min(max(views) + more, top)


def _reach(ready: Prepared, item: Level, factors: Mapping[str, Factor], view: tuple[float, float]) -> float:
    """Return the longest range [m] of a level under any setting."""
    longest = item.range_m
    if item.name != "trigger":
        names = [item.name]
        if "edition" in factors:
            names.append(
                {**SAME_QUESTION, **{new: old for old, new in SAME_QUESTION.items()}}.get(item.name, item.name)
            )
        own = factors.get("field_of_view")
        fields = (own.low, own.high) if own else view[:0]
        for name in names:
            for degrees in (*fields, ready.camera.field_of_view_degrees):
                camera = replace(ready.camera, field_of_view_degrees=degrees)
                found = level(camera, name, target_height_m=item.target_height_m, night=item.night)
                longest = max(longest, found.range_m)
    return longest * (max(factors["range"].high, 1.0) if "range" in factors else 1.0)


def _rings(ends: Sequence[float]) -> list[float]:
    """Return the ends of strata [m]: a hair beyond the ranges, and none near another."""
    kept: list[float] = []
    for end in sorted((1.02 * end for end in ends), reverse=True):
        if not kept or end * NEARER <= kept[-1]:
            kept.append(end)
    return kept[::-1]


def _doubtful(ready: Prepared) -> NDArray[np.bool_]:
    """Return which doors (doors,) belong to buildings that only look like homes."""
    if "building" not in ready.doors:
        return np.zeros(len(ready.doors), bool)
    rule = homes_of(ready.city)["rule"].reindex(ready.doors["building"].to_numpy(dtype=object))
    return np.isin(rule.fillna("").to_numpy(dtype=object).astype(str), DOUBTFUL_RULES)


def _barriers(ready: Prepared) -> tuple[Barriers, Barriers, pd.Index]:
    """Return mapped barriers whose height is not tagged, the others, and the ids of all."""
    city = ready.city
    if not len(city.barriers):
        return Barriers(), Barriers(), pd.Index([])
    found = find_obstacles(city, "all")
    found = found[(found["kind"] != "building").to_numpy() & found.index.isin(city.barriers.index)]
    tagged = parsed(tag(city.barriers, "height"), metres) > 0
    with_height = found.index.isin(city.barriers.index[tagged])
    # Those of other kinds (city walls, noise barriers) have a default of their own, which is not in doubt here.
    usual = {value for group in obstacle_rules()["barrier"] if group["obstacle"] for value, height in
             group["height_m"].items() if height == 1.0}  # fmt: skip
    unknown = ~with_height & found["kind"].isin(usual).to_numpy()
    low, high = walls_of(found[unknown]), walls_of(found[~unknown])
    return (
        Barriers(low.xy, low.height, np.full(len(low.xy), np.nan)),
        Barriers(high.xy, high.height, np.zeros(len(high.xy))),
        found.index,
    )


def _cars(ready: Prepared) -> Barriers:
    """Return the places at the kerb, each with the share of taken places from which on a car stands there."""
    asked = ready.study
    given = asked.drivers.factors.get("parked_cars", driver_rules()["parked_cars"]["on"])
    if given is False and not asked.coverage.parked_cars:
        return Barriers()
    cars = parked_cars(ready.ground, 1.0, asked.study.seed, ways=ready.city.ways)
    if not len(cars):
        return Barriers()
    height = walls_of(cars).height
    value = walls_of(cars.assign(height_m=uniform(keys_of(cars.index), asked.study.seed)))
    return Barriers(value.xy, height, value.height)


def _dropped(
    ready: Prepared, doubtful: NDArray[np.bool_], barriers: int, places: int, *, placement: bool
) -> dict[str, str]:
    """Return which factors cannot change anything here, or are stated by the study, and why."""
    details, asked = ready.study.doors.details, ready.study.drivers.factors
    given = ready.study.doors.along_facade is not None
    why = {
        "recess": "recess_depth_m" in details and "the study says what recesses there are",
        "wedge": "wedge_degrees" in details and "the study says what wedges there are",
        "planting": "planting_height_m" in details and "the study says what planting there is",
        "door_placement": (given and "the study says where doors stand")
        or ({"recess_depth_m", "planting_height_m"} & details.keys() and "the study puts walls at the doors")
        or (not placement and "left out"),
        "barrier_height": not barriers and "no wall, fence or hedge is mapped",
        "parked_cars": not places and "no place at a kerb",
        "shared_doors": (bool((ready.door_table.dwellings == 1).all()) and "no door is shared")
        or ("shared_doors" in ready.study.ownership.model_fields_set and "the study says what a shared door means"),
        "home_rule": not doubtful.any() and "no home is told by its size alone",
    }
    return {name: str(reason) for name, reason in why.items() if reason and asked.get(name, True) is not False}


def _block_faces(ready: Prepared) -> NDArray[np.int64]:
    """Return the block face nearest to each door (doors,), numbered from 0; -1 where there is none."""
    faces = np.asarray(ready.ground.faces.geometry.array, dtype=object)
    points = shapely.points(ready.scene.door_xy)
    found = np.full(len(points), -1, np.int64)
    if len(faces) and len(points):
        door, face = shapely.STRtree(faces).query_nearest(points, all_matches=True)
        order = np.lexsort((face, door))
        first, at = np.unique(door[order], return_index=True)
        found[first] = face[order][at]
    return found


def _first(ready: Prepared, turn: Floats) -> list[Lenses]:
    """Return where the lenses hang in the run."""
    normal = (ready.doors["heading"].to_numpy(dtype=np.float64) - turn) % 360.0
    return [Lenses(ready.scene.door_xy, normal)]


def _variants(ready: Prepared, turn: Floats, seed: int) -> list[Lenses]:
    """Return where the lenses hang in the run, and where near the right and the left end of their walls."""
    found = _first(ready, turn)
    for along in (0.2, 0.8):
        moved = find_doors(ready.city, along=along, seed=seed).reindex(ready.doors.index)
        there = moved["heading"].notna().to_numpy() & (moved["building"] == ready.doors["building"]).to_numpy()
        xy, normal = found[0].xy.copy(), found[0].normal.copy()
        xy[there] = shapely.get_coordinates(moved.geometry.to_numpy()[there])
        normal[there] = moved["heading"].to_numpy(dtype=np.float64)[there]
        found.append(Lenses(xy, normal))
    return found


def _movable(variants: Sequence[Lenses]) -> NDArray[np.bool_]:
    """Return which doors (2, doors) stand elsewhere in the second and the third variant."""
    out = np.zeros((2, len(variants[0].xy)), bool)
    for number, lenses in enumerate(variants[1:]):
        out[number] = (lenses.xy != variants[0].xy).any(axis=1)
    return out


def _near_from(ready: Prepared, xy: Floats, drawn: Floats, doubtful: NDArray[np.bool_]) -> Floats:
    """Return the share of doubtful homes (spots,) from which on a home lies near each spot; 2: none ever does."""
    near, doors = ready.scene.near_m, ready.scene.door_xy
    found = np.full(len(xy), 2.0)
    if not len(xy):
        return found
    if (~doubtful).any():
        found[cKDTree(doors[~doubtful]).query(xy, distance_upper_bound=near * (1 + 1e-12))[0] <= near] = -1.0
    if doubtful.any():
        rest = np.flatnonzero(found > 0)
        own = drawn[doubtful]
        held = cKDTree(doors[doubtful]).query_ball_point(xy[rest], near)
        for place, rows in zip(rest.tolist(), held, strict=True):
            if rows:
                found[place] = float(own[rows].min())
    return found
