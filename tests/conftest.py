"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from doorview.study.result import Result

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
# No test finds what another run kept, nor leaves anything in the user's folders; those of the cache set it themselves.
os.environ["DOORVIEW_CACHE"] = "off"
NO_SHARED_DATA = "real cities are not beside the checkout (../shared/data)"

# The first call of a kernel compiles it, so a single example may take seconds.
hypothesis.settings.register_profile("doorview", deadline=None, derandomize=True)
hypothesis.settings.load_profile("doorview")


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real cities, or skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(NO_SHARED_DATA)
    return SHARED_DATA


@pytest.fixture(scope="session")
def demo_result(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return the result of a fresh run of the demo town, all that its study asks for; read only, copy to change it."""
    import doorview as dv

    return dv.run(project_root / "data" / "demo" / "study.toml", tmp_path_factory.mktemp("session") / "demo")


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests were skipped for want of the real cities: their silence would look like success."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(NO_SHARED_DATA in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f"{count} tests skipped: {NO_SHARED_DATA}")
