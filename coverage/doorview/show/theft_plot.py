"""Whether heat maps of reported thefts foretold the next ones: PAI with intervals, beside simple counts."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from doorview.errors import InputError
from doorview.overlays.publish import SMALLEST_COUNT
from doorview.show.drawing import Sheet, put, save
from doorview.show.maps import FOOT, MARGIN
from doorview.show.style import INK, LINE_COLOURS, MUTED, PAGE
from doorview.show.text import Caption, clean, distance, percent
from doorview.show.theft_drawing import TheftNote, check_months, draw_theft_foot, draw_theft_head, theft_lead

__all__ = ["prediction_plot"]

_COUNTS = "counts"
_LABELS = {"counts": "simple counts", "uniform": "no map at all", "population": "homes alone"}
_NEEDED = ("method", "window", "cell_m", "area_share", "incidents", "pai", "pai_low", "pai_high")
_MARKS = ("o", "s", "^", "v", "P")
_LEFT, _RIGHT = 1.35, 0.4
_SHADE = "#fdf1d6"


def prediction_plot(
    path: str | os.PathLike[str],
    table: pd.DataFrame,
    sentence: str,
    caption: Caption,
    note: TheftNote,
    *,
    dpi: int = 160,
) -> Path:
    """Draw PAI by method, training window, area and cell size, simple counts marked; PNG or SVG by the suffix.

    Parameters
    ----------
    path
        File to write.
    table
        Columns of `prediction.csv`.
    sentence
        What it comes to (the first of `Prediction.sentences`); untrusted.
    caption
        Place, date of the data, units.
    note
        What is said of the incidents; its window is the hold-out's.
    dpi
        Pixels per inch.

    Raises
    ------
    InputError
        For missing columns, an empty table, no simple counts to compare with, a window that holds a day, fewer than 5
        incidents held out, and figures that are none.
    """
    rows = _checked(table)
    sheet = Sheet(caption, dpi)
    held = sorted({int(number) for number in rows["incidents"]})
    number = f"{held[0]:,}" if len(held) == 1 else f"{held[0]:,} to {held[-1]:,}"
    below = (
        f"{number} reported thefts held out, {note.first} to {note.last}, against the hottest cells of each method. "
        "PAI: share of thefts caught over share of area taken; bars hold 95%."
    )
    title, y = draw_theft_head(sheet, caption, "Would a heat map have foretold the next reported thefts?", below)
    y = sheet.write(MARGIN, y - 0.04, clean(sentence, 400), sheet.width - 2 * MARGIN, size=10, bold=True)
    _draw_panels(sheet, rows, y - 0.06, caption)
    draw_theft_foot(sheet, caption, note, beside=False)
    return save(sheet, path, caption, title, what=theft_lead(caption))


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the place of each area share among those of its method, window and cell."""
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing or table.empty or _COUNTS not in set(table["method"]):
        raise InputError(
            f"the prediction lacks {missing or 'rows of simple counts'}: without them nothing says whether a map is "
            "better. Take Prediction.table."
        )
    for window in table["window"].unique():
        check_months(str(window))
    if table["incidents"].min() < SMALLEST_COUNT:
        raise InputError(
            f"fewer than {SMALLEST_COUNT} incidents are held out: such a plot says nothing. Take a longer hold-out."
        )
    if not np.isfinite(table[["pai", "pai_low", "pai_high"]].to_numpy(np.float64)).all():
        raise InputError("the prediction holds a PAI that is no number; take Prediction.table as it is.")
    order = table.groupby(["method", "window", "cell_m"], sort=False)["area_share"].rank(method="first")
    return table.assign(panel=order.astype(int))


def _draw_panels(sheet: Sheet, rows: pd.DataFrame, top: float, caption: Caption) -> None:
    """Draw a column of panels for each area share, a row for each training window."""
    windows, panels = list(pd.unique(rows["window"])), sorted(rows["panel"].unique())
    methods = [_COUNTS, *(name for name in pd.unique(rows["method"]) if name not in (_COUNTS, "uniform"))]
    cells = sorted(rows["cell_m"].unique())
    foot = FOOT + 0.66
    gap_x, gap_y = 0.3, 0.3
    width = (sheet.width - _LEFT - _RIGHT - gap_x * (len(panels) - 1)) / len(panels)
    height = (top - foot - gap_y * len(windows)) / len(windows)
    for column, panel in enumerate(panels):
        part = rows[rows["panel"] == panel]
        most = 1.05 * max(2.0, float(part[part["method"].isin(methods)]["pai_high"].max()))
        for row, window in enumerate(windows):
            left = _LEFT + column * (width + gap_x)
            bottom = top - gap_y - row * (height + gap_y) - height
            axes = sheet.axes(left, bottom, width, height)
            chosen = part[part["window"] == window]
            _draw_panel(axes, chosen, methods, cells, most, labelled=column == 0)
            words = f"{_share_words(chosen)}, trained on {clean(window, 40)}"
            size = next((s for s in (8, 7, 6, 5) if sheet.text_width(words, s, True) <= width), 4)
            put(sheet.page, left, bottom + height + 0.05, words, size=size, bold=True)
            axes.tick_params(labelbottom=row == len(windows) - 1)
            if row == len(windows) - 1:
                put(sheet.page, left + width / 2, bottom - 0.34, "PAI (1: no better than chance)", size=8, ha="center")
    _draw_key(sheet, cells, caption)


def _share_words(rows: pd.DataFrame) -> str:
    low, high = float(rows["area_share"].min()), float(rows["area_share"].max())
    if percent(low) == percent(high):
        return f"{percent(low)} of the area"
    return f"{percent(low).removesuffix('%')} to {percent(high)} of the area"


def _draw_panel(
    axes: Axes, rows: pd.DataFrame, methods: list[str], cells: list[float], most: float, *, labelled: bool
) -> None:  # fmt: skip
    """Draw one area and training window: a line of marks for each method and cell."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#e3e3e3", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.axhspan(-0.5, 0.5, color=_SHADE, zorder=0)
    axes.axvline(1.0, color=INK, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
    for place, method in enumerate(methods):
        for number, cell in enumerate(cells):
            found = rows[(rows["method"] == method) & (rows["cell_m"] == cell)]
            at = place + (number - (len(cells) - 1) / 2) * 0.26
            for _, row in found.iterrows():
                colour = INK if method == _COUNTS else LINE_COLOURS[1]
                axes.plot([row["pai_low"], row["pai_high"]], [at, at], color=colour, linewidth=1.1)
                mark = _MARKS[number % len(_MARKS)]
                face = colour if method == _COUNTS else PAGE
                axes.plot([row["pai"]], [at], mark, color=colour, markersize=4, markerfacecolor=face)
    axes.set(xlim=(0, most), ylim=(len(methods) - 0.5, -0.5))
    axes.tick_params(labelsize=8, color=MUTED)
    axes.set_yticks([])
    if labelled:
        for place, method in enumerate(methods):
            words = _LABELS.get(method, clean(method, 22))
            put(axes, -0.02 * most, place, words, size=8, bold=method == _COUNTS, ha="right", va="center")


def _draw_key(sheet: Sheet, cells: list[float], caption: Caption) -> None:
    """Write what marks mean, in a row."""
    x, y = _LEFT, FOOT + 0.07
    for number, cell in enumerate(cells):
        sheet.stroke([x], [y + 0.04], color=MUTED, marker=_MARKS[number % len(_MARKS)], markersize=5, linestyle="none")
        words = f"cells of {distance(cell, caption.units)}"
        put(sheet.page, x + 0.1, y, words, size=8)
        x += 0.35 + sheet.text_width(words, 8)
    words = "Shaded, filled: simple counts, the baseline. Open: other methods. Dotted: no better than chance."
    put(sheet.page, x + 0.1, y, words, size=8, colour=MUTED)
