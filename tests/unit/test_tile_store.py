"""Finished tiles on disk: what is kept, for how long, and what happens where they cannot be."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from doorview import cli
from doorview.errors import InputError, OutputError
from doorview.share.packing import Parcel, pack
from doorview.share.tiles import TileResult, cover
from doorview.show.tile_store import TileStore, cache_bytes, make_room
from helpers.town import scene_of, town

KEYS = [f"{number:02d}" * 20 for number in range(12)]


@pytest.fixture(scope="module")
def results() -> list[TileResult]:
    return list(cover(scene_of(town(), tile=256), threads=1))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("DOORVIEW_CACHE", str(folder))
    return folder


def parcel(key: str, results: list[TileResult], *, rasters: bool = False) -> bytes:
    return pack(key, results, rasters=rasters)


def test_what_is_kept_is_found_by_the_run_and_by_others(home, tmp_path, results):
    store = TileStore(tmp_path / "unfinished")
    assert store.find(KEYS[0], rasters=False) is None
    store.keep(KEYS[0], parcel(KEYS[0], results), len(results))
    resumed, other = TileStore(tmp_path / "unfinished"), TileStore(tmp_path / "elsewhere")
    for again in (resumed, other):
        found = again.find(KEYS[0], rasters=False)
        assert isinstance(found, Parcel)
        assert found.tiles == len(results)
        assert again.find(KEYS[1], rasters=False) is None
        assert again.find(KEYS[0], rasters=True) is None  # they were not asked for when it was made
    assert (store.facts()["computed"], resumed.facts()["from_unfinished_run"]) == (len(results), len(results))
    assert (other.facts()["from_cache"], other.facts()["from_unfinished_run"]) == (len(results), 0)


def test_one_that_has_rasters_takes_the_place_of_one_that_has_none(home, tmp_path, results):
    first = TileStore(tmp_path / "one")
    first.keep(KEYS[0], parcel(KEYS[0], results), len(results))
    TileStore(tmp_path / "two").keep(KEYS[0], parcel(KEYS[0], results, rasters=True), len(results))
    assert TileStore(tmp_path / "three").find(KEYS[0], rasters=True) is not None
    assert first.find(KEYS[0], rasters=True) is not None
    assert not list(tmp_path.rglob("*.part"))


def test_off_keeps_nothing_but_the_runs_own(tmp_path, monkeypatch, results):
    monkeypatch.setenv("DOORVIEW_CACHE", "off")
    store = TileStore(tmp_path / "unfinished")
    store.keep(KEYS[0], parcel(KEYS[0], results), len(results))
    store.close()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [
        f"unfinished/tiles/{KEYS[0]}"
    ]
    assert TileStore(None).find(KEYS[0], rasters=False) is None


def test_the_cache_keeps_within_its_bound_and_what_was_used_last(home, tmp_path, monkeypatch, results):
    size = len(parcel(KEYS[0], results))
    monkeypatch.setenv("DOORVIEW_CACHE_SIZE", f"{6.5 * size:.0f}")
    store = TileStore(tmp_path / "unfinished")
    for number, key in enumerate(KEYS[:6]):
        store.keep(key, parcel(key, results), len(results))
        os.utime(home / "tiles" / key[:2] / key, (1000.0 + number, 1000.0 + number))
    TileStore(None).find(KEYS[0], rasters=False)  # used now
    for key in KEYS[6:8]:
        store.keep(key, parcel(key, results), len(results))
    store.close()
    left = {path.name for path in (home / "tiles").glob("*/*")}
    assert {KEYS[0], KEYS[6], KEYS[7]} <= left
    assert KEYS[1] not in left
    assert sum(path.stat().st_size for path in (home / "tiles").glob("*/*")) <= 6.5 * size
    assert {path.name for path in (tmp_path / "unfinished" / "tiles").iterdir()} == set(KEYS[:8])


def test_room_is_made_among_all_kinds_and_nothing_else_is_touched(home):
    for kind, when in (("cities", 10.0), ("tiles", 20.0)):
        thing = home / kind / "ab" / "abc"
        thing.mkdir(parents=True)
        (thing / "data").write_bytes(b"x" * 1000)
        os.utime(thing, (when, when))
    (home / "mine.txt").write_bytes(b"x" * 5000)
    assert make_room(home, 2000) == 0
    assert make_room(home, 1500) == 1
    assert [path.name for path in home.glob("*/*/*")] == ["abc"]
    assert (home / "tiles" / "ab" / "abc" / "data").exists()
    assert make_room(home, 10) == 1
    assert (home / "mine.txt").exists()


@pytest.mark.parametrize(
    ("text", "size"), [("", 5_000_000_000), ("20 GB", 20 * 10**9), ("500mb", 5 * 10**8), ("1.5 kB", 1500), ("7", 7)]
)
def test_the_bound_is_read(monkeypatch, text, size):
    monkeypatch.setenv("DOORVIEW_CACHE_SIZE", text)
    assert cache_bytes() == size


@pytest.mark.parametrize("text", ["much", "-3 GB", "3 GiBs", "GB"])
def test_a_bound_that_is_none_is_refused(home, monkeypatch, text):
    monkeypatch.setenv("DOORVIEW_CACHE_SIZE", text)
    with pytest.raises(InputError, match="is no size"):
        TileStore(None)


def test_a_cache_that_cannot_be_written_is_given_up_with_one_warning(tmp_path, monkeypatch, results, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DOORVIEW_CACHE", str(tmp_path / "file"))
    store = TileStore(tmp_path / "unfinished")
    with caplog.at_level(logging.WARNING):
        for key in KEYS[:3]:
            assert store.find(key, rasters=False) is None
            store.keep(key, parcel(key, results), len(results))
        store.close()
    assert caplog.text.count("cannot be written") == 1
    assert "this run goes on" in caplog.text
    assert len(list((tmp_path / "unfinished" / "tiles").iterdir())) == 3


def test_a_folder_of_the_run_that_cannot_be_written_ends_it(tmp_path, monkeypatch, results):
    store = TileStore(tmp_path / "unfinished", cache=False)
    (tmp_path / "unfinished" / "tiles").rename(tmp_path / "away")
    with pytest.raises(OutputError, match="was taken away"):
        store.keep(KEYS[0], parcel(KEYS[0], results), len(results))
    (tmp_path / "away").rename(tmp_path / "unfinished" / "tiles")

    def full(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="no space left on device") as caught:
        store.keep(KEYS[0], parcel(KEYS[0], results), len(results))
    assert "the same command goes on" in str(caught.value)
    assert list((tmp_path / "unfinished" / "tiles").iterdir()) == []


def test_the_command_says_what_is_kept_and_clears_it(home, tmp_path, results, capsys):
    store = TileStore(tmp_path / "unfinished")
    for key in KEYS[:3]:
        store.keep(key, parcel(key, results), len(results))
    assert cli.main(["cache"]) == 0
    said = capsys.readouterr().out
    assert str(home) in said
    assert "tiles             3" in said
    assert "5 GB" in said
    assert cli.main(["cache", "clear"]) == 0
    assert "3 things thrown away" in capsys.readouterr().out
    assert not [path for path in home.rglob("*") if path.is_file()]
    assert cli.main(["cache"]) == 0


def test_the_command_says_that_it_is_off(monkeypatch, capsys):
    monkeypatch.setenv("DOORVIEW_CACHE", "off")
    assert cli.main(["cache", "clear"]) == 0
    assert "is off" in capsys.readouterr().out
