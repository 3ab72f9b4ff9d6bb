"""What stages cost: sums by hand, bytes that were passed, and where a profile looks."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import pytest

from doorview.city.values import metres
from doorview.study.pipeline import run_study
from doorview.study.profiling import _place, profiling, stage_lines
from doorview.study.schema import study_from_dict
from doorview.study.stages import Cost, Stages
from helpers.tiny import tiny_town

needs_proc = pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux tells the bytes of a process")


def test_a_stage_entered_twice_is_one_and_a_part_names_its_whole():
    told: list[str] = []
    stages = Stages(lambda stage, *_: told.append(stage))
    for _ in range(2):
        with stages.stage("whole"):
            assert stages.current == "whole"
            with stages.stage("part"):
                assert stages.current == "part"
    assert stages.current is None
    assert told == ["whole", "part"] * 2
    assert list(stages.costs) == ["whole", "part"]
    assert (stages.costs["whole"].within, stages.costs["part"].within) == (None, "whole")
    assert stages.seconds["whole"] >= stages.seconds["part"] >= 0


def test_parts_are_not_counted_twice():
    parts = {"a": Cost(2.0, 3.0, 10, None, 5), "b": Cost(1.5, 1.0, 7, None, 5, "a"), "c": Cost(0.5, 0.25, 1, 4, 6)}
    facts = Stages(costs=parts).facts()
    assert (facts["seconds"], facts["cpu_seconds"], facts["bytes_read"], facts["bytes_written"]) == (2.5, 3.25, 11, 4)
    assert list(facts["stages"]) == ["a", "b", "c"]
    assert facts["stages"]["b"]["within"] == "a"
    lines = stage_lines(facts)
    assert lines[3].endswith("    b")
    assert " 60.0% " in lines[3]  # 1.5 of 2.5 s


@needs_proc
def test_bytes_that_a_stage_passes_are_counted(tmp_path):
    stages = Stages()
    with stages.stage("writing"):
        (tmp_path / "x").write_bytes(os.urandom(3_000_000))
    with stages.stage("reading"):
        assert len((tmp_path / "x").read_bytes()) == 3_000_000
    wrote, read = stages.costs["writing"], stages.costs["reading"]
    assert 3_000_000 <= (wrote.bytes_written or 0) < 3_500_000
    assert 3_000_000 <= (read.bytes_read or 0) < 3_500_000
    assert (read.bytes_written or 0) < 100_000


def test_a_stage_that_fails_is_measured_and_closed():
    stages = Stages()
    with pytest.raises(KeyError), stages.stage("fails"):
        raise KeyError
    assert stages.current is None
    assert "fails" in stages.seconds


def test_a_profile_sees_threads_at_work_and_none_that_wait():
    stages, stop = Stages(), threading.Event()

    def works() -> None:
        while not stop.is_set():
            metres("10 ft")

    threads = [threading.Thread(target=works), threading.Thread(target=stop.wait)]
    with profiling(stages) as samples, stages.stage("busy"):
        assert samples is not None
        for thread in threads:
            thread.start()
        while samples.looks < 60:
            stop.wait(0.01)
        stop.set()
        for thread in threads:
            thread.join()
    table = samples.table()
    assert table[0]["stage"] == "busy"
    assert table[0]["place"].startswith("city.values.")
    assert abs(sum(row["share"] for row in table) - 1) < 0.01
    assert not any("threading" in row["place"] for row in table)
    with profiling(stages, wanted=False) as nothing:
        assert nothing is None


def test_code_of_somebody_else_is_no_place():
    assert _place(sys._getframe()) is None


def test_a_run_says_what_it_cost_and_a_profile_where(tmp_path):
    tiny_town(tmp_path / "town.osm.pbf")
    raw = {
        "place": {"extract": "town.osm.pbf"},
        "camera": {"levels": ["detect"]},
        "coverage": {"range_curve": False, "cell_m": 1.0},
        "drivers": {"ranges": 0},
        "output": {"maps": False, "qgis": False, "briefing": True},
    }
    told: list[str] = []
    study = study_from_dict(raw, folder=tmp_path, name="costs")
    run_study(study, tmp_path / "out", profile=True, progress=lambda stage, *_: told.append(stage))
    run = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    costs = run["costs"]
    assert list(costs["stages"]) == list(run["timings"]) == list(dict.fromkeys(told))
    assert "writing the briefing" in run["timings"]  # though the briefing reads run.json
    assert costs["tables_bytes"]["coverage rows"] > 0
    here = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name != "run.json"]
    working = {path for path in here if "working" in path.parts and "profile" not in path.name}
    assert costs["files_bytes"]["working"] == sum(path.stat().st_size for path in working)
    top = {path for path in here if "working" not in path.parts}
    assert costs["files_bytes"]["fit to publish"] == sum(path.stat().st_size for path in top)
    if costs["peak_memory_bytes"] is not None:
        assert costs["peak_memory_bytes"] > 50_000_000  # numpy, geopandas and numba alone are more
    profile = json.loads((tmp_path / "out" / "working" / "profile.json").read_text(encoding="utf-8"))
    assert profile["looks"] > 0
    assert {row["stage"] for row in profile["lines"]} <= {*run["timings"], "between the stages"}
    page = (tmp_path / "out" / "working" / "profile.txt").read_text(encoding="utf-8")
    assert "seeing and covering" in page
    assert "workers of a cluster do is not in it" in page
    assert str(Path(__file__).resolve().parents[2]) not in page
