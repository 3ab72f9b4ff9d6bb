"""Shapes of the explorer, as whole centimetres from an origin: block faces, zones, buildings, walls, doors, names."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from doorview.ownership.kernels.draws import uniforms_at
from doorview.ownership.layers import stream_keys
from doorview.show.text import clean
from doorview.sight.api import LENS_COLUMN
from doorview.sight.walls import segments_of
from doorview.study.compute import Prepared
from doorview.study.explorer_units import Units

__all__ = ["Names", "line_arrays", "origin_of", "shapes_of"]

Arrays = dict[str, NDArray[Any]]
BACKGROUND_M = 0.5
"""Parks and water are drawn with corners left out that change an outline by less [m]."""


class Names:
    """Names as plain text, each once; -1 stands for none."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, name: object) -> int:
        """Return the number of a name, which is cleaned of marks that steer text."""
        text = clean(name, 120) if isinstance(name, str) else ""
        if not text:
            return -1
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return self._numbers[text]


def origin_of(ready: Prepared) -> tuple[int, int]:
    """Return whole metres south-west of all that is drawn."""
    bounds = np.array([shapely.bounds(ready.city.extent), shapely.bounds(ready.inside)])
    west, south = np.nanmin(bounds[:, :2], axis=0)
    return int(np.floor(west)), int(np.floor(south))


def _centimetres(xy: NDArray[np.float64], origin: tuple[int, int]) -> NDArray[np.int32]:
    return np.rint((xy - np.array(origin, dtype=np.float64)) * 100.0).astype(np.int32)


def line_arrays(shapes: NDArray[np.object_], origin: tuple[int, int]) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Return start (n + 1,) and coordinates of lines or rings."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    start = np.searchsorted(owner, np.arange(len(shapes) + 1)).astype(np.uint32)
    return start, _centimetres(xy, origin)


def _rings(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return all rings of polygons and multipolygons, and the row of each."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    polygon = shapely.get_type_id(parts) == 3
    rings, of = shapely.get_rings(parts[polygon], return_index=True)
    return rings, owner[polygon][of]


def _face_arrays(ready: Prepared, units: Units, names: Names, origin: tuple[int, int]) -> Arrays:
    """Return the block faces that have counted ground or lie in the counted area, and the names of their units."""
    faces = ready.ground.faces
    lines = faces.geometry.to_numpy()
    shown = np.flatnonzero((units.face >= 0) | shapely.intersects(ready.inside, lines))
    start, xy = line_arrays(lines[shown], origin)
    name = np.array([names.number(item) for item in faces["name"].to_numpy()[shown]], np.int32)
    unit = units.face[shown]
    length = np.zeros(len(units))
    np.add.at(length, unit[unit >= 0], np.asarray(faces["length_m"], np.float64)[shown][unit >= 0])
    # A group has the name that most of its length has.
    of_unit = np.full(len(units), -1, np.int32)
    named = np.flatnonzero((unit >= 0) & (name >= 0))
    if len(named):
        code = unit[named] * (int(name.max()) + 1) + name[named]
        found, which = np.unique(code, return_inverse=True)
        metres = np.bincount(which, weights=np.asarray(faces["length_m"], np.float64)[shown][named])
        owner, text = np.divmod(found, int(name.max()) + 1)
        order = np.lexsort((text, -metres, owner))
        first = order[np.flatnonzero(np.diff(owner[order], prepend=-1))]
        of_unit[owner[first]] = text[first]
    return {
        "face_start": start,
        "face_xy": xy,
        "face_unit": unit.astype(np.int32),
        "face_name": name,
        "unit_length_m": length.astype(np.float32),
        "unit_name": of_unit,
    }


def _zone_arrays(ready: Prepared, units: Units, names: Names, origin: tuple[int, int], arrays: Arrays) -> list[str]:
    """Add the zones to the arrays; return the names of their zonings."""
    zones = ready.zones if ready.zones is not None else None
    shapes = np.zeros(0, object) if zones is None else zones.geometry.to_numpy()[units.zones]
    zonings = [] if zones is None else list(dict.fromkeys(zones["zoning"].tolist()))
    rings, owner = _rings(shapes)
    arrays["zone_start"], arrays["zone_xy"] = line_arrays(rings, origin)
    arrays["zone_ring_unit"] = (owner + units.groups).astype(np.int32)
    arrays["unit_zoning"] = np.full(len(units), -1, np.int32)
    if zones is not None:
        own = zones.iloc[units.zones]
        arrays["unit_zoning"][units.groups :] = [zonings.index(item) for item in own["zoning"]]
        arrays["unit_name"][units.groups :] = [names.number(item) for item in own["name"]]
        centre = ready.ground.lines[ready.ground.lines["space"] == "centreline"].geometry.to_numpy()
        within = shapely.union_all(centre) if len(centre) else None
        if within is not None:
            cut = shapely.intersection(shapely.intersection(shapes, ready.inside), within)
            arrays["unit_length_m"][units.groups :] = shapely.length(cut)
    return [clean(item, 80) for item in zonings]


def _wall_arrays(ready: Prepared, origin: tuple[int, int]) -> Arrays:
    """Return buildings that hide all behind them as rings, all else that hides as segments with their heights [m]."""
    obstacles = ready.obstacles
    height = np.asarray(obstacles["height_m"], np.float64)
    highest = max([item.target_height_m for kit in ready.scene.kits for item in kit.levels])
    highest = max([highest, *(kit.lens_height_m for kit in ready.scene.kits)])
    shapes = obstacles.geometry.to_numpy()
    whole = (np.asarray(obstacles["kind"] == "building")) & (np.isnan(height) | (height > highest))
    whole &= np.isin(shapely.get_type_id(shapes), (3, 6))
    start, xy = line_arrays(_rings(shapes[whole])[0], origin)
    walls, _ = segments_of(obstacles[~whole])
    return {
        "ring_start": start,
        "ring_xy": xy,
        "wall_xy": _centimetres(walls.xy.reshape(-1, 2), origin).reshape(-1, 4),
        "wall_height_m": walls.height.astype(np.float32),
    }


def _background(ready: Prepared, names: Names, origin: tuple[int, int], arrays: Arrays, units: Units) -> None:
    """Add parks, water and the places of names."""
    polygons = ready.ground.polygons
    at, text = [], []
    for key, wanted in (("green", "park"), ("water", "water")):
        own = polygons[polygons["class"] == wanted]
        shapes = shapely.simplify(own.geometry.to_numpy(), BACKGROUND_M)
        arrays[f"{key}_start"], arrays[f"{key}_xy"] = line_arrays(_rings(shapes)[0], origin)
        if key == "green":
            for name, shape in zip(own["name"], own.geometry, strict=True):
                number = names.number(name)
                if number >= 0:
                    at.append(shapely.get_coordinates(shapely.point_on_surface(shape))[0])
                    text.append(number)
    if ready.zones is not None:
        own = ready.zones.iloc[units.zones]
        for name, shape in zip(own["name"], own.geometry, strict=True):
            number = names.number(name)
            if number >= 0:
                at.append(shapely.get_coordinates(shapely.point_on_surface(shape))[0])
                text.append(number)
    arrays["label_xy"] = _centimetres(np.array(at).reshape(-1, 2), origin)
    arrays["label_name"] = np.array(text, np.int32)


def _door_arrays(ready: Prepared, units: Units, origin: tuple[int, int]) -> Arrays:
    """Return doors without ids; what is behind each, and its number of the first draw, in a fictional town alone."""
    doors = ready.doors
    mounts = np.array([model.mount_height_m for model, _ in ready.models[0]])[ready.models[1]]
    lens = np.asarray(doors[LENS_COLUMN], np.float64) if LENS_COLUMN in doors else mounts
    heading = np.rint(np.asarray(doors["heading"], np.float64) * 100.0).astype(np.int64) % 36000
    found: Arrays = {
        "door_xy": _centimetres(ready.scene.door_xy, origin),
        "door_heading": heading.astype(np.uint16),
        "door_unit": units.door.astype(np.int32),
        "door_lens_m": lens.astype(np.float32),
    }
    if ready.mix is not None and ready.model_of is not None:
        found["door_model"] = ready.model_of.astype(np.uint8)
    if ready.study.study.fictional:
        keys = stream_keys(ready.door_table.key, 0)
        drawn = uniforms_at(keys, np.uint64(ready.study.study.seed), np.zeros(len(keys), np.int64))
        found["door_dwellings"] = np.minimum(ready.door_table.dwellings, 65535).astype(np.uint16)
        # Rounded down: a number below a rate stays below it.
        found["door_u"] = np.nextafter(drawn.astype(np.float32), np.float32(0))
    return found


def shapes_of(ready: Prepared, units: Units, names: Names, origin: tuple[int, int]) -> tuple[Arrays, list[str]]:
    """Return the arrays of all shapes, and the names of the zonings."""
    arrays = _face_arrays(ready, units, names, origin)
    zonings = _zone_arrays(ready, units, names, origin, arrays)
    arrays |= _wall_arrays(ready, origin)
    _background(ready, names, origin, arrays, units)
    arrays |= _door_arrays(ready, units, origin)
    return arrays, zonings
