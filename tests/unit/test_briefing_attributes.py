"""What a briefing says of attributes of districts: built form first, then what is assumed, both from the table."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from doorview.show.briefing.content import briefing_content
from doorview.show.briefing.tables import read_run
from doorview.study.attributes_table import ASSUMED_PART, COLUMNS, EQUAL_PART
from helpers.lix import lix
from helpers.small_run import small_run, write_table

GROUPS = ("1 of 3 (lowest)", "2 of 3", "3 of 3 (highest)")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_with(small_run(tmp_path_factory.mktemp("beside") / "run"))


def folder_with(folder: Path, *, parts: tuple[str, ...] = (EQUAL_PART, ASSUMED_PART), label: str = "Income") -> Path:
    rows = [
        dict.fromkeys(COLUMNS, "")
        | {
            "zoning": "district", "attribute": "income", "part": part, "scenario": "independent_20", "level": "detect",
            "measure": "share", "group": group, "value": 0.2 + 0.11 * n + 0.017 * p, "value_low": 0.1,
            "value_high": 0.7,
        }
        for p, part in enumerate(parts) for n, group in enumerate(GROUPS)
    ]  # fmt: skip
    write_table(folder / "fairness_attributes.csv", rows)
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    asked = {"zoning": "district", "column": "income", "label": label, "kind": "number", "zones": 6}
    facts["attributes"] = {"scenarios": ["independent_20"], "asked": [asked]}
    (folder / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def section_of(folder: Path, language: str = "en") -> dict | None:
    content = briefing_content(read_run(folder), language=language)
    return next((s for s in content.sections if any("head" in b and len(b["rows"]) == 3 and
                 re.search("Assumed|Supuesto|equally|Igual", str(b["head"])) for b in s["blocks"])), None)  # fmt: skip


def test_both_parts_stand_beside_each_other_with_their_ranges(run):
    section = section_of(run)
    assert section is not None
    (table,) = [block for block in section["blocks"] if block["kind"] == "table"]
    assert table["head"][1:] == ["All homes equally likely", "Assumed, not found"]
    assert [row[0] for row in table["rows"]] == ["lowest", "2 of 3", "highest"]
    assert table["rows"][0][1].startswith("20%")
    assert table["rows"][2][2].startswith("44%")
    assert "10% to 70%" in table["rows"][0][1]
    said = " ".join(str(block.get("text", "")) for block in section["blocks"])
    assert "assumed, not found" in said
    assert "not a share of that group's people" in said


def test_without_a_gradient_there_is_one_column(tmp_path):
    section = section_of(folder_with(small_run(tmp_path / "run"), parts=(EQUAL_PART,)))
    assert section is not None
    assert [len(row) for block in section["blocks"] if block["kind"] == "table" for row in block["rows"]] == [2] * 3


def test_a_run_without_attributes_says_nothing_of_them(tmp_path):
    assert section_of(small_run(tmp_path / "run")) is None


@pytest.mark.parametrize(("language", "most"), [("en", 45), ("es", 55)])
def test_it_reads_easily_in_both_languages(run, language, most):
    section = section_of(run, language)
    assert section is not None
    assert lix(" ".join(str(block["text"]) for block in section["blocks"] if "text" in block)) <= most


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_number_is_a_figure_of_the_table_or_quoted(run, language):
    content = briefing_content(read_run(run), language=language)
    (table,) = [b for b in (section_of(run, language) or {"blocks": []})["blocks"] if b["kind"] == "table"]
    said = [figure.said for figure in content.figures if figure.file == "fairness_attributes.csv"]
    assert len(said) == 18
    for row in table["rows"]:
        for cell in row[1:]:
            left = cell
            for words in sorted(said, key=len, reverse=True):
                left = left.replace(words, "")
            assert not re.search(r"\d", left), cell


def test_names_from_data_are_text(tmp_path):
    section = section_of(folder_with(small_run(tmp_path / "run"), label="<b>#set $x$\x07"))
    assert section is not None
    assert "<b>#set $x$" in str(section["blocks"])
