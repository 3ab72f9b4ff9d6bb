"""What every benchmark gives back, and where its data lie."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

__all__ = ["DATA", "Figure", "MissingDataError", "data_file", "doorview_command", "table"]

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Real cities, beside the project; where they are absent, the benchmarks that need them are skipped."""


class MissingDataError(Exception):
    """A benchmark cannot run here; the message says why."""


class Figure(NamedTuple):
    """One measured figure, the baseline measured in the same run, and the target; None where there is none."""

    case: str
    figure: str
    baseline: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None
    note: str = ""
    """Why there is no figure, where there is none."""


def data_file(*parts: str) -> Path:
    """Return a file of the real data; raise `MissingDataError` where it is absent."""
    path = DATA.joinpath(*parts)
    if not path.is_file():
        raise MissingDataError(f"no file {'/'.join(parts)} in {DATA.name}/ beside the project")
    return path


def doorview_command() -> list[str]:
    """Return how to start the command line: the installed script, else the same by hand."""
    script = Path(sys.executable).parent / ("doorview.exe" if sys.platform == "win32" else "doorview")
    by_hand = [sys.executable, "-c", "import sys; from doorview.cli import main; sys.exit(main())"]
    return [str(script)] if script.is_file() else by_hand


def table(figures: list[Figure]) -> str:
    """Return the figures as a text table."""
    head = ("case", "figure", "baseline", "ratio", "target", "met")
    met = {None: "", True: "yes", False: "NO"}
    rows = [head, *((*figure[:5], met[figure.met]) for figure in figures if not figure.note)]
    wide = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in wide))
    lines += [f"{figure.case}: {figure.note}" for figure in figures if figure.note]
    return "\n".join(lines)
