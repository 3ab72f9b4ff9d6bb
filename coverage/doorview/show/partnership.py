"""The partnership over time as a picture: the share in view with and without it, and the doors that it adds."""

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
from doorview.show.text import CAVEAT, Caption, LevelLike, clean, level_phrase, percent, place_words

__all__ = ["partnership_plot"]

_LEFT, _RIGHT = 0.95, 2.55  # inches
_LOWER = 1.15  # inches: height of the lower axes
_GAP = 0.42  # inches between the axes
_LINE = 0.165  # inches: a line of a label
_WITH, _WITHOUT = LINE_COLOURS[0], LINE_COLOURS[1]
_DASHES = (0, (6, 2))


def partnership_plot(
    path: str | os.PathLike[str],
    table: pd.DataFrame,
    levels: Sequence[LevelLike],
    caption: Caption,
    *,
    level: str,
    programme: str,
    doors: int,
    said: str = "",
    free: Sequence[str] = (),
    near_m: float = 50.0,
    dpi: int = 160,
) -> Path:
    """Draw the share in view by month, with the programme and without, and the doors that got a camera in each month.

    Parameters
    ----------
    path
        File to write; PNG or SVG by suffix.
    table
        Table with the columns of partnership.csv, of one programme, space and measure.
    levels
        The levels whose figures at the end are told; all in `table`.
    caption
        Place, camera, date, units.
    level
        The level that is drawn.
    programme
        Plain name of the programme; untrusted.
    doors
        All doors that might own a camera.
    said
        What a reader must know of the programme: that it was offered only, say.
    free
        The parameters that no source gives, in words.
    near_m
        Within what distance of a home "near homes" is [m].
    dpi
        Pixels per inch.

    Raises
    ------
    ValueError
        If `table` has no rows of a level, or holds several programmes, spaces or measures.
    """
    if len(table[["programme", "space", "measure"]].drop_duplicates()) != 1:
        raise ValueError("the partnership's table holds several programmes, spaces or measures (or no row): pick one.")
    rows = {item.name: _rows_of(table, item.name) for item in levels}
    line, drawn = _rows_of(table, level), next((item for item in levels if item.name == level), None)
    if drawn is None:
        raise ValueError(f"level '{level}' is drawn but not among the levels: {[item.name for item in levels]}.")
    sheet = Sheet(caption, dpi)
    title, label = caption.heading("What would a doorbell programme add?")
    space = place_words(str(line["space"].iloc[0]), caption.units, near_m)
    bottom = _foot(sheet, caption, _notes(line, said, free))
    top = _head(sheet, title, label, programme, space, drawn, caption, rows)
    share_axes = _axes(sheet, bottom + _LOWER + _GAP, top)
    _draw_shares(sheet, share_axes, line, doors)
    _draw_doors(sheet, _axes(sheet, bottom, bottom + _LOWER), line)
    return save(sheet, path, caption, title)


def _rows_of(table: pd.DataFrame, level: str) -> pd.DataFrame:
    rows = table[table["level"] == level].sort_values("month")
    if rows.empty:
        raise ValueError(f"the partnership's table has no rows for level '{level}'.")
    return rows


def _notes(line: pd.DataFrame, said: str, free: Sequence[str]) -> list[str]:
    """Return what stands below the axes in small print."""
    notes = [
        f"{round(float(line['doors_owned'].iloc[0])):,} doors own a camera at the start. {clean(said, 400)}".strip()
    ]
    if free:
        notes.append(f"No source gives, so assumed or left out: {'; '.join(clean(words, 120) for words in free)}.")
    if line["share_p05"].notna().all():
        notes.append("Band: nine in ten simulated courses of the same assumptions, by chance alone.")
    return notes


def _head(
    sheet: Sheet,
    title: str,
    label: str,
    programme: str,
    space: str,
    level: LevelLike,
    caption: Caption,
    rows: dict[str, pd.DataFrame],
) -> float:
    """Write title, programme, what is drawn, and the figures of all levels; returns where the axes may end [inches]."""
    width = sheet.width - 1.0
    y = sheet.write(0.5, sheet.height - 0.35, title, width, size=15, bold=True)
    if label:
        y = sheet.write(0.5, y - 0.02, label, width, size=10)
    y = sheet.write(0.5, y - 0.04, f"Programme: {clean(programme, 120)}", width, size=10)
    y = sheet.write(0.5, y - 0.02, f"Drawn: {space} in view, {level_phrase(level, caption.units)}", width, size=10)
    months = int(next(iter(rows.values()))["month"].iloc[-1])
    figures = [
        f"{clean(name, 30)} {percent(float(part['share_mean'].iloc[-1]))}, without it "
        f"{percent(float(part['share_without_programme'].iloc[-1]))}"
        for name, part in rows.items()
    ]
    return (
        sheet.write(0.5, y - 0.02, f"After {months} month{'s' * (months != 1)}: {'; '.join(figures)}.", width, size=10)
        - 0.15
    )


def _axes(sheet: Sheet, bottom: float, top: float) -> Axes:
    axes = sheet.axes(_LEFT, bottom, sheet.width - _LEFT - _RIGHT, top - bottom)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, color=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True))
    return axes


def _draw_shares(sheet: Sheet, axes: Axes, line: pd.DataFrame, doors: int) -> None:
    """Draw both shares, from 0 up: a cut axis would make a small difference look large."""
    months = line["month"].to_numpy()
    highest = np.nanmax(line[["share_mean", "share_without_programme", "share_p95"]].to_numpy(np.float64))
    axes.set(xlim=(0, max(int(months[-1]), 1)), ylim=(0, float(highest) * 1.08 or 0.01))
    axes.tick_params(labelbottom=False)  # the months stand below the lower axes
    axes.yaxis.set_major_formatter(PercentFormatter())
    if line["share_p05"].notna().all():
        axes.fill_between(months, line["share_p05"], line["share_p95"], color=_WITH, alpha=0.15, linewidth=0)
    axes.plot(months, line["share_without_programme"], color=_WITHOUT, linestyle=_DASHES, linewidth=2, clip_on=False)
    axes.plot(months, line["share_mean"], color=_WITH, linewidth=2, clip_on=False)
    last = line.iloc[-1]
    _label_ends(
        sheet,
        axes,
        (float(last["share_mean"]), "With the programme", _end_words(last, "share_mean", "doors_owned", doors)),
        (
            float(last["share_without_programme"]),
            "Without it",
            _end_words(last, "share_without_programme", "doors_without_programme", doors),
        ),
    )


def _end_words(last: pd.Series, share: str, owned: str, doors: int) -> str:
    return f"{percent(float(last[share]))} in view, {round(float(last[owned])):,} of {doors:,} doors own a camera"


def _label_ends(sheet: Sheet, axes: Axes, upper: tuple[float, str, str], lower: tuple[float, str, str]) -> None:
    """Write at the right ends of both lines what they are, the second below the first."""
    box, top = axes.get_position(), axes.get_ylim()[1]
    base, height, width = box.y0 * sheet.height, box.height * sheet.height, _RIGHT - 0.45
    blocks = [sheet.wrapped(words, width, 8) for *_, words in (upper, lower)]
    tall = [_LINE * (1 + len(lines)) for lines in blocks]
    at = [base + value / top * height for value, *_ in (upper, lower)]
    apart = (sum(tall) / 2 + 0.08 - (at[0] - at[1])) / 2
    middles = [at[0] + max(apart, 0.0), at[1] - max(apart, 0.0)]
    # Near the foot both labels move up, so that neither runs into the lower axes.
    lift = max(base + tall[1] / 2 - middles[1], 0.0)
    x = sheet.width - _RIGHT
    for name, colour, lines, deep, y, middle in zip(
        (upper[1], lower[1]), (_WITH, _WITHOUT), blocks, tall, at, (middles[0] + lift, middles[1] + lift), strict=True
    ):
        sheet.stroke([x + 0.02, x + 0.2], [y, middle], color=colour, linewidth=0.7)
        foot = middle + deep / 2
        for row, words in enumerate([name, *lines]):
            size, colour_of_row = (9, colour) if row == 0 else (8, MUTED)
            at_y = foot - _LINE * row - 0.13
            put(sheet.page, x + 0.25, at_y, words, size=size, bold=row == 0, colour=colour_of_row)


def _draw_doors(sheet: Sheet, axes: Axes, line: pd.DataFrame) -> None:
    """Draw the doors that got a camera in each month: bars with the programme, a line without."""
    months = line["month"].to_numpy()[1:]
    gained, alone = np.diff(line["doors_owned"]), np.diff(line["doors_without_programme"])
    axes.bar(months - 0.5, gained, width=0.8, color=_WITH, linewidth=0)
    axes.plot(months - 0.5, alone, color=_WITHOUT, linestyle=_DASHES, linewidth=2)
    highest = max(float(gained.max(initial=0.0)), float(alone.max(initial=0.0)))
    axes.set(xlim=(0, max(int(months[-1]) if len(months) else 1, 1)), ylim=(0, highest * 1.08 or 1.0))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_xlabel("Months", fontsize=10)
    words = f"Doors that got a camera in each month: bars with the programme ({_handed(line)}), dashes without"
    box = axes.get_position()
    put(sheet.page, _LEFT, (box.y0 + box.height) * sheet.height + 0.1, words, size=9)


def _handed(line: pd.DataFrame) -> str:
    handed, downloads = int(line["free_doorbells"].sum()), int(line["downloads"].sum())
    words = f"{handed:,} handed out"
    return f"{words}, {downloads:,} downloads" if downloads else words


def _foot(sheet: Sheet, caption: Caption, notes: Sequence[str]) -> float:
    """Write the small print from the page's foot up; returns where the axes may begin [inches]."""
    width = sheet.width - 1.0
    said = f"{caption.simulated} {caption.camera_line} {caption.obstacles_line}".rstrip()
    closing = [said, CAVEAT, caption.source_line]
    lines = [(text, MUTED) for note in notes for text in sheet.wrapped(note, width, 8)]
    lines += [(text, INK) for note in closing for text in sheet.wrapped(note, width, 8)]
    step = 1.32 * 8 / 72
    y = 0.2 + step * len(lines)
    begin = y + 0.55
    for text, colour in lines:
        y -= step
        put(sheet.page, 0.5, y, text, size=8, colour=colour)
    return begin
