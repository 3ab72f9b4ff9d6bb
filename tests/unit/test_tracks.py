"""Recorded tracks: read, cleaned by counted rules, and their figures against plain loops and hand calculation."""

from __future__ import annotations

import contextlib
import itertools
import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

import doorview as dv
from doorview.errors import DoorviewError, InputError, MissingFileError, OutputError
from doorview.overlays.gpx import MOST_BYTES, read_gpx
from doorview.overlays.route_exposure import exposure_of_pairs, recorded_of_legs
from doorview.overlays.track_exposure import track_exposure
from doorview.overlays.tracks import BREAKS, DROPPED, TrackRules, _rising, clean_tracks, track_points, track_routes
from helpers.ladder import UTM, ladder

TO_DEGREES = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
NAMESPACES = {"1.0": "http://www.topografix.com/GPX/1/0", "1.1": "http://www.topografix.com/GPX/1/1"}
EVERYWHERE = shapely.box(-1e6, -1e6, 1e6, 1e6)


def point(x, y, second=None, tag="trkpt"):
    lon, lat = TO_DEGREES.transform(x, y)
    minutes, rest = divmod(second or 0, 60)
    time = "" if second is None else f"<ele>3</ele><time>2024-05-01T08:{minutes:02d}:{rest:02d}Z</time>"
    return f'<{tag} lat="{lat:.12f}" lon="{lon:.12f}">{time}</{tag}>'


def gpx(*segments, version="1.1", name="to school", more=""):
    inner = "".join(f"<trkseg>{''.join(segment)}</trkseg>" for segment in segments)
    return (
        f'<?xml version="1.0"?><gpx version="{version}" creator="t" xmlns="{NAMESPACES[version]}">{more}'
        f"<trk><name>{name}</name>{inner}</trk></gpx>"
    )


@pytest.fixture
def written(tmp_path):
    def write(text, name="walk.gpx"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def cleaned(written):
    def clean(text, inside=EVERYWHERE, rules=None):
        return clean_tracks(read_gpx(written(text)), UTM, inside, rules)

    return clean


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_both_versions_of_gpx_read_alike(written, version):
    text = gpx([point(0, 0, 0), point(10, 0, 8)], [point(50, 0, 60)], version=version)
    read = read_gpx(written(text))
    assert read.points["segment"].tolist() == [0, 0, 1]
    assert read.points["time"].dt.strftime("%H:%M:%S").tolist() == ["08:00:00", "08:00:08", "08:01:00"]
    back = read.points.to_crs(UTM)
    assert back.geometry.x.to_numpy() == pytest.approx([0, 10, 50], abs=1e-4)
    assert read.tracks.loc["walk", ["name", "kind", "points"]].tolist() == ["to school", "track", 3]


def test_times_of_any_zone_are_one_clock_and_unreadable_ones_are_counted(written):
    stamps = [
        "2024-05-01T10:00:00+02:00",
        "2024-05-01T08:00:01.5Z",
        "2024-05-01T08:00:02",
        "soon",
        "1970-01-01T00:00:00Z",
    ]
    points = [f'<trkpt lat="1" lon="{n}"><time>{stamp}</time></trkpt>' for n, stamp in enumerate(stamps)]
    read = read_gpx(written(gpx(points)))
    first = pd.Timestamp("2024-05-01T08:00:00Z")
    assert (read.points["time"] - first).dt.total_seconds().tolist()[:3] == [0, 1.5, 2]
    assert read.points["time"].isna().tolist() == [False, False, False, True, True]
    assert read.tracks.loc["walk", "unreadable_times"] == 2


def test_a_point_without_a_place_on_earth_is_counted_and_never_put_at_zero(written):
    bad = ['<trkpt lat="x" lon="5"/>', '<trkpt lat="5"/>', '<trkpt lat="91" lon="0"/>', '<trkpt lat="nan" lon="0"/>']
    read = read_gpx(written(gpx(['<trkpt lat="39" lon="-76"/>', *bad])))
    assert read.tracks.loc["walk", ["points", "without_place"]].tolist() == [5, 4]
    assert len(read.points) == 1


def test_what_extensions_say_is_not_taken_for_the_track(written):
    inner = '<extensions><x:p xmlns:x="u"><name>no</name><time>2020-01-01T00:00:00Z</time></x:p></extensions>'
    text = gpx([f'<trkpt lat="1" lon="2"><time>2024-05-01T08:00:00Z</time>{inner}</trkpt>'])
    read = read_gpx(written(text))
    assert read.points["time"].iloc[0] == pd.Timestamp("2024-05-01T08:00:00Z")
    assert read.tracks["name"].tolist() == ["to school"]


def test_a_planned_route_is_a_track_without_times(written):
    text = f'<gpx version="1.1"><rte><name>r</name>{point(0, 0, tag="rtept")}{point(9, 0, tag="rtept")}</rte></gpx>'
    read = read_gpx(written(text))
    assert read.tracks[["kind", "points"]].to_numpy().tolist() == [["route", 2]]


def test_a_folder_gives_its_files_in_order_and_every_track_a_name_of_its_own(written, tmp_path):
    two = gpx([point(0, 0)]).replace("</gpx>", f"<trk><trkseg>{point(5, 5)}</trkseg></trk></gpx>")
    written(two, "b.gpx")
    written(gpx([point(1, 1)]), "a.GPX")
    written("no gpx", "readme.txt")
    read = read_gpx(tmp_path)
    assert read.tracks.index.tolist() == ["a", "b", "b#2"]
    again = read_gpx([tmp_path / "b.gpx", tmp_path])
    assert again.tracks.index.tolist() == ["b", "b#2", "a"]


BOMB = '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("hello", "no XML"),
        (b"\x1f\x8b\x08\x00zipped", "unpacked"),
        (gpx([point(0, 0)])[:-30], "cut off"),
        ("<kml><Placemark/></kml>", "root is <kml>"),
        (gpx(more='<wpt lat="1" lon="2"/>').replace("<trk>", "<trk/><trk>"), "1 waypoints"),
        ('<gpx version="1.1"/>', "no point of a track"),
        (BOMB + '<gpx version="1.1"><trk><name>&b;</name></trk></gpx>', "document type"),
        ('<!DOCTYPE gpx SYSTEM "http://example.org/gpx.dtd"><gpx/>', "document type"),
        ("<gpx>" + "<a>" * 200, "nested"),
    ],
)
def test_a_file_that_holds_no_track_says_what_it_is_and_what_to_do(written, text, said):
    with pytest.raises(InputError, match=said) as fault:
        read_gpx(written(text))
    assert "walk.gpx" in str(fault.value)


def test_a_path_that_is_not_there_and_a_folder_without_gpx_are_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"gone\.gpx"):
        read_gpx(tmp_path / "gone.gpx")
    with pytest.raises(InputError, match="holds no file"):
        read_gpx(tmp_path)
    with pytest.raises(InputError, match="no GPX file was named"):
        read_gpx([])


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "huge.gpx"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(InputError, match="more than 200 MB"):
        read_gpx(path)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 600))
def test_any_bytes_end_in_a_track_or_a_clear_error(tmp_path_factory, noise, at):
    good = gpx([point(0, 0, 0), point(1, 0, 1)]).encode()
    path = tmp_path_factory.mktemp("noise") / "any.gpx"
    path.write_bytes(good[:at] + noise + good[at + len(noise) :])
    read = None
    with contextlib.suppress(DoorviewError):
        read = read_gpx(path)
    assert read is None or read.tracks["points"].sum() == len(read.points) + read.tracks["without_place"].sum()


def test_every_point_of_a_track_is_used_or_counted_with_its_reason(cleaned):
    walk = [point(2 * n, 0, 2 * n) for n in range(10)]
    dirty = [
        *walk[:3],
        point(4, 0, 4),  # doubled
        point(5, 0),  # without a time
        point(6, 0, 1),  # a time that goes back
        *walk[3:6],
        point(900, 0, 11),  # a jump: alone between two
        *walk[6:],
        '<trkpt lat="a" lon="b"/>',
        point(30, 0, 190),  # after a gap of 172 s
        point(32, 0, 192),
        point(3e5, 0, 194),  # outside
        point(34, 0, 196),
        point(36, 0, 198),
    ]
    tracks = cleaned(gpx(dirty, [point(60, 0, 240), point(61, 0, 241)]), shapely.box(-2000, -9, 2000, 9))
    counts = tracks.counts.loc["walk"]
    expected = {"without_place": 1, "without_time": 1, "outside": 1, "doubled": 1, "out_of_order": 1, "alone": 1}
    assert {name: counts[name] for name in DROPPED} == expected
    assert counts["used"] + sum(expected.values()) == counts["points"] == 22
    assert {name: counts[name] for name in BREAKS} == {
        "segments": 1, "outside_cuts": 1, "jumps": 2, "gaps_in_time": 1, "gaps_in_space": 0,
    }  # fmt: skip
    assert [len(part) for part in np.split(tracks.xy, tracks.first[1:-1])] == [6, 4, 2, 2, 2]
    assert counts["between_m"] == pytest.approx(2 + 12 + 2 + 24, abs=1e-3)
    assert counts["between_s"] == pytest.approx(2 + 172 + 4 + 42)


def test_one_clock_set_wrong_costs_one_point_not_the_rest(cleaned):
    late = [point(n, 0, 3599 if n == 2 else n) for n in range(8)]
    assert cleaned(gpx(late)).counts.loc["walk", ["used", "out_of_order", "jumps"]].tolist() == [7, 1, 0]


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=9))
def test_no_longer_row_of_rising_times_exists_than_the_one_kept(times):
    kept = _rising(np.array(times, float))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(np.array(times)[kept]) > 0).all()
    longest = 0
    for mask in range(1 << len(times)):
        chosen = [time for n, time in enumerate(times) if mask >> n & 1]
        if all(a < b for a, b in itertools.pairwise(chosen)):
            longest = max(longest, len(chosen))
    assert len(kept) == longest


def test_a_track_mostly_without_times_is_read_without_any(cleaned):
    tracks = cleaned(gpx([point(0, 0, 9), point(10, 0), point(20, 0), point(30, 0)]))
    counts = tracks.counts.loc["walk"]
    assert not counts["timed"]
    assert (counts["used"], counts["times_ignored"]) == (4, 1)
    assert np.isnan(tracks.time_s).all()
    assert math.isnan(counts["between_s"])


def test_a_long_straight_of_a_planner_is_cut_unless_the_rule_allows_it(cleaned):
    text = gpx([point(0, 0), point(10, 0), point(310, 0), point(320, 0)])
    assert cleaned(text).counts.loc["walk", ["gaps_in_space", "pieces"]].tolist() == [1, 2]
    assert cleaned(text, rules=TrackRules(gap_m=math.inf)).counts.loc["walk", "pieces"] == 1
    with pytest.raises(InputError, match="gap_m"):
        TrackRules(gap_m=0)


def test_the_time_of_a_step_holds_what_was_stood_still_in_it(cleaned):
    # 4 m in 4 s, 20 s at x = 4, 6 m in 3 s; then 5 s at the end.
    fixes = [point(0, 0, 0), point(4, 0, 4), point(4, 0, 24), point(10, 0, 27), point(10, 0, 32)]
    tracks = cleaned(gpx(fixes))
    walk = track_points(tracks, spacing_m=10 / 3)
    assert walk.walk.step_m == pytest.approx([10 / 3], abs=1e-4)
    # Steps end at 3.33, 6.67 and 10 m.
    assert walk.seconds == pytest.approx([10 / 3, 24 + 4 / 3 - 10 / 3, 27 - 24 - 4 / 3 + 5], abs=1e-3)
    assert walk.seconds.sum() == pytest.approx(32)
    still = cleaned(gpx([point(0, 0, 0), point(0, 0, 30)]))
    assert track_points(still).seconds.tolist() == [30]
    assert track_routes(still, track_points(still).walk).table["length_m"].tolist() == [0]


def test_recording_follows_the_real_pace_of_a_track(cleaned):
    # 20 m at 1 m/s, then 20 m at 0.5 m/s. A door is triggered in the first metre and sees metres 10 to 30.
    fixes = [point(x, 0, x if x <= 20 else 20 + 2 * (x - 20)) for x in range(0, 41, 5)]
    tracks = cleaned(gpx(fixes))
    steps = track_points(tracks)
    at = steps.at_m
    view = exposure_of_pairs(
        steps.walk, pd.Index(["a"]), pd.DataFrame({"door": "a", "point": np.flatnonzero((at > 9.5) & (at < 29.5))})
    )
    trigger = exposure_of_pairs(steps.walk, pd.Index(["a"]), pd.DataFrame({"door": ["a"], "point": [0]}))
    routes = track_routes(tracks, steps.walk)
    # 25 s after the middle of the first step (0.5 s) are 25.5 s, at 22.75 m: from 10 m on, to a step.
    share = recorded_of_legs(routes, steps.seconds, steps.pause_s, trigger, view, 0.5, 25.0)
    assert share.iloc[0] == pytest.approx(0.5 * 12.75 / 40, abs=0.5 / 40)


@pytest.fixture(scope="module")
def town():
    """A street along x with three doors beside it that look across it, and one house on it."""
    city = ladder()
    doors = gpd.GeoDataFrame(
        {"heading": [180.0, 180.0, 180.0]},
        geometry=[shapely.Point(x, 8.0) for x in (20.0, 60.0, 150.0)],
        crs=UTM,
        index=pd.Index(["a", "b", "c"], name="door"),
    )
    house = gpd.GeoDataFrame(geometry=[shapely.box(95, -2, 105, 2)], crs=UTM)
    return city, doors, house


def test_figures_of_a_track_are_those_of_plain_loops(town, written):
    city, doors, house = town
    chance = np.array([0.5, 0.25, 1.0])
    # Walked west to east at 2 m/s up to 80 m, a gap of 100 s, and on from 110 m at 1 m/s.
    one = [point(x, 0, x // 2) for x in range(0, 81, 4)]
    two = [point(x, 0, 140 + x - 110) for x in range(110, 171, 5)]
    found = track_exposure(
        city, written(gpx(one + two)), levels=["detect", "observe"], rate=chance, doors=doors, obstacles=house,
        gps_error_m=0, replicates=64,
    )  # fmt: skip
    assert found.counts.loc["walk", ["gaps_in_time", "pieces"]].tolist() == [1, 2]
    for level in ("detect", "observe"):
        row = found.table[found.table["level"] == level].iloc[0]
        views = dv.viewsheds(doors, house, level=level)
        seen, lasts, unseen = 0.0, 0.0, np.ones(3)
        for x in [*np.arange(0.05, 80, 0.1), *np.arange(110.05, 170, 0.1)]:
            sees = views.contains(shapely.Point(x, 0)).to_numpy()
            unseen[sees] = 0
            p = 1 - np.prod(1 - chance[sees])
            seen += 0.1 * p
            lasts += p * 0.1 / (2 if x < 80 else 1)
        assert row["length_m"] == pytest.approx(140, abs=0.01)
        assert row["duration_s"] == pytest.approx(40 + 60)
        assert row["seen_length_mean_m"] == pytest.approx(seen, abs=1.5)
        assert row["seen_time_mean_s"] == pytest.approx(lasts, abs=1.5)
        assert row["doors_in_view"] == (unseen == 0).sum()
        assert row["doorbells_mean"] == pytest.approx(chance[unseen == 0].sum())
        assert row["p_unseen"] == pytest.approx(np.prod(1 - chance[unseen == 0]))
        mine = found.intervals[found.intervals["level"] == level]
        assert mine["seen_length_mean_m"].sum() == pytest.approx(row["seen_length_mean_m"])
    # The gap is neither seen nor unseen: door c surely owns, so nothing of 60 m is unseen at a stretch but 30 m.
    row = found.table[found.table["level"] == "observe"].iloc[0]
    assert row["longest_unseen_p95_m"] < 81


def test_an_interval_says_when_where_and_by_how_many(town, written):
    city, doors, house = town
    text = gpx([point(x, 0, x) for x in range(0, 81, 2)])
    found = track_exposure(
        city, written(text), levels=["observe"], rate=0.5, doors=doors, obstacles=house, gps_error_m=0, replicates=0
    )
    view = dv.viewsheds(doors, house, level="observe").geometry
    first = found.intervals.iloc[0]
    line = shapely.LineString([(0, 0), (80, 0)])
    low, _, high, _ = shapely.intersection(line, view["a"]).bounds
    assert first["begin_m"] == pytest.approx(low, abs=1)
    assert first["end_m"] == pytest.approx(high, abs=1)
    assert first["seconds"] == pytest.approx(high - low, abs=2)
    assert (first["begin_time"] - pd.Timestamp("2024-05-01T08:00:00Z")).total_seconds() == pytest.approx(low, abs=1)
    assert first[["doors_in_view", "doorbells_mean", "p_in_view"]].tolist() == [1, 0.5, 0.5]
    back = Transformer.from_crs("EPSG:4326", UTM, always_xy=True).transform(first["lon"], first["lat"])
    assert back == pytest.approx((low, 0), abs=1)


def test_points_outside_the_data_are_counted_and_never_unseen(town, written):
    city, doors, house = town
    text = gpx([point(x, 0, x // 2) for x in range(800, 1200, 4)])
    found = track_exposure(
        city, written(text), levels=["detect"], doors=doors, obstacles=house, gps_error_m=0, replicates=0
    )
    reach = dv.level(dv.camera("ring-video-doorbell-wired"), "detect").range_m
    assert found.counts.loc["walk", "outside"] == sum(x > 1000 - reach for x in range(800, 1200, 4))
    assert found.table["length_m"].iloc[0] <= 200 - reach
    with pytest.raises(InputError, match="outside the data of 'ladder'"):
        track_exposure(city, written(gpx(['<trkpt lat="-33.9" lon="151.2"/>'] * 3)), doors=doors, obstacles=house)


def test_one_track_of_two_outside_keeps_its_row_without_figures(town, written, tmp_path):
    city, doors, house = town
    written(gpx([point(x, 0) for x in (0, 50)]), "here.gpx")
    written(gpx([point(x, 0) for x in (5000, 5050)]), "there.gpx")
    found = track_exposure(city, tmp_path, levels=["observe"], doors=doors, obstacles=house, replicates=0)
    assert found.table[["track", "status"]].to_numpy().tolist() == [["here", "found"], ["there", "outside"]]
    there = found.table.iloc[1]
    numbers = ["length_m", "doorbells_mean", "p_unseen", "share_in_view_low", "in_building_m", "duration_s"]
    assert there[numbers].isna().all()


def test_the_spread_holds_the_track_as_it_is_and_grows_with_the_error(town, written):
    city, doors, house = town
    path = written(gpx([point(x, 0, x) for x in range(0, 171, 2)]))
    widths = []
    for error in (2.0, 10.0):
        row = track_exposure(
            city, path, levels=["observe"], doors=doors, obstacles=house, gps_error_m=error, replicates=0
        ).table.iloc[0]
        assert row["share_in_view_low"] <= row["share_in_view_mean"] <= row["share_in_view_high"]
        assert row["doorbells_low"] <= row["doorbells_mean"] <= row["doorbells_high"]
        widths.append(row["share_in_view_high"] - row["share_in_view_low"])
    assert 0 < widths[0] < widths[1]


def test_walking_through_a_building_is_counted(town, written):
    import dataclasses

    city, doors, house = town
    buildings = gpd.GeoDataFrame({"geometry": house.geometry}, crs=UTM)
    city = dataclasses.replace(city, buildings=buildings)
    text = gpx([point(x, 0, x) for x in range(80, 121, 2)])
    found = track_exposure(city, written(text), levels=["observe"], doors=doors, obstacles=house, replicates=0)
    assert found.table["in_building_m"].iloc[0] == pytest.approx(10, abs=1)
    assert found.counts.loc["walk", "in_building"] == pytest.approx(10, abs=1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"levels": []}, "at least one level"),
        ({"levels": ["observe", "observe"]}, "each once"),
        ({"gps_error_m": -1}, "gps_error_m"),
        ({"rate": 2}, "chance"),
        ({"clip_s": 0}, "clip_s"),
        ({"levels": ["sharp"]}, "sharp"),
    ],
)
def test_values_out_of_bounds_are_refused(town, written, wrong, said):
    city, doors, house = town
    path = written(gpx([point(0, 0, 0), point(5, 0, 5)]))
    with pytest.raises(InputError, match=said):
        track_exposure(city, path, doors=doors, obstacles=house, **wrong)


def test_a_result_tells_all_levels_draws_and_writes_into_a_new_folder_alone(town, written, tmp_path):
    city, doors, house = town
    path = written(gpx([point(x, 0, x) for x in range(0, 81, 2)], [point(100, 0, 300), point(130, 0, 330)]))
    found = dv.track_exposure(city, path, doors=doors, obstacles=house, replicates=64)
    for text in (repr(found), found._repr_html_()):
        for words in ("detect", "observe", "recognise", "simulated", "personal data", "Cut, and not bridged"):
            assert words in text
    folder = tmp_path / "out"
    names = [item.name for item in found.write(folder)]
    assert names == ["tracks.csv", "track_intervals.csv", "track_counts.csv", "tracks.gpkg", "tracks.png"]
    assert len(pd.read_csv(folder / "tracks.csv")) == 3
    drawn = gpd.read_file(folder / "tracks.gpkg")
    assert drawn[drawn["level"] == "detect"].length.sum() == pytest.approx(110, abs=0.1)
    with pytest.raises(OutputError, match="not empty"):
        found.write(folder)
    with pytest.raises(InputError, match="identify"):
        found.map(level="identify")


def test_who_stood_still_has_doors_and_time_but_no_share(town, written):
    city, doors, house = town
    still = [point(20, 0, second) for second in (0, 20, 40)]
    found = dv.track_exposure(city, written(gpx(still)), levels=["detect"], rate=0.5, doors=doors, obstacles=house)
    row = found.table.iloc[0]
    assert row[["length_m", "duration_s", "doors_in_view"]].tolist() == [0, 40, 1]
    assert row["seen_time_mean_s"] == pytest.approx(0.5 * 40)
    assert row["p_unseen"] == 0.5
    assert math.isnan(row["share_in_view_mean"])
    assert "nan" not in repr(found)
    assert "no figure" not in repr(found)
    with pytest.raises(InputError, match="stood still"):
        found.map()


def test_the_command_tells_and_refuses_like_any_other(written, tmp_path, capsys):
    from doorview.cli import main

    assert main(["track", str(written("nothing")), "--city", "nowhere.osm.pbf"]) == 1
    assert "no XML" in capsys.readouterr().err
    assert main(["track", str(written(gpx([point(0, 0)]))), "--city", str(tmp_path / "nowhere.osm.pbf")]) == 1
    assert "nowhere.osm.pbf" in capsys.readouterr().err
