"""Errors: each has the common parent and a builtin one, and reads as a sentence."""

from __future__ import annotations

import pytest

from doorview import errors
from doorview.errors import (
    DoorviewError,
    InputError,
    MissingFileError,
    NetworkError,
    OutputError,
    StudyError,
    UnknownNameError,
    nearest_name,
)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (InputError, ValueError),
        (MissingFileError, FileNotFoundError),
        (NetworkError, ConnectionError),
        (OutputError, OSError),
    ],
)
def test_each_error_is_caught_as_its_builtin_and_says_only_its_message(error, builtin):
    with pytest.raises(builtin) as caught:
        raise error("the file 'a' is gone; give another")
    assert isinstance(caught.value, DoorviewError)
    assert str(caught.value) == "the file 'a' is gone; give another"


def test_every_public_error_has_the_common_parent():
    classes = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]
    assert len(classes) >= 8
    assert all(issubclass(item, DoorviewError) for item in classes)


def test_a_study_error_lists_every_fault():
    error = StudyError("study.toml", ["one", "two"])
    assert error.faults == ["one", "two"]
    assert str(error) == "study.toml: 2 faults found. Mend and run again:\n  - one\n  - two"
    assert "1 fault found" in str(StudyError("study.toml", iter(["one"])))


def test_an_unknown_name_gets_the_nearest_known_one():
    error = UnknownNameError("level", "obsrve", ["detect", "observe"], "See docs/study.md.")
    assert error.near == "observe"
    assert isinstance(error, KeyError)
    assert str(error) == "unknown level 'obsrve'. Did you mean 'observe'? Known: detect, observe. See docs/study.md."


def test_a_name_like_none_gets_no_hint():
    error = UnknownNameError("level", "xyz", ["detect", "observe"])
    assert error.near is None
    assert "Did you mean" not in str(error)


def test_long_lists_are_cut():
    text = str(UnknownNameError("column", "q", [f"column_{number:02}" for number in range(30)]))
    assert "column_19, ..." in text
    assert "column_20" not in text


def test_the_nearest_name_does_not_mind_case():
    assert nearest_name("DETEKT", ["Detect", "observe"]) == "Detect"
