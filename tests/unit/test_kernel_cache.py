"""A cached kernel never outlives the sources that it was compiled from."""

import os

from doorview.kernel_cache import drop_stale


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
