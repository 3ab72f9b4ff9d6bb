"""The documentation: pages from the code are current, links lead somewhere, the schema takes what doorview takes."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
import write_reference

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
    from doorview.errors import StudyError
    from doorview.study.schema import study_from_dict

    raw = tomllib.loads(text)
    assert not SCHEMA.is_valid(raw)
    with pytest.raises(StudyError):
        study_from_dict({"place": {"extract": "a.osm.pbf"}} | raw, folder=ROOT, name="x")
