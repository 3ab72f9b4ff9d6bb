"""Known cameras of a study: which there are, by what they see, and what may be said of them in public.

Two layers are counted apart. `osm` holds the cameras that OpenStreetMap maps, which everyone can look up, and is fit to
publish. `all` holds the user's own cameras too and goes to `working/` alone: any figure with them, set against the one
without, would say what they see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.model import City
from doorview.errors import InputError
from doorview.ownership.scenario import Scenario
from doorview.share.coverage import Coverage
from doorview.share.known import with_known
from doorview.share.outputs import Outputs
from doorview.share.scene import Kit, Scene, door_keys
from doorview.share.summary import DoorTable, known_table
from doorview.sight.camera import CameraModel, camera_of, catalogue
from doorview.sight.known import fit_to_publish, known_cameras, known_reach
from doorview.sight.levels import Level
from doorview.study.kits import walls_by_height
from doorview.study.sections import KnownSection, Study
from doorview.study.zones import zone_membership

__all__ = ["ALL", "OSM", "KnownCameras", "find_known", "known_model", "known_scene", "known_tables"]

OSM = "osm"
"""Layer of what OpenStreetMap maps: fit to publish."""
ALL = "all"
"""Layer with the user's own cameras too: never published."""

ASSUMED_MARK = "assumed: nobody says which camera hangs there"


@dataclass(frozen=True)
class KnownCameras:
    """The known cameras of a run.

    Attributes
    ----------
    cameras
        As from `doorview.sight.known.known_cameras`, the user's own with them.
    model, levels
        The camera assumed where nothing says a field of view or range, and what it sees at each level.
    layers
        Name of a layer to its cameras (cameras,).
    section
        What the study asks for.
    counts, notes
        What was read, left out and assumed of OpenStreetMap's cameras: fit to publish.
    own_counts, own_notes
        The same with the user's own cameras: not for publication.

    """

    cameras: gpd.GeoDataFrame
    model: CameraModel
    levels: tuple[Level, ...]
    layers: dict[str, NDArray[np.bool_]]
    section: KnownSection
    counts: dict[str, int]
    notes: tuple[str, ...]
    own_counts: dict[str, int]
    own_notes: tuple[str, ...]

    @property
    def public(self) -> gpd.GeoDataFrame:
        """The cameras that may be published."""
        return fit_to_publish(self.cameras)

    def words(self) -> str:
        """Return in sentences which cameras OpenStreetMap maps, how many were left out, and what is assumed of them."""
        if OSM not in self.layers:
            return ""
        left = sum(number for reason, number in self.counts.items() if reason.endswith("left out"))
        objects = self.counts.get("OpenStreetMap: objects", 0)
        return (
            f"OpenStreetMap maps {objects:,} surveillance objects here: {len(self.public):,} known cameras are "
            f"counted, {left:,} left out, mostly because nobody says where they look. Cameras that nobody mapped are "
            "missing. "
            f"Range, and field of view and height where nobody says one, are assumed ({self.model.label}, "
            f"{self.section.height_m:g} m)."
        )

    def assumed(self) -> dict[str, Any]:
        """Return what run.json says of what was assumed, and how far a mapped camera sees by it at each level."""
        height = self.section.height_m
        out: dict[str, Any] = {
            "model": self.model.name,
            "label": self.model.label,
            "field_of_view_degrees": self.model.field_of_view_degrees,
            "height_m": height,
            "mark": ASSUMED_MARK,
        }
        one = self.cameras.iloc[:0].reindex(["assumed"])
        one["heading"], one["field_of_view_degrees"], one["height_m"] = 0.0, 360.0, height
        out["levels"] = {
            item.name: {
                "range_m": float(known_reach(one, self.model, item, self.section.range_m)[0][0]),
                "near_m": 0.0,
                "target_height_m": item.target_height_m,
                "marks": [ASSUMED_MARK, *item.marks],
            }
            for item in self.levels
        }
        return out


def known_model(study: Study, default: CameraModel) -> CameraModel:
    """Return the camera assumed where nothing says one: ``[known] model``, else that of the doors."""
    if study.known.model is None:
        return default
    own = {name: item.camera_model(name) for name, item in study.cameras.items()}
    return camera_of(study.known.model, {**catalogue(), **own})


def find_known(study: Study, city: City, camera: CameraModel) -> KnownCameras | None:
    """Return the known cameras that a study asks for, or None where it asks for none.

    Raises
    ------
    DoorviewError
        For cameras of OpenStreetMap in a city of own layers alone, and an own list that cannot be used.

    """
    section = study.known
    if not section.asked:
        return None
    if section.osm and city.surveillance is None:
        raise InputError(
            f"'{city.name}' comes from own layers alone, so no camera mapped in OpenStreetMap is known of it: add "
            "extract = 'city.osm.pbf' under [place], or leave [known] osm out."
        )
    model = known_model(study, camera)
    mapped = city if section.osm else replace(city, surveillance=None)
    settings: dict[str, Any] = {
        "camera": model,
        "height_m": section.height_m,
        "angle_means": section.angle_means,
        "unknown_all_around": section.unknown_all_around,
        "plate_readers": section.plate_readers,
        "indoor": section.indoor,
    }
    cameras = public = known_cameras(mapped, **settings)
    layers: dict[str, NDArray[np.bool_]] = {}
    if section.file is not None:
        columns = dict(section.columns) if section.columns else None
        cameras = known_cameras(mapped, section.file, columns=columns, layer=section.layer, **settings)
        layers[ALL] = np.ones(len(cameras), dtype=bool)
    if section.osm:
        layers[OSM] = np.isin(cameras.index, fit_to_publish(cameras).index)
    return KnownCameras(
        cameras=cameras,
        model=model,
        levels=study.camera.chosen_levels(model),
        layers=layers,
        section=section,
        counts=dict(public.attrs["counts"]) if section.osm else {},
        notes=tuple(public.attrs["notes"]) if section.osm else (),
        own_counts=dict(cameras.attrs["counts"]),
        own_notes=tuple(cameras.attrs["notes"]),
    )


def known_scene(scene: Scene, known: KnownCameras, obstacles: gpd.GeoDataFrame) -> Scene:
    """Return the scene with known cameras beside its doors, each with its own field, ranges, and walls at its height.

    How far each sees at each level: see `doorview.sight.known.known_viewsheds`.
    """
    cameras = known.cameras
    columns = [cameras["field_of_view_degrees"].to_numpy(dtype=np.float64), cameras["height_m"].to_numpy(np.float64)]
    for item in known.levels:
        columns += known_reach(cameras, known.model, item, known.section.range_m)
    alike, kit = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    kit = kit.reshape(-1).astype(np.int64)
    tree = shapely.STRtree(obstacles.geometry.to_numpy())
    walls = {}
    for height in np.unique(columns[1]).tolist():
        here = columns[1] == height
        reach = float(alike[kit[here], 2:].max())
        # Those near cameras of one height: the whole city for every height would fill the memory.
        met = np.unique(tree.query(cameras.geometry.to_numpy()[here], predicate="dwithin", distance=reach)[1])
        around = obstacles.iloc[met]
        walls[height] = walls_by_height(around, cameras.crs, [height], known.levels, scene.terrain, reach)[0]
    kits = [
        Kit(
            tuple(
                replace(item, field_of_view_degrees=field, near_m=near, range_m=far if far > near else 0.0)
                for item, far, near in zip(known.levels, reach[::2], reach[1::2], strict=True)
            ),
            walls[height][0],
            math.radians(field),
            height,
            walls[height][1],
        )
        for field, height, *reach in alike.tolist()
    ]
    return with_known(scene, cameras, kits, kit, known.layers)


def known_tables(
    known: KnownCameras | None,
    coverage: Coverage,
    outputs: Outputs,
    doors: DoorTable,
    scenarios: tuple[Scenario, ...],
    inside: Any,
    zones: gpd.GeoDataFrame | None,
) -> dict[str, pd.DataFrame]:
    """Return the table known.csv of each layer."""
    found: dict[str, pd.DataFrame] = {}
    if known is None:
        return found
    keys = None if zones is None else pd.DataFrame(zones[["zoning", "zone"]])
    for layer, member in known.layers.items():
        cameras = known.cameras[member]
        points = cameras.geometry.to_numpy()
        xy = shapely.get_coordinates(points)
        table = DoorTable(
            key=door_keys(list(cameras.index)),
            dwellings=np.ones(len(cameras), dtype=np.int64),
            inside=np.asarray(shapely.intersects(inside, points), dtype=bool),
            zone_inside=None if zones is None else zone_membership(zones, xy),
        )
        found[layer] = known_table(coverage, outputs, doors, scenarios, layer, table, zones=keys)
    return found
