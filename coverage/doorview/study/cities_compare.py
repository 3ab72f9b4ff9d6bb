"""Finished runs read back for a comparison of cities: their shares, and how far their map data can be relied upon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from doorview.errors import OutputError
from doorview.show.tables import SHARES_COLUMNS, with_formulas

__all__ = ["CITIES_COLUMNS", "STATUS_COLUMNS", "facts_of", "shares_of", "status_of"]

CITIES_COLUMNS: tuple[str, ...] = ("city", "range_m", *SHARES_COLUMNS)
STATUS_COLUMNS: tuple[str, ...] = (
    *("city", "status", "folder", "doors", "dwellings", "dwellings_assumed_share", "doors_from_facades_share"),
    *("doors_far_from_streets_share", "objects_dropped", "counted_area_m2", "lost_at_the_edge_share", "data_date"),
    *("fictional", "camera", "obstacles", "near_home_m", "cell_m", "attribution"),
)
_KEYS = ("scenario", "level", "zoning", "zone", "space", "measure")


def facts_of(folder: Path) -> dict[str, Any]:
    """Return the run.json of a finished run."""
    facts: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return facts


def shares_of(city: str, folder: Path, *, by_zone: bool) -> pd.DataFrame:
    """Return the shares.csv of a city's run with the columns `CITIES_COLUMNS`, of the whole city or of its zones too.

    Numbers read back to what they were; counts of 1 to 4 stay the words that they are in the file.
    """
    try:
        table = pd.read_csv(folder / "shares.csv", dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as fault:
        raise OutputError(
            f"'{folder / 'shares.csv'}' cannot be read back ({fault}); run this city anew with --fresh"
        ) from fault
    missing = [name for name in SHARES_COLUMNS if name not in table]
    if missing:
        raise OutputError(
            f"'{folder / 'shares.csv'}' lacks the columns {', '.join(missing)}; run this city anew with --fresh"
        )
    table = with_formulas(table, _KEYS)
    for name in SHARES_COLUMNS[len(_KEYS) :]:
        table[name] = _numbers(table[name])
    if not by_zone:
        table = table[table["zoning"] == "all"]
    levels = facts_of(folder)["levels"]
    ranges = {name: float(item["range_m"]) for name, item in levels.items()}
    return table.assign(city=city, range_m=table["level"].map(ranges))[list(CITIES_COLUMNS)]


def _numbers(column: pd.Series) -> pd.Series:
    """Return a column of text as numbers, exactly those written; as objects where words are among them."""

    def number(text: str) -> float | int | str:
        if not text:
            return float("nan")
        if text.isdecimal():
            return int(text)
        try:
            return float(text)
        except ValueError:
            return text

    return column.map(number).infer_objects()


def status_of(city: str, folder_name: str, facts: dict[str, Any] | None) -> dict[str, Any]:
    """Return the row of a city in cities_status.csv; `facts` is its run.json, None where it failed."""
    row: dict[str, Any] = dict.fromkeys(STATUS_COLUMNS)
    row |= {"city": city, "status": "failed", "folder": folder_name}
    if facts is None:
        return row
    found, counted, inputs, settings = (facts.get(key, {}) for key in ("counts", "counted", "inputs", "settings"))
    doors = found.get("doors", {})
    lost, area = counted["lost_at_the_edge_m2"], counted["area_m2"]
    return row | {
        "status": "done",
        "doors": counted["doors"],
        "dwellings": counted["dwellings"],
        "dwellings_assumed_share": _part(doors.get("dwellings assumed", 0), doors.get("dwellings", 0)),
        "doors_from_facades_share": _part(doors.get("doors by facade", 0), doors.get("doors", 0)),
        "doors_far_from_streets_share": _part(doors.get("doors more than 50 m from any street", 0), counted["doors"]),
        "objects_dropped": sum(n for n in found.get("read", {}).values() if isinstance(n, int)),
        "counted_area_m2": round(area, 1),
        "lost_at_the_edge_share": _part(lost, lost + area),
        "data_date": inputs.get("data_date"),
        "fictional": bool(facts.get("fictional")),
        "camera": facts["camera"]["label"],
        "obstacles": facts.get("obstacles"),
        "near_home_m": settings.get("public_space", {}).get("near_home_m"),
        "cell_m": counted["cell_m"],
        "attribution": inputs.get("attribution"),
    }


def _part(some: float, of: float) -> float | None:
    """Return a part of a whole to six figures; None of nothing."""
    return round(some / of, 6) if of else None
