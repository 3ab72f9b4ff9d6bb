"""Runs of tables only, which take a city in parts: whatever goes wrong, no other number comes out."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from helpers.faults import Harm, Run, bytes_of, start

SLOW = Harm(slow_s=0.03)
MAIN = "import sys; from doorview.cli import main; sys.exit(main())"
TABLES = ("shares.csv", "curve.csv", "counts.parquet")


@pytest.fixture(scope="session")
def tables(study: Path) -> Path:
    """The study, asking for tables only."""
    path = study.with_name("tables.toml")
    path.write_text(study.read_text().replace("maps = false", "tables_only = true\nmaps = false"))
    return path


def ends_whole(run: Run, whole: Any) -> None:
    """The run ends well, with the bytes of the run of the whole city at once, and leaves nothing beside them."""
    assert run.end() == 0, run.said()
    assert "Traceback" not in run.said()
    found = bytes_of(run.out, TABLES)
    assert [name for name in TABLES if found[name] != whole.bytes[name]] == []
    assert not run.out.with_name(f"{run.out.name}.partial").exists()


def refused(run: Run, *words: str) -> None:
    """The run ends with exit code 1 and a message that holds these words; nothing stands at OUT."""
    assert run.end() == 1, run.said()
    assert "Traceback" not in run.said(), run.said()
    for word in words:
        assert word in run.said(), run.said()
    assert not run.out.exists()


def parts_of(run: Run) -> list[Path]:
    return sorted((run.tiles.parent / "parts").glob("[!.]*"))


# --- killed --------------------------------------------------------------------------------------------------------


def killed_and_resumed(tables: Path, whole: Any, tmp_path: Path, seed: int) -> None:
    """Killed at any moment, with a cache or without, at times twice; what is in the cache is whole or not there."""
    rng = np.random.default_rng(seed)
    cache = tmp_path / "cache" if seed % 2 else None
    for _ in range(int(rng.integers(1, 3))):
        run = start(tables, tmp_path / "out", harm=Harm(slow_s=float(rng.choice([0.0, 0.03]))), cache=cache)
        time.sleep(float(rng.uniform(0.0, 2.0 * whole.seconds)))
        run.kill()
        run.process.join(60)
        if run.process.exitcode == 0:
            break
    ends_whole(start(tables, tmp_path / "out", cache=cache), whole)
    ends_whole(start(tables, tmp_path / "another", cache=cache), whole)


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random(tables: Path, whole: Any, tmp_path: Path, seed: int) -> None:
    killed_and_resumed(tables, whole, tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 16))
def test_killed_at_random_many_times(tables: Path, whole: Any, tmp_path: Path, seed: int) -> None:
    killed_and_resumed(tables, whole, tmp_path, seed)


def test_it_goes_on_after_the_parts_that_were_finished_and_leaves_a_cluster_out(
    tables: Path, whole: Any, tmp_path: Path
) -> None:
    first = start(tables, tmp_path / "out", harm=SLOW)
    first.until(lambda: first.kept() >= 3)
    first.kill()
    assert first.end() == -signal.SIGKILL
    was = {path.name: path.stat().st_mtime_ns for path in parts_of(first)}
    again = start(tables, tmp_path / "out", harm=SLOW)
    again.until(lambda: again.kept() > len(was))
    assert was.items() <= {path.name: path.stat().st_mtime_ns for path in parts_of(again)}.items()
    ends_whole(again, whole)


@pytest.mark.long
def test_on_a_cluster_the_bytes_are_the_same(tables: Path, whole: Any, tmp_path: Path) -> None:
    ends_whole(start(tables, tmp_path / "out", "--workers", "2"), whole)


# --- damaged -------------------------------------------------------------------------------------------------------


def changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 3)


def largest(folder: Path) -> Path:
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


HARMS: dict[str, Callable[[Path], object]] = {
    "changed": changed, "cut": cut, "emptied": lambda path: os.truncate(path, 0), "lost": Path.unlink,
}  # fmt: skip


def some(first: str) -> list[Any]:
    """Return the harms, all but the first for `make test-long`."""
    return [pytest.param(name, marks=() if name == first else pytest.mark.long) for name in HARMS]


@pytest.mark.parametrize("harm", some("cut"))
def test_a_damaged_part_is_found_said_and_counted_again(tables: Path, whole: Any, tmp_path: Path, harm: str) -> None:
    """Of its doors, of what it counted, of its checksums; and the part of another key in its place."""
    first = start(tables, tmp_path / "out", harm=SLOW)
    first.until(lambda: len(parts_of(first)) >= 4)
    first.kill()
    first.end()
    parts = parts_of(first)
    files = [parts[0] / "xy.npy", largest(parts[1]), parts[2] / "checksums.json"]
    for path in files:
        HARMS[harm](path)
    again = start(tables, tmp_path / "out")
    ends_whole(again, whole)
    assert again.said().count("is damaged: its part of the city is counted again") == 3


def test_parts_that_changed_places_are_not_taken_for_each_other(tables: Path, whole: Any, tmp_path: Path) -> None:
    """Each is whole by its checksums; only its name says which part it is."""
    first = start(tables, tmp_path / "out", harm=SLOW)
    first.until(lambda: len(parts_of(first)) >= 3)
    first.kill()
    first.end()
    one, other = parts_of(first)[:2]
    one.rename(tmp_path / "x")
    other.rename(one)
    (tmp_path / "x").rename(other)
    again = start(tables, tmp_path / "out")
    ends_whole(again, whole)
    assert again.said().count("is damaged") == 2


@pytest.mark.parametrize("harm", some("changed"))
@pytest.mark.parametrize("kind", ["counted", "cities"])
def test_a_damaged_thing_in_the_cache_is_said_and_made_again(
    tables: Path, whole: Any, tmp_path: Path, kind: str, harm: str
) -> None:
    cache = tmp_path / "cache"
    first = start(tables, tmp_path / "first", cache=cache)
    ends_whole(first, whole)
    (thing,) = (cache / kind).glob("*/*")
    if kind == "cities":
        shutil.rmtree(cache / "counted")
    HARMS[harm](largest(thing))
    again = start(tables, tmp_path / "again", cache=cache)
    ends_whole(again, whole)
    assert again.said().count("is damaged") == 1
    third = start(tables, tmp_path / "third", cache=cache)
    ends_whole(third, whole)
    assert "is damaged" not in third.said()


def test_a_cache_that_is_emptied_meanwhile_ends_no_run_in_a_wrong_number(
    tables: Path, whole: Any, tmp_path: Path
) -> None:
    """The counts are read from it while scenarios are counted: by another process it may be cleared."""
    cache = tmp_path / "cache"
    ends_whole(start(tables, tmp_path / "first", cache=cache), whole)
    shutil.rmtree(cache / "counted")
    run = start(tables, tmp_path / "out", harm=SLOW, cache=cache)
    run.until(lambda: len(parts_of(run)) >= 2)
    shutil.rmtree(cache)
    if run.end() != 0:
        refused(run, "taken away", "again")
        run = start(tables, tmp_path / "out", cache=cache)
    ends_whole(run, whole)


# --- full disks ----------------------------------------------------------------------------------------------------


def test_a_full_disk_while_parts_are_written_ends_the_run_and_with_room_it_goes_on(
    tables: Path, whole: Any, tmp_path: Path, small_disk: Any
) -> None:
    # The city is in the cache, since reading it needs more room than its parts.
    cache = tmp_path / "cache"
    ends_whole(start(tables, tmp_path / "first", cache=cache), whole)
    shutil.rmtree(cache / "counted")
    place = small_disk(120)
    (place / "out.log").symlink_to(tmp_path / "log")
    run = start(tables, place / "out", cache=cache)
    refused(run, "no space left on device", "part of the city could not be written", "make room")
    assert len(parts_of(run)) >= 1
    small_disk(100_000)
    ends_whole(start(tables, place / "out", cache=cache), whole)


@pytest.mark.parametrize("kilobytes", [pytest.param(60, marks=pytest.mark.long), 200])
def test_a_cache_without_room_is_given_up_and_the_run_goes_on(
    tables: Path, whole: Any, tmp_path: Path, small_disk: Any, kilobytes: int
) -> None:
    run = start(tables, tmp_path / "out", cache=small_disk(kilobytes))
    ends_whole(run, whole)
    assert "could be kept in the cache" in run.said()


@pytest.mark.parametrize("kilobytes", [12, pytest.param(200, marks=pytest.mark.long)])
def test_no_room_for_temporary_files_is_one_clear_message(
    tables: Path, whole: Any, tmp_path: Path, small_disk: Any, kilobytes: int
) -> None:
    place = small_disk(kilobytes)
    run = start(tables, tmp_path / "out", temporary=place)
    refused(run, "no space left on device", "TMPDIR", str(place))
    small_disk(100_000)
    ends_whole(start(tables, tmp_path / "out", temporary=place), whole)


@pytest.mark.long
@pytest.mark.parametrize("part", np.round(np.arange(0.1, 3.0, 0.2), 2).tolist())
def test_disks_of_many_sizes(tables: Path, whole: Any, tmp_path: Path, small_disk: Any, part: float) -> None:
    """Output, cache and temporary files on one small disk."""
    room = tmp_path / "room"
    room.mkdir()
    first = start(tables, room / "out", cache=room / "cache")
    ends_whole(first, whole)
    size = sum(path.stat().st_size for path in room.rglob("*") if path.is_file()) / 1000.0
    place = small_disk(int(part * size))
    (place / "out.log").symlink_to(tmp_path / "log")
    (place / "tmp").mkdir()
    run = start(tables, place / "out", cache=place / "cache", temporary=place / "tmp")
    if run.end() != 0:
        refused(run, "no space left on device")
        small_disk(100_000)
        run = start(tables, place / "out", cache=place / "cache", temporary=place / "tmp")
    ends_whole(run, whole)


# --- many cities ---------------------------------------------------------------------------------------------------


def test_a_city_whose_process_is_killed_is_told_of_and_the_others_are_finished(
    tables: Path, whole: Any, tmp_path: Path
) -> None:
    """Run again, the one that was killed alone is run."""
    plain = tables.with_name("study.toml")
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.toml").write_text(
            plain.read_text().replace('"town.osm.pbf"', f'"{plain.parent}/town.osm.pbf"')
        )
    (tmp_path / "cities.csv").write_text("name,study\none,one.toml\ntwo,two.toml\nthree,three.toml\n")
    words = [sys.executable, "-P", "-c", MAIN, "cities", "cities.csv", "--out", "out", "--no-maps"]
    environment = {**os.environ, "DOORVIEW_CACHE": "off"}
    with (tmp_path / "log").open("wb") as log:
        run = subprocess.Popen(words, cwd=tmp_path, stdout=log, stderr=log, env=environment)
    deadline = time.monotonic() + 300.0
    while not (tmp_path / "out" / "two.partial").exists():
        assert run.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    (child,) = psutil.Process(run.pid).children()
    child.kill()
    assert run.wait(300) == 1
    said = (tmp_path / "log").read_text()
    assert "Traceback" not in said
    assert "SIGKILL" in said
    assert "1 of 3 cities failed; the others are finished" in said
    assert whole_status(tmp_path) == {"one": "done", "two": "failed", "three": "done"}
    assert not (tmp_path / "out" / "two").exists()
    again = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env=environment, check=True)
    assert "not run again: 2 of 3" in again.stdout
    assert whole_status(tmp_path) == {"one": "done", "two": "done", "three": "done"}
    shares = [(tmp_path / "out" / name / "shares.csv").read_bytes() for name in ("one", "two", "three")]
    assert len(set(shares)) == 1


def whole_status(folder: Path) -> dict[str, str]:
    with (folder / "out" / "cities_status.csv").open(encoding="utf-8", newline="") as stream:
        return {row["city"]: row["status"] for row in csv.DictReader(stream)}


def test_a_disk_too_small_for_reading_is_said_and_with_room_it_goes_on(
    whole: Any, tables: Path, tmp_path: Path, small_disk: Any
) -> None:
    """Nothing of what was read is left, so there is no reason that the disk would be full the next time."""
    place = small_disk(60)
    (place / "out.log").symlink_to(tmp_path / "log")
    refused(start(tables, place / "out"), "the city could not be laid out", "no space left on device")
    assert [path for path in place.rglob("*") if path.is_file() and not path.is_symlink()] == []
    small_disk(100_000)
    again = start(tables, place / "out")
    ends_whole(again, whole)
