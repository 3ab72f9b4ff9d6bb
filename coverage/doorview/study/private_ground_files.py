"""What a run's folder says of private ground: a table and pictures fit to publish, single doors in `working/`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from doorview.city.classes import STREET_CLASSES
from doorview.city.ground import Ground
from doorview.city.ground_polygons import MAP_SEGMENTS, strip_polygons
from doorview.overlays.facades import BAND_M, FACING_COSINE, OUT_M
from doorview.overlays.lots import NOTES_SHORT, OUTBUILDING_M2
from doorview.share.face_groups import SMALLEST_GROUP, nearest_faces
from doorview.share.lots import PARTS
from doorview.show.run_folder import RunFolder
from doorview.show.tables import write_csv, write_private_ground
from doorview.show.text import count
from doorview.study.draw import caption_of, map_data
from doorview.study.private_ground_run import FRONT_YARDS, VIEW, PrivateGroundRun
from doorview.study.private_ground_section import LAW_SHORT
from doorview.study.shown import headline_levels

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = ["draw_private_ground", "private_ground_facts", "write_private_ground_files"]


def write_private_ground_files(result: Result, run: RunFolder) -> None:
    """Write private_ground.csv and, in `working/`, the view of each door, where the study asks for it."""
    found = result.tables.private_ground
    if found is not None:
        write_private_ground(run.path("private_ground.csv"), found.table)
        write_csv(run.path("working", "view_of_door.csv"), found.views)


def draw_private_ground(result: Result, folder: Path) -> list[Path]:
    """Draw whose ground cameras see, and the map of front yards, into `folder`."""
    found = result.tables.private_ground
    if found is None:
        return []
    from doorview.show.private_ground import FrontYards, front_yard_map, view_plot

    scenario, level = result.main_scenario(), result.main_level()
    base = map_data(result, scenario, level, None)
    names = headline_levels(result.levels)
    table = found.table
    whole = table[(table["scenario"] == scenario) & (table["zoning"] == "all")]
    drawn = []
    views = whole[whole["what"] == VIEW]
    if len(views) and views["share_mean"].notna().any():
        drawn.append(
            view_plot(
                folder / "private_ground_views.png",
                views,
                [result.levels[name] for name in names if views[views["level"] == name]["share_mean"].notna().any()],
                caption_of(result),
                scenario=base.scenario,
                said=NOTES_SHORT[found.lots.method],
                law=found.law,
            )
        )
    yards = whole[whole["what"] == FRONT_YARDS].set_index("level")["share_mean"]
    if len(yards):
        some = np.flatnonzero(found.front_m2 > 0)
        share = _share_by_group(result, found, scenario, level)
        drawn.append(
            front_yard_map(
                folder / "private_ground.png",
                FrontYards(
                    base,
                    found.fronts[some],
                    share[some],
                    tuple((result.levels[name], float(yards[name])) for name in names),
                    _street_ground(result.ready.ground),
                    NOTES_SHORT[found.lots.method],
                    LAW_SHORT if found.law else None,
                ),
            )
        )
    return drawn


def _street_ground(ground: Ground) -> NDArray[Any]:
    """Return the ground along streets as polygons: of each line and side the widest strip, from its middle."""
    strips = ground.strips[ground.strips["class"].isin(STREET_CLASSES)]
    wide = strips.assign(inner_m=0.0, line=shapely.to_wkb(strips.geometry.to_numpy()))
    wide = wide.sort_values("outer_m", ascending=False, kind="stable").drop_duplicates(["line", "side"])
    return strip_polygons(wide, quarter_segments=MAP_SEGMENTS)


def _share_by_group(result: Result, found: PrivateGroundRun, scenario: str, level: str) -> NDArray[np.float64]:
    """Return (lots,) the expected share of all front yards of the group of street blocks that each lot lies at.

    NaN where the group's front yards are those of fewer than 5 homes.
    """
    ready, faces = result.ready, result.ready.ground.faces
    table = result.tables.faces[scenario]
    group = table["group"].to_numpy(np.int64)
    face = nearest_faces(faces, table["public_m2"].to_numpy(np.float64) > 0, ready.scene.door_xy)
    of_lot = np.full(len(found.lots), -1, np.int64)
    rows = np.flatnonzero((found.lots.of_door >= 0) & (face >= 0))[::-1]  # so that a lot's first door decides
    of_lot[found.lots.of_door[rows]] = group[face[rows]]
    share = np.full(len(found.lots), np.nan)
    known = np.flatnonzero((of_lot >= 0) & (found.front_m2 > 0))
    size = len(faces)
    ground = np.bincount(of_lot[known], weights=found.front_m2[known], minlength=size)
    in_view = found.in_view_m2[scenario][list(result.levels).index(level)]
    seen = np.bincount(of_lot[known], weights=in_view[known], minlength=size)
    homes = np.bincount(of_lot[known], weights=found.homes_of_lot[known], minlength=size)
    enough = homes[of_lot[known]] >= SMALLEST_GROUP
    share[known[enough]] = (seen / np.maximum(ground, 1e-9))[of_lot[known[enough]]]
    return share


def private_ground_facts(result: Result) -> dict[str, Any]:
    """Return what run.json says of private ground."""
    found = result.tables.private_ground
    if found is None:
        return {}
    return {
        "private_ground": {
            "lots": {"method": found.lots.method, "words": found.lots.words, "counts": _shown(found.counts)},
            "parts": PARTS,
            "assumed": {
                "front_yard": "private ground of a lot that lies nearer to the centreline of a street than the nearest "
                "wall of the lot's home; no alley counts as a street",
                "small_building_m2": OUTBUILDING_M2,
                "lot_reach_m": found.section.lot_reach_m if found.lots.method == "tessellation" else None,
                "window_band_m": list(BAND_M),
                "facade_spot_before_wall_m": OUT_M,
                "facade_faces_street_within_degrees": round(float(np.degrees(np.arccos(FACING_COSINE)))),
                "facade_density": "on the wall itself" if found.section.oblique else "of a person who faces the camera",
            },
            "zones_withheld": dict(found.withheld),
            "law": found.law,
            "p05_p95": "chance alone: which homes happen to own a camera",
        }
    }


def _shown(counts: Any) -> dict[str, int | str]:
    """Return counts as they may be published: 1 to 4 of anything, which could point at homes, as words."""
    return {
        name: number if number == 0 or number >= SMALLEST_GROUP else count(number) for name, number in counts.items()
    }
