"""The notebooks as they are committed: executed, small, without anything of the machine that executed them."""

import base64
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MOST_BYTES = 600_000


def cells(path, kind=None):
    book = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in book["cells"] if kind in (None, cell["cell_type"])]


def text(cell):
    return "".join(cell["source"])


def outputs(path):
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def test_they_stand_in_order():
    assert [path.name[:2] for path in NOTEBOOKS] == sorted(path.name[:2] for path in NOTEBOOKS)
    assert {"01", "02", "03", "04", "05", "06", "07", "08", "09"} <= {path.name[:2] for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_was_executed_from_top_to_bottom(path):
    ran = [cell for cell in cells(path, "code") if "skip-execution" not in cell["metadata"].get("tags", [])]
    assert [cell["execution_count"] for cell in ran] == list(range(1, len(ran) + 1))
    assert outputs(path)
    assert not [output for output in outputs(path) if output["output_type"] == "error"]
    assert not [output for output in outputs(path) if output.get("name") == "stderr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_shows_a_picture_and_stays_small(path):
    pictures = [output["data"]["image/png"] for output in outputs(path) if "image/png" in output.get("data", {})]
    assert pictures
    for picture in pictures:
        assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert path.stat().st_size <= MOST_BYTES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_of_the_machine_is_left(path):
    shown = json.dumps(outputs(path))
    assert not re.search("/(" + "tmp|home|root|work|Users" + r")/|[A-Z]:\\\\", shown)
    assert "doorview progress" not in shown
    for cell in cells(path):
        assert "execution" not in cell["metadata"], "times of execution"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_says_that_the_town_is_fictional_and_what_in_view_is_not(path):
    prose = " ".join(text(cell) for cell in cells(path, "markdown"))
    assert "fictional" in prose
    assert "In view is not recorded, recorded is not kept, kept is not shared" in text(cells(path)[-1])
    assert not re.search(r"\b(watched|protected)\b", prose)


def test_only_the_download_by_name_is_not_executed():
    skipped = [
        text(cell)
        for path in NOTEBOOKS
        for cell in cells(path, "code")
        if "skip-execution" in cell["metadata"].get("tags", [])
    ]
    assert len(skipped) == 1
    assert "City.from_place" in skipped[0]
