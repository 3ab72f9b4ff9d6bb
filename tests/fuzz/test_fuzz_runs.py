"""Damaged and hostile folders of finished runs: the explorer and the briefing refuse them, or make a page that is safe.

As `test_fuzz`: a child process under a limit of memory reads each case.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("limits of memory and /proc are Linux's", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parent))
from runs import PAGES, good_runs, harmed, kinds_of
from worker import Worker

SEED = int(os.environ.get("DOORVIEW_FUZZ_SEED", "20240501"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return good_runs(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def worker(runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with Worker(tmp_path_factory.mktemp("fuzz") / "box") as started:
        for kind, run in kinds_of(runs):
            place = started.sandbox / "out" / f"good-{run.name}-{kind}"
            shutil.copytree(run, place)
            started.good.append((kind, place))
        yield started


def held(folder: Path) -> dict[str, str]:
    """Return what lies in a folder, by name and content; no link is followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        plain = path.is_file() and not path.is_symlink()
        found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest() if plain else "no file"
    return found


def test_a_harmed_run_is_refused_and_left_as_it_was_or_makes_a_safe_page(runs, worker, tmp_path):
    try_cases(runs, worker, tmp_path, 100)


@pytest.mark.long
@pytest.mark.parametrize("part", range(1, 5))
def test_many_harmed_runs(runs, worker, tmp_path, part):
    try_cases(runs, worker, tmp_path, 600, part)


def try_cases(runs: dict[str, Path], worker: Worker, tmp_path: Path, cases: int, part: int = 0) -> None:
    rng = random.Random(SEED + cases + part)
    seen: Counter[str] = Counter()
    faults = []
    place = worker.sandbox / "out" / "case"
    for number in range(cases):
        kind, run = rng.choice(kinds_of(runs))
        done = harmed(kind, run, runs["other"], place, rng)
        before = held(place)
        how, words = worker.run(kind, place)
        after = held(place)
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        if how != "fault" and changed - (PAGES[kind] if how == "fine" else set()):
            how, words = "fault", f"{how}: wrote {sorted(changed)}; {words}"
        seen[f"{kind} {how}"] += 1
        if how == "fault":
            kept = tmp_path / f"{kind}--{number}"
            place.rename(kept)
            faults.append(f"{kept} ({done}):\n{words[-1800:]}")
        else:
            shutil.rmtree(place)
    assert not faults, f"{len(faults)} of {cases}\n" + "\n\n".join(faults[:5])
    for kind in PAGES:
        assert seen[f"{kind} refused"] > cases / 12, seen
        assert seen[f"{kind} fine"] > cases / 40, seen
