"""Names of files made from labels of the data."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from doorview.show.files import file_names


@given(st.lists(st.text(max_size=300), max_size=8))
def test_any_labels_give_files_of_their_own_in_the_folder(labels):
    names = file_names(labels)
    assert len(names) == len(labels)
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        path = Path("maps") / f"routes_{name}.png"
        assert path.parent == Path("maps")
        assert path.stem == f"routes_{name}"
        assert not set(name) & set('/\\:*?"<>|.\x00\n')
        # With what a picture has before its name, and what a file has while it is written, at most 255 bytes.
        assert len(name.encode()) <= 160


def test_names_of_other_scripts_stay_apart():
    assert file_names(["地区_所得", "区画_人口", "Zone A", "zone a", "ZONE A"]) == [
        "地区_所得", "区画_人口", "Zone_A", "zone_a_2", "ZONE_A_3",
    ]  # fmt: skip
