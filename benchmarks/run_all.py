"""Run every benchmark, each in a process of its own, and print one table; exit 1 if a target was missed.

    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/run_all.py [NAME ...]

A benchmark whose data are absent is skipped with the reason. All of them together take a few minutes.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from figure import Figure, MissingDataError, table

BENCHMARKS = (
    "startup",
    "viewsheds",
    "sight_scaling",
    "clip_against_plain",
    "ownership",
    "kde",
    "estimate_city",
    "engines",
    "explorer",
    "routes",
    "estimate_city",
)
LIMIT_S = 300.0


def one(name: str) -> None:
    """Run one benchmark here and write its figures, or why there are none, as JSON."""
    try:
        found: dict[str, object] = {"figures": importlib.import_module(name).run()}
    except MissingDataError as missing:
        found = {"skipped": str(missing)}
    print(json.dumps(found))


def apart(name: str) -> list[Figure]:
    """Run one benchmark in a fresh process, so that none warms or fattens another."""
    command = [sys.executable, __file__, "--one", name]
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, env=environment, check=False)
    except subprocess.TimeoutExpired:
        return [Figure(name, "", met=False, note=f"ended after {LIMIT_S:.0f} s")]
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
        return [Figure(name, "", met=False, note=f"failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")]
    found = json.loads(done.stdout.splitlines()[-1])
    if "skipped" in found:
        return [Figure(name, "", note=f"skipped: {found['skipped']}")]
    return [Figure(*row) for row in found["figures"]]


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all, and return the exit code."""
    if arguments[:1] == ["--one"]:
        one(arguments[1])
        return 0
    unknown = sorted(set(arguments) - set(BENCHMARKS))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    for name in arguments or BENCHMARKS:
        start = time.perf_counter()
        found = apart(name)
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
        figures += found
    print(table(figures))
    return 1 if any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
