"""Maps of known cameras: where they hang, what they see by the lens assumed, and what simulated ones would add."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from doorview.show.drawing import draw_lines, north_arrow, save, scale_bar
from doorview.show.frame import Frame, within
from doorview.show.maps import (
    DETAIL_M,
    FOOT,
    GROUND_LABELS,
    HEAD,
    MARGIN,
    PANEL,
    MapData,
    draw_base,
    draw_boundary,
    draw_buildings,
    draw_foot,
    draw_locator,
    draw_zones,
    map_frame,
    map_inches,
    swatch,
)
from doorview.show.names import write_ground, write_streets, write_zones
from doorview.show.picture import Bounds, count_image, densest_window
from doorview.show.style import BUILDING, GROUND, GROUND_EDGES, INK, MUTED, PAGE, rgb
from doorview.show.text import LevelLike, clean, level_phrase, percent

__all__ = ["COUNT_COLOURS", "KnownFigure", "KnownMapData", "known_detail_map", "known_map"]

COUNT_COLOURS: tuple[str, ...] = ("#e3b04b", "#b3651a", "#6b2d12")
"""Ground that one known camera sees, two, three or more: in another hue than the shares of simulated ones."""

_COUNT_LABELS = ("one camera", "two cameras", "three or more")


class KnownFigure(NamedTuple):
    """Shares of the whole place at a level: known cameras, simulated ones, and either."""

    level: LevelLike
    known: float
    simulated: float
    either: float


@dataclass(frozen=True)
class KnownMapData:
    """What a map of known cameras shows.

    Attributes
    ----------
    base
        Streets, buildings, ground, zones, boundary, level and scenario as for any map; its caption is one of known
        cameras (`Caption.known`) and names the lens assumed.
    cameras
        Places (n, 2) [m] of the cameras drawn: of those that may be published alone.
    seen_by
        Raster of the known cameras that see each cell.
    said
        What cameras these are, how many were left out, and what is assumed of them, in sentences.
    figures
        The levels side by side: none stands alone.
    """

    base: MapData
    cameras: npt.NDArray[np.float64]
    seen_by: Path
    said: str
    figures: tuple[KnownFigure, ...]


def known_map(
    path: str | os.PathLike[str], data: KnownMapData, *, window: Bounds | None = None, dpi: int = 200
) -> Path:
    """Draw the map of a window [m], by default of the whole place, and return its path; PNG or SVG by its suffix."""
    frame = map_frame(data.base, window, dpi)
    pixel = frame.metres_per_inch / dpi
    ground = draw_base(frame, data.base)
    _draw_counts(frame, data.seen_by, pixel)
    lines = within(data.base.faces, frame.bounds).geometry.to_numpy()
    draw_lines(frame.axes, lines, edgecolor="#9a9a9a", linewidth=0.5 if window is None else 1.0)
    draw_buildings(frame, data.base, outlined=window is not None)
    draw_zones(frame, data.base)
    outlined = draw_boundary(frame, data.base)
    size = 3.2 if window is None else 5.5
    look: dict[str, Any] = {"color": INK, "markeredgecolor": PAGE, "markeredgewidth": 0.7, "linestyle": "none"}
    frame.axes.plot(*data.cameras.T, "o", markersize=size, zorder=6, **look)
    frame.axes.set(xlim=(frame.bounds[0], frame.bounds[2]), ylim=(frame.bounds[1], frame.bounds[3]))
    taken = write_zones(frame, data.base.zones)
    taken = write_streets(frame, data.base.faces, taken, most=16, all_streets=pixel < 1.5)
    write_ground(frame, ground, taken)
    title = _draw_head(frame, data, whole=window is None)
    _draw_panel(frame, data, tuple(ground), outlined=outlined, located=window is not None)
    draw_foot(frame, data.base)
    return save(frame.sheet, path, data.base.caption, title)


def known_detail_map(
    path: str | os.PathLike[str], data: KnownMapData, *, height_m: float = DETAIL_M, dpi: int = 200
) -> Path:
    """Draw the window of `height_m` that holds most of the cameras."""
    width, height = map_inches(map_frame(data.base, None, dpi).sheet)
    window = densest_window(data.cameras, height_m * width / height, height_m)
    return known_map(path, data, window=window, dpi=dpi)


def _draw_counts(frame: Frame, seen_by: Path, pixel: float) -> None:
    """Colour the ground by the number of known cameras that see it."""
    image = count_image(seen_by, frame.bounds, max(pixel, 0.01))
    palette = np.array([(0, 0, 0, 0), *((*rgb(colour), 255) for colour in COUNT_COLOURS)], dtype=np.uint8)
    west, south, east, north = image.bounds
    frame.axes.imshow(
        palette[np.minimum(image.values, len(COUNT_COLOURS))],
        extent=(west, east, south, north),
        interpolation="nearest",
        aspect="auto",
        zorder=1,
    )
    frame.axes.set(xlim=(frame.bounds[0], frame.bounds[2]), ylim=(frame.bounds[1], frame.bounds[3]))


def _draw_head(frame: Frame, data: KnownMapData, *, whole: bool) -> str:
    """Write what is asked and of which cameras; return the title."""
    sheet, caption = frame.sheet, data.base.caption
    title, below = caption.heading("How much of the streets do known cameras have in view?", part=not whole)
    width = sheet.width - 2 * MARGIN
    size = next((s for s in (15, 14, 13, 12, 11) if sheet.text_width(title, s, True) <= width), 10)
    y = sheet.write(MARGIN, sheet.height - (0.22 if below else 0.3), title, width, size=size, bold=True)
    if below:
        y = sheet.write(MARGIN, y - 0.02, below, width, size=9.5)
    words = f"In view means {level_phrase(data.base.level, caption.units)}. Colours: cameras mapped, none simulated."
    sheet.write(MARGIN, y - 0.03, words, width, size=9.5)
    return title


def _draw_figures(frame: Frame, data: KnownMapData, x: float, y: float, *, located: bool) -> float:
    """Write the shares of the whole place at each level, in rows of three; return where they end."""
    sheet, base = frame.sheet, data.base
    lead = f"In view of {clean(base.headline, 120)}{', whole place' if located else ''}:"
    y = sheet.write(x, y, lead, PANEL, size=9, bold=True) - 0.03
    columns = (0.0, 1.05, 1.95)
    for at, name in zip(columns, ("known", "simulated", "either"), strict=True):
        sheet.write(x + at, y, name, 0.9, size=8, colour=MUTED)
    y -= 0.16
    for figure in data.figures:
        y = sheet.write(x, y, level_phrase(figure.level, base.caption.units), PANEL, size=8)
        for at, share in zip(columns, figure[1:], strict=True):
            end = sheet.write(x + at, y, percent(share), 0.9, size=10, bold=True)
        y = end - 0.03
    words = f"Simulated: {clean(base.scenario, 150).rstrip('.')}."
    return sheet.write(x, y, words, PANEL, size=7.5, colour=MUTED)


def _draw_panel(
    frame: Frame, data: KnownMapData, ground: tuple[str, ...], *, outlined: bool, located: bool
) -> None:  # fmt: skip
    """Write the legend from the top down, scale and north at its foot."""
    sheet, base = frame.sheet, data.base
    x, y = sheet.width - MARGIN - PANEL, sheet.height - HEAD
    y = _draw_figures(frame, data, x, y, located=located) - 0.08
    y = sheet.write(x, y, f"Ground in view ({clean(base.level.name, 30)}) of", PANEL, size=9, bold=True) - 0.04
    for colour, label in zip(COUNT_COLOURS, _COUNT_LABELS, strict=True):
        y = swatch(sheet, x, y, label, fill=colour)
    sheet.page.plot(
        [x + 0.19], [y - 0.09], "o", color=INK, markersize=5, markeredgecolor=PAGE, markeredgewidth=0.7
    )  # fmt: skip
    y = sheet.write(x + 0.48, y - 0.02, "mapped camera", PANEL - 0.48, size=8) - 0.06
    rows = [
        ("building", BUILDING, "#8f8f8c"),
        *((GROUND_LABELS[kind], GROUND[kind], GROUND_EDGES[kind]) for kind in ground),
    ]
    for left in range(0, len(rows), 2):  # two to a row
        y = min(
            swatch(sheet, x + place * PANEL / 2, y, label, fill=fill, edge=edge, width=PANEL / 2)
            for place, (label, fill, edge) in enumerate(rows[left : left + 2])
        )
    if outlined:
        y = swatch(sheet, x, y, "edge of the area that is counted", line=INK, dashed=True)
    if base.zones is not None:
        y = swatch(sheet, x, y, "edge of a zone", line=MUTED)
    y = sheet.write(x, y - 0.06, clean(data.said, 600), PANEL, size=7.5, colour=MUTED) - 0.05
    words = "Private ground in view is coloured too; shares count public ground only."
    y = sheet.write(x, y, words, PANEL, size=7.5, colour=MUTED) - 0.05
    y = sheet.write(x, y, base.caption.camera_line, PANEL, size=7.5, colour=MUTED)
    if located:
        draw_locator(frame, base, x, y - 0.12)
    scale_bar(sheet, x + 0.1, FOOT + 0.05, PANEL - 1.0, frame.metres_per_inch, base.caption.units)
    north_arrow(sheet, x + PANEL - 0.25, FOOT + 0.02)
