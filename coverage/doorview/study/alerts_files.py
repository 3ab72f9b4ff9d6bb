"""What a run's folder says of alerts: the table over all spots, fit to publish, and the spots in `working/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from doorview.overlays.alerts import METRES_PER_MILE
from doorview.show.run_folder import RunFolder
from doorview.show.tables import write_alerts, write_csv
from doorview.show.text import Units, clean, count, percent
from doorview.study.alerts_run import MEASURES, AlertsRun
from doorview.study.shown import headline_levels

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = ["alerts_facts", "alerts_words", "write_alerts_files"]

RADIUS_SOURCE = "up to 5 miles around a home: Wirecutter, https://thewirecutter.com/blog/ring-neighbors-app-review/"


def write_alerts_files(result: Result, run: RunFolder) -> None:
    """Write alerts.csv and, in `working/`, its spots, where the study asks for alerts."""
    found = result.tables.alerts
    if found is not None:
        write_alerts(run.path("alerts.csv"), found.table)
        write_csv(run.path("working", "alerts_spots.csv"), found.spots)


def alerts_facts(result: Result) -> dict[str, Any]:
    """Return what run.json says of alerts."""
    found = result.tables.alerts
    if found is None:
        return {}
    section = found.section
    return {
        "alerts": {
            "radius_m": section.radius,
            "radius_source": RADIUS_SOURCE,
            "scenario": found.scenario,
            "spots": {
                "number": int(found.spots["spot"].nunique()),
                "asked": section.spots,
                "where": f"centrelines of {found.space} in the counted area, drawn by the seed; no incidents",
                "circle_leaves_the_data": found.beyond_data,
            },
            "free": {
                "app_share": {"value": section.app_share, "what": "households that use the app / households"},
                "app_share_of_owners": {
                    "value": section.app_share if section.app_share_of_owners is None else section.app_share_of_owners,
                    "what": "owners of a camera that use the app / owners",
                },
            },
            "measures": MEASURES,
            "p05_p95": "over spots: nearest rank of the expected values; counts below 5 are not shown",
        }
    }


def alerts_words(found: AlertsRun | None, units: Units) -> list[str]:
    """Return alerts in sentences, for the notes of a result; nothing without any."""
    if found is None:
        return []
    mean = found.table.set_index(["level", "measure"])["mean"]
    levels = headline_levels(dict.fromkeys(found.spots["level"]))
    number = int(found.table["spots"].iloc[0])
    reached = float(mean[levels[0], "app_homes_reached"])
    beyond = found.beyond_data
    bound = (
        f" The circle leaves the data at {beyond:,} of {number:,} spots: households told are a lower bound, and the "
        "shares of them too high."
        if beyond
        else ""
    )
    radius = _radius_words(found.section.radius, units)
    line = (
        f"An alert within {radius} of a spot on {found.space} reaches {count(round(reached))} households with the app "
        f"on average over {number:,} spots, if {percent(found.section.app_share)} of households use it (assumed: no "
        f"source says). {_in_view_words(mean, levels, found.scenario)}{bound}"
    )
    lines = [line]
    if number < found.section.spots:
        lines.append(f"Streets have room for {number:,} spots of {found.section.spots:,} asked for.")
    return lines


def _in_view_words(mean: pd.Series, levels: list[str], scenario: str) -> str:
    """Return who of those told could have the spot in view; `mean` by level and measure."""
    if pd.isna(mean[levels[0], "share_that_could_see"]):
        return "At every spot nobody is told."

    def shares(measure: str) -> str:
        return ", ".join(f"{percent(float(mean[level, measure]))} ({level})" for level in levels)

    return (
        f"The spot is in view from the door of these shares of them: {shares('share_that_could_see')}. A camera whose "
        f"owner uses the app has it in view at these shares of spots: {shares('chance_any')}; owners as in "
        f"{clean(scenario, 40)}."
    )


def _radius_words(metres: float, units: Units) -> str:
    if units == "us":
        miles = metres / METRES_PER_MILE
        return f"{miles:.3g} mile{'' if miles == 1 else 's'}"
    return f"{metres / 1000:.3g} km" if metres >= 1000 else f"{metres:.0f} m"
