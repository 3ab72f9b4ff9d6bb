"""One city of ``doorview cities`` in a process of its own, so that its memory and its faults end with it.

It reads a job as JSON from standard input and answers with JSON objects, one a line: ``stage``, ``done`` and ``total``
as it goes on, and at the end ``finished`` or ``failed``. Anything else that ends it is the parent's to tell.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from doorview.errors import DoorviewError
from doorview.study.cities_table import Choices, CityRow, study_of
from doorview.study.pipeline import run_study
from doorview.study.progress import Progress

__all__ = ["Engine", "job_of", "main"]


@dataclass(frozen=True)
class Engine:
    """Who covers a city: threads of its process, a Dask cluster of its own, or one that runs already."""

    threads: int | None = None
    workers: int | None = None
    scheduler: str | None = None


def job_of(row: CityRow, choices: Choices, out: Path, engine: Engine, *, fresh: bool) -> dict[str, Any]:
    """Return what the process is told, as plain JSON values."""
    return {"row": asdict(row), "choices": choices.as_dict(), "out": str(out), "engine": asdict(engine), "fresh": fresh}


def main() -> int:
    """Do one job; returns 0 where it was told how it ended."""
    job = json.loads(sys.stdin.buffer.read())
    stream = sys.stdout.buffer

    def say(**message: object) -> None:
        stream.write(json.dumps(message).encode() + b"\n")
        stream.flush()

    def progress(stage: str, done: int = 0, total: int = 0) -> None:
        say(stage=stage, done=done, total=total)

    try:
        study = study_of(CityRow(**job["row"]), Choices.from_dict(job["choices"]))
        engine = Engine(**job["engine"])
        if engine.threads is not None:
            study = study.with_threads(engine.threads)
        with Progress(sys.stderr).hearing():
            run_study(
                study,
                Path(job["out"]),
                fresh=job["fresh"],
                workers=engine.workers,
                scheduler=engine.scheduler,
                progress=progress,
            )
    except DoorviewError as fault:
        say(failed=str(fault))
        return 0
    say(finished=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
