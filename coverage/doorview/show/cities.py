"""Cities side by side as a picture: a dot for each city and level, how uncertain it is, how good its map data are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from doorview.show.drawing import PercentFormatter, Sheet, put, save
from doorview.show.style import INK, LINE_COLOURS, MUTED
from doorview.show.text import CAVEAT, Caption, clean, percent

__all__ = ["ROWS_PER_SHEET", "cities_plot"]

ROWS_PER_SHEET = 18
"""Cities that a page has room for."""
_NAMES, _COLUMN, _GAP, _FIGURE = 2.25, 0.82, 0.22, 0.52  # inches: names, a column of data, between panels, a figure
_ROW, _TALLEST_ROW = 0.24, 0.42  # inches: with a page full of cities, and with few
_DOT, _BAND = LINE_COLOURS[0], LINE_COLOURS[2]
_HEADS = (
    ("dwellings_assumed_share", ("homes", "assumed")),
    ("doors_from_facades_share", ("doors", "guessed")),
    ("data_date", ("data", "of")),
)


def cities_plot(
    path: str | os.PathLike[str],
    table: pd.DataFrame,
    quality: pd.DataFrame,
    levels: Sequence[tuple[str, str]],
    caption: Caption,
    *,
    title: str,
    drawn: str,
    notes: Sequence[str] = (),
    dpi: int = 160,
) -> Path:
    """Draw the share in view of each city at each level, with both intervals, beside what its map data leave open.

    Parameters
    ----------
    path
        File to write; PNG or SVG by suffix.
    table
        Columns city, level, share_mean, share_p05, share_p95, share_low, share_high; at most `ROWS_PER_SHEET` cities,
        drawn from the top in their order. Chance alone is drawn only where the range over assumptions is there too.
    quality
        By city: dwellings_assumed_share, doors_from_facades_share, data_date.
    levels
        Name and plain words of each level, a panel each.
    caption
        Camera, obstacles, dates, attribution.
    title
        The question.
    drawn
        What is drawn: the space, and who owns a camera.
    notes
        More small print.
    dpi
        Pixels per inch.

    Raises
    ------
    ValueError
        If `table` holds no city or too many.

    """
    cities = list(dict.fromkeys(table["city"]))
    if not 0 < len(cities) <= ROWS_PER_SHEET:
        raise ValueError(f"{len(cities)} cities: a page has room for 1 to {ROWS_PER_SHEET}.")
    sheet = Sheet(caption, dpi)
    width = sheet.width - 1.0
    y = sheet.write(0.5, sheet.height - 0.35, title, width, size=15, bold=True)
    y = sheet.write(0.5, y - 0.04, drawn, width, size=10)
    if caption.label_line:
        y = sheet.write(0.5, y - 0.02, caption.label_line, width, size=10)
    top = y - 0.62
    tall = min(_ROW * ROWS_PER_SHEET / len(cities), _TALLEST_ROW)
    rows = {city: top - tall * (place + 0.5) for place, city in enumerate(cities)}
    bottom = top - tall * len(cities)
    _names(sheet, rows, quality.set_index("city"), top)
    left = 0.5 + _NAMES + _COLUMN * len(_HEADS) + 0.1
    wide = (sheet.width - 0.5 - left - _GAP * (len(levels) - 1)) / len(levels)
    for place, (level, plain) in enumerate(levels):
        here = table[table["level"] == level].set_index("city")
        _panel(sheet, here, rows, (level, plain), (left + place * (wide + _GAP), bottom, wide, top - bottom))
    _foot(sheet, caption, [*notes, _legend(table)])
    return save(sheet, path, caption, title)


def _names(sheet: Sheet, rows: dict[str, float], quality: pd.DataFrame, top: float) -> None:
    """Write the names of the cities, and beside each how far its data can be relied upon."""
    for city, y in rows.items():
        name = sheet.wrapped(clean(city, 60), _NAMES - 0.1, 9)
        put(sheet.page, 0.5, y - 0.045, name[0] + ("…" if len(name) > 1 else ""), size=9)
        for place, (column, _) in enumerate(_HEADS):
            value = quality.loc[city, column]
            words = "unknown" if pd.isna(value) else clean(value, 10) if isinstance(value, str) else percent(value)
            at = 0.5 + _NAMES + _COLUMN * (place + 1) - 0.12
            put(sheet.page, at, y - 0.045, words, size=8, colour=MUTED, ha="right")
    for place, (_, lines) in enumerate(_HEADS):
        for line, words in enumerate(lines):
            at = 0.5 + _NAMES + _COLUMN * (place + 1) - 0.12
            put(sheet.page, at, top + 0.22 - 0.14 * line, words, size=8, colour=MUTED, ha="right")


def _panel(
    sheet: Sheet,
    here: pd.DataFrame,
    rows: dict[str, float],
    level: tuple[str, str],
    box: tuple[float, float, float, float],
) -> None:
    """Draw one level: from 0 up, on a scale of its own."""
    left, bottom, wide, tall = box
    lines = [clean(level[0], 30), *sheet.wrapped(clean(level[1], 80), wide, 8)[:2]]
    for line, words in enumerate(lines):
        y = bottom + tall + 0.36 - 0.14 * line
        put(sheet.page, left, y, words, size=9 if line == 0 else 8, bold=line == 0, colour=INK if line == 0 else MUTED)
    axes = sheet.axes(left, bottom, wide - _FIGURE, tall)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#e3e3e3", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, color=MUTED)
    axes.set_yticks([])
    numbers = here[["share_mean", "share_p95", "share_high"]].to_numpy(np.float64)
    finite = numbers[np.isfinite(numbers)]
    axes.set(ylim=(bottom, bottom + tall), xlim=(0, min(float(finite.max()) * 1.08, 1.0) or 0.01 if len(finite) else 1))
    axes.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(PercentFormatter())
    for city, y in rows.items():
        if city in here.index:
            _row(axes, here.loc[city], y)
            words, colour = percent(float(here.loc[city, "share_mean"])), INK
        else:
            words, colour = "not asked", MUTED
        put(sheet.page, left + wide, y - 0.045, words, size=8, colour=colour, ha="right")


def _row(axes: Axes, row: pd.Series, y: float) -> None:
    mean, low, high = (float(row[name]) for name in ("share_mean", "share_low", "share_high"))
    if np.isfinite([low, high]).all():
        axes.plot([low, high], [y, y], color=_BAND, linewidth=1.2, clip_on=False)
        chance = [float(row["share_p05"]), float(row["share_p95"])]
        if np.isfinite(chance).all():
            axes.plot(chance, [y, y], color=_BAND, linewidth=4.5, alpha=0.55, solid_capstyle="butt", clip_on=False)
    axes.plot([mean], [y], marker="o", markersize=5, color=_DOT, linestyle="", clip_on=False)


def _legend(table: pd.DataFrame) -> str:
    """Return what dots and lines are."""
    ranged = table[["share_low", "share_high"]].notna().to_numpy().any()
    words = "Dot: the expected share. "
    if ranged:
        words += (
            "Thin line: the range over the stated assumptions, most of which can only lower a share. Thick line: "
            "chance alone, which homes happen to own one. "
        )
    return (
        words
        + "Each level has a scale of its own. Homes assumed: the part of homes that no map data count, so that their "
        "number behind a door is assumed. Doors guessed: the part with neither entrance nor address mapped, put on the "
        "facade toward the street. Cities compare only as far as their map data are equally complete."
    )


def _foot(sheet: Sheet, caption: Caption, notes: Sequence[str]) -> None:
    """Write the small print at the page's foot."""
    width = sheet.width - 1.0
    said = f"{caption.simulated} {caption.camera_line} {caption.obstacles_line}".rstrip()
    lines = [(text, MUTED) for note in notes for text in sheet.wrapped(note, width, 8)]
    lines += [(text, INK) for note in (said, CAVEAT, caption.source_line) for text in sheet.wrapped(note, width, 8)]
    step = 1.32 * 8 / 72
    y = 0.2 + step * len(lines)
    for text, colour in lines:
        y -= step
        put(sheet.page, 0.5, y, text, size=8, colour=colour)
