"""The picture that compares cities: which of their figures can stand side by side, and what must be said of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd

from doorview.share.outputs import HEADLINE
from doorview.show.text import PLAIN_NAMES, Caption, Units, clean, distance, place_words
from doorview.study.cities_compare import facts_of
from doorview.study.shown import headline_levels, shown_scenario

__all__ = ["draw_cities", "headline_rows"]


def headline_rows(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that stand side by side: streets near homes, by area, in the scenario that all cities have.

    Empty where no scenario is in all of them.
    """
    whole = shares[(shares["zoning"] == "all") & (shares["space"] == HEADLINE) & (shares["measure"] == "area_m2")]
    cities = shares["city"].nunique()
    held = whole.groupby("scenario", sort=False)["city"].nunique()
    common = [str(name) for name in held.index[held == cities]]
    return whole[whole["scenario"] == shown_scenario(common)] if common else whole.iloc[:0]


def draw_cities(shares: pd.DataFrame, status: pd.DataFrame, out: Path, *, units: str | None) -> list[Path]:
    """Draw ``maps/cities.png`` (and ``cities_2.png`` ...) and return the files; none where nothing compares.

    Pages of an earlier comparison are taken away.
    """
    folder = out / "maps"
    for old in folder.glob("cities*.png"):
        old.unlink()
    rows = headline_rows(shares)
    if rows.empty:
        return []
    from doorview.show.cities import ROWS_PER_SHEET, cities_plot

    done = status[status["status"] == "done"]
    facts = {row.city: facts_of(out / str(row.folder)) for row in done.itertuples()}
    levels = headline_levels(dict.fromkeys(rows["level"]))
    first = rows[rows["level"] == levels[0]].set_index("city")["share_mean"]
    cities = sorted(rows["city"].unique(), key=lambda city: (-first.get(city, -1.0), city))
    shown_in = cast("Units", units or _one([f["settings"]["output"]["units"] for f in facts.values()]) or "metric")
    caption = _caption(done, facts, shown_in, cities)
    scenario = str(rows["scenario"].iloc[0])
    near = _one(list(done["near_home_m"]))
    space = place_words(HEADLINE, shown_in, near) if near is not None else "streets near homes"
    drawn = f"Expected share of {space} in view, {_who(scenario, facts)}"
    names = {city: f"{clean(city, 50)}{' (fictional)' if facts[city].get('fictional') else ''}" for city in cities}
    table = rows.assign(city=rows["city"].map(names))
    quality = done.assign(city=done["city"].map(names))
    panels = [(level, _plain(level, rows, shown_in)) for level in levels]
    pages = [cities[place : place + ROWS_PER_SHEET] for place in range(0, len(cities), ROWS_PER_SHEET)]
    folder.mkdir(exist_ok=True)
    drawn_files = []
    for number, page in enumerate(pages, start=1):
        of = f" (page {number} of {len(pages)})" if len(pages) > 1 else ""
        wanted = [names[city] for city in page]
        here = table[table["city"].isin(wanted)]
        here = here.assign(order=here["city"].map({name: at for at, name in enumerate(wanted)})).sort_values("order")
        drawn_files.append(
            cities_plot(
                folder / ("cities.png" if number == 1 else f"cities_{number}.png"),
                here,
                quality,
                panels,
                caption,
                title=f"Streets in view in {len(cities)} cit{'ies' if len(cities) != 1 else 'y'}, side by side{of}",
                drawn=drawn,
                notes=_notes(status, done),
            )
        )
    return drawn_files


def _one(values: Sequence[Any]) -> Any:
    """Return the value that all share, or None."""
    return values[0] if values and all(value == values[0] for value in values) else None


def _who(scenario: str, facts: dict[str, Any]) -> str:
    """Return who owns a camera, in words that follow what is drawn."""
    words = _one([item["scenarios"][scenario] for item in facts.values()])
    return (
        f"if {clean(words.replace(' own one', ' own a doorbell camera', 1), 160)}"
        if words
        else f"in the scenario {clean(scenario, 60)}, as each study has it"
    )


def _plain(level: str, rows: pd.DataFrame, units: Units) -> str:
    """Return a level in plain words, and how far it reaches."""
    ranges = rows[rows["level"] == level]["range_m"]
    low, high = float(ranges.min()), float(ranges.max())
    reach = distance(high, units) if high - low < 0.05 else f"{distance(low, units)} to {distance(high, units)}"
    plain = PLAIN_NAMES.get(level, "")
    return f"{plain}, up to {reach}" if plain else f"up to {reach}"


def _notes(status: pd.DataFrame, done: pd.DataFrame) -> list[str]:
    """Return what makes the cities differ besides themselves."""
    differ = [
        words
        for column, words in (
            ("camera", "cameras"),
            ("obstacles", "what hides"),
            ("near_home_m", "what is near a home"),
        )
        if _one(list(done[column])) is None
    ]
    notes = [f"The cities differ in {', '.join(differ)}: cities_status.csv has it by city."] if differ else []
    failed = int((status["status"] == "failed").sum())
    if failed:
        notes.append(
            "One more city of the table failed and is not shown."
            if failed == 1
            else f"{failed} more cities of the table failed and are not shown."
        )
    return notes


def _caption(done: pd.DataFrame, facts: dict[str, Any], units: Units, cities: Sequence[str]) -> Caption:
    """Return what the picture says about itself."""
    dates = sorted(str(date)[:10] for date in done["data_date"].dropna())
    between = dates[0] if dates and dates[0] == dates[-1] else f"{dates[0][:7]} to {dates[-1][:7]}" if dates else None
    sources = list(dict.fromkeys(str(item["inputs"]["attribution"]) for item in facts.values()))
    marks = list(
        dict.fromkeys(
            mark for item in facts.values() for level in item["levels"].values() for mark in level.get("marks", ())
        )
    )
    return Caption(
        place=f"{len(cities)} cities",
        camera=_one(list(done["camera"])) or "differs by city",
        data_date=between,
        fictional=all(bool(item.get("fictional")) for item in facts.values()),
        unconfirmed=tuple(marks),
        units=units,
        attribution="; ".join(sources),
        obstacles=_one(list(done["obstacles"])) or "What hides differs by city.",
    )
