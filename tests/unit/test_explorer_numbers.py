"""The numbers of the explorer's page, run in node: against scipy and against sums by hand."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

PAGE = Path(__file__).resolve().parents[2] / "coverage" / "doorview" / "show" / "explorer" / "page"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed: the page's scripts are tested in it")
RATES = [0.0, 0.01, 0.2, 0.37, 0.99, 1.0]


def in_node(script: str, given: Any) -> Any:
    """Run a script after numbers.js, with `given` as its input, and return what it leaves in `out`."""
    assert NODE is not None
    read = f"require({json.dumps(str(PAGE / 'numbers.js'))});const dv = globalThis.dv;"
    text = f"{read}const given = {json.dumps(given)};let out;{script};console.log(JSON.stringify(out));"
    done = subprocess.run([NODE, "-e", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def city():
    """Return header and arrays of three block groups and a zone, two levels, two kinds of ground, by chance."""
    rng = np.random.default_rng(5)
    U, L, S, K, R = 4, 2, 2, 3, 2
    public = rng.integers(50, 400, (U, S))
    public[1, 1] = 0  # a block without such ground
    start, ks, amounts = [0], [], []
    for unit in range(U):
        for _ in range(L):
            for space in range(S):
                left = int(public[unit, space])
                for k in sorted(rng.choice(np.arange(1, 60), 5, replace=False)):
                    part = int(rng.integers(0, left // 5 + 1))
                    if part:
                        ks.append(int(k))
                        amounts.append(part)
                start.append(len(ks))
    arrays = {
        "public_cells": public.ravel(), "hist_start": start, "hist_k": ks, "hist_amount": amounts,
        "unit_homes": [5, 8, 20, 33], "unit_doors": [5, 8, 20, 33],
        "knot_rates": [0.1, 0.4, 1.0], "knot_share": np.sort(rng.integers(0, 65536, (U, L, S, K)), axis=3).ravel(),
        "fixed_unit_share": rng.integers(0, 65536, (U, L, S)).ravel(),
        "fixed_share": rng.random((L, S, R)).ravel(), "curve_independent": rng.random((L, S, R, 101)).ravel(),
        "curve_scenario": rng.random((L, S, 101)).ravel(),
        "knot_bells": np.sort(rng.integers(0, 33, (U, K, 2)), axis=2).ravel(),
        "fixed_bells": rng.integers(0, 9, (U, 2)).ravel(),
    }  # fmt: skip
    header = {
        "levels": [{"name": "detect"}, {"name": "observe"}], "spaces": [{"name": "streets"}, {"name": "all"}],
        "rates": [number / 100 for number in range(101)],
        "scenarios": [
            {"name": "given", "kind": "fixed", "bells": "fixed"},
            {"name": "even", "kind": "independent", "bells": "binomial"},
            {"name": "clustered", "kind": "curve", "bells": "table"},
        ],
    }  # fmt: skip
    return header, {name: np.asarray(held).tolist() for name, held in arrays.items()}


@needs_node
def test_quantiles_of_the_binomial_are_scipys():
    cases = [
        (n, p, q)
        for n in (0, 1, 2, 5, 17, 64, 300, 2_500, 40_000)
        for p in (0.0, 0.001, 0.05, 0.2, 0.5, 0.83, 1.0)
        for q in (0.05, 0.5, 0.95)
    ]
    found = in_node("out = given.map(([n, p, q]) => dv.binomialQuantile(n, p, q))", cases)
    expected = [int(stats.binom.ppf(q, n, p)) if n else 0 for n, p, q in cases]
    assert found == expected


@needs_node
def test_chances_of_at_least_m_are_scipys():
    cases = [(k, p, m) for k in (0, 1, 2, 3, 9, 80, 400) for p in RATES for m in (1, 2, 3)]
    found = in_node("out = given.map(([k, p, m]) => dv.chance(k, p, m))", cases)
    assert found == pytest.approx([float(stats.binom.sf(m - 1, k, p)) for k, p, m in cases], rel=1e-9, abs=1e-14)


@needs_node
def test_shares_of_blocks_are_the_means_over_their_cells(city):
    header, arrays = city
    script = """dv.header = given.header; dv.arrays = given.arrays; out = [];
      for (let u = 0; u < 4; u++) for (const l of ["detect", "observe"]) for (const s of ["streets", "all"])
        for (const p of given.rates) for (const m of [1, 2, 3]) out.push(dv.unitShare(u, l, s, p, "even", m))"""
    found = in_node(script, {"header": header, "arrays": arrays, "rates": RATES})
    expected = []
    for unit in range(4):
        for level in range(2):
            for space in range(2):
                row = (unit * 2 + level) * 2 + space
                own = slice(arrays["hist_start"][row], arrays["hist_start"][row + 1])
                k, amount = np.array(arrays["hist_k"][own]), np.array(arrays["hist_amount"][own])
                cells = arrays["public_cells"][unit * 2 + space]
                for p in RATES:
                    for m in (1, 2, 3):
                        share = None if cells == 0 else float((amount * stats.binom.sf(m - 1, k, p)).sum() / cells)
                        expected.append(share)
    # JSON has no NaN: node writes null.
    assert [value is None for value in found] == [value is None for value in expected]
    known = [(a, b) for a, b in zip(found, expected, strict=True) if b is not None]
    assert [a for a, _ in known] == pytest.approx([b for _, b in known], rel=1e-9, abs=1e-12)


@needs_node
def test_a_scenario_with_knots_is_exact_there_and_straight_between(city):
    header, arrays = city
    script = """dv.header = given.header; dv.arrays = given.arrays;
      out = given.rates.map((p) => dv.unitShare(2, 1, 0, p, "clustered"))"""
    rates = [0.0, 0.05, 0.1, 0.25, 0.4, 0.7, 1.0]
    found = in_node(script, {"header": header, "arrays": arrays, "rates": rates})
    base = ((2 * 2 + 1) * 2 + 0) * 3
    knots = np.array(arrays["knot_share"][base : base + 3]) / 65535
    assert found == pytest.approx(np.interp(rates, [0.0, 0.1, 0.4, 1.0], [0.0, *knots]).tolist(), abs=1e-12)


@needs_node
def test_curves_are_the_runs_own_at_whole_percents(city):
    header, arrays = city
    script = """dv.header = given.header; dv.arrays = given.arrays; out = [
      given.rates.map((p) => dv.share("observe", "all", p, "even", 1)),
      given.rates.map((p) => dv.share("observe", "all", p, "clustered")),
      [dv.share("observe", "all", 0.5, "given", 1), dv.share("observe", "all", 0.155, "even", 0)],
      [dv.unitShare(1, "observe", "streets", 0.5, "given"), dv.unitShare(1, "observe", "streets", 0.5, "given", 2)]]"""
    rates = [number / 100 for number in range(101)]
    even, clustered, single, unit = in_node(script, {"header": header, "arrays": arrays, "rates": rates})
    curve = np.array(arrays["curve_independent"]).reshape(2, 2, 2, 101)
    assert even == pytest.approx(curve[1, 1, 1].tolist(), abs=0)
    assert clustered == pytest.approx(np.array(arrays["curve_scenario"]).reshape(2, 2, 101)[1, 1].tolist(), abs=0)
    assert single[0] == np.array(arrays["fixed_share"]).reshape(2, 2, 2)[1, 1, 1]
    assert single[1] == pytest.approx(curve[1, 1, 0, 15:17].mean())
    assert unit[0] == np.array(arrays["fixed_unit_share"]).reshape(4, 2, 2)[1, 1, 0] / 65535
    assert unit[1] is None  # by two or more: not computed for it, and not made up


@needs_node
def test_doorbells_to_expect(city):
    header, arrays = city
    script = """dv.header = given.header; dv.arrays = given.arrays; out = [
      dv.bells(3, 0.2, "even"), dv.bells(2, 0.4, "clustered"), dv.bells(2, 0.25, "clustered"),
      dv.bells(1, 0.9, "given"), dv.bells(3, 0, "even"), dv.bells(3, 0, "clustered")]"""
    even, knot, between, fixed, none, none_clustered = in_node(script, {"header": header, "arrays": arrays})
    assert even == [int(stats.binom.ppf(q, 33, 0.2)) for q in (0.05, 0.95)]
    table = np.array(arrays["knot_bells"]).reshape(4, 3, 2)
    assert knot == table[2, 1].tolist()
    middle = table[2, :2].mean(axis=0)
    assert between == [int(np.floor(middle[0])), int(np.ceil(middle[1]))]
    assert fixed == np.array(arrays["fixed_bells"]).reshape(4, 2)[1].tolist()
    assert none == none_clustered == [0, 0]


def test_leaflet_is_the_one_that_is_recorded():
    text = (PAGE / "vendor" / "README.md").read_text(encoding="utf-8")
    sums = dict(re.findall(r"^([0-9a-f]{64})  (\S+)$", text, re.MULTILINE))
    assert sorted(sums.values()) == ["LICENSE", "leaflet.css", "leaflet.js"]
    for digest, name in sums.items():
        assert hashlib.sha256((PAGE / "vendor" / name).read_bytes()).hexdigest() == digest, name
    script = (PAGE / "vendor" / "leaflet.js").read_text(encoding="utf-8")
    assert "Leaflet 1.9.4" in script
    assert "sourceMappingURL" not in script


def test_what_comes_from_the_data_is_never_read_as_markup():
    scripts = sorted(PAGE.glob("*.js"))
    assert len(scripts) >= 10
    pattern = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|bindPopup|bindTooltip"
    asked = r"\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|importScripts|EventSource"
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        assert not re.search(f"{pattern}|{asked}", text), path.name
        assert text.count("\n") <= 600, path.name
    skeleton = (PAGE / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son[a-z]+=|https?:", skeleton)
