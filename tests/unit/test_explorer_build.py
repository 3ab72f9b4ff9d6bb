"""The explorer's page is built from a run's folder alone: bad folders, hostile names, packing, policy, sizes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from doorview.cli import main
from doorview.errors import InputError
from doorview.show.explorer.build import LIGHT_BYTES, light_page, read_tables, write_explorer
from doorview.show.explorer.heat import heat_layers
from doorview.show.explorer.pack import header_text, packed, without_spaces
from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from helpers.tiny import tiny_town

HOSTILE = '</script><img src=x onerror="alert(1)"><!-- \U0001f6aa \u05e9\u05dc\u05d5\u05dd \'"& <!--dv:script-->'
SIZES = {"f4": 4, "f8": 8, "i4": 4, "u4": 4, "u2": 2, "i2": 2, "u1": 1}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("tiny")
    tiny_town(folder / "town.osm.pbf", street=HOSTILE)
    raw = {
        "study": {"name": "Tiny", "seed": 3, "label": HOSTILE},
        "place": {"extract": "town.osm.pbf"},
        "camera": {"levels": ["observe", "detect"]},
        "coverage": {"range_curve": False},
        "output": {"maps": False, "rasters": True, "explorer": True},
        "drivers": {"ranges": 0},
    }
    return run_study(study_from_dict(raw, folder=folder), folder / "out")


@pytest.fixture
def run(result: Result, tmp_path: Path) -> Path:
    """Return a copy of the run that a test may break."""
    assert result.folder is not None
    return Path(shutil.copytree(result.folder, tmp_path / "run"))


class Read(HTMLParser):
    """What a browser finds: elements with their attributes, and the text of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[tuple[int, str]] = []
        self.inside = -1
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = len(self.tags)
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.inside = -1

    def handle_data(self, data: str) -> None:
        self.text.append((self.inside, data))

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [
            (attributes, "".join(text for at, text in self.text if at == number))
            for number, (name, attributes) in enumerate(self.tags)
            if name == tag
        ]


def content_of(page: str) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """Return header and arrays as the page itself reads them."""
    scripts = {attributes.get("id"): text for attributes, text in Read(page).of("script") if "id" in attributes}
    header = json.loads(str(scripts["dv-header"]))
    data = zlib.decompress(base64.b64decode(str(scripts["dv-data"])))
    arrays = {}
    for name, item in header["arrays"].items():
        assert item["offset"] % 8 == 0
        length = int(np.prod(item["shape"])) * SIZES[item["dtype"]]
        part = data[item["offset"] : item["offset"] + length]
        arrays[name] = np.frombuffer(part, dtype="<" + item["dtype"]).reshape(item["shape"])
    return header, arrays


def test_a_run_that_asks_for_it_holds_both_pages(result: Result) -> None:
    assert result.folder is not None
    full, light = result.folder / "explorer.html", result.folder / "explorer-light.html"
    header, arrays = read_tables(result.folder)
    held, found = content_of(full.read_text(encoding="utf-8"))
    assert held["title"] == header["title"]
    for name, values in arrays.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype
    small, kept = content_of(light.read_text(encoding="utf-8"))
    assert small["kind"] == "light"
    assert not [name for name in kept if name.startswith(("door_", "ring_", "wall_", "heat_"))]
    np.testing.assert_array_equal(kept["hist_amount"], arrays["hist_amount"])
    assert light.stat().st_size < LIGHT_BYTES


def test_the_same_run_gives_the_same_bytes(run: Path) -> None:
    before = (run / "explorer.html").read_bytes()
    write_explorer(run)
    assert (run / "explorer.html").read_bytes() == before
    assert not list(run.glob(".*part*"))


def test_the_policy_allows_the_page_s_own_scripts_alone(result: Result) -> None:
    assert result.folder is not None
    page = (result.folder / "explorer.html").read_text(encoding="utf-8")
    read = Read(page)
    (policy,) = [a["content"] for a, _ in read.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data: blob:"
    assert "unsafe" not in str(policy)
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        texts = [text for attributes, text in read.of(tag) if "type" not in attributes]
        assert texts
        hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        assert rules[rule].split() == [f"'sha256-{item}'" for item in hashes]
    assert page.index("Content-Security-Policy") < page.index("<script")
    handlers = [name for _, attributes in read.tags for name in attributes if name.startswith("on") or name == "style"]
    assert not handlers
    fetched = [a for _, a in read.tags for name in ("src", "href") if re.match(r"(https?:)?//", a.get(name) or "")]
    assert not [a for a in fetched if "src" in a]
    assert not read.of("link")


def test_hostile_names_stay_text(result: Result) -> None:
    assert result.folder is not None
    for name in ("explorer.html", "explorer-light.html"):
        page = (result.folder / name).read_text(encoding="utf-8")
        read = Read(page)
        assert not read.of("img")
        header, _ = content_of(page)
        assert any("</script>" in text and "onerror" in text for text in header["names"])
        assert header["title"].startswith("</script><img")
        assert len(read.of("title")) == 1
        assert page.count("<!--dv:") == 0


def test_a_header_cannot_end_its_element() -> None:
    text = header_text({"names": [HOSTILE, "\u2028"]})
    assert "<" not in text
    assert ">" not in text
    assert json.loads(text)["names"] == [HOSTILE, "\u2028"]


def test_packing_keeps_types_and_shapes() -> None:
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "a": np.arange(3, dtype=np.uint8), "b": np.array([[1.5, np.nan]]), "c": np.zeros((0, 2), np.int32),
        "d": np.arange(4, dtype=">u2"), "e": np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::2],
    }  # fmt: skip
    text, table = packed(arrays)
    data = zlib.decompress(base64.b64decode(text))
    for name, values in arrays.items():
        item = table[name]
        got = np.frombuffer(data, "<" + item["dtype"], int(np.prod(item["shape"])), item["offset"])
        np.testing.assert_array_equal(got.reshape(item["shape"]), values)
    assert [item["offset"] % 8 for item in table.values()] == [0] * 5


def test_heat_layers_are_the_raster_sampled(result: Result) -> None:
    assert result.folder is not None
    header, _ = read_tables(result.folder)
    said, arrays = heat_layers(result.folder, header)
    assert [item["name"] for item in said] == ["views_detect", "views_observe"]
    with rasterio.open(result.folder / "seen_by_detect.tif") as source:
        values, transform = source.read(1, masked=True).filled(0), source.transform
    item = said[0]
    layer = arrays[item["array"]]
    assert layer.shape == (item["height"], item["width"])
    assert layer.max() == item["max"] > 0
    x0, y0 = header["origin"]
    for row, column in np.argwhere(layer > 0)[::97]:
        # A hair off the centre, so that it lies in one cell.
        x = x0 + item["x"] / 100 + (column + 0.5) * item["pixel_m"] + 1e-3
        y = y0 + item["y"] / 100 + (row + 0.5) * item["pixel_m"] - 1e-3
        c, r = (x - transform.c) / transform.a, (transform.f - y) / transform.a
        assert values[int(r), int(c)] == layer[row, column]


@pytest.mark.parametrize("name", ["working/explorer.npz", "working/explorer.json"])
def test_a_missing_part_is_named(run: Path, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(InputError, match=rf"lacks {re.escape(name)}.*doorview run STUDY"):
        write_explorer(run)


def test_no_run_is_said_to_be_none(run: Path, tmp_path: Path) -> None:
    (run / "run.json").unlink()
    with pytest.raises(InputError, match=r"lacks run\.json"):
        write_explorer(run)
    with pytest.raises(InputError, match="there is no folder"):
        write_explorer(tmp_path / "nowhere")
    partial = Path(shutil.copytree(run, tmp_path / "cut.partial"))
    with pytest.raises(InputError, match="unfinished run"):
        write_explorer(partial)
    with pytest.raises(InputError, match="unfinished run"):
        write_explorer(tmp_path / "cut")


def test_another_schema_is_refused(run: Path) -> None:
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps({**facts, "schema_version": 99}), encoding="utf-8")
    with pytest.raises(InputError, match="schema_version 99, and this doorview reads 1"):
        write_explorer(run)


def test_another_format_and_damaged_data_are_refused(run: Path) -> None:
    header = json.loads((run / "working" / "explorer.json").read_text(encoding="utf-8"))
    (run / "working" / "explorer.json").write_text(json.dumps({**header, "format": 2}), encoding="utf-8")
    with pytest.raises(InputError, match="format 2, and this doorview reads 1"):
        write_explorer(run)
    (run / "working" / "explorer.json").write_text(json.dumps(header), encoding="utf-8")
    whole = (run / "working" / "explorer.npz").read_bytes()
    before = (run / "explorer.html").read_bytes()
    (run / "working" / "explorer.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        write_explorer(run)
    assert (run / "explorer.html").read_bytes() == before


def test_online_tiles_are_allowed_from_their_host_alone(run: Path) -> None:
    write_explorer(run, tiles="https://tiles.example.org/{z}/{x}/{y}.png")
    page = (run / "explorer.html").read_text(encoding="utf-8")
    assert "img-src data: blob: https://tiles.example.org;" in page
    assert content_of(page)[0]["tiles"]["host"] == "https://tiles.example.org"
    assert "tiles.example.org" not in (run / "explorer-light.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "url", ["tiles.example.org/{z}/{x}/{y}.png", "https://a.org/1.png", "https://a.org; script-src * /{z}/{x}/{y}"]
)
def test_a_wrong_address_of_tiles_is_refused(run: Path, url: str) -> None:
    with pytest.raises(InputError, match="no address of map tiles"):
        write_explorer(run, tiles=url)


def test_the_command_says_what_it_wrote(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "explorer.html").unlink()
    assert main(["explorer", str(run), "--light-only"]) == 0
    assert "explorer-light.html" in capsys.readouterr().out
    assert not (run / "explorer.html").exists()
    assert main(["explorer", str(run / "maps")]) == 1
    assert capsys.readouterr().err.startswith("doorview: ")


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(result: Result, tmp_path: Path) -> None:
    explorer = result.explore()
    ((frame, _),) = Read(explorer._repr_html_()).of("iframe")
    assert frame["sandbox"] == "allow-scripts allow-downloads"
    assert frame["srcdoc"] == explorer.page
    path = explorer.write(tmp_path / "page.html")
    assert result.folder is not None
    assert path.read_bytes() == (result.folder / "explorer.html").read_bytes()


def test_a_light_page_that_would_be_too_large_holds_fewer_kinds_of_ground(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert result.folder is not None
    header, arrays = read_tables(result.folder)
    monkeypatch.setattr("doorview.show.explorer.build.LIGHT_BYTES", 1000)
    page, words = light_page(header, arrays)
    small, kept = content_of(page)
    assert words in small["notes"]
    assert [item["name"] for item in small["spaces"]] == ["streets_near_homes", "all"]
    levels, spaces = len(header["levels"]), len(header["spaces"])
    for unit in range(len(arrays["unit_homes"])):
        for level in range(levels):
            for space in range(2):
                old, new = (unit * levels + level) * spaces + space, (unit * levels + level) * 2 + space
                a, b = arrays["hist_start"][old : old + 2]
                c, d = kept["hist_start"][new : new + 2]
                assert kept["hist_k"][c:d].tolist() == arrays["hist_k"][a:b].tolist()
                assert kept["hist_amount"][c:d].tolist() == arrays["hist_amount"][a:b].tolist()
    np.testing.assert_array_equal(kept["curve_independent"], arrays["curve_independent"][:, :2])
    assert without_spaces(header, arrays, spaces)[0]["spaces"] == header["spaces"]


def test_data_of_another_run_and_changed_data_are_refused(run: Path) -> None:
    header = json.loads((run / "working" / "explorer.json").read_text(encoding="utf-8"))
    for name, told in (("title", "explorer.json"), ("checksums", "explorer.npz")):
        changed = {**header, name: "Another" if name == "title" else {**header["checksums"], "explorer.npz": "0" * 64}}
        (run / "working" / "explorer.json").write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(InputError, match=f"damaged data for the explorer, or another run's: {told}"):
            write_explorer(run)
    (run / "working" / "explorer.json").write_text(json.dumps(header), encoding="utf-8")
    (run / "shares.csv").write_bytes(b"scenario\n")
    with pytest.raises(InputError, match=r"another run's: shares\.csv"):
        write_explorer(run)


def test_a_raster_that_is_none_is_refused_and_leads_nowhere(run: Path, tmp_path: Path) -> None:
    """A text that GDAL would follow to another file."""
    (raster,) = run.glob("seen_by_detect.tif")
    elsewhere = shutil.copyfile(raster, tmp_path / "elsewhere.tif")
    raster.write_text(
        '<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{elsewhere}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(InputError, match=r"seen_by_detect\.tif' cannot be read as a raster"):
        write_explorer(run)
