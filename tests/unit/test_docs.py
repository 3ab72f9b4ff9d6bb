"""The documentation: pages from the code are current, links lead somewhere, the schema takes what doorview takes."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
import write_reference

from doorview.cli import build_parser, main
from doorview.errors import StudyError
from doorview.study.pipeline import run_study
from doorview.study.schema import study_from_dict

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
WRITTEN = write_reference.pages()
MADE = ("_rooms/", "_notebooks/")
"""Folders of pages that the build makes."""
SOURCES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(<?([^)\s>]+)>?\)")
TOCTREE = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_page_from_the_code_is_current(name):
    held = (DOCS / name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        assert json.loads(held) == json.loads(WRITTEN[name]), "write it anew: python docs/write_reference.py"
    assert held == WRITTEN[name], "write it anew: python docs/write_reference.py"


def prose(path: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    heads = re.findall(r"^#{1,4} +(.*)$", prose(path), flags=re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head).lower() for head in heads]
    return {re.sub(r"[^\w\- ]", "", head).strip().replace(" ", "-") for head in plain}


@pytest.mark.parametrize("page", SOURCES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page):
    wrong = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = unquote(target).partition("#")
        to = (page.parent / file).resolve() if file else page
        if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors(to)):
            wrong.append(target)
    assert not wrong, f"{page.name}: {wrong}"


def test_the_link_test_finds_what_is_wrong(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A `head`, here\n\n[x](gone.md) [y](page.md#a-head-here) [z](page.md#no)\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"\['gone.md', 'page.md#no'\]"):
        test_every_relative_link_leads_somewhere(page)


def test_every_page_stands_in_the_table_of_contents():
    named = {"index"}
    for page in SOURCES:
        for block in TOCTREE.findall(page.read_text(encoding="utf-8")):
            named |= {line.strip() for line in block.splitlines() if line.strip() and not line.startswith(":")}
    pages = {path.stem for path in DOCS.glob("*.md")}
    assert pages == {name for name in named if not name.startswith(MADE)}


def test_every_public_name_stands_on_the_api_page():
    import doorview

    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert [name for name in doorview.__all__ if f":: doorview.{name}\n" not in page] == []


SCHEMA = jsonschema.Draft202012Validator(json.loads((DOCS / "study.schema.json").read_text(encoding="utf-8")))


def test_the_schema_is_one_and_takes_the_demo_study():
    SCHEMA.check_schema(SCHEMA.schema)
    SCHEMA.validate(tomllib.loads((ROOT / "data" / "demo" / "study.toml").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "text",
    [
        "[place]\nextrct = 'a.osm.pbf'",
        "[camera]\nlevels = 'detect'",
        "[coverage]\ncell_m = '0.5'",
        "[ownership]\nrates = [20.0]",
        "[nothing]\nx = 1",
    ],
)
def test_the_schema_refuses_what_doorview_refuses(text):
    raw = tomllib.loads(text)
    assert not SCHEMA.is_valid(raw)
    with pytest.raises(StudyError):
        study_from_dict({"place": {"extract": "a.osm.pbf"}} | raw, folder=ROOT, name="x")


# --- what a reader copies ------------------------------------------------------------------------------------------

FENCED = re.compile(r"^```(toml|sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [(path.name, *found) for path in SOURCES for found in FENCED.findall(path.read_text(encoding="utf-8"))]
GUIDES = [item for item in BLOCKS if item[0].startswith(("tutorial", "howto"))]


@pytest.mark.parametrize("text", [text for _, kind, text in GUIDES if kind == "toml"])
def test_every_piece_of_a_study_file_in_the_guides_is_one(tmp_path, text):
    for file in ["my-city.osm.pbf", *re.findall(r'"([\w-]+\.[a-z.]+)"', text)]:
        (tmp_path / file).touch()
    raw = tomllib.loads(text)
    SCHEMA.validate(raw)
    if "hundred" not in raw.get("scenarios", {}):  # that one goes on from the demo's scenarios
        raw.setdefault("place", {"extract": "my-city.osm.pbf"})
        study_from_dict(raw, folder=tmp_path, name="guide")


def test_every_command_in_the_guides_is_one():
    parser = build_parser()
    lines = [line for _, kind, text in GUIDES if kind == "sh" for line in text.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("doorview ")]
    assert len(commands) >= 9
    for command in commands:
        parser.parse_args(command)


def test_the_tutorial_does_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "first-town"]) == 0
    study = tmp_path / "first-town" / "study.toml"
    (more,) = (text for name, kind, text in GUIDES if name == "tutorial.md" and kind == "toml")
    raw = tomllib.loads(study.read_text(encoding="utf-8") + "\n" + more)
    asked = study_from_dict(raw, folder=study.parent, name="demo")
    assert "100 doorbells" in asked.scenarios["hundred"].label
    # Less of it than the reader gets, for it takes half a minute: what the tutorial reads is all there.
    for section in ("partnership", "alerts", "incidents", "stages", "private_ground"):
        raw.pop(section)
    kept = {name: raw["scenarios"][name] for name in ("independent_05", "independent_20", "hundred")}
    raw |= {"scenarios": kept, "drivers": {"ranges": 0}, "output": {"maps": False, "rasters": False}}
    run_study(study_from_dict(raw, folder=study.parent, name="demo"), tmp_path / "out" / "first-town")
    change = (tmp_path / "out" / "first-town" / "change.csv").read_text(encoding="utf-8")
    assert "hundred,independent_20,detect" in change
    first, second = (text for name, kind, text in GUIDES if name == "tutorial.md" and kind == "python")
    exec(first, {})
    printed = capsys.readouterr().out
    assert all(level in printed for level in ("detect", "observe", "recognise"))
    exec(second.replace("rates=[0.2]", 'rates=[0.2], drivers={"ranges": 0}'), {})
    assert "if 20% of households own one" in capsys.readouterr().out.lower()
