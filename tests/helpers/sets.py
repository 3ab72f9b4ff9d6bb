"""Coverages made of any sets and amounts, and what follows from them by plain loops over all ownerships."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.city.classes import RANK
from doorview.share.coverage import Coverage, Members
from doorview.share.outputs import outputs_of
from doorview.share.rows import SetRows, set_rows

SPACE = {"carriageway": RANK["carriageway"], "park": RANK["park"]}


def coverage_of(sets: list[list[int]], seen: list[tuple[int, int, str, int]], doors: int, spare: int = 7) -> Coverage:
    """Return a coverage of levels `near` and `far` from (level, set, space, amount); `spare` of each space is unseen.

    Every space lies near homes and in two block faces; the total of a space is what the level that sees more sees.
    """
    rows = pd.DataFrame(seen, columns=["level", "set", "name", "amount"])
    rows["space"], rows["near"], rows["zones"] = rows["name"].map(SPACE), 1, 0
    half = (
        rows.assign(amount=rows["amount"] // 2, face=0),
        rows.assign(amount=rows["amount"] - rows["amount"] // 2, face=1),
    )
    keys = ["level", "set", "space", "near", "zones", "face"]
    rows = pd.concat(half).query("amount > 0").groupby(keys, as_index=False)["amount"].sum()
    totals = rows.groupby(["level", "space"])["amount"].sum().groupby("space").max().reset_index()
    totals = totals.assign(near=1, zones=0, face=0, amount=totals["amount"] + spare)
    start = np.concatenate([[0], np.cumsum([len(s) for s in sets])]).astype(np.int64)
    members = Members(start, np.array([door for s in sets for door in s], np.int64))
    ids = np.array([f"d{n:03d}" for n in range(doors)], dtype=object)
    totals = totals[["space", "near", "zones", "face", "amount"]]
    return Coverage(0.5, ("near", "far"), ids, rows[[*keys, "amount"]], totals, members, [()], None, None)


def random_sets(seed: int, doors: int, count: int) -> list[list[int]]:
    """Return different sets of doors, ascending, in order of first door and size."""
    rng = np.random.default_rng(seed)
    found = {
        tuple(sorted(rng.choice(doors, rng.integers(1, min(doors, 5) + 1), replace=False).tolist()))
        for _ in range(count)
    }
    return [list(s) for s in sorted(found, key=lambda s: (s[0], len(s), s))]


def random_rows(
    seed: int, doors: int = 8, count: int = 12
) -> tuple[SetRows, list[list[int]], list[tuple[int, int, str, int]]]:
    """Return set rows of random sets and amounts with the sets, and what each sees as (level, set, space, amount)."""
    rng = np.random.default_rng(seed)
    sets = random_sets(seed, doors, count)
    seen = [
        (level, s, space, int(rng.integers(1, 60)))
        for level, s, space in itertools.product((0, 1), range(len(sets)), SPACE)
        if rng.random() < 0.8
    ]
    coverage = coverage_of(sets, seen, doors)
    return set_rows(coverage, outputs_of(coverage)), sets, seen


def shares_of(
    rows: SetRows, sets: list[list[int]], seen: list[tuple[int, int, str, int]], owners: set[int]
) -> NDArray[np.float64]:
    """Return (levels, outputs) shares in view of one set of owners, by plain loops."""
    table = rows.outputs.table
    out = np.zeros((2, len(table)))
    for output, name in enumerate(table["space"]):
        spaces = {"carriageway", "park"} if name == "all" else {"carriageway"} if name.startswith("streets") else {name}
        for level, s, space, amount in seen:
            if space in spaces and owners & set(sets[s]):
                out[level, output] += amount
        out[:, output] /= rows.outputs.amount[output]
    return out


def all_owners(p: list[float]) -> Iterator[tuple[set[int], float]]:
    """Yield every set of owners with its chance, doors independent."""
    for owns in itertools.product([False, True], repeat=len(p)):
        chance = math.prod(q if own else 1.0 - q for q, own in zip(p, owns, strict=True))
        if chance:
            yield {door for door, own in enumerate(owns) if own}, chance


def bits_to_bool(bits: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return (n, replicates): bit b of word w is replicate 64 w + b."""
    flat = [[(int(word) >> b) & 1 for word in row for b in range(64)] for row in bits]
    return np.array(flat, bool).reshape(len(bits), -1)
