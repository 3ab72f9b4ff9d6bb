"""Printed tables: their columns, order, numbers and what they refuse."""

from __future__ import annotations

import csv
import hashlib

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from doorview.show.files import replacing, sha256, write_json
from doorview.show.tables import (
    CURVE_COLUMNS,
    RANGE_CURVE_COLUMNS,
    SHARES_COLUMNS,
    homes_by_zone,
    without_formulas,
    write_csv,
    write_curve,
    write_parquet,
    write_range_curve,
    write_shares,
    zones_withheld,
)


def _shares(**changes):
    row = {
        "scenario": "independent_20",
        "level": "detect",
        "zoning": "all",
        "zone": "all",
        "space": "streets",
        "measure": "area_m2",
        "doors_inside": 100,
        "doors_seeing": 90,
        "dwellings": 120,
        "rate_per_door": 0.2,
        "rate_per_household": 0.2,
        "public_amount": 1234.25,
        "share_mean": 0.1 + 0.2,
        "share_p05": np.nan,
        "share_p95": np.nan,
        "share_low": 0.1,
        "share_high": 0.5,
        "seen_by_2_mean": 0.1,
        "seen_by_3_mean": 0.0,
    }
    return pd.DataFrame([{**row, **changes}])


def test_columns_stand_in_the_order_of_the_contract(tmp_path):
    mixed = _shares()[list(reversed(SHARES_COLUMNS))]
    write_shares(tmp_path / "shares.csv", mixed)
    head = (tmp_path / "shares.csv").read_text(encoding="utf-8").splitlines()[0]
    assert head == (
        "scenario,level,zoning,zone,space,measure,doors_inside,doors_seeing,dwellings,rate_per_door,rate_per_household,"
        "public_amount,share_mean,share_p05,share_p95,share_low,share_high,seen_by_2_mean,seen_by_3_mean"
    )


def _of_zones(all_homes, **homes):
    parts = [_shares(dwellings=all_homes, doors_inside=all_homes)]
    return pd.concat(
        [*parts, *(_shares(zoning="z", zone=zone, dwellings=n, doors_inside=n) for zone, n in homes.items())]
    )


@pytest.mark.parametrize(
    ("all_homes", "homes", "words"),
    [
        # 63 - 40 - 20 would be the 3 of c.
        (63, {"a": 40, "b": 20, "c": 3}, {"b": "withheld", "c": "fewer than 5"}),
        # 64 - 60 - 0 would be the 4 that lie in no zone.
        (64, {"a": 40, "b": 20, "c": 0}, {"b": "withheld"}),
        # Two zones of few: 66 - 60 is 6, and c may be any of 2 to 4; the second case of 3 and 1 is 4.
        (66, {"a": 40, "b": 20, "c": 3, "d": 3}, {"c": "fewer than 5", "d": "fewer than 5"}),
        (64, {"a": 40, "b": 20, "c": 3, "d": 1}, {"b": "withheld", "c": "fewer than 5", "d": "fewer than 5"}),
        # Nothing is left over, or enough; zones that overlap come to more than all.
        (60, {"a": 40, "b": 20}, {}),
        (70, {"a": 40, "b": 20}, {}),
        (50, {"a": 40, "b": 20, "c": 3}, {"c": "fewer than 5"}),
    ],
)
def test_no_zone_of_few_homes_is_all_less_the_others(tmp_path, all_homes, homes, words):
    write_shares(tmp_path / "s.csv", _of_zones(all_homes, **homes))
    table = pd.read_csv(tmp_path / "s.csv", dtype=str).set_index("zone")
    for name in ("dwellings", "doors_inside"):
        assert table[name].to_dict() == {
            zone: words.get(zone, str(n)) for zone, n in {"all": all_homes, **homes}.items()
        }
    # What a reader can work out of both columns: of all, what no printed zone has.
    printed = pd.to_numeric(table["dwellings"], errors="coerce")
    assert not 0 < printed["all"] - printed.drop("all").sum() < 5


def test_two_tables_beside_each_other_give_no_zone_of_few_homes_away():
    """A zone without ground stands in fairness.csv alone; what shares.csv prints cannot be taken back there."""
    shares = _of_zones(75, a=40, b=20, c=3)
    assert zones_withheld(shares) == []
    both = homes_by_zone(_of_zones(75, a=40, b=20, c=3, no_ground=12).iloc[1:])
    assert zones_withheld(shares, both) == [("z", "no_ground")]
    assert zones_withheld(_of_zones(63, a=40, b=20, c=3), both.drop(("z", "no_ground"))) == [("z", "b")]


def test_floats_are_the_shortest_that_read_back_the_same(tmp_path):
    write_shares(tmp_path / "shares.csv", _shares(share_low=1e-17, share_high=0.5))
    line = (tmp_path / "shares.csv").read_text(encoding="utf-8").splitlines()[1]
    assert ",1234.25,0.30000000000000004,,,1e-17,0.5," in line
    assert float("0.30000000000000004") == 0.1 + 0.2


def test_rows_stand_in_key_order_whatever_order_they_come_in(tmp_path):
    curve = pd.DataFrame(
        [("detect", "all", "all", "streets", "area_m2", rate / 100, rate / 200) for rate in (0, 10, 2, 100)]
        + [("observe", "all", 'Ähre, "x"\ny', "streets", "area_m2", 0.0, 0.0)],
        columns=list(CURVE_COLUMNS),
    )
    write_curve(tmp_path / "a.csv", curve)
    write_curve(tmp_path / "b.csv", curve.iloc[::-1])
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    back = pd.read_csv(tmp_path / "a.csv")
    assert back["rate"].tolist() == [0, 0.02, 0.1, 1, 0]
    assert back["zone"].iloc[-1] == 'Ähre, "x"\ny'
    assert b"\r" not in (tmp_path / "a.csv").read_bytes()


def test_range_curve(tmp_path):
    table = pd.DataFrame(
        [("independent_20", "all", "all", "streets", "area_m2", float(r), r / 100) for r in (10, 2)],
        columns=list(RANGE_CURVE_COLUMNS),
    )
    write_range_curve(tmp_path / "r.csv", table)
    assert pd.read_csv(tmp_path / "r.csv")["range_m"].tolist() == [2, 10]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share_mean": 1.0000001}, "share_mean leaves"),
        ({"share_mean": np.nan}, "share_mean leaves"),
        ({"share_p05": -0.1}, "share_p05 leaves"),
        ({"rate_per_door": 2.0}, "rate_per_door leaves"),
        ({"public_amount": 0.0}, "public_amount"),
        ({"zone": None}, "a key is missing"),
        ({"extra": 1}, "unknown columns"),
    ],
)
def test_what_cannot_be_is_refused_and_the_old_table_stays(tmp_path, changes, message):
    path = tmp_path / "shares.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match=message):
        write_shares(path, _shares(**changes))
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["shares.csv"]


def test_repeated_keys_are_refused(tmp_path):
    with pytest.raises(ValueError, match="1 rows repeat"):
        write_shares(tmp_path / "s.csv", pd.concat([_shares(), _shares()]))


def test_small_counts_are_not_printed(tmp_path):
    two = pd.concat([_shares(doors_seeing=3), _shares(zone="b", doors_seeing=0)])
    write_shares(tmp_path / "s.csv", two)
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert ",100,fewer than 5,120," in lines[1]
    assert ",100,0,120," in lines[2]


def test_parquet_gives_the_same_bytes_and_keeps_types(tmp_path):
    frame = pd.DataFrame(
        {
            "set": np.arange(5, dtype=np.uint32),
            "door": pd.Series(["w1@1", None, "w2@1", "a", "b"], dtype=object),
            "level": pd.Series(["detect"] * 5),
            "amount": np.arange(5, dtype=np.int64),
        }
    )
    write_parquet(tmp_path / "a.parquet", frame, metadata={"licence": "ODbL 1.0", "cell_m": "0.5"})
    write_parquet(tmp_path / "b.parquet", frame.copy(), metadata={"cell_m": "0.5", "licence": "ODbL 1.0"})
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.column_names == ["set", "door", "level", "amount"]
    assert str(table.schema.field("set").type) == "uint32"
    assert table["door"].to_pylist() == ["w1@1", None, "w2@1", "a", "b"]
    assert table.schema.metadata == {b"cell_m": b"0.5", b"licence": b"ODbL 1.0"}


def test_json_and_checksums(tmp_path):
    write_json(tmp_path / "x.json", {"n": np.int64(3), "a": np.array([1.5]), "s": {"b", "a"}, "p": tmp_path, "u": "ü"})
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert '"n": 3' in text
    assert '"u": "ü"' in text
    assert sha256(tmp_path / "x.json") == hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "y.json", {"range_m": float("inf")})
    with pytest.raises(TypeError, match="object"):
        write_json(tmp_path / "y.json", {"x": object()})
    assert [item.name for item in tmp_path.iterdir()] == ["x.json"]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:  # noqa: PT012 - the block is what is interrupted
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Elm Street", "Elm Street"),
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+1 555 0100", "'+1 555 0100"),
        ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\tEast", "'\tEast"),
        ("  =1", "'  =1"),
        ("\uff1d1", "'\uff1d1"),  # an equals sign of full width
        ("'=1", "''=1"),
        ("'twas", "'twas"),
        ("a=b", "a=b"),
        ("-5", "-5"),
        ("+5.25e-3", "+5.25e-3"),
        ("-5-3", "'-5-3"),
        ("-\u0663", "'-\u0663"),  # digits of another script
        ("-", "'-"),
        ("", ""),
    ],
)
def test_no_name_runs_as_a_formula_in_a_spreadsheet(tmp_path, text, written):
    write_csv(tmp_path / "t.csv", pd.DataFrame({"zone": [text], "share": [-0.25]}))
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["zone", "share"], [written, "-0.25"]]


def test_making_text_plain_loses_no_difference_and_touches_nothing_else():
    names = ["=a", "'=a", "''=a", "a", "'a", "-1", None, np.nan]
    frame = pd.DataFrame(
        {"zone": names, "kind": pd.Categorical(["-x"] * 8), "n": range(-4, 4), "x": np.arange(8) - 3.5}
    )
    plain = without_formulas(frame)
    assert plain["zone"].iloc[:6].tolist() == ["'=a", "''=a", "'" * 3 + "=a", "a", "'a", "-1"]
    assert plain["zone"].iloc[6:].isna().all()
    assert plain["kind"].tolist() == ["'-x"] * 8
    pd.testing.assert_frame_equal(plain[["n", "x"]], frame[["n", "x"]])
    assert frame["zone"].iloc[0] == "=a"


def test_every_printed_table_is_made_plain(tmp_path):
    write_shares(tmp_path / "shares.csv", _shares(zoning="=z", zone="@here"))
    assert ",'=z,'@here," in (tmp_path / "shares.csv").read_text(encoding="utf-8")
