"""Hostile files: no crash, no hang, no memory beyond a bound, no file outside the output folder.

A child process with a limit on its memory reads each case. What is found is mended, and kept small in `corpus/`
(``KIND--what it was.ending``). `make test` takes a few hundred cases by a fixed seed, `make test-long` many thousands;
``DOORVIEW_FUZZ_SEED`` begins elsewhere.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("limits of memory and /proc are Linux's", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parent))
from mutations import bombs, good_files, mutated
from worker import Worker

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
SEED = int(os.environ.get("DOORVIEW_FUZZ_SEED", "20240501"))
SLOW = {"spaces.osm.gz", "spaces.osm.bz2", "keys.toml", "many.toml", "world.osm", "long.osm", "county.osm"}
"""Bombs that take a second or more even to refuse."""
BOMBS = [
    pytest.param(kind, name, data, id=f"{kind}-{name}", marks=pytest.mark.long if name in SLOW else ())
    for kind, name, data in bombs()
]


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with Worker(tmp_path_factory.mktemp("fuzz") / "box") as started:
        good = good_files(started.sandbox / "in")
        started.good = [(kind, file) for kind, files in good.items() for file in dict.fromkeys(files)]
        started.pool = [(kind, file) for kind, files in good.items() for file in files]
        yield started


def ended(worker: Worker, kind: str, name: str, data: bytes) -> tuple[str, str]:
    """Return how a case ended; its file is gone afterwards."""
    file = worker.sandbox / "in" / name
    file.write_bytes(data)
    try:
        return worker.run(kind, file)
    finally:
        file.unlink(missing_ok=True)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_was_found_once_is_refused(worker, path):
    how, words = ended(worker, path.name.partition("--")[0], path.name, path.read_bytes())
    assert how != "fault", words


@pytest.mark.parametrize(("kind", "name", "data"), BOMBS)
def test_a_bomb_is_refused_or_harmless(worker, kind, name, data):
    how, words = ended(worker, kind, f"bomb-{name}", data if isinstance(data, bytes) else data())
    assert how != "fault", words


MANY = [pytest.param(1500, part, id=f"many-{part}", marks=pytest.mark.long) for part in range(4)]
"""In parts, so that several processes may share them."""


@pytest.mark.parametrize(("cases", "part"), [pytest.param(150, 0, id="few"), *MANY])
def test_a_mutated_file_is_read_or_refused(worker, cases, part, tmp_path):
    rng = random.Random(SEED + cases + part)
    seen: Counter[str] = Counter()
    faults = []
    for number in range(cases):
        kind, file = rng.choice(worker.pool)
        data = mutated(file, rng, kind)
        how, words = ended(worker, kind, f"case{number}{''.join(file.suffixes)}", data)
        seen[how] += 1
        if how == "fault":
            kept = tmp_path / f"{kind}--{number}{''.join(file.suffixes)}"
            kept.write_bytes(data)
            faults.append(f"{kept}:\n{words[-1500:]}")
    assert not faults, "\n\n".join(faults[:5])
    # Else nothing is tried: files that are all refused at once, or none of which was hurt.
    assert seen["refused"] > cases / 4
    assert seen["fine"] > cases / 25


def test_paths_that_are_no_plain_files_are_refused(worker):
    box = worker.sandbox / "in"
    loop, pipe, folder, odd = box / "loop.osm", box / "pipe.osm", box / "folder.osm", box / "a\nb\u202e\udcff.osm"
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    folder.mkdir()
    odd.write_bytes((box / "town.osm").read_bytes())
    link = box / "link.osm"
    link.symlink_to(box / "town.osm")
    try:
        for kind in ("extract", "study", "cities"):
            for path in (loop, pipe, folder):
                how, words = worker.run(kind, path)
                assert how == "refused", (kind, path, words)
        assert worker.run("extract", odd)[0] in ("fine", "refused")
        assert worker.run("extract", link) == ("fine", "")
    finally:
        for path in (loop, pipe, odd, link):
            path.unlink()
        folder.rmdir()


def test_the_child_knows_a_fault_when_it_meets_one(worker):
    """What is looked for is told: another error than doorview's, a death, too much memory, a stray file."""
    file = worker.sandbox / "in" / "x"
    file.write_bytes(b"")
    how, words = worker.run("no such kind", file)
    assert (how, "KeyError" in words) == ("fault", True)
    (worker.sandbox / "tmp" / "left").write_bytes(b"")
    with pytest.MonkeyPatch.context() as patch:
        before = worker._files()
        before.pop(str(Path("tmp") / "left"))
        calls = iter([before])
        real = worker._files
        patch.setattr(worker, "_files", lambda: next(calls, None) or real())
        how, words = worker.run("cities", worker.sandbox / "in" / "cities.csv")
    assert (how, "left" in words) == ("fault", True)
    assert worker._process is not None
    worker._process.kill()
    how, words = worker.run("cities", worker.sandbox / "in" / "cities.csv")
    assert (how, "died" in words) == ("fault", True)
    assert worker.run("cities", worker.sandbox / "in" / "cities.csv") == ("fine", "")  # started again
    file.unlink()
