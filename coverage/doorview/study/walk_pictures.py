"""Pictures of walks, planned or recorded, from what a call of the API has at hand."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from doorview.city.model import City
from doorview.overlays.route_exposure import CAVEAT
from doorview.show.text import SMALLEST_COUNT, Caption, percent
from doorview.sight.camera import CameraModel
from doorview.sight.levels import Level

__all__ = ["WalkPictures", "figures_said", "owners_said"]


@dataclass(frozen=True, eq=False)
class WalkPictures:
    """What a picture of a walk needs besides the walk: the place around it, and words."""

    city: City
    model: CameraModel
    levels: tuple[Level, ...]
    scenario: str
    obstacles: str
    faces: gpd.GeoDataFrame
    ground: gpd.GeoDataFrame | None

    def draw(
        self,
        path: str | Path | None,
        level: str,
        title: str,
        stretches: gpd.GeoDataFrame,
        said: Mapping[str, tuple[str, ...]],
        *,
        fictional: bool,
        ends: tuple[tuple[float, float, str], ...] = (),
        note: str = "",
    ) -> Any:
        """Draw the map into a file, or return a picture for a notebook where no path is given."""
        from doorview.show.maps import MapData
        from doorview.show.walk_map import WalkMapData, walk_map

        chosen = next(item for item in self.levels if item.name == level)
        marks = tuple(dict.fromkeys(mark for item in self.levels for mark in item.marks))
        caption = Caption(
            place=self.city.name,
            camera=self.model.label,
            data_date=self.city.source.get("data_date"),
            fictional=fictional,
            unconfirmed=marks,
            attribution=str(self.city.source.get("attribution") or ""),
            reading=self.model.reading_words(),
            obstacles=self.obstacles,
        )
        base = MapData(
            faces=self.faces,
            buildings=self.city.buildings,
            level=chosen,
            scenario=self.scenario,
            caption=caption,
            ground=self.ground,
        )
        data = WalkMapData(base, title, stretches, dict(said), f"{CAVEAT} {note}".strip(), ends)
        if path is not None:
            return walk_map(Path(path), data)
        from IPython.display import Image

        with tempfile.TemporaryDirectory(prefix="doorview-") as folder:
            return Image(  # type: ignore[no-untyped-call]
                data=walk_map(Path(folder) / "walk.png", data, dpi=110).read_bytes()
            )


def owners_said(chance: Any) -> str:
    """Return who owns a camera, as a clause that follows "If"; `chance` (doors,)."""
    same = len(chance) and float(chance.min()) == float(chance.max())
    who = f"{percent(float(chance[0]))} of doors own" if same else "doors own by the chances given"
    return f"{who} a doorbell camera, each independently of the others"


def _share(row: Any) -> str:
    """Return the share in view, and nothing of who stood still and walked no length."""
    return "" if math.isnan(row.share_in_view_mean) else f"{percent(row.share_in_view_mean)} of it in view, "


def _bells(row: Any) -> str:
    if 0 < row.doors_in_view < SMALLEST_COUNT:
        return "fewer than 5 doors see it"
    return f"{row.doorbells_mean:.1f} doorbells expected"


def figures_said(rows: pd.DataFrame) -> tuple[str, ...]:
    """Return a walk's figures at all levels, none alone; 1 to 4 doors are not counted out."""
    figures = (
        f"{row.level}: {_share(row)}{_bells(row)}, {percent(row.p_unseen)} chance of arriving unseen"
        for row in rows.itertuples()
    )
    return (f"{rows['length_m'].iloc[0]:,.0f} m", *figures)
