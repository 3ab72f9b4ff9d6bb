"""The essential of a result: the figures that people want, in a few lines and as a small table."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

from doorview.show.text import CAVEAT, distance, percent, place_words
from doorview.study.shown import headline_levels, shown_space

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = ["essential_lines", "files_lines", "result_html"]


def _space(result: Result) -> str:
    """Return the public space that the figures are of: streets near homes, else all public ground."""
    return shown_space(result.curve["space"])


def share_words(result: Result, scenario: str, level: str, space: str) -> str:
    """Return a share, and its range over the stated assumptions where there is one: ``37% (22% to 37%)``."""
    mean, low, high = (result.share(scenario, level, space, f"share_{name}") for name in ("mean", "low", "high"))
    return percent(mean) if np.isnan(low) else f"{percent(mean)} ({percent(low)} to {percent(high)})"


def _ground(result: Result, space: str) -> str:
    study = result.ready.study
    return place_words(space, study.output.units, study.public_space.near_home_m)


def essential_lines(result: Result) -> list[str]:
    """Return the share in view at detect, observe and recognise in the main scenario, a line for each level."""
    units, space, scenario = result.ready.study.output.units, _space(result), result.main_scenario()
    own = next(item for item in result.tables.scenarios if item.name == scenario)
    rows = [
        (name, f"{result.levels[name].plain}, up to {distance(result.levels[name].range_m, units)}")
        for name in headline_levels(result.levels)
    ]
    wide, wider = (max(len(row[place]) for row in rows) for place in (0, 1))
    lines = [f"  {name:{wide}}  {words:{wider}}  {share_words(result, scenario, name, space)}" for name, words in rows]
    ranged = result.shares["share_low"].notna().any()
    over = " (in brackets the range over the stated assumptions)" if ranged else ""
    return [f"{result.scenario_words(own)}: expected share of {_ground(result, space)} in view{over}:", *lines]


def files_lines(result: Result) -> list[str]:
    """Return where the files are, what to open first among them; nothing for a result without a folder."""
    if result.folder is None:
        return []
    first = [
        ("map", f"maps/in_view_{result.main_level()}_{result.main_scenario()}.png"),
        ("tables", "shares.csv"),
        ("page for a browser", "explorer.html"),
        ("briefing", "briefing.pdf"),
        ("QGIS", "map.qgz"),
    ]
    there = [f"{what} {name}" for what, name in first if (result.folder / name).is_file()]
    return [f"Maps and tables: {result.folder}", *([f"Look first at: {'; '.join(there)}"] if there else [])]


def result_html(result: Result) -> str:
    """Return a small table, a row per scenario and a column per level, every text escaped: names come from data."""
    units, space = result.ready.study.output.units, _space(result)
    levels = headline_levels(result.levels)
    head = "".join(
        f"<th>{html.escape(name)}<br><small>{html.escape(result.levels[name].plain)}, up to "
        f"{html.escape(distance(result.levels[name].range_m, units))}</small></th>"
        for name in levels
    )
    rows = "".join(
        f'<tr><td style="text-align:left">{html.escape(result.scenario_words(item))}</td>'
        + "".join(f"<td>{html.escape(share_words(result, item.name, name, space))}</td>" for name in levels)
        + "</tr>"
        for item in result.tables.scenarios
    )
    name = result.ready.study.study.label or result.ready.city.name
    fiction = " A fictional town." if result.ready.study.study.fictional else ""
    date = str(result.ready.city.source.get("data_date") or "of unknown date")[:10]
    ranged = result.shares["share_low"].notna().any()
    over = " In brackets: the range over the stated assumptions; most of them can only lower a share." if ranged else ""
    notes = "".join(f"<li>{html.escape(line)}</li>" for line in result.notes())
    return (
        f"<div><p><strong>{html.escape(name)}</strong>: expected share of {html.escape(_ground(result, space))} "
        f"in view of simulated cameras ({html.escape(result.ready.camera_label)}).{fiction}</p>"
        f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f"<p><small>Map data {html.escape(date)}, {html.escape(result.ready.attribution)}.{over} {CAVEAT}</small></p>"
        f"<details><summary>What a reader of the figures has to know</summary><ul>{notes}</ul></details></div>"
    )
