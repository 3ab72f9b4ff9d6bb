"""The run's folder: whole or not at all, never over what is not ours."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from doorview.errors import OutputError
from doorview.show.run_folder import SCHEMA, RunFolder, check_out, is_run


def _finish(out, text="new", **options):
    with RunFolder(out, **options) as run:
        run.path("maps", "map.txt").write_text(text)
        run.write_run({"seed": 1})
        run.commit()


def _dead_pid():
    process = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return int(process.stdout)


def _lock(out, **held):
    partial = out.with_name(out.name + ".partial")
    partial.mkdir()
    (partial / "lock").write_text(json.dumps(held))
    return partial


def test_a_committed_run_stands_alone_at_its_place(tmp_path):
    out = tmp_path / "a b ü" / "runs" / "demo"
    _finish(out)
    assert sorted(item.name for item in out.iterdir()) == ["maps", "run.json"]
    assert [item.name for item in out.parent.iterdir()] == ["demo"]
    data = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert data == {"doorview": SCHEMA, "schema_version": 1, "seed": 1}
    assert is_run(out)


def test_a_finished_run_is_replaced_as_a_whole(tmp_path):
    out = tmp_path / "demo"
    _finish(out, "old")
    (out / "left over.csv").write_text("x")
    _finish(out, "new")
    assert (out / "maps" / "map.txt").read_text() == "new"
    assert not (out / "left over.csv").exists()
    assert [item.name for item in tmp_path.iterdir()] == ["demo"]


def test_an_error_leaves_the_old_run_and_nothing_else(tmp_path):
    out = tmp_path / "deep" / "demo"
    with pytest.raises(ZeroDivisionError), RunFolder(out) as run:  # noqa: PT012 - the block is what is interrupted
        run.path("shares.csv").write_text("half")
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []
    _finish(out, "old")
    with pytest.raises(ZeroDivisionError), RunFolder(out) as run:  # noqa: PT012 - the block is what is interrupted
        run.path("shares.csv").write_text("half")
        _ = 1 / 0
    assert (out / "maps" / "map.txt").read_text() == "old"
    assert [item.name for item in out.parent.iterdir()] == ["demo"]


def test_unfinished_work_outlives_an_interrupted_run_unless_fresh(tmp_path):
    out = tmp_path / "demo"

    def interrupt():
        with pytest.raises(KeyboardInterrupt), RunFolder(out) as run:  # noqa: PT012 - the block is what is interrupted
            run.unfinished.mkdir()
            (run.unfinished / "tile_1").write_text("rows")
            run.path("shares.csv").write_text("half")
            raise KeyboardInterrupt

    interrupt()
    with RunFolder(out) as run:
        assert [item.name for item in run.partial.iterdir() if item.name != "lock"] == ["unfinished"]
        assert (run.unfinished / "tile_1").read_text() == "rows"
        run.write_run({})
        run.commit()
    assert sorted(item.name for item in out.iterdir()) == ["run.json"]
    interrupt()
    with RunFolder(out, fresh=True) as run:
        assert not run.unfinished.exists()


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"doorview": "another"}'])
def test_a_folder_that_is_no_run_is_refused_and_untouched(tmp_path, text):
    out = tmp_path / "photos"
    out.mkdir()
    (out / "run.json").write_text(text)
    with pytest.raises(OutputError, match=r"holds no doorview run\.json"), RunFolder(out):
        pass
    assert (out / "run.json").read_text() == text
    assert [item.name for item in tmp_path.iterdir()] == ["photos"]


def test_a_file_and_an_empty_folder_are_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    with pytest.raises(OutputError, match="is a file"):
        check_out(tmp_path / "file")
    with pytest.raises(OutputError, match="holds no doorview"):
        check_out(tmp_path / "empty")
    assert isinstance(OutputError("x"), OSError)


def test_something_put_there_meanwhile_is_not_replaced(tmp_path):
    out = tmp_path / "demo"
    with pytest.raises(OutputError, match=r"holds no doorview run\.json"), RunFolder(out) as run:  # noqa: PT012 - the block is what is interrupted
        run.write_run({})
        out.mkdir()
        (out / "thesis.txt").write_text("years of work")
        run.commit()
    assert (out / "thesis.txt").read_text() == "years of work"


def test_a_parent_that_is_a_file_is_refused_before_any_computing(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written") as caught, RunFolder(tmp_path / "file" / "demo"):
        pytest.fail("computing began")
    assert "--out DIR" in str(caught.value)


@pytest.mark.parametrize("space", ["\u00a0", "\u2009", "\u3000"])
def test_a_space_of_another_kind_in_the_name_is_no_fault(tmp_path, space):
    with RunFolder(tmp_path / f"my{space}run") as run:
        run.write_run({})
        assert run.commit() == tmp_path / f"my{space}run"
    for wrong in ("my\trun", "my\u200brun", "my\u2028run"):
        with pytest.raises(OutputError, match="cannot be shown"):
            check_out(tmp_path / wrong)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_parent_is_refused(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="permission denied"), RunFolder(locked / "demo"):
        pytest.fail("computing began")


def test_a_live_lock_is_respected_even_with_fresh(tmp_path):
    out = tmp_path / "demo"
    with RunFolder(out) as first:
        first.path("mine").write_text("x")
        for fresh in (False, True):
            with pytest.raises(OutputError, match=f"process {os.getpid()}"), RunFolder(out, fresh=fresh):
                pass
        assert (first.partial / "mine").exists()
        first.write_run({})
        first.commit()
    assert is_run(out)


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    out = tmp_path / "demo"
    partial = _lock(out, pid=_dead_pid(), host=socket.gethostname(), started=None)
    (partial / "half.csv").write_text("x")
    _finish(out)
    assert sorted(item.name for item in out.iterdir()) == ["maps", "run.json"]


def test_a_reused_process_id_is_no_live_lock(tmp_path):
    if not Path("/proc/self/stat").exists():
        pytest.skip("this system does not tell when a process started")
    out = tmp_path / "demo"
    _lock(out, pid=os.getpid(), host=socket.gethostname(), started="1")
    _finish(out)
    assert is_run(out)


def test_a_lock_cut_short_is_taken_over(tmp_path):
    out = tmp_path / "demo"
    partial = _lock(out)
    (partial / "lock").write_text('{"pid": 1')
    _finish(out)
    assert is_run(out)


def test_a_lock_of_another_machine_is_respected_until_fresh(tmp_path):
    out = tmp_path / "demo"
    _lock(out, pid=1, host="elsewhere.invalid", started=None)
    with pytest.raises(OutputError, match=r"elsewhere\.invalid"), RunFolder(out):
        pass
    _finish(out, fresh=True)
    assert is_run(out)


def test_a_commit_that_was_killed_between_its_two_renames_is_mended(tmp_path):
    out = tmp_path / "demo"
    _finish(out, "old")
    out.rename(tmp_path / "demo.replaced")
    with pytest.raises(ZeroDivisionError), RunFolder(out):
        _ = 1 / 0
    assert (out / "maps" / "map.txt").read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["demo"]


def test_commit_wants_a_run_json(tmp_path):
    with pytest.raises(OutputError, match="write_run"), RunFolder(tmp_path / "demo") as run:
        run.commit()
    assert list(tmp_path.iterdir()) == []
    with RunFolder(tmp_path / "demo") as run, pytest.raises(ValueError, match="schema_version"):
        run.write_run({"schema_version": 7})


# --- taken away meanwhile ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before a file", "before the commit", "and begun by another"])
def test_a_folder_that_is_taken_away_while_it_is_written_is_never_put_in_place(tmp_path, moment):
    """What was written before would be missing from it."""
    out = tmp_path / "demo"

    def write():
        with RunFolder(out) as run:
            run.path("shares.csv").write_text("first")
            run.write_run({})
            moved = tmp_path / "moved"
            run.partial.rename(moved)
            if moment == "before a file":
                run.path("curve.csv").write_text("second")
            if moment == "and begun by another":
                run.partial.mkdir()
                lock = json.loads((moved / "lock").read_text())
                (run.partial / "lock").write_text(json.dumps({**lock, "pid": 1}))
                (run.partial / "run.json").write_text((moved / "run.json").read_text())
            run.commit()

    with pytest.raises(OutputError) as caught:
        write()
    if moment != "before the commit":
        assert "taken away" in str(caught.value)
    assert not out.exists()
    kept = tmp_path / "demo.partial"
    if moment == "and begun by another":  # and what is another's is left alone
        assert sorted(item.name for item in kept.iterdir()) == ["lock", "run.json"]
    else:
        assert not kept.exists()


def test_empty_folders_are_no_unfinished_work(tmp_path):
    with pytest.raises(KeyboardInterrupt), RunFolder(tmp_path / "demo") as run:  # noqa: PT012 - the block is what is interrupted
        (run.unfinished / "tiles").mkdir(parents=True)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="has no pipes in folders")
def test_a_run_json_that_is_a_pipe_or_nested_without_end_is_no_run(tmp_path):
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "run.json")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "run.json").write_text("[" * 100_000)
    assert not is_run(tmp_path / "pipe")  # and it does not wait for somebody to write
    assert not is_run(tmp_path / "deep")
