"""What is kept between runs is whole or not there."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from doorview.city.cache_home import beside, cache_home, keep, kept, key_of, throw_away


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DOORVIEW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def hello(folder: Path) -> None:
    (folder / "part").mkdir()
    (folder / "part" / "a.txt").write_text("hello")


def test_what_is_kept_is_found_again_and_nothing_else(home):
    key = key_of("a", 1)
    assert kept("things", key) is None
    place = keep("things", key, hello)
    assert kept("things", key) == place
    assert (place / "part" / "a.txt").read_text() == "hello"
    assert kept("others", key) is None
    throw_away("things", key)
    assert kept("things", key) is None
    assert [path for path in home.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("word", ["off", "OFF", "none"])
def test_off_keeps_nothing(home, monkeypatch, word):
    monkeypatch.setenv("DOORVIEW_CACHE", word)
    assert cache_home() is None
    assert keep("things", key_of("a"), hello) is None
    assert not home.exists()


def test_left_out_it_is_the_users_cache_folder(monkeypatch):
    monkeypatch.delenv("DOORVIEW_CACHE")
    assert cache_home().name.lower() == "doorview"


@pytest.mark.parametrize("harm", ["change", "cut", "lose", "no sums", "sums are no JSON"])
def test_a_damaged_thing_is_said_thrown_away_and_made_again(harm, caplog):
    key = key_of("a")
    place = keep("things", key, hello)
    file, sums = place / "part" / "a.txt", place / "checksums.json"
    if harm == "change":
        file.write_text("hullo")
    elif harm == "cut":
        os.truncate(file, 3)
    elif harm == "lose":
        file.unlink()
    elif harm == "no sums":
        sums.unlink()
    else:
        sums.write_text("{")
    with caplog.at_level(logging.WARNING):
        assert kept("things", key) is None
    assert "is damaged" in caplog.text
    assert not place.exists()
    assert kept("things", key) is None
    assert keep("things", key, hello) == place == kept("things", key)


def test_a_writer_that_fails_leaves_nothing(home):
    def broken(folder):
        hello(folder)
        raise KeyError("no")

    with pytest.raises(KeyError):
        keep("things", key_of("a"), broken)
    assert kept("things", key_of("a")) is None
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_place_that_cannot_be_written_is_said_and_no_error(home, caplog):
    home.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert keep("things", key_of("a"), hello) is None
    assert "DOORVIEW_CACHE" in caplog.text


def test_many_at_once_leave_one_whole_thing(home):
    gate, seen = threading.Barrier(8), []

    def one():
        gate.wait()
        seen.append(keep("things", key_of("a"), hello))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
    assert seen[0] == kept("things", key_of("a"))
    assert len([path for path in home.rglob("*") if path.is_file()]) == 2


def test_keys_tell_apart_what_looks_alike():
    parts = [
        ("ab", "c"), ("a", "bc"), ("abc",), (["ab"], "c"), (["ab", "c"],), (1,), (1.0,), ("1",), (True,), (None,),
        ((),),
        (b"ab",), (np.array([1, 2]),), (np.array([1, 2], np.int32),), (np.array([[1, 2]]),), ([1, 2],), ({"a": 1},),
        ({"a": "1"},), (["a", 1],), (0.1 + 0.2,), (0.3,),
    ]  # fmt: skip
    assert len({key_of(*part) for part in parts}) == len(parts)
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of(np.arange(6).reshape(2, 3).T) == key_of(np.arange(6).reshape(2, 3).T.copy())
    with pytest.raises(TypeError):
        key_of(object())
    with pytest.raises(TypeError):
        key_of(np.array(["a", None], dtype=object))


def test_a_file_replaces_the_one_before(tmp_path):
    for text in ("one", "two"):
        with beside(tmp_path / "x" / "f.txt") as path:
            path.write_text(text)
    assert (tmp_path / "x" / "f.txt").read_text() == "two"
    assert len(list((tmp_path / "x").iterdir())) == 1


def test_a_whole_thing_in_the_place_of_another_is_not_taken_for_it(home, caplog):
    """Its checksums fit its files; only the key that stands with them tells."""
    for key in (key_of("one"), key_of("two")):
        keep("cities", key, lambda folder, key=key: (folder / "a").write_text(key))
    one, two = (kept("cities", key_of(name)) for name in ("one", "two"))
    assert one is not None
    assert two is not None
    shutil.rmtree(two)
    shutil.copytree(one, two)
    assert kept("cities", key_of("two")) is None
    assert "another thing's" in caplog.text
    assert kept("cities", key_of("one")) == one
