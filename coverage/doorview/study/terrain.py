"""The terrain that a study names, and what doors see by on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import shapely

from doorview.city.layers import OWN_LICENCE
from doorview.city.model import City
from doorview.city.osmfile import sha256_of
from doorview.show.text import clean, distance
from doorview.sight.rasters import Terrain, read_terrain
from doorview.study.sections import Study

__all__ = ["study_terrain", "terrain_files", "terrain_note", "terrain_phrase"]

COARSE_M = 10.0
"""From this step on heights show hills, not the terraces and stairs of a street: a lot's front is about as wide."""


def study_terrain(study: Study, city: City, inside: Any, reach_m: float) -> Terrain | None:
    """Return the heights of a study's rasters, or None where the ground is taken as flat.

    They must be known wherever a door may see counted ground: in `inside` and `reach_m` [m] around it, as far as the
    data go.

    Raises
    ------
    InputError
        As `read_terrain`.

    """
    asked = study.terrain
    if asked is None:
        return None
    needed = shapely.intersection(shapely.buffer(inside, reach_m), city.extent)
    terrain = read_terrain(
        asked.ground, needed, city.crs, surface=asked.surface, margin_m=reach_m, step_m=asked.step_m,
        units=asked.units, surface_units=asked.surface_units, nodata=asked.nodata,
        missing_allowed=asked.missing_allowed, clear_m=asked.clear_m,
    )  # fmt: skip
    files = {"ground": asked.ground, "surface": asked.surface}
    notes = {name: {**note, "sha256": sha256_of(Path(str(files[name])))} for name, note in terrain.notes.items()}
    return replace(terrain, notes=notes)


def terrain_files(terrain: Terrain | None) -> list[dict[str, str]]:
    """Return the rasters as run.json lists inputs."""
    notes = terrain.notes.values() if terrain is not None else ()
    return [{"path": note["file"], "sha256": note["sha256"], "licence": OWN_LICENCE} for note in notes]


def terrain_phrase(terrain: Terrain | None, units: Any) -> str:
    """Return what heights views are cut by, fit to follow a name; empty on flat ground."""
    if terrain is None:
        return ""
    parts = [
        f"{clean(note['file'], 60)} ({name}, every {distance(note['step_m'], units)})"
        for name, note in terrain.notes.items()
    ]
    return f"on the heights of {' and '.join(parts)}"


def terrain_note(terrain: Terrain | None, units: Any) -> list[str]:
    """Return in words what heights did and did not do; nothing on flat ground."""
    if terrain is None:
        return []
    line = f"Views are cut by terrain, {terrain_phrase(terrain, units)}; ranges are measured in the plan."
    if min(note["step_m"] for note in terrain.notes.values()) >= COARSE_M:
        line += " Heights so far apart show hills, not terraces, stairs or retaining walls."
    missing = max(note["missing_share"] for note in terrain.notes.values())
    if missing > 0:
        line += f" {100 * missing:.2g}% of the place has no heights and is taken as flat."
    return [line]
