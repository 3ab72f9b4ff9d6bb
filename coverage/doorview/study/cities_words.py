"""The end of ``doorview cities`` in lines: a small table of the headline, and where the files are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from doorview.show.text import clean, join, percent
from doorview.study.cities_draw import headline_rows
from doorview.study.shown import headline_levels

if TYPE_CHECKING:
    from doorview.study.cities import Cities

__all__ = ["cities_lines"]

_NAME = 40


def cities_lines(found: Cities) -> list[str]:
    """Return what was found, in lines; what failed is told by the caller."""
    rows = headline_rows(found.shares)
    lines: list[str] = []
    if len(rows):
        levels = headline_levels(dict.fromkeys(rows["level"]))
        table = rows.pivot_table(index="city", columns="level", values="share_mean", sort=False)
        wide = min(max(len(clean(name, _NAME)) for name in table.index), _NAME)
        lines.append(
            f"Expected share of streets near homes in view, scenario {rows['scenario'].iloc[0]}, at {join(levels)}:"
        )
        for name, row in table.iterrows():
            figures = "  ".join(f"{percent(float(row[level])) if level in row else '-':>10}" for level in levels)
            lines.append(f"  {clean(name, _NAME):{wide}}  {figures}")
    elif len(found.shares):
        lines.append(
            "No scenario is in all of the cities, so there is no figure to set side by side; cities.csv has each."
        )
    if found.unchanged:
        lines.append(f"Finished before, and not run again: {len(found.unchanged)} of {len(found.status)} cities.")
    lines.append(f"Tables: {found.folder / 'cities.csv'}, and of each city's data cities_status.csv")
    lines += [f"Picture: {path}" for path in found.pictures]
    lines.append(
        "Cities compare only as far as their map data are equally complete. Simulated. In view is not recorded."
    )
    return lines
