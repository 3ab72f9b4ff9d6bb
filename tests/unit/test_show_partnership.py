"""The picture and the file of a partnership: what they say, legible, with honest axes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.show import partnership
from doorview.show.partnership import partnership_plot
from doorview.show.tables import PARTNERSHIP_COLUMNS, write_partnership
from doorview.show.text import CAVEAT, Caption, LevelNote

LEVELS = [
    LevelNote("detect", "someone is there", 28.4),
    LevelNote("observe", "what they wear", 11.4),
    LevelNote("recognise", "someone you already know", 5.7),
]
CAPTION = Caption("Exampleton", "Camera X", "2016-05-01", unconfirmed=("field of view",))


def table(*, band: bool = True, months: int = 24, gain: float = 3.0) -> pd.DataFrame:
    month = np.arange(months + 1)
    parts = []
    for level, scale in (("detect", 1.5), ("observe", 0.2), ("recognise", 0.02)):
        owned, alone = 80 + (5 + gain) * month, 80 + 5 * month
        part = pd.DataFrame(
            {"programme": "x", "level": level, "space": "streets", "measure": "area_m2", "month": month}
        )
        part["downloads"], part["credit"], part["free_doorbells"] = 26, 260.0, 2
        part.loc[0, ["downloads", "credit", "free_doorbells"]] = 0
        part["doors_owned"], part["doors_without_programme"] = owned.astype(float), alone.astype(float)
        part["share_mean"], part["share_without_programme"] = scale * owned / 1000, scale * alone / 1000
        part["doors_owned_p05"] = part["doors_owned_p95"] = owned if band else np.nan
        part["share_p05"] = 0.9 * part["share_mean"] if band else np.nan
        part["share_p95"] = 1.1 * part["share_mean"] if band else np.nan
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def drawn(monkeypatch: pytest.MonkeyPatch, data: pd.DataFrame, caption: Caption = CAPTION, **changes: Any) -> Any:
    caught = []
    monkeypatch.setattr(partnership, "save", lambda sheet, path, *rest: caught.append(sheet) or path)
    given: dict[str, Any] = {"level": "detect", "programme": "A deal", "doors": 1000}
    partnership_plot("x.png", data, LEVELS, caption, **{**given, **changes})
    return caught[0]


def words_of(sheet: Any) -> str:
    return " ".join(text.get_text() for text in sheet.page.texts).replace("\u00a0", " ")


def test_the_picture_says_what_it_has_to_say(monkeypatch: pytest.MonkeyPatch):
    said = words_of(drawn(monkeypatch, table(), said="Offered only.", free=["share of doorbells that are put up"]))
    for words in (
        "What would a doorbell programme add? Exampleton",
        "Programme: A deal",
        "Drawn: streets in view, detect: someone is there, up to 28 m",
        "After 24 months: detect 41%, without it 30%; observe 5.4%, without it 4.0%; recognise 0.5%, without it 0.4%.",
        "272 of 1,000 doors own",
        "200 of 1,000 doors own",
        "48 handed out, 624 downloads",
        "80 doors own a camera at the start. Offered only.",
        "share of doorbells that are put up",
        "Band: nine in ten simulated courses",
        "Simulated cameras, not real ones.",
        "Camera X",
        "Not confirmed by the maker: field of view.",
        CAVEAT,
        "© OpenStreetMap contributors",
        "2016-05-01",
    ):
        assert words in said, words
    hides = replace(CAPTION, obstacles="Obstacles: buildings only.")
    assert "Obstacles: buildings only." in words_of(drawn(monkeypatch, table(), hides))
    assert "After 1 month:" in words_of(drawn(monkeypatch, table(months=1)))
    assert "Band" not in words_of(drawn(monkeypatch, table(band=False)))
    assert "No source" not in words_of(drawn(monkeypatch, table()))


def test_lines_and_bars_are_the_tables(monkeypatch: pytest.MonkeyPatch):
    sheet = drawn(monkeypatch, table(), level="observe")
    shares, doors = sheet.figure.axes[1:]
    lines = {line.get_linestyle(): line for line in shares.lines}
    rows = table().query("level == 'observe'")
    np.testing.assert_array_equal(lines["-"].get_ydata(), rows["share_mean"])
    np.testing.assert_array_equal(lines["--"].get_ydata(), rows["share_without_programme"])
    assert shares.get_ylim()[0] == 0.0
    assert shares.get_ylim()[1] >= rows["share_p95"].max()
    assert [bar.get_height() for bar in doors.patches] == [8.0] * 24
    np.testing.assert_array_equal(doors.lines[0].get_ydata(), [5.0] * 24)


@pytest.mark.parametrize("units", ["metric", "us"])
@pytest.mark.parametrize("gain", [0.0, 0.2, 40.0])
def test_no_text_lies_over_another(monkeypatch: pytest.MonkeyPatch, units: Any, gain: float):
    long = Caption(
        "A place with a very long name that goes on and on " * 2,
        "Camera " * 12,
        "2016-05-01",
        True,
        ("field of view", "pixels across", "trigger range"),
        units,
        label="A label " * 12,
    )
    sheet = drawn(
        monkeypatch,
        table(gain=gain),
        long,
        programme="A programme with many words " * 6,
        said="A long story. " * 40,
        free=["share of doorbells that are put up, whatever that may be worth"] * 9,
    )
    sheet.figure.draw_without_rendering()
    page = sheet.figure.bbox
    texts = [text for text in sheet.page.texts if text.get_text().strip()]
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        assert page.x0 <= box.x0, text
        assert box.x1 <= page.x1, text
        assert page.y0 <= box.y0, text
        assert box.y1 <= page.y1, text
    shapes = [shapely.box(box.x0, box.y0 + 1, box.x1, box.y1 - 1) for box in boxes]
    for i, one in enumerate(shapes):
        for j in range(i):
            assert not one.intersects(shapes[j]), (texts[i].get_text(), texts[j].get_text())
    heights = [axes.get_window_extent().height for axes in sheet.figure.axes[1:]]
    assert min(heights) > 100


def test_untrusted_text_is_drawn_as_it_is_or_not_at_all(tmp_path: Path):
    for end in ("svg", "png"):
        partnership_plot(
            tmp_path / f"p.{end}",
            table(),
            LEVELS,
            CAPTION,
            level="detect",
            programme="$\\frac{$ <script>\u202eevil",
            doors=1000,
        )
    text = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert "<script" not in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    assert "\u202e" not in text


def test_the_same_picture_gives_the_same_bytes(tmp_path: Path):
    paths = [
        partnership_plot(tmp_path / f"{n}.png", table(), LEVELS, CAPTION, level="detect", programme="A", doors=1000)
        for n in (1, 2)
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_what_cannot_be_drawn_is_refused(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="no rows for level 'observe'"):
        drawn(monkeypatch, table().query("level != 'observe'"))
    with pytest.raises(ValueError, match="'trigger' is drawn but"):
        drawn(
            monkeypatch,
            table()
            .assign(level=lambda t: t["level"].replace("x", "y"))
            .pipe(lambda t: pd.concat([t, t[t["level"] == "detect"].assign(level="trigger")])),
            level="trigger",
        )
    with pytest.raises(ValueError, match="several programmes"):
        drawn(monkeypatch, pd.concat([table(), table().assign(programme="y")]))


def test_the_file_has_the_contracts_columns_in_order(tmp_path: Path):
    write_partnership(tmp_path / "partnership.csv", table()[list(reversed(PARTNERSHIP_COLUMNS))])
    lines = (tmp_path / "partnership.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == (
        "programme,level,space,measure,month,downloads,credit,free_doorbells,doors_owned,doors_without_programme,"
        "share_mean,share_without_programme,doors_owned_p05,doors_owned_p95,share_p05,share_p95"
    )
    assert len(lines) == 1 + 3 * 25
    back = pd.read_csv(tmp_path / "partnership.csv")
    pd.testing.assert_frame_equal(back, table()[list(PARTNERSHIP_COLUMNS)], check_exact=True, check_dtype=False)
    write_partnership(tmp_path / "plain.csv", table(band=False))
    assert (tmp_path / "plain.csv").read_text(encoding="utf-8").splitlines()[1].endswith(",,,,")


def test_shares_out_of_range_are_not_written(tmp_path: Path):
    with pytest.raises(ValueError, match="share_without_programme leaves"):
        write_partnership(tmp_path / "p.csv", table().assign(share_without_programme=1.2))
    with pytest.raises(ValueError, match="repeat"):
        write_partnership(tmp_path / "p.csv", pd.concat([table(), table()]))
    assert not (tmp_path / "p.csv").exists()
