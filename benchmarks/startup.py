"""`doorview --help` against `python -c "import numpy"`: fresh processes by turns, median of 9."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from figure import Figure, doorview_command, table

ROUNDS = 9
TARGET = 3.0


def seconds(command: list[str]) -> float:
    """Return how long a process takes, from start to end [s]."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONSAFEPATH": "1"})
    return time.perf_counter() - start


def run() -> list[Figure]:
    """Measure; see the module."""
    ours, baseline = [*doorview_command(), "--help"], [sys.executable, "-c", "import numpy"]
    seconds(ours)
    seconds(baseline)
    taken = [(seconds(ours), seconds(baseline)) for _ in range(ROUNDS)]
    mine, numpy = (statistics.median(side) for side in zip(*taken, strict=True))
    ratio = mine / numpy
    return [
        Figure(
            "doorview --help, by import numpy",
            f"{mine * 1e3:.0f} ms",
            f"{numpy * 1e3:.0f} ms",
            f"{ratio:.2f}",
            f"<= {TARGET:.0f}",
            ratio <= TARGET,
        )
    ]


if __name__ == "__main__":
    print(table(run()))
