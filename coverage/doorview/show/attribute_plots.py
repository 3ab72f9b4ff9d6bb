"""Plots of an attribute of zones: shares by group with both intervals, and Lorenz curves of what is in view."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from doorview.errors import InputError
from doorview.show.drawing import PercentFormatter, Sheet, put, save
from doorview.show.style import INK, LINE_COLOURS, MUTED
from doorview.show.text import CAVEAT, PLAIN_NAMES, Caption, LevelLike, clean
from doorview.show.two_variables_map import ECOLOGICAL

__all__ = ["LorenzLine", "groups_plot", "lorenz_plot"]

_NOTE_LINES = 3
_MOST_ROWS = 18
"""Rows of groups and levels that a page has room for."""


class LorenzLine(NamedTuple):
    """A Lorenz curve: level, under what ownership, shares of homes and of ground in view (0 to 1), and Gini."""

    level: LevelLike
    assumed: bool
    homes: npt.NDArray[np.float64]
    in_view: npt.NDArray[np.float64]
    gini: float


def groups_plot(
    path: str | os.PathLike[str],
    table: pd.DataFrame,
    levels: Sequence[LevelLike],
    caption: Caption,
    *,
    label: str,
    scenario: str,
    headline: str,
    assumption: str,
    notes: Sequence[str] = (),
    dpi: int = 160,
) -> Path:
    """Draw the share of each group at each level: left at equal ownership, right under the assumed gradient.

    Parameters
    ----------
    path
        File to write; PNG or SVG by its suffix.
    table
        Rows of fairness_attributes.csv with the measure ``share``, of one attribute and scenario; one part or two.
    levels
        From the top down; where there is no room for all, the first alone.
    caption
        Place, camera, date, units.
    label, scenario, headline
        The attribute, the scenario as a clause that follows "If", what shares are of; untrusted.
    assumption
        The assumed gradient in words; stands over the right half.
    notes
        What was left out, in words; may hold text from data.
    dpi
        Pixels per inch.

    Raises
    ------
    InputError
        If the table has no groups.
    """
    rows = table[table["value"].notna()]
    groups = list(dict.fromkeys(rows["group"]))
    parts = list(dict.fromkeys(rows["part"]))
    if not groups:
        raise InputError("there are no groups to draw: the attribute is the same in all zones, or zones are too few.")
    shown = [item for item in levels if (rows["level"] == item.name).any()]
    shown = shown if len(groups) * len(shown) <= _MOST_ROWS else shown[:1]
    sheet = Sheet(caption, dpi)
    name = clean(label, 60)
    what = f"Share of {clean(headline, 120)} in view"
    title, y = _head(sheet, caption, f"Who is more in view? Zones by {name}.", what, scenario)
    left, gap, bottom = 2.35, 0.35, 1.95
    width = (sheet.width - left - 0.5 - gap * (len(parts) - 1)) / len(parts)
    top = y - 0.62
    high = float(np.nanmax(rows[["value", "value_p95", "value_high"]].to_numpy(np.float64)))
    for place, part in enumerate(parts):
        x = left + place * (width + gap)
        words = "Equal ownership: built form alone" if place == 0 else f"Assumed, not found: {assumption}"
        for number, line in enumerate(sheet.wrapped(words, width, 9, True)[:3]):
            put(sheet.page, x, top + 0.42 - 0.145 * number, line, size=9, bold=True)
        axes = _axes(sheet, (x, bottom, width, top - bottom), len(groups) * len(shown) + len(shown) - 1)
        axes.set_xlim(0, min(1.0, 1.06 * high) or 1.0)
        _bars(sheet, axes, rows[rows["part"] == part], groups, shown, labels=place == 0)
    said = ["Dot: expected. Dark bar: chance alone, 5% to 95% of drawn ownerships"]
    worked_out = bool(rows["value_low"].notna().any())
    said.append("Light bar: range over assumptions" if worked_out else "The range over assumptions was not worked out")
    if " of " in str(groups[0]) and "(lowest)" in str(groups[0]):
        said.append(
            f"{groups[0]}: homes in the zones where {name} is lowest; about as many in each group as whole zones allow"
        )
    said += [f"{words[:1].upper()}{words[1:]}" for words in (clean(note, 200) for note in notes)]
    _foot(sheet, caption, said)
    return save(sheet, path, caption, title)


def _head(sheet: Sheet, caption: Caption, question: str, what: str, scenario: str) -> tuple[str, float]:
    width = sheet.width - 1.0
    title, label = caption.heading(question)
    y = sheet.write(0.5, sheet.height - 0.35, title, width, size=15, bold=True)
    if label:
        y = sheet.write(0.5, y - 0.02, label, width, size=10)
    words = f"{what}, if {clean(scenario, 150).rstrip('.')}."
    return title, sheet.write(0.5, y - 0.04, words, width, size=10)


def _axes(sheet: Sheet, place: tuple[float, float, float, float], rows: int) -> Axes:
    axes = sheet.axes(*place)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#e3e3e3", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, color=MUTED)
    axes.set_yticks([])
    axes.set_ylim(-0.7, rows - 0.3)
    axes.xaxis.set_major_formatter(PercentFormatter())
    return axes


def _bars(
    sheet: Sheet, axes: Axes, rows: pd.DataFrame, groups: list[str], levels: Sequence[LevelLike], *, labels: bool
) -> None:
    """Draw a row per level and group, levels from the top down, groups from low to high."""
    last = len(groups) * len(levels) + len(levels) - 2
    box, (bottom, top) = axes.get_position(), axes.get_ylim()
    for block, level in enumerate(levels):
        own = rows[rows["level"] == level.name].set_index("group")
        colour = LINE_COLOURS[block % len(LINE_COLOURS)]
        for number, group in enumerate(groups):
            at = last - block * (len(groups) + 1) - number
            if group in own.index:
                row = own.loc[group]
                for low, high, height, alpha in (
                    ("value_low", "value_high", 0.62, 0.18),
                    ("value_p05", "value_p95", 0.26, 0.6),
                ):
                    if np.isfinite(row[low]):
                        axes.barh(
                            at,
                            row[high] - row[low],
                            left=row[low],
                            height=height,
                            color=colour,
                            alpha=alpha,
                            linewidth=0,
                        )
                axes.plot([row["value"]], [at], marker="o", markersize=4.5, color=INK, clip_on=False)
            if labels:
                y = (box.y0 + box.height * (at - bottom) / (top - bottom)) * sheet.height
                put(sheet.page, box.x0 * sheet.width - 0.1, y, clean(group, 26), size=8, ha="right", va="center")
                if number == 0:
                    _level_name(sheet, level, y, colour)


def _level_name(sheet: Sheet, level: LevelLike, y: float, colour: str) -> None:
    plain = clean(level.plain, 60) or PLAIN_NAMES.get(level.name, "")
    text = sheet.wrapped(f"{clean(level.name, 30)}: {plain}", 0.95, 7.5, True)[:4]
    for down, line in enumerate(text):
        put(sheet.page, 0.3, y + 0.03 - 0.125 * down, line, size=7.5, bold=True, colour=colour, va="center")


def _foot(sheet: Sheet, caption: Caption, notes: Sequence[str]) -> None:
    width = sheet.width - 1.0
    y = sheet.write(0.5, 1.55, ECOLOGICAL, width, size=9, bold=True)
    text = " ".join(note if note.endswith(".") else f"{note}." for note in notes)
    for line in sheet.wrapped(text, width, 7.5)[:_NOTE_LINES]:
        y = sheet.write(0.5, y, line, width + 0.1, size=7.5, colour=MUTED)
    said = f"{caption.simulated} {caption.camera_line} {caption.obstacles_line}".rstrip()
    y = sheet.write(0.5, y - 0.03, said, width, size=7.5)
    y = sheet.write(0.5, y, CAVEAT, width, size=7.5)
    sheet.write(0.5, y, caption.source_line, width, size=7.5)


def lorenz_plot(
    path: str | os.PathLike[str],
    lines: Sequence[LorenzLine],
    caption: Caption,
    *,
    scenario: str,
    headline: str,
    zones: str,
    assumption: str = "",
    dpi: int = 160,
) -> Path:
    """Draw Lorenz curves of ground in view over homes: solid at equal ownership, dashed under the assumed gradient.

    Parameters
    ----------
    path
        File to write; PNG or SVG by its suffix.
    lines
        The curves.
    caption
        Place, camera, date, units.
    scenario, headline, zones
        The scenario as a clause that follows "If", what shares are of, the set of zones; untrusted.
    assumption
        The assumed gradient in words, where there is one.
    dpi
        Pixels per inch.

    Raises
    ------
    InputError
        If there is no curve: nothing is in view.
    """
    lines = [line for line in lines if len(line.homes)]
    if not lines:
        raise InputError("there is no Lorenz curve to draw: nothing is in view in any zone.")
    sheet = Sheet(caption, dpi)
    what = f"Ground in view per home, of {clean(headline, 120)}"
    title, y = _head(sheet, caption, "How evenly is what cameras see spread over homes?", what, scenario)
    bottom, side = 2.1, 0.0
    side = y - 0.25 - bottom
    axes = sheet.axes(1.0, bottom, side * 1.15, side)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e8e8e8", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, color=MUTED)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter())
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
    put(sheet.page, 1.0 + side * 0.575, bottom - 0.42, "homes, those with least in view first", size=9, ha="center")
    put(
        sheet.page, 0.42, bottom + side / 2, "part of all ground in view", size=9, rotation=90, ha="center", va="center"
    )
    names = list(dict.fromkeys(line.level.name for line in lines))
    x, top = 1.0 + side * 1.15 + 0.5, bottom + side - 0.05
    width = sheet.width - x - 0.4
    top = (
        sheet.write(x, top, "Gini: 0 if every home has as much in view, 1 if one has all", width, size=9, bold=True)
        - 0.1
    )
    for line in lines:
        colour = LINE_COLOURS[names.index(line.level.name) % len(LINE_COLOURS)]
        style = (0, (4, 2)) if line.assumed else "-"
        axes.plot(line.homes, line.in_view, color=colour, linewidth=1.8, linestyle=style)
        sheet.stroke([x, x + 0.4], [top - 0.1, top - 0.1], color=colour, linewidth=2.0, linestyle=style)
        plain = clean(line.level.plain, 60) or PLAIN_NAMES.get(line.level.name, "")
        words = f"{clean(line.level.name, 30)} ({plain}): {line.gini:.2f}"
        top = (
            sheet.write(x + 0.5, top, words + (", assumed, not found" if line.assumed else ""), width - 0.5, size=8.5)
            - 0.06
        )
    sheet.write(x, top - 0.05, "Dotted: every home has the same.", width, size=8, colour=MUTED)
    held = f"Each home has what its zone ({clean(zones, 40)}) has on average: area in view / homes"
    notes = [f"{held}. What differs within a zone is not seen, so the figures are lower bounds"]
    if any(line.assumed for line in lines):
        notes.append(f"Solid: equal ownership, built form alone. Dashed: assumed, not found: {assumption}")
    _foot(sheet, caption, notes)
    return save(sheet, path, caption, title)
