"""The briefing: each number against the tables, the PDF read back, what is absent, and hostile input."""

from __future__ import annotations

import html.parser
import io
import json
import re
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pandas as pd
import pypdf
import pytest

from doorview.cli import main
from doorview.errors import InputError, MissingFileError, OutputError
from doorview.show.briefing.book import Content, Figure
from doorview.show.briefing.content import briefing_content
from doorview.show.briefing.tables import read_run
from doorview.show.briefing.words import load_words
from doorview.show.briefing.write import briefing_html, briefing_pdf, write_briefing
from doorview.show.finished import sealed
from helpers.lix import lix
from helpers.small_run import SHARES, png, small_run, write_table

FRACTIONS = {
    "a tenth": 0.1, "an eighth": 0.125, "a seventh": 1 / 7, "a sixth": 1 / 6, "a fifth": 0.2, "a quarter": 0.25,
    "a third": 1 / 3, "four in ten": 0.4, "half": 0.5, "six in ten": 0.6, "two thirds": 2 / 3, "three quarters": 0.75,
    "four fifths": 0.8, "nine tenths": 0.9,
}  # fmt: skip
NUMBER = re.compile(r"\d[\d.,]*\d|\d")
HOSTILE = "<script>alert(1)</script> #panic() $x^2$ *b* _i_ @ref \\n `c` \u202egnp"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return small_run(tmp_path_factory.mktemp("runs") / "small")


def texts_of(content: Content) -> list[str]:
    """Return every text of a briefing."""
    found = [content.title, *content.subtitle, content.footer]
    for section in content.sections:
        found.append(section["title"])
        for block in section["blocks"]:
            found += [block[name] for name in ("text", "caption", "alt") if name in block]
            found += block.get("items", [])
            found += [cell for row in [block.get("head", []), *block.get("rows", [])] for cell in row]
    return found


def in_the_tables(folder: Path, figure: Figure) -> float:
    """Look a figure up by other means than the briefing's: pandas for tables, the dotted path for run.json."""
    if figure.file == "run.json":
        found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        for part in figure.column.split("."):
            found = found[part]
        return float(found)
    table = pd.read_csv(folder / figure.file, dtype=str, keep_default_na=False)
    for column, value in figure.key.items():
        table = table[table[column] == value]
    # An assumption's ends are given for each level and space: all rows of the key have to agree.
    values = {float(text) for text in table[figure.column]}
    assert len(values) == 1, figure
    return values.pop()


def agrees(figure: Figure, units: str) -> bool:
    """Tell whether the words of a figure say its value, as far as their digits go."""
    value, said = figure.value, figure.said.replace("\u2212", "-").replace("\u00a0", " ")
    numbers = [text.replace(",", "") for text in NUMBER.findall(said)]
    if said in ("none", "0%"):
        return value == 0
    scale = 100 if figure.kind in ("percent", "exact", "points") else 1
    if figure.kind == "share" or (figure.kind == "rate" and " in " in said):
        if not numbers:
            name, exact = next((name, exact) for name, exact in FRACTIONS.items() if said.endswith(name))
            return abs(value / exact - 1) <= (0.05 if said == f"about {name}" else 0.12)
        top, bottom = map(float, numbers)
        return abs(top / bottom - value) <= 0.5 / bottom
    if said.startswith("under"):
        return abs(scale * value) < float(numbers[0])
    if figure.kind == "rate":
        scale = 100
    if figure.kind == "length":
        scale = 1 / 0.3048 if units == "us" else 1
    if figure.kind == "area":
        scale = 1 / 4046.8564224 if units == "us" else 1e-4
    decimals = len(numbers[0].partition(".")[2])
    signed = float(numbers[0]) * (-1 if said.startswith("-") else 1)
    return abs(signed - scale * value) <= 0.5001 * 10**-decimals


@pytest.mark.parametrize("units", ["metric", "us"])
def test_every_number_is_that_of_the_tables(run, units):
    content = briefing_content(read_run(run), units=units)
    assert len(content.figures) > 150
    assert {figure.file for figure in content.figures} >= {
        "shares.csv", "curve.csv", "change.csv", "drivers.csv", "stages.csv", "incidents_in_view.csv",
        "hotspots.csv", "fairness.csv", "fairness_change.csv", "fairness_by_people.csv", "run.json",
        "routes.csv", "routes_homes.csv",
    }  # fmt: skip
    for figure in content.figures:
        assert figure.value == in_the_tables(run, figure), figure
        assert agrees(figure, units), figure


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_number_stands_in_a_text_that_is_not_a_figure_or_quoted(run, language):
    content = briefing_content(read_run(run), language=language)
    allowed = {number for figure in content.figures for number in NUMBER.findall(figure.said)}
    allowed |= {number for text in content.quoted for number in NUMBER.findall(text)}
    # "8 in 100" and PDF/UA aside, the strings themselves hold no number.
    for text in texts_of(content):
        for number in NUMBER.findall(text):
            assert number in allowed, (number, text)


def test_a_changed_table_changes_the_briefing(tmp_path):
    folder = small_run(tmp_path / "run")
    before = texts_of(briefing_content(read_run(folder)))
    table = pd.read_csv(folder / "shares.csv")
    rows = (table["scenario"] == "independent_20") & (table["zone"] == "all") & (table["level"] == "detect")
    table.loc[rows, "share_mean"] = 0.5
    table.to_csv(folder / "shares.csv", index=False)
    after = texts_of(briefing_content(read_run(folder)))
    assert any("about half well enough to tell that someone is there" in text for text in after)
    assert not any("about half" in text for text in before)


def test_the_answer_gives_three_levels_in_one_sentence(run):
    content = briefing_content(read_run(run))
    answer = content.sections[1]["blocks"][0]["text"]
    assert answer.count(".") == 1
    assert answer.startswith("If 1 in 5 households own a doorbell camera")
    assert ["(detect)" in answer, "(observe)" in answer, "(recognise)" in answer] == [True] * 3
    row = content.sections[1]["blocks"][1]["rows"][0]
    # By hand: 0.366 with 0.9 and 1.1 of it by chance, 0.5 and 1.3 of it by the assumptions.
    assert row[2:] == ["37%", "33% to 40%", "18% to 48%"]


def test_the_five_assumptions_are_those_with_the_largest_swing(run):
    content = briefing_content(read_run(run), units="us")
    table = next(s for s in content.sections if "five assumptions" in s["title"])["blocks"][1]
    assert [row[0].partition(":")[0] for row in table["rows"]] == [
        "how far cameras see, against the book", "how many households own one", "homes with the bell inside a porch",
        "homes with tall plants before the door", "doors with a lens turned aside",
    ]  # fmt: skip
    assert table["rows"][0][1] == "26% to 48%"  # 0.366 less and more three tenths


def pdf_text(pdf: bytes) -> str:
    """Return the text of a PDF without white space and hyphens, as another library reads it; its footers left out."""
    pages = [re.sub(r"[\s\u00ad\u200b-]", "", page.extract_text()) for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]
    return "".join(
        re.sub(r"(Simulatedcameras|Cámarassimuladas)\.(Mapdata|Datosdelmapa):[^.]*\.\d/\d$", "", p) for p in pages
    )


def close(text: str) -> str:
    """Return text as `pdf_text` has it."""
    return re.sub(r"[\s\u00ad\u200b-]", "", text)


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_pdf_read_back_holds_every_figure(run, language):
    content = briefing_content(read_run(run), language=language)
    pdf, missing = briefing_pdf(content)
    assert missing == ""
    text, shown = pdf_text(pdf), close(" ".join(texts_of(content)))
    for figure in content.figures:
        said = close(figure.said)
        if said in shown:  # a figure may have been needed for its words alone, as where a range is one value
            assert said in text, figure
    for said in (f"{100 * SHARES['detect']:.3f}", f"{100 * SHARES['recognise']:.3f}"):
        assert (said if language == "en" else said.replace(".", ",")) in text


def test_the_pdf_is_tagged_with_alternative_text_and_always_the_same(run, tmp_path):
    content = briefing_content(read_run(run))
    pdf, _ = briefing_pdf(content)
    assert pdf == briefing_pdf(content)[0]
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert b"pdfuaid" in root["/Metadata"].get_object().get_data()
    alternatives: list[str] = []

    def walk(node: object) -> None:
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            if "/Alt" in node:
                alternatives.append(str(node["/Alt"]))
            if "/K" in node:
                walk(node["/K"])

    walk(root["/StructTreeRoot"])
    for name in ("Map of small town with streets", "Curves that rise", "reported thefts keep concentrating"):
        assert any(name in text for text in alternatives), name
    assert 2 <= len(reader.pages) <= 6


class Tags(html.parser.HTMLParser):
    """Tags and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.alt: list[str | None] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        found = dict(attrs)
        self.addresses += [found[name] for name in ("src", "href") if name in found]
        if tag == "img":
            self.alt.append(found.get("alt"))


def test_the_page_asks_nothing_of_a_network_and_runs_nothing(run):
    page = briefing_html(briefing_content(read_run(run)))
    tags = Tags()
    tags.feed(page)
    assert len(tags.alt) == 3
    assert all(tags.alt)
    assert all(address.startswith("data:image/png;base64,") for address in tags.addresses)
    assert not {"script", "link", "iframe", "form"} & set(tags.tags)
    assert "default-src 'none'" in page
    assert "url(" not in page


def test_page_and_pdf_say_the_same(run):
    content = briefing_content(read_run(run))
    page = " ".join(re.sub(r"<[^>]+>", " ", briefing_html(content).partition("<body>")[2]).split())
    pdf = pdf_text(briefing_pdf(content)[0])
    for section in content.sections:
        for block in section["blocks"]:
            for text in [block.get("text", ""), *block.get("items", [])]:
                plain = " ".join(text.replace("\u00a0", " ").split())
                assert plain in page.replace("&#39;", "'").replace("\u00a0", " ")
                assert close(plain) in pdf, plain


def test_hostile_names_are_text(tmp_path):
    folder = small_run(tmp_path / "run", label=HOSTILE, zones=(HOSTILE, "x" * 400))
    content = briefing_content(read_run(folder), title=HOSTILE)
    page = briefing_html(content)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    pdf, _ = briefing_pdf(content)
    text = pdf_text(pdf)
    for part in ("<script>alert(1)</script>", "#panic()", "$x^2$", "*b*", "`c`"):
        assert close(part) in text
    assert "\u202e" not in page


def test_long_text_wraps_and_stays_on_the_page(tmp_path):
    long = "Saint-" + "Wolfgang-im-Salzkammergut-" * 3
    folder = small_run(tmp_path / "run", label=long, zones=("North", "y" * 59))
    reader = pypdf.PdfReader(io.BytesIO(briefing_pdf(briefing_content(read_run(folder)))[0]))
    width = float(reader.pages[0].mediabox.width)
    starts: list[float] = []
    for page in reader.pages:
        page.extract_text(
            visitor_text=lambda text, _cm, tm, _font, _size: starts.append(tm[4]) if text.strip() else None
        )
    assert max(starts) < width
    assert close(long) in pdf_text(briefing_pdf(briefing_content(read_run(folder)))[0])


def test_letters_without_a_font_are_told(tmp_path):
    folder = small_run(tmp_path / "run", zones=("\u6771\u4eac", "South"))
    told = write_briefing(folder)
    assert len(told) == 1
    assert "\u6771\u4eac" in told[0]
    assert "\u6771\u4eac" in (folder / "briefing.html").read_text(encoding="utf-8")
    assert "shownasabox" in pdf_text((folder / "briefing.pdf").read_bytes())


def test_a_run_without_zones_thefts_ranges_and_pictures_says_what_is_absent(tmp_path):
    folder = small_run(tmp_path / "run", everything=False)
    content = briefing_content(read_run(folder))
    said = " ".join(texts_of(content))
    for words in (
        "no districts were given", "has no reported thefts", "drew no map", "has no curve", "no programme and no rule",
        "what chance alone does", "what the assumptions do", "no table of what each assumption does",
        "does not say how much of it is recorded",
    ):  # fmt: skip
        assert words in said
    pdf, _ = briefing_pdf(content)
    assert 1 <= len(pypdf.PdfReader(io.BytesIO(pdf)).pages) <= 3
    for figure in content.figures:
        assert figure.value == in_the_tables(folder, figure)


@pytest.mark.parametrize(("language", "most"), [("en", 45), ("es", 55)])
def test_it_reads_easily(run, language, most):
    content = briefing_content(read_run(run), language=language)
    prose = [
        text
        for section in content.sections
        for block in section["blocks"]
        for text in [block.get("text", ""), *block.get("items", [])]
        if text
    ]
    # LIX: below 40 easy, 40 to 50 as newspapers; Spanish has longer words for the same thing.
    assert lix(" ".join(prose)) < most


def test_what_it_must_say_is_said(run):
    said = " ".join(texts_of(briefing_content(read_run(run))))
    for words in (
        "In view is not recorded, recorded is not kept, and kept is not shared", "Nothing here shows that theft falls",
        "Sound.", "Face matching", "Who looks at the footage", "Other cameras", "\u00a9 OpenStreetMap contributors",
        "ODbL 1.0", "simulated", "2024-03-03",
    ):  # fmt: skip
        assert words in said
    first = briefing_content(read_run(run)).sections[1]["blocks"][-1]["text"]
    assert "Nothing here shows that theft falls" in first


def test_title_logo_language_and_units(run, tmp_path):
    logo = tmp_path / "logo.png"
    logo.write_bytes(png(60, 20))
    content = briefing_content(read_run(run), title="For the council", units="us", language="es", logo=logo)
    assert content.title == "For the council"
    assert any("164\u00a0pies" in text for text in texts_of(content))
    assert "data:image/png" in briefing_html(content).partition("<h1>")[0]
    assert 'lang="es"' in briefing_html(content)
    assert b"/Lang" in briefing_pdf(content)[0]


def test_the_command_writes_both_and_tells_where(tmp_path, capsys):
    folder = small_run(tmp_path / "run")
    assert main(["briefing", str(folder), "--language", "es", "--units", "us", "--title", "T"]) == 0
    assert "briefing.pdf" in capsys.readouterr().out
    assert (folder / "briefing.pdf").read_bytes().startswith(b"%PDF")
    first = (folder / "briefing.pdf").read_bytes()
    assert main(["briefing", str(folder), "--language", "es", "--units", "us", "--title", "T"]) == 0
    assert (folder / "briefing.pdf").read_bytes() == first
    assert sorted(path.name for path in folder.glob(".*")) == []


def test_bad_folders_and_logos_get_one_clear_message(tmp_path, capsys):
    folder = small_run(tmp_path / "run")
    with pytest.raises(MissingFileError, match="holds no finished run"):
        write_briefing(tmp_path / "none")
    (tmp_path / "half.partial").mkdir()
    with pytest.raises(MissingFileError, match="is not finished"):
        write_briefing(tmp_path / "half")
    with pytest.raises(MissingFileError, match="logo"):
        write_briefing(folder, logo=tmp_path / "no.png")
    (tmp_path / "logo.svg").write_text("<svg/>", encoding="utf-8")
    with pytest.raises(InputError, match="no PNG or JPEG"):
        write_briefing(folder, logo=tmp_path / "logo.svg")
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    for change, message in (
        ({"schema_version": 99}, "schema_version 99"), ({"doorview": "else"}, "not of a doorview run"),
    ):  # fmt: skip
        (folder / "run.json").write_text(json.dumps(facts | change), encoding="utf-8")
        assert main(["briefing", str(folder)]) == 1
        shown = capsys.readouterr().err
        assert message in shown
        assert shown.count("\n") == 1
    (folder / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        write_briefing(folder)


def test_a_damaged_picture_and_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    folder = small_run(tmp_path / "run")

    def refuse(self, data):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OutputError, match=r"cannot be written into .*Permission denied"):
        write_briefing(folder)
    monkeypatch.undo()
    assert not (folder / "briefing.pdf").exists()
    (folder / "maps" / "curve.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    with pytest.raises(OutputError, match="PDF cannot be set"):
        write_briefing(folder)
    assert not (folder / "briefing.html").exists()


@pytest.mark.long
def test_the_briefing_of_the_demo_town_says_what_its_tables_say(tmp_path, project_root):
    assert main(["run", str(project_root / "data" / "demo" / "study.toml"), "--out", str(tmp_path / "demo")]) == 0
    folder = tmp_path / "demo"
    assert (folder / "briefing.html").is_file()
    content = briefing_content(read_run(folder))
    for figure in content.figures:
        assert figure.value == in_the_tables(folder, figure), figure
        assert agrees(figure, "us"), figure
    pdf = (folder / "briefing.pdf").read_bytes()
    assert pdf == briefing_pdf(content)[0]
    assert 2 <= len(pypdf.PdfReader(io.BytesIO(pdf)).pages) <= 7
    text, shown = pdf_text(pdf), close(" ".join(texts_of(content)))
    said = [close(figure.said) for figure in content.figures]
    assert all(words in text for words in said if words in shown)


def test_a_published_rate_is_the_one_that_the_run_worked_out(tmp_path):
    folder = small_run(tmp_path / "run")
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    facts["settings"]["scenarios"]["independent_20"] |= {"rate": None, "rate_preset": "us_2026"}
    (folder / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    write_table(folder / "densities.csv", [{"name": "independent_20", "share_of_households": 0.27}])
    for language, words in (("en", "If 27% of households own"), ("es", "Si el 27\u00a0% de los hogares tienen")):
        content = briefing_content(read_run(folder), language=language)
        assert content.sections[0]["blocks"][0]["text"].startswith(words)
        assert all(figure.value == in_the_tables(folder, figure) for figure in content.figures)


@pytest.mark.parametrize("language", ["en", "es"])
def test_whose_doors_each_district_is_in_view_from(run, language):
    """By hand: detect 0.366 with 1 % more for North, 2 % for South; no block face, no zone without a share."""
    content = briefing_content(read_run(run), language=language)
    title = load_words(language)("fairness.title")
    section = next(section for section in content.sections if section["title"] == title)
    table = next(block for block in section["blocks"] if block["kind"] == "table")
    assert [row[0] for row in table["rows"]] == ["South", "North"]
    assert [cell.replace(",", ".").replace("\u00a0", "") for cell in table["rows"][0][1:4]] == ["37%", "26%", "3.7%"]
    text = section["blocks"][0]["text"]
    assert text.endswith(load_words(language)("fairness.caveat"))
    changes = [block["text"] for block in section["blocks"] if block["kind"] == "para"]
    assert any("North (+3" in words and "South (" not in words for words in changes)
    assert any("pupils" in words and words.count("40") == 1 for words in changes)


def test_a_run_without_fairness_has_no_section_of_it(tmp_path):
    content = briefing_content(read_run(small_run(tmp_path / "run", everything=False)))
    assert load_words("en")("fairness.title") not in [section["title"] for section in content.sections]


@pytest.mark.parametrize("language", ["en", "es"])
def test_ways_on_foot_stand_with_all_levels_and_say_that_they_are_no_advice(run, tmp_path, language):
    content = briefing_content(read_run(run), language=language)
    titles = [section["title"] for section in content.sections]
    section = content.sections[titles.index({"en": "Ways on foot", "es": "Caminos a pie"}[language])]
    table = next(block for block in section["blocks"] if block["kind"] == "table")
    assert [len(row) for row in table["rows"]] == [2 + len(SHARES)] * 2
    assert all(row[0].startswith("Hill to Mill (") for row in table["rows"])
    said = " ".join(block["text"] for block in section["blocks"] if "text" in block)
    assert {"en": "no advice on safety", "es": "ni es un consejo de seguridad"}[language] in said
    # A run without ways has no such section.
    plain = briefing_content(read_run(small_run(tmp_path / "plain", everything=False)), language=language)
    assert titles[titles.index(section["title"])] not in [part["title"] for part in plain.sections]


def seal(folder: Path) -> None:
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps(sealed(facts, folder)), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda run: (run / "stages.csv").unlink(), r"stages\.csv \(missing\)"),
        (lambda run: (run / "curve.csv").write_bytes((run / "shares.csv").read_bytes()), r"curve\.csv \(changed\)"),
        (lambda run: (run / "partnership.csv").write_text("month\n1\n"), r"partnership\.csv \(not of this run\)"),
        (lambda run: rewritten(run, '"rate": 0.2', '"rate": 0.4'), "not as the run wrote it"),
    ],
)
def test_a_run_with_checksums_is_told_where_it_is_not_as_it_was_written(tmp_path, change, told):
    folder = small_run(tmp_path / "run")
    seal(folder)
    write_briefing(folder)
    pages = [(folder / name).read_bytes() for name in ("briefing.html", "briefing.pdf")]
    change(folder)
    with pytest.raises(InputError, match=told):
        write_briefing(folder)
    assert [(folder / name).read_bytes() for name in ("briefing.html", "briefing.pdf")] == pages


def rewritten(folder: Path, old: str, new: str) -> None:
    text = (folder / "run.json").read_text(encoding="utf-8")
    assert old in text
    (folder / "run.json").write_text(text.replace(old, new), encoding="utf-8")


def test_what_differs_from_run_to_run_is_not_sealed(tmp_path):
    folder = small_run(tmp_path / "run")
    seal(folder)
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps({"timings": {"reading": 1.5}, **facts}, indent=4), encoding="utf-8")
    write_briefing(folder)


def test_a_share_that_is_none_and_a_row_of_another_length_are_refused_by_line(tmp_path):
    for number, (old, new, told) in enumerate(
        [(",0.366,", ",1.366,", r"line 2: share_mean is 1\.366, and a share"), (",0.366,", ",", "line 2: not as many")]
    ):
        folder = small_run(tmp_path / str(number))
        text = (folder / "shares.csv").read_text(encoding="utf-8")
        assert old in text
        (folder / "shares.csv").write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InputError, match=told):
            write_briefing(folder)


def test_zones_that_are_a_question_without_end_and_endless_pictures_do_no_harm(tmp_path):
    folder = small_run(tmp_path / "run")
    with closing(sqlite3.connect(folder / "city.gpkg")) as base, base:
        base.execute(
            "create view zones as with recursive n(i) as (select 1 union all select i + 1 from n)"
            " select 'district' as zoning, i as zone, 'b' as name from n"
        )
    write_briefing(folder)
    bomb = bytearray(png())
    bomb[16:24] = struct.pack(">II", 100_000, 100_000)
    (folder / "maps" / "curve.png").write_bytes(bomb)
    with pytest.raises(InputError, match=r"curve\.png' has 100,000 by 100,000 pixels"):
        write_briefing(folder)


def test_a_fact_of_another_kind_is_one_message(tmp_path, capsys):
    folder = small_run(tmp_path / "run")
    rewritten(folder, '"levels": {', '"levels": 5, "_": {')
    assert main(["briefing", str(folder)]) == 1
    shown = capsys.readouterr().err
    assert "holds what doorview does not write (TypeError" in shown
    assert shown.count("\n") == 1
