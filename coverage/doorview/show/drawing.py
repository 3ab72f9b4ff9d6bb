"""Drawing from arrays: thousands of polygons and lines as one path each, text that is never read as markup.

The only modules that load matplotlib are this one and those that draw with it; none of them touches its global
state.
"""

from __future__ import annotations

import math
import os
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.path import Path as DrawPath
from matplotlib.text import Text
from matplotlib.ticker import Formatter

from doorview.show.files import replacing
from doorview.show.style import INK, PAGE
from doorview.show.text import FEET_PER_METRE, Caption, Units, clean

__all__ = [
    "PercentFormatter",
    "Sheet",
    "draw_lines",
    "draw_polygons",
    "drawable",
    "nice_length",
    "north_arrow",
    "put",
    "save",
    "scale_bar",
]

_FONT = "DejaVu Sans"
_VERTICES_PER_PATH = 20_000
_DENSE = 5_000
"""Vertices of one call from which an SVG holds an image instead: a town's buildings are megabytes of outlines."""


@cache
def _font(size: float, bold: bool = False) -> FontProperties:
    return FontProperties(family=_FONT, size=size, weight="bold" if bold else "normal")


@cache
def _letters() -> frozenset[int]:
    """Return the code points that the font has."""
    return frozenset(get_font(str(findfont(_font(10)))).get_charmap())


@cache
def _advance(letter: str, bold: bool) -> float:
    """Return how far a letter of the font moves the pen, as a part of the font's size."""
    font = get_font(str(findfont(_font(10, bold))))
    font.set_size(100, 72)
    # 65536ths of a pixel, which here is a hundredth of the font's size
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / 100


def drawable(text: str) -> str:
    """Return text with each letter that the font lacks as a replacement mark, so that a gap is seen as one."""
    known = _letters()
    return "".join(char if ord(char) in known else "�" for char in text)


def put(
    axes: Axes, x: float, y: float, text: str, *, size: float = 8, bold: bool = False, colour: str = INK, **place: Any
) -> Text:
    """Draw text as it is: no markup, no missing glyphs. `place` goes to `Axes.text` (ha, va, rotation, transform)."""
    return axes.text(x, y, drawable(text), color=colour, fontproperties=_font(size, bold), parse_math=False, **place)


class PercentFormatter(Formatter):
    """Ticks in per cent, without decimals where they are whole."""

    def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: ARG002 - matplotlib's signature
        """Return the label of a tick at the share `x`."""
        return f"{100 * x:.10g}%"


class Sheet:
    """A page of landscape paper (A4, or letter for US units), with an axes over all of it in inches for the text."""

    def __init__(self, caption: Caption, dpi: int = 200) -> None:
        self.width, self.height = (11.0, 8.5) if caption.units == "us" else (11.69, 8.27)
        self.dpi = dpi
        self.figure = Figure(figsize=(self.width, self.height), dpi=dpi, facecolor=PAGE)
        FigureCanvasAgg(self.figure)
        self.page = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self.page.set(xlim=(0, self.width), ylim=(0, self.height))
        self.page.set_axis_off()

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Return axes at a place given in inches."""
        return self.figure.add_axes((left / self.width, bottom / self.height, width / self.width, height / self.height))

    def text_width(self, text: str, size: float, bold: bool = False) -> float:
        """Return the width of a line [inches]: the letters' advances; kerning, which is small, is left out."""
        return sum(_advance(letter, bold) for letter in drawable(text)) * size / 72

    def wrapped(self, text: str, width: float, size: float, bold: bool = False) -> list[str]:
        """Return the lines of a text that fit into a width [inches]; a word too long for it is cut into pieces."""
        lines: list[str] = []
        line = ""
        for whole in text.split(" "):
            word = whole
            trial = f"{line} {word}".strip()
            if self.text_width(trial, size, bold) <= width:
                line = trial
                continue
            if line:
                lines.append(line)
            while self.text_width(word, size, bold) > width:
                fits = max(1, int(len(word) * width / self.text_width(word, size, bold)) - 1)
                lines.append(word[:fits])
                word = word[fits:]
            line = word
        return [*lines, line] if line else lines

    def write(
        self, x: float, y: float, text: str, width: float, *, size: float = 8, bold: bool = False, colour: str = INK
    ) -> float:
        """Write a wrapped paragraph with its top at `y` [inches] and return where it ends."""
        for line in self.wrapped(text, width, size, bold):
            put(self.page, x, y - size / 72, line, size=size, bold=bold, colour=colour, va="baseline")
            y -= 1.32 * size / 72
        return y

    def patch(self, x: float, y: float, width: float, height: float, **look: Any) -> None:
        """Draw a small rectangle [inches]: a legend's swatch."""
        self.page.add_patch(Rectangle((x, y), width, height, **look))

    def stroke(self, x: npt.ArrayLike, y: npt.ArrayLike, **look: Any) -> None:
        """Draw a line in inches."""
        self.page.plot(x, y, **look)


def _draw(axes: Axes, points: npt.NDArray[Any], codes: npt.NDArray[Any], starts: npt.NDArray[Any], **look: Any) -> None:
    """Add paths of at most some thousand vertices each, cut where a part starts."""
    if len(starts) == 0:
        return
    cuts = [0]
    ends = np.append(starts[1:], len(points))
    while cuts[-1] < len(points):
        beyond = int(np.searchsorted(ends, cuts[-1] + _VERTICES_PER_PATH, side="right"))
        end = int(ends[beyond - 1]) if beyond else 0
        cuts.append(end if end > cuts[-1] else int(ends[np.searchsorted(ends, cuts[-1], side="right")]))
    for low, high in pairwise(cuts):
        patch = PathPatch(DrawPath(points[low:high], codes[low:high]), **look)
        axes.add_artist(patch)
        patch.set_clip_path(axes.patch)


def draw_polygons(axes: Axes, geometries: npt.NDArray[Any], **look: Any) -> None:
    """Draw polygons and multipolygons as few compound paths; holes stay open. `look` as for `PathPatch`."""
    parts = shapely.get_parts(geometries)
    parts = parts[(shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)]
    if len(parts) == 0:
        return
    # The filling rule is nonzero winding: holes have to run against their shells.
    _, points, (rings, polygons) = shapely.to_ragged_array(shapely.orient_polygons(parts), include_z=False)
    codes = np.full(len(points), DrawPath.LINETO, dtype=np.uint8)
    codes[rings[:-1]] = DrawPath.MOVETO
    codes[rings[1:] - 1] = DrawPath.CLOSEPOLY
    _draw(axes, points, codes, rings[polygons[:-1]], rasterized=len(points) > _DENSE, **look)


def draw_lines(axes: Axes, geometries: npt.NDArray[Any], **look: Any) -> None:
    """Draw lines and multilines as few compound paths. `look` as for `PathPatch`."""
    parts = shapely.get_parts(geometries)
    parts = parts[(shapely.get_type_id(parts) == 1) & ~shapely.is_empty(parts)]
    if len(parts) == 0:
        return
    _, points, (starts,) = shapely.to_ragged_array(parts, include_z=False)
    codes = np.full(len(points), DrawPath.LINETO, dtype=np.uint8)
    codes[starts[:-1]] = DrawPath.MOVETO
    look = {"fill": False, "capstyle": "round", "joinstyle": "round", "rasterized": len(points) > _DENSE, **look}
    _draw(axes, points, codes, starts[:-1], **look)


def nice_length(most_m: float, units: Units) -> tuple[float, str]:
    """Return the longest round length (1, 2 or 5 times a power of ten) not above `most_m` [m], and its label."""
    if units == "us":
        feet = most_m * FEET_PER_METRE
        value, unit, metres = (feet, "ft", 1 / FEET_PER_METRE) if feet < 5280 else (feet / 5280, "mi", 1609.344)
    else:
        value, unit, metres = (most_m, "m", 1.0) if most_m < 1000 else (most_m / 1000, "km", 1000.0)
    power = 10.0 ** math.floor(math.log10(value))
    lead = max(step for step in (1, 2, 5) if step * power <= value * (1 + 1e-12))
    return lead * power * metres, f"{lead * power:,g} {unit}"


def scale_bar(sheet: Sheet, x: float, y: float, most_inches: float, metres_per_inch: float, units: Units) -> None:
    """Draw a scale bar with its left end at x, y [inches] and its length above."""
    length, label = nice_length(most_inches * metres_per_inch, units)
    inches = length / metres_per_inch
    for part in range(4):
        look = {"facecolor": INK if part % 2 == 0 else PAGE, "edgecolor": INK, "linewidth": 0.6}
        sheet.patch(x + part * inches / 4, y, inches / 4, 0.06, **look)
    put(sheet.page, x, y + 0.11, "0", size=8, ha="center")
    put(sheet.page, x + inches, y + 0.11, label, size=8, ha="center")


def north_arrow(sheet: Sheet, x: float, y: float) -> None:
    """Draw an arrow to the north with its foot's middle at x, y [inches]; grid north is up."""
    sheet.page.add_patch(
        Polygon([(x, y + 0.34), (x - 0.09, y), (x, y + 0.07), (x + 0.09, y)], facecolor=INK, edgecolor="none")
    )
    put(sheet.page, x, y + 0.38, "N", size=9, bold=True, ha="center")


def save(sheet: Sheet, path: str | os.PathLike[str], caption: Caption, title: str, *, what: str | None = None) -> Path:
    """Write the sheet as PNG or SVG, by the suffix, whole or not at all; the same picture gives the same bytes.

    Where the caption asks for `svg`, a PNG has an SVG of the same name beside it. `what` is said in the file of what
    the picture shows; left out: simulated cameras and what hides from them.
    """
    target = Path(path)
    lead = (caption.simulated, caption.obstacles_line) if what is None else (what,)
    note = " ".join(line for line in (*lead, caption.source_line) if line)
    if target.suffix.lower() == ".svg":
        meta: dict[str, Any] = {"Title": drawable(title), "Description": note, "Date": None, "Creator": None}
        kind = "svg"
    elif target.suffix.lower() == ".png":
        meta = {"Title": title, "Description": note, "Copyright": clean(caption.attribution, 120), "Software": None}
        kind = "png"
    else:
        raise ValueError(f"'{target.name}': pictures are .png or .svg.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary:
        _print(sheet.figure, temporary, kind, meta, title)
    if caption.svg and kind == "png":
        save(sheet, target.with_suffix(".svg"), caption, title, what=what)
    return target


def _print(figure: Figure, path: Path, kind: str, meta: dict[str, Any], salt: str) -> None:
    if kind == "png":
        # Light packing: half the time, 2% larger.
        figure.savefig(path, format="png", metadata=meta, pil_kwargs={"compress_level": 3})
        return
    # Text stays text, to be searched and edited; a viewer without the font takes another of its family.
    with mpl.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata=meta)
