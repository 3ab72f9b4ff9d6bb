"""What a run's folder says of fairness: the tables, facts for run.json, and two sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from doorview.show.run_folder import RunFolder
from doorview.show.tables import write_csv, write_fairness
from doorview.study.fairness_run import FAIRNESS_CAVEAT

if TYPE_CHECKING:
    from doorview.study.result import Result

__all__ = ["fairness_facts", "write_fairness_files"]


def write_fairness_files(result: Result, run: RunFolder) -> None:
    """Write fairness.csv and, where something changes, fairness_change.csv."""
    found = result.tables.fairness
    if found is None:
        return
    write_fairness(run.path("fairness.csv"), found.table)
    if found.change is not None:
        write_csv(run.path("fairness_change.csv"), found.change)
    if found.by_people is not None:
        write_csv(run.path("fairness_by_people.csv"), found.by_people)


def fairness_facts(result: Result) -> dict[str, Any]:
    """Return what run.json says of fairness."""
    found = result.tables.fairness
    if found is None:
        return {}
    return {
        "fairness": {
            "caveat": FAIRNESS_CAVEAT,
            "zonings": found.zonings,
            **({"people": found.people} if found.people is not None else {}),
            "split": "share_inside_only, share_both and share_outside_only add up to share_mean: in view from doors in "
            "the zone alone, from doors inside and outside, from doors outside alone; the zone is its whole polygon",
            "in_view": "fairness_change.csv: more or less where the interval of chance lies above or below 0, open "
            "where it holds 0, same where nothing changes",
        }
    }
