"""A way metre by metre: the chance of being in view along it, by level."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from doorview.show.drawing import PercentFormatter, Sheet, put, save
from doorview.show.route_maps import KIND_COLOURS, KIND_WORDS, NOT_ADVICE, DrawnWay, RouteData
from doorview.show.style import INK, LINE_COLOURS, MUTED
from doorview.show.text import CAVEAT, FEET_PER_METRE, Caption, LevelLike, clean, distance, level_phrase

__all__ = ["route_plot"]

_LEFT, _RIGHT, _FOOT, _GAP = 0.95, 0.5, 2.05, 0.75  # inches
_TOPS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


def route_plot(path: str | os.PathLike[str], data: RouteData, levels: Sequence[LevelLike], *, dpi: int = 200) -> Path:
    """Draw the chance of being in view along a way and its alternative; return the path, PNG or SVG by its suffix.

    Levels are drawn from the one that reaches farthest to the nearest, filled, so that the darker lies inside the
    lighter.
    """
    caption = data.base.caption
    sheet = Sheet(caption, dpi)
    width = sheet.width - 1.0
    question = f"{clean(data.label, 60)}: where would doorbell cameras have one in view?"
    title, label = caption.heading(question, part=True)
    size = next((s for s in (15, 14, 13, 12, 11) if sheet.text_width(title, s, True) <= width), 10)
    y = sheet.write(0.5, sheet.height - 0.35, title, width, size=size, bold=True)
    if label:
        y = sheet.write(0.5, y - 0.02, label, width, size=10)
    y = sheet.write(0.5, y - 0.04, f"If {clean(data.base.scenario, 150).rstrip('.')}.", width, size=10)
    order = sorted(levels, key=lambda item: -item.range_m)
    y = _key(sheet, order, caption, y - 0.1)
    rows = len(data.ways)
    height = (y - 0.35 - _FOOT - (rows - 1) * _GAP) / rows
    longest = max(way.length_m for way in data.ways)
    largest = max(float(way.profile[item.name].max()) for way in data.ways for item in order if len(way.profile))
    top = next(step for step in _TOPS if largest <= step + 1e-9)
    for number, way in enumerate(data.ways):
        bottom = _FOOT + (rows - 1 - number) * (height + _GAP)
        axes = sheet.axes(_LEFT, bottom, sheet.width - _LEFT - _RIGHT, height)
        _draw(axes, way, order, caption, longest, top)
        words = f"{KIND_WORDS[way.kind]}, {distance(way.length_m, caption.units)}"
        sheet.patch(_LEFT, bottom + height + 0.07, 0.11, 0.13, facecolor=KIND_COLOURS[way.kind], edgecolor="none")
        put(sheet.page, _LEFT + 0.18, bottom + height + 0.09, words, size=10, bold=True)
    unit = "ft" if caption.units == "us" else "m"
    put(sheet.page, sheet.width / 2, _FOOT - 0.48, f"Distance walked from {clean(data.origin, 60)} [{unit}]", size=9,
        ha="center")  # fmt: skip
    put(sheet.page, 0.35, _FOOT + (y - _FOOT) / 2, "Chance of being in view", size=9, rotation=90, va="center")
    _foot(sheet, data)
    return save(sheet, path, caption, title)


def _key(sheet: Sheet, order: Sequence[LevelLike], caption: Caption, y: float) -> float:
    """Write which colour is which level, in rows of two; return where they end."""
    for number, item in enumerate(order):
        x = 0.5 + (number % 2) * (sheet.width - 1.0) / 2
        row = y - 0.2 * (number // 2)
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        sheet.patch(x, row - 0.13, 0.3, 0.12, facecolor=colour, edgecolor="none")
        put(sheet.page, x + 0.38, row - 0.12, level_phrase(item, caption.units), size=8.5)
    return y - 0.2 * ((len(order) + 1) // 2)


def _draw(axes: Axes, way: DrawnWay, order: Sequence[LevelLike], caption: Caption, longest: float, top: float) -> None:
    scale = FEET_PER_METRE if caption.units == "us" else 1.0
    edges = np.append(way.profile["begin_m"].to_numpy(), way.profile["end_m"].iloc[-1:].to_numpy()) * scale
    for number, item in enumerate(order):
        chance = way.profile[item.name].to_numpy()
        colour = LINE_COLOURS[number % len(LINE_COLOURS)]
        axes.stairs(chance, edges, fill=True, color=colour, alpha=0.28, linewidth=0)
        axes.stairs(chance, edges, color=colour, linewidth=1.3, baseline=None)
    axes.set(xlim=(0, longest * scale), ylim=(0, top * 1.04))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, color=MUTED, labelcolor=INK)
    axes.yaxis.set_major_formatter(PercentFormatter())
    axes.axvline(way.length_m * scale, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))


def _foot(sheet: Sheet, data: RouteData) -> None:
    width, caption = sheet.width - 1.0, data.base.caption
    y = sheet.write(0.5, 1.4, f"{NOT_ADVICE} Made with doorview.", width, size=8.5, bold=True)
    said = (
        "Where the line lies at 0, no door has the spot in view, whoever owns a camera. Chances are of single spots; "
    )
    said += "they do not multiply along the way, because a door that sees two spots is one door."
    y = sheet.write(0.5, y, said, width, size=8, colour=MUTED)
    y = sheet.write(
        0.5, y, f"{caption.simulated} {caption.camera_line} {caption.obstacles_line}".rstrip(), width, size=8
    )
    y = sheet.write(0.5, y, CAVEAT, width, size=8)
    sheet.write(0.5, y, caption.source_line, width, size=8)
