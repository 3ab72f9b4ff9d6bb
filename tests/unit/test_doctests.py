"""The examples in docstrings run and give what they say."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

import doorview

SOURCE = Path(doorview.__file__).parent
FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
    for path in SOURCE.rglob("*.py")
    if re.search(r"^ *>>> ", path.read_text(encoding="utf-8"), flags=re.MULTILINE) and path.name != "__init__.py"
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert found.attempted > 0
    assert found.failed == 0, "see what was printed"


def test_the_main_functions_have_examples():
    named = ["find_doors", "find_obstacles", "public_space", "camera", "level", "viewsheds", "visible_area", "sees"]
    for name in [*named, "fit_camera", "estimate", "alerts"]:
        assert ">>> " in getattr(doorview, name).__doc__, name
    assert ">>> " in doorview.City.from_layers.__doc__
