"""What run.json says of a run's cost: of each stage, of the tables in memory, of the files written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from doorview.show.files import replacing, write_json
from doorview.study.profiling import Samples, profile_text

if TYPE_CHECKING:
    from doorview.show.run_folder import RunFolder
    from doorview.study.result import Result
    from doorview.study.stages import Stages

__all__ = ["cost_facts", "write_profile"]

KEYS = ("timings", "costs")
"""Keys of run.json that differ from run to run; all else is the same for the same study."""


def cost_facts(result: Result, run: RunFolder) -> dict[str, Any]:
    """Return the keys `KEYS` of run.json, as they are by now."""
    stages = result.stages
    return {
        "timings": {name: round(seconds, 3) for name, seconds in stages.seconds.items()},
        "costs": {**stages.facts(), "tables_bytes": _tables(result), "files_bytes": _files(run.partial)},
    }


def _tables(result: Result) -> dict[str, int]:
    """Return the memory of the largest tables that a run keeps [bytes]."""
    coverage = result.tables.coverage
    return {
        "coverage rows": _memory(coverage.rows),
        "members of sets": int(coverage.members.start.nbytes + coverage.members.doors.nbytes),
        "counts": _memory(result.counts),
        "shares": _memory(result.shares),
    }


def _memory(table: pd.DataFrame) -> int:
    return int(table.memory_usage(index=True, deep=True).sum())


def _files(folder: Path) -> dict[str, int]:
    """Return the bytes of the files written so far: those fit to publish, and those in working/."""
    sizes = {"fit to publish": 0, "working": 0}
    for path in folder.rglob("*"):
        place = path.relative_to(folder).parts[0]
        if path.is_file() and place not in ("unfinished", "lock", "run.json"):
            sizes["working" if place == "working" else "fit to publish"] += path.stat().st_size
    return sizes


def write_profile(run: RunFolder, stages: Stages, samples: Samples) -> None:
    """Write working/profile.txt and working/profile.json; run.json takes what was measured by then."""
    facts = stages.facts()
    with replacing(run.path("working", "profile.txt")) as temporary:
        temporary.write_text(profile_text(facts, samples), encoding="utf-8", newline="\n")
    write_json(run.path("working", "profile.json"), {**facts, "looks": samples.looks, "lines": samples.table()})
