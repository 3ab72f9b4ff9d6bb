"""A cached kernel never outlives the sources that it was compiled from."""

import os

import pytest
from numba.core.caching import IndexDataCacheFile

from doorview import kernel_cache
from doorview.kernel_cache import drop_stale, one_writer


def test_a_cache_older_than_any_source_goes(tmp_path):
    folder = tmp_path / "room" / "kernels"
    (folder / "__pycache__").mkdir(parents=True)
    caller, called, cached, fresh = (
        folder / "caller.py",
        folder / "called.py",
        folder / "__pycache__" / "caller.f-1.py311.nbi",
        folder / "__pycache__" / "called.g-1.py311.nbi",
    )
    for age, path in enumerate((caller, cached, called, fresh)):
        path.write_text("")
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    assert drop_stale(tmp_path) == 1
    assert not cached.exists()
    assert fresh.exists()
    assert drop_stale(tmp_path) == 0


def test_without_kernels_nothing_happens(tmp_path):
    assert drop_stale(tmp_path) == 0


@pytest.fixture
def cache(tmp_path):
    assert one_writer()
    return IndexDataCacheFile(str(tmp_path), "kernel", "stamp")


def test_what_is_saved_is_read_back_and_no_lock_is_left(cache, tmp_path):
    for number in range(3):
        cache.save(("key", number), f"code {number}")
    cache.save(("key", 1), "newer")
    assert [cache.load(("key", number)) for number in range(3)] == ["code 0", "newer", "code 2"]
    assert not list(tmp_path.glob("*.lock"))


def test_code_is_there_before_its_name_is(cache, monkeypatch, tmp_path):
    cache.save("first", "code 1")
    monkeypatch.setattr(cache, "_save_index", lambda _overloads: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cache.save("second", "code 2")
    assert (cache.load("first"), cache.load("second")) == ("code 1", None)
    assert (tmp_path / "kernel.2.nbc").exists()
    assert not list(tmp_path.glob("*.lock"))


def test_while_another_writes_nothing_is_kept_and_a_forgotten_lock_is_taken(cache, monkeypatch, tmp_path):
    monkeypatch.setattr(kernel_cache, "PATIENCE_S", 0.0)
    lock = tmp_path / "kernel.nbi.lock"
    lock.touch()
    cache.save("key", "code")
    assert cache.load("key") is None
    assert lock.exists()
    os.utime(lock, (1_000_000, 1_000_000))
    cache.save("key", "code")
    assert cache.load("key") == "code"
    assert not lock.exists()
