"""`doorview estimate` on a city of 27,567 buildings, by the time that reading its buildings and ways takes.

Its default levels and outputs, fresh processes, numba's cache warm, no tiles kept from one run to the next; median of
3, by the median of 5 readings with pyosmium alone in the same run. Memory is the largest sum over the run's
processes, sampled during the first, unmeasured run (pages that processes share count once in each).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from figure import Figure, MissingDataError, data_file, doorview_command, table

EXTRACT = ("baltimore_county_md", "reisterstown_sorted.osm.pbf")
RUNS = 3
TARGET, AIM = 40.0, 15.0
MEMORY_GB = 1.5
LIMIT_S = 120.0
"""A run that takes longer is ended: it has missed its target by far."""


def estimate(extract: Path, folder: Path, *, sample: bool = False) -> tuple[float, float]:
    """Run the estimate into `folder / "out"` in a fresh process; return its time [s] and, sampled, its memory [GB]."""
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "DOORVIEW_CACHE": tempfile.mkdtemp(dir=folder)}
    command = [*doorview_command(), "estimate", str(extract), "--out", str(folder / "out")]
    start = time.perf_counter()
    peak = 0.0
    with (folder / "errors.txt").open("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, env=environment, start_new_session=True
        )
        try:
            if sample:
                while process.poll() is None and time.perf_counter() - start < LIMIT_S:
                    peak = max(peak, memory_gb(process.pid))
                    time.sleep(0.05)
            process.wait(max(0.1, LIMIT_S - (time.perf_counter() - start)))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"doorview estimate was ended after {LIMIT_S:.0f} s") from None
        taken = time.perf_counter() - start
        if process.returncode != 0:
            errors.seek(0)
            last = errors.read().strip().splitlines()[-1:] or ["no message"]
            raise RuntimeError(f"doorview estimate failed: {last[0]}")
    return taken, peak


def memory_gb(group: int) -> float:
    """Return the resident memory of a process group [GB], 0 where the system does not tell."""
    pages = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[2]) == group:
                pages += int(fields[21])
        except OSError:
            # It ended between the listing and the reading.
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e9 if pages else 0.0


def run() -> list[Figure]:
    """Measure; see the module."""
    extract = data_file(*EXTRACT)
    try:
        from read_baseline import read_baseline
    except ImportError as absent:
        raise MissingDataError("benchmarks/read_baseline.py is not there") from absent
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / f"run{number}" for number in range(RUNS + 1)]
        for folder in folders:
            folder.mkdir()
        _, memory = estimate(extract, folders[0], sample=True)
        times = [estimate(extract, folder)[0] for folder in folders[1:]]
        reading = read_baseline(extract)
        timings = json.loads((folders[-1] / "out" / "run.json").read_text(encoding="utf-8"))["timings"]
    whole = statistics.median(times)
    ratio = whole / reading
    figures = [
        Figure(
            f"doorview estimate {EXTRACT[1]}",
            f"{whole:.1f} s",
            f"{reading:.2f} s",
            f"{ratio:.1f}",
            f"<= {TARGET:.0f}, aim {AIM:.0f}",
            ratio <= TARGET,
        )
    ]
    figures += [
        Figure(f"  {stage}", f"{seconds:.2f} s")
        for stage, seconds in timings.items()
        if isinstance(seconds, int | float)
    ]
    if memory:
        figures.append(Figure("  peak memory", f"{memory:.2f} GB", "", "", f"< {MEMORY_GB} GB", memory < MEMORY_GB))
    return figures


if __name__ == "__main__":
    try:
        print(table(run()))
    except MissingDataError as missing:
        print(f"skipped: {missing}")
