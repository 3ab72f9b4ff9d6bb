"""A walk held against a result: answers known by hand, intervals that cover, faults told all at once."""

import numpy as np
import pandas as pd
import pytest

import doorview as dv
from doorview.errors import InputError, MissingFileError, UnknownNameError
from doorview.study.audit import COLUMNS, _interval
from helpers.tiny import HOUSES, tiny_town


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    where = tmp_path_factory.mktemp("audit")
    city = dv.City.from_extract(tiny_town(where / "tiny.osm.pbf"))
    return dv.estimate(city, levels=["observe", "detect"], rates=[0.2, 1.0], range_curve=False, drivers={"ranges": 0})


def walk(result, **columns):
    form = dv.audit_form(result)
    return form.assign(**columns)


def over_all(table):
    return table[table["face"] == "all"].set_index("measure")


def test_the_form_names_faces_and_nothing_of_the_model(result):
    form = dv.audit_form(result, 20, seed=3)
    assert list(form.columns) == ["street", "from_lon", "from_lat", "to_lon", "to_lat", "walked", *COLUMNS, "note"]
    assert (form[["walked", *COLUMNS, "note"]] == "").all(axis=None)
    assert set(form.index) <= set(result.block_faces().index)
    assert len(form) == (result.block_faces()["near_home_m2"] > 0).sum()
    pd.testing.assert_frame_equal(form, dv.audit_form(result, 20, seed=3))
    assert len(dv.audit_form(result, 1)) == 1


def test_what_the_model_says_of_a_street_with_eleven_houses_on_each_side(result):
    table = dv.compare_audit(result, walk(result, doors=2 * HOUSES, doorbells=4, facing=22, recessed=0, screened=0))
    faces = table[table["measure"] == "doors"]
    assert faces.loc[faces["face"] != "all", "modelled"].sum() == 2 * HOUSES
    row = over_all(table)
    assert row.loc["facing", "modelled"] == 1.0, "every door looks at its street"
    assert row.loc["recessed", "modelled"] == 0.0
    assert "puts no recess" in row.loc["recessed", "note"]


def test_owners_are_those_of_the_scenario(result):
    for scenario, rate in (("independent_20", 0.2), ("independent_100", 1.0)):
        table = dv.compare_audit(result, walk(result, doors=22, doorbells=4), scenario=scenario)
        assert over_all(table).loc["doorbells", "modelled"] == pytest.approx(rate)


def test_in_sight_is_the_share_of_the_street_if_every_door_had_a_camera(result):
    # The run's own figure at a rate of 1, by another way: the shares of block faces.
    faces = result.block_faces("independent_100")
    for level in ("observe", "detect"):
        table = dv.compare_audit(result, walk(result, doors=22, spots=20, spots_in_sight=10), level=level)
        rows = table[(table["measure"] == "in_sight") & (table["face"] != "all")]
        for _, row in rows.iterrows():
            assert row["modelled"] == pytest.approx(faces.loc[int(row["face"]), f"share_{level}"], abs=1e-9)


def test_a_walk_that_found_what_is_modelled_agrees_and_one_that_did_not_does_not(result):
    form = dv.audit_form(result)
    right = over_all(dv.compare_audit(result, form.assign(doors=22, doorbells=4)))
    assert right.loc["doorbells", "agrees"] is True
    wrong = over_all(dv.compare_audit(result, form.assign(doors=22, doorbells=20)))
    assert wrong.loc["doorbells", "agrees"] is False
    assert right.loc["screened", "agrees"] is None
    assert right.loc["screened", "note"] == "not recorded"


def test_unclear_doors_count_both_ways(result):
    form = dv.audit_form(result)
    clear = over_all(dv.compare_audit(result, form.assign(doors=20, doorbells=4, unclear=0))).loc["doorbells"]
    unclear = over_all(dv.compare_audit(result, form.assign(doors=20, doorbells=4, unclear=8))).loc["doorbells"]
    assert unclear["audited"] == pytest.approx(4 / 12)
    assert unclear["low"] == pytest.approx(clear["low"])
    assert unclear["high"] > clear["high"]
    assert unclear["high"] >= 12 / 20


def test_nothing_found_is_no_certainty():
    # Clopper and Pearson: none of n has the upper end 1 - (alpha / 2)^(1 / n).
    low, high = _interval(np.zeros(20), np.full(20, 5.0), 0.95)
    assert low == 0.0
    assert high == pytest.approx(1 - 0.025 ** (1 / 100))
    assert _interval(np.full(20, 5.0), np.full(20, 5.0), 0.95) == (pytest.approx(0.025 ** (1 / 100)), 1.0)


def test_intervals_cover_the_truth_where_doors_of_a_street_are_alike():
    # 300 walks of 20 streets of 10 doors, whose own rates are 0.05 or 0.35: a binomial interval would cover far less.
    rng = np.random.default_rng(7)
    rates = rng.permutation(np.repeat([0.05, 0.35], 500))
    covered, narrow = 0, 0
    for _ in range(300):
        streets = rng.choice(len(rates), 20, replace=False)
        hits = rng.binomial(10, rates[streets]).astype(float)
        low, high = _interval(hits, np.full(20, 10.0), 0.95)
        covered += low <= 0.2 <= high
        narrow += abs(hits.sum() / 200 - 0.2) <= 1.96 * np.sqrt(0.2 * 0.8 / 200)
    assert covered >= 0.92 * 300
    assert narrow < 0.92 * 300, "else the case would not tell the two apart"


def test_all_faults_are_told_at_once(result):
    with pytest.raises(InputError) as told:
        dv.compare_audit(
            result,
            pd.DataFrame(
                {
                    "face": ["0", "0", "999", "", "0.5"],
                    "doors": ["5", "-1", "3", "2", "x"],
                    "doorbells": ["6", "", "1", "", ""],
                    "spots_in_sight": ["", "", "1", "", ""],
                }
            ),
        )
    for words in (
        "line 2: more doorbells than doors",
        "line 3: doors is '-1'",
        "line 4: face 999 is none of 0 to",
        "line 4: spots_in_sight without spots",
        "line 5 has counts but no face",
        "line 6: face is '0.5'",
        "line 6: doors is 'x'",
        "docs/audit.md",
    ):
        assert words in str(told.value), words


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pd.DataFrame({"face": [0], "door": [1]}), "no column 'doors' .is it 'door'"),
        (pd.DataFrame({"face": [0], "doors": [""]}), "no row has a count"),
        (pd.DataFrame({"face": [], "doors": []}), "no row has a count"),
        (pd.DataFrame({"face": [0, 0], "doors": [1, 2]}), "twice"),
        (pd.DataFrame({"face": [0], "doors": [3], "doorbells": [2], "unclear": [2]}), "more than doors"),
    ],
)
def test_tables_that_cannot_be_used(result, table, words):
    with pytest.raises(InputError, match=words):
        dv.compare_audit(result, table)


def test_wrong_names_and_numbers(result, tmp_path):
    form = walk(result, doors=22)
    with pytest.raises(UnknownNameError, match="detect"):
        dv.compare_audit(result, form, level="detekt")
    with pytest.raises(UnknownNameError, match="independent_20"):
        dv.compare_audit(result, form, scenario="independent_2")
    with pytest.raises(InputError, match=r"0\.95"):
        dv.compare_audit(result, form, confidence=95)
    with pytest.raises(MissingFileError, match="audit_form"):
        dv.compare_audit(result, tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("face,doors,note\n0,1,café\n".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        dv.compare_audit(result, tmp_path / "latin.csv")
    for wrong in (0, True, 2.0):
        with pytest.raises(InputError, match="whole number"):
            dv.audit_form(result, wrong)


def test_a_file_as_a_spreadsheet_saves_it(result, tmp_path):
    form = walk(result, doors=22, doorbells=4)
    path = tmp_path / "walk.csv"
    form.to_csv(path, encoding="utf-8-sig")
    pd.testing.assert_frame_equal(dv.compare_audit(result, path), dv.compare_audit(result, form))


def test_the_empty_form_of_the_documentation_has_the_columns(result, project_root):
    empty = pd.read_csv(project_root / "docs" / "audit-form.csv", dtype=str)
    assert list(empty.columns) == ["face", *dv.audit_form(result).columns]
    assert len(empty) == 20
    text = (project_root / "docs" / "audit.md").read_text(encoding="utf-8")
    for column in COLUMNS:
        assert f"| `{column}` |" in text


def test_few_faces_are_said_to_be_few(result):
    notes = dv.compare_audit(result, walk(result, doors=22)).attrs["notes"]
    assert "block faces were walked" in notes[0]
    assert any("detect" in note for note in notes)
