"""Tagged entrances are hidden and found again by the address and facade rules.

The bounds are loose on purpose: they say that the rules are far better than chance, not how good they are, which
`benchmarks/entrances.py` prints. A random wall of a house is within 45 degrees of the right one in one case of four.
"""

from __future__ import annotations

import pytest

from doorview.city.doors_again import errors_by_rule, find_entrances_again
from doorview.city.model import City
from doorview.errors import UnknownNameError


@pytest.mark.parametrize(
    ("file", "of", "least", "right_wall", "metres"),
    [
        ("monaco/monaco_20250206.osm.pbf", "homes", 30, 0.6, 12.0),
        ("monaco/monaco_20250206.osm.pbf", "all", 60, 0.55, 12.0),
        ("liechtenstein/liechtenstein-20240303.osm.pbf", "all", 50, 0.4, 12.0),
    ],
)
def test_hidden_entrances_are_found_again(shared_data, file, of, least, right_wall, metres):
    found = find_entrances_again(City.from_extract(shared_data / file), of=of)
    assert (found.tagged["building"].to_numpy() == found.again["building"].to_numpy()).all()
    assert (found.tagged["found"] == "entrance").all()
    assert (found.again["found"] != "entrance").all()
    assert not any("@n" in door for door in found.again.index)
    total = errors_by_rule(found.errors).loc["all"]
    assert total["doors"] >= least
    assert total["right_wall"] >= right_wall
    assert total["metres_median"] <= metres
    with pytest.raises(UnknownNameError):
        find_entrances_again(None, of="houses")
