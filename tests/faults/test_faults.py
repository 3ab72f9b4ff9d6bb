"""Whatever goes wrong in a run, the same command ends with the bytes of an undisturbed run, or a clear refusal."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from helpers.faults import FILES, Harm, Run, bytes_of, start, start_scheduler

SLOW = Harm(slow_s=0.03)


def ends_whole(run: Run, whole: Any) -> dict[str, Any]:
    """The run ends well and with the bytes of the undisturbed one; return where its tiles came from."""
    assert run.end() == 0, run.said()
    found = bytes_of(run.out)
    assert [name for name in FILES if found[name] != whole.bytes[name]] == []
    assert not run.out.with_name(f"{run.out.name}.partial").exists()
    covering: dict[str, Any] = json.loads((run.out / "run.json").read_text())["covering"]
    return covering


def refused(run: Run, *words: str) -> str:
    """The run ends with exit code 1 and one message that says what and how to go on; nothing stands at OUT."""
    assert run.end() == 1, run.said()
    said = run.said()
    assert "Traceback" not in said, said
    for word in words:
        assert word in said, said
    assert not run.out.exists()
    return said


def some(items: list[Path], seed: int) -> Path:
    return sorted(items)[int(np.random.default_rng(seed).integers(len(items)))]


# --- nothing goes wrong --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tile", "doors", "side"), [(1024, 4000, 4), (512, 1, 1)])
def test_tiles_and_blocks_of_any_size_give_the_same_bytes(
    whole: Any, tmp_path: Path, tile: int, doors: int, side: int
) -> None:
    run = start(whole.study, tmp_path / "out", "--threads", "1", harm=Harm(tile=tile, doors=doors, side=side))
    assert run.end() == 0, run.said()
    tables = [name for name in FILES if not name.endswith(".tif")]
    assert bytes_of(run.out, tables) == {name: whole.bytes[name] for name in tables}


# --- killed --------------------------------------------------------------------------------------------------------


def killed_and_resumed(whole: Any, tmp_path: Path, seed: int) -> None:
    """Killed at any moment, from its first import to its last file; at times twice."""
    rng = np.random.default_rng(seed)
    for _ in range(int(rng.integers(1, 3))):
        run = start(whole.study, tmp_path / "out", harm=Harm(slow_s=float(rng.choice([0.0, 0.02]))))
        time.sleep(float(rng.uniform(0.0, 1.2 * whole.seconds)))
        run.kill()
        run.process.join(60)
        if run.process.exitcode == 0:
            break
    ends_whole(start(whole.study, tmp_path / "out"), whole)


def test_killed_half_way_the_same_command_goes_on(whole: Any, tmp_path: Path) -> None:
    first = start(whole.study, tmp_path / "out", harm=SLOW)
    first.until(lambda: first.kept() >= 5)
    first.kill()
    assert first.end() == -signal.SIGKILL
    assert not first.out.exists()
    left = first.kept()
    covering = ends_whole(start(whole.study, tmp_path / "out"), whole)
    assert covering["from_unfinished_run"] >= left
    assert covering["computed"] > 0
    assert covering["damaged_files"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random(whole: Any, tmp_path: Path, seed: int) -> None:
    killed_and_resumed(whole, tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 53))
def test_killed_at_random_many_times(whole: Any, tmp_path: Path, seed: int) -> None:
    killed_and_resumed(whole, tmp_path, seed)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ended_by_a_signal_it_says_how_to_go_on(whole: Any, tmp_path: Path, number: int, code: int) -> None:
    run = start(whole.study, tmp_path / "out", harm=SLOW)
    run.until(lambda: run.kept() >= 3)
    run.kill(number)
    assert run.end() == code, run.said()
    said = run.said()
    assert re.search(r"\d+ finished parts of the work are kept in '.*out.partial': the same command goes on", said), (
        said
    )
    assert "Traceback" not in said
    assert sorted(item.name for item in (tmp_path / "out.partial").iterdir()) == ["unfinished"]
    assert ends_whole(start(whole.study, tmp_path / "out"), whole)["from_unfinished_run"] > 0


def test_fresh_begins_anew(whole: Any, tmp_path: Path) -> None:
    run = start(whole.study, tmp_path / "out", harm=SLOW)
    run.until(lambda: run.kept() >= 3)
    run.kill()
    run.end()
    assert ends_whole(start(whole.study, tmp_path / "out", "--fresh"), whole)["from_unfinished_run"] == 0


@pytest.mark.long
def test_other_settings_take_what_is_still_right_and_nothing_else(whole: Any, tmp_path: Path) -> None:
    """Another rate reads the same tiles; another range none of them."""
    run = start(whole.study, tmp_path / "out", harm=SLOW)
    run.until(lambda: run.kept() >= 5)
    run.kill()
    run.end()
    text = whole.study.read_text()
    for change, resumed in (("[camera]\ntarget_height_m = 1.1", False), ("rate = 0.4", True)):
        name = "rate = 0.2" if resumed else "[camera]"
        other = whole.study.with_name("other.toml")
        other.write_text(text.replace(name, change))
        shutil.copytree(tmp_path / "out.partial", tmp_path / "again.partial")
        again = start(other, tmp_path / "again")
        assert again.end() == 0, again.said()
        covering = json.loads((again.out / "run.json").read_text())["covering"]
        assert (covering["from_unfinished_run"] > 0) is resumed
        plain = start(other, tmp_path / "plain")
        assert plain.end() == 0, plain.said()
        assert bytes_of(again.out) == bytes_of(plain.out)
        shutil.rmtree(again.out)
        shutil.rmtree(plain.out)


# --- tables only: the city part by part ----------------------------------------------------------------------------

TABLES = ("shares.csv", "curve.csv", "counts.parquet")


@pytest.fixture(scope="session")
def tables_only(whole: Any) -> Path:
    """The study, asking for tables only."""
    path: Path = whole.study.with_name("tables.toml")
    path.write_text(whole.study.read_text().replace("maps = false", "tables_only = true\nmaps = false"))
    return path


def test_tables_only_goes_on_after_the_parts_that_were_finished(whole: Any, tables_only: Path, tmp_path: Path) -> None:
    """One of them damaged; and the bytes are those of the whole city at once."""
    first = start(tables_only, tmp_path / "out", harm=SLOW)
    first.until(lambda: first.kept() >= 3)
    first.kill()
    first.end()
    parts = sorted((first.tiles.parent / "parts").glob("[!.]*"))
    for path in parts:
        os.utime(path, (0, 0))
    file = next(parts[0].glob("xy.npy"))
    bad = bytearray(file.read_bytes())
    bad[-1] ^= 1
    file.write_bytes(bad)
    again = start(tables_only, tmp_path / "out", harm=SLOW)
    again.until(lambda: not parts[1].exists() or "is damaged" in again.said())
    assert again.end() == 0, again.said()
    assert again.said().count("is damaged") == 1
    assert bytes_of(again.out, TABLES) == {name: whole.bytes[name] for name in TABLES}


def test_a_disk_too_small_for_reading_is_said_and_with_room_it_goes_on(
    whole: Any, tables_only: Path, tmp_path: Path, small_disk: Any
) -> None:
    """Nothing of what was read is left, so there is no reason that the disk would be full the next time."""
    place = small_disk(60)
    (place / "out.log").symlink_to(tmp_path / "log")
    refused(start(tables_only, place / "out"), "the city could not be laid out", "no space left on device")
    assert [path for path in place.rglob("*") if path.is_file() and not path.is_symlink()] == []
    small_disk(100_000)
    again = start(tables_only, place / "out")
    assert again.end() == 0, again.said()
    assert bytes_of(again.out, TABLES) == {name: whole.bytes[name] for name in TABLES}


@pytest.mark.long
def test_tables_only_on_a_cluster_gives_the_same_bytes(whole: Any, tables_only: Path, tmp_path: Path) -> None:
    run = start(tables_only, tmp_path / "out", "--workers", "2")
    assert run.end() == 0, run.said()
    assert bytes_of(run.out, TABLES) == {name: whole.bytes[name] for name in TABLES}


# --- damaged -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["unfinished", "cache"])
def test_damaged_tiles_are_found_said_and_computed_again(whole: Any, tmp_path: Path, where: str) -> None:
    """A byte changed, a file cut short, an empty one, another block's, and what a killed writer leaves."""
    cache = tmp_path / "cache" if where == "cache" else None
    first = start(whole.study, tmp_path / "out", harm=SLOW, cache=cache)
    if cache is None:
        first.until(lambda: first.kept() >= 8)
        first.kill()
        first.end()
        files = sorted(first.tiles.glob("*"))
    else:
        assert first.end() == 0, first.said()
        shutil.rmtree(first.out)
        files = sorted((cache / "tiles").glob("*/*"))
    bad = bytearray(files[0].read_bytes())
    bad[len(bad) // 2] ^= 4
    files[0].write_bytes(bad)
    os.truncate(files[1], files[1].stat().st_size - 7)
    os.truncate(files[2], 0)
    files[3].write_bytes(files[4].read_bytes())
    files[4].with_name(f"{files[4].name}.1.part").write_bytes(b"half")
    again = start(whole.study, tmp_path / "out", cache=cache)
    covering = ends_whole(again, whole)
    assert covering["damaged_files"] == 4
    assert again.said().count("is damaged") == 4
    assert covering["from_cache" if cache else "from_unfinished_run"] > 0


# --- two at once, taken away ---------------------------------------------------------------------------------------


def test_two_runs_in_one_folder_exclude_each_other(whole: Any, tmp_path: Path) -> None:
    first = start(whole.study, tmp_path / "out", harm=SLOW)
    first.until(lambda: first.kept() >= 1)
    refused(start(whole.study, tmp_path / "out"), "is being written by process", "--out DIR")
    first.log.unlink()
    ends_whole(first, whole)


@pytest.mark.long
def test_two_runs_may_use_one_cache_at_once(whole: Any, tmp_path: Path) -> None:
    runs = [start(whole.study, tmp_path / name, cache=tmp_path / "cache") for name in ("one", "two")]
    for run in runs:
        covering = ends_whole(run, whole)
        assert covering["damaged_files"] == 0
    third = start(whole.study, tmp_path / "three", cache=tmp_path / "cache")
    assert ends_whole(third, whole)["computed"] == 0


def test_a_folder_taken_away_ends_the_run_and_nothing_wrong_stands_there(whole: Any, tmp_path: Path) -> None:
    run = start(whole.study, tmp_path / "out", harm=SLOW)
    run.until(lambda: run.kept() >= 2)
    shutil.rmtree(tmp_path / "out.partial")
    refused(run, "was taken away", "again")
    ends_whole(start(whole.study, tmp_path / "out"), whole)


# --- clocks --------------------------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_changes_nothing(whole: Any, tmp_path: Path) -> None:
    """Also files from the future and from 1970, in the unfinished run and in the cache."""
    cache = tmp_path / "cache"
    first = start(whole.study, tmp_path / "out", harm=Harm(slow_s=0.03, clock_back=True), cache=cache)
    first.until(lambda: first.kept() >= 6)
    first.kill()
    first.end()
    for number, path in enumerate(path for path in tmp_path.rglob("*") if path.is_file()):
        os.utime(path, (number % 2 * 4e9, number % 2 * 4e9))
    covering = ends_whole(start(whole.study, tmp_path / "out", harm=Harm(clock_back=True), cache=cache), whole)
    assert covering["from_unfinished_run"] > 0
    assert covering["damaged_files"] == 0


# --- full disks ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Any]:
    """Gives a folder on a file system of so many kB, and makes it larger when called again."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = False

    def of(kilobytes: int) -> Path:
        nonlocal mounted
        options = f"size={kilobytes}k" if not mounted else f"remount,size={kilobytes}k"
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=False)
        if done.returncode:
            pytest.skip("a small file system needs root")
        mounted = True
        return place

    yield of
    if mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_ends_the_run_and_with_room_it_goes_on(whole: Any, tmp_path: Path, small_disk: Any) -> None:
    place = small_disk(60)
    run = start(whole.study, place / "out")
    run.log = tmp_path / "log"
    run.end()
    said = (place / "out.log").read_text()
    assert run.process.exitcode == 1, said
    small_disk(100_000)
    ends_whole(start(whole.study, place / "out"), whole)


def on_a_disk_of(kilobytes: int, whole: Any, tmp_path: Path, small_disk: Any) -> bool:
    """A run ends well with the right bytes, or is refused clearly and goes on with room; return whether it ended."""
    place = small_disk(kilobytes)
    (place / "out.log").symlink_to(tmp_path / "log")
    run = start(whole.study, place / "out")
    code = run.end()
    if code == 0:
        assert bytes_of(run.out) == whole.bytes
        return True
    refused(run, "no space left on device")
    small_disk(100_000)
    ends_whole(start(whole.study, place / "out"), whole)
    return False


@pytest.mark.parametrize("part", [0.25, 0.9])
def test_a_disk_too_small_for_the_files_never_gives_a_wrong_number(
    whole: Any, tmp_path: Path, small_disk: Any, part: float
) -> None:
    size = sum(path.stat().st_size for path in whole.out.rglob("*")) / 1000.0
    assert not on_a_disk_of(int(part * size), whole, tmp_path, small_disk)


@pytest.mark.long
@pytest.mark.parametrize("part", np.round(np.arange(0.05, 1.6, 0.05), 2).tolist())
def test_disks_of_many_sizes(whole: Any, tmp_path: Path, small_disk: Any, part: float) -> None:
    size = sum(path.stat().st_size for path in whole.out.rglob("*")) / 1000.0
    on_a_disk_of(int(part * size), whole, tmp_path, small_disk)


def test_a_cache_without_room_is_given_up_and_the_run_goes_on(whole: Any, tmp_path: Path, small_disk: Any) -> None:
    run = start(whole.study, tmp_path / "out", cache=small_disk(24))
    ends_whole(run, whole)
    assert run.said().count("cannot be written") == 1
    assert "this run goes on" in run.said()


# --- memory --------------------------------------------------------------------------------------------------------


def test_out_of_memory_is_one_clear_message(whole: Any, tmp_path: Path) -> None:
    """The process may have 4 GB, and a tile asks for 8."""
    run = start(whole.study, tmp_path / "out", harm=Harm(room_mb=4000, hungry=a_tile_in_the_middle(whole)))
    refused(run, "out of memory", "--threads 1", "the same command goes on")
    ends_whole(start(whole.study, tmp_path / "out"), whole)


@pytest.mark.long
@pytest.mark.parametrize("room_mb", [10, 20, 40, 60, 80, 120, 160, 240, 320, 480, 640])
def test_memory_that_ends_anywhere(whole: Any, tmp_path: Path, room_mb: int) -> None:
    """A refusal, or the right bytes, wherever it runs out."""
    run = start(whole.study, tmp_path / "out", harm=Harm(room_mb=room_mb))
    if run.end() == 0:
        assert bytes_of(run.out) == whole.bytes
        return
    # 127: the C library itself ends a process that it has no room for a thread's own data in.
    assert run.process.exitcode in {1, 127, -signal.SIGABRT, -signal.SIGSEGV}, run.said()
    ends_whole(start(whole.study, tmp_path / "out"), whole)


# --- clusters ------------------------------------------------------------------------------------------------------


def workers_of(run: Run) -> list[psutil.Process]:
    """The processes of a run's own cluster that compute."""
    found = []
    for child in psutil.Process(run.process.pid).children(recursive=True):
        try:
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def test_a_cluster_gives_the_same_bytes_and_a_killed_worker_changes_none(whole: Any, tmp_path: Path) -> None:
    run = start(whole.study, tmp_path / "out", "--workers", "2", harm=Harm(slow_s=0.1))
    run.until(lambda: run.kept() >= 2)
    workers_of(run)[0].kill()
    covering = ends_whole(run, whole)
    assert covering["by"] == "dask"
    assert "a worker died" in run.said()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_workers_killed_at_random(whole: Any, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    run = start(whole.study, tmp_path / "out", "--workers", "2", harm=Harm(slow_s=0.05))
    run.until(lambda: run.kept() >= 1)
    for _ in range(int(rng.integers(1, 3))):
        time.sleep(float(rng.uniform(0.0, 2.0)))
        alive = workers_of(run) if run.process.is_alive() else []
        if alive:
            alive[int(rng.integers(len(alive)))].kill()
    ends_whole(run, whole)


def test_a_killed_scheduler_is_said_and_the_same_command_goes_on(whole: Any, tmp_path: Path) -> None:
    scheduler, address = start_scheduler(tmp_path, Harm(slow_s=0.1))
    run = start(whole.study, tmp_path / "out", "--scheduler", address)
    run.until(lambda: run.kept() >= 2)
    os.kill(scheduler.pid, signal.SIGKILL)
    refused(run, "is lost", "kept in", "the same command goes on")
    assert ends_whole(start(whole.study, tmp_path / "out"), whole)["from_unfinished_run"] > 0
    scheduler.join(10)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_schedulers_killed_at_random(whole: Any, tmp_path: Path, seed: int) -> None:
    scheduler, address = start_scheduler(tmp_path, Harm(slow_s=0.05))
    run = start(whole.study, tmp_path / "out", "--scheduler", address)
    time.sleep(float(np.random.default_rng(seed).uniform(0.0, 3.0 + whole.seconds)))
    os.kill(scheduler.pid, signal.SIGKILL)
    if run.end() != 0:
        refused(run, "scheduler", "tcp://")
        ends_whole(start(whole.study, tmp_path / "out"), whole)
    assert bytes_of(run.out) == whole.bytes
    scheduler.join(10)


def a_tile_in_the_middle(whole: Any) -> tuple[int, int]:
    """A tile of the town that doors look into."""
    import rasterio

    with rasterio.open(whole.out / "seen_by_detect.tif") as file:
        rows, columns = np.nonzero(file.read(1))
        middle = len(rows) // 2
        x, y = file.xy(rows[middle], columns[middle])
    return int(y // 128.0), int(x // 128.0)


def test_a_tile_that_kills_its_worker_is_named_and_all_others_are_kept(whole: Any, tmp_path: Path) -> None:
    tile = a_tile_in_the_middle(whole)
    run = start(whole.study, tmp_path / "out", "--workers", "2", harm=Harm(deadly=tile))
    said = refused(run, f"tile {tile[0]}, {tile[1]} (longitude", "latitude", "workers died", "out of memory")
    assert "1 tile of the city could not be computed" in said
    covering = ends_whole(start(whole.study, tmp_path / "out"), whole)
    assert 1 <= covering["computed"] <= 4  # the block that the tile is in
    assert covering["from_unfinished_run"] > 20


@pytest.mark.long
def test_a_worker_that_outgrows_its_memory_is_said(whole: Any, tmp_path: Path) -> None:
    tile = a_tile_in_the_middle(whole)
    run = start(whole.study, tmp_path / "out", "--workers", "2", harm=Harm(hungry=tile, memory="700MiB"))
    refused(run, f"tile {tile[0]}, {tile[1]} (longitude", "out of memory")
    ends_whole(start(whole.study, tmp_path / "out"), whole)
