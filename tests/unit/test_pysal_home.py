"""Nothing is left in the user's home by the libraries that hot spots and rates rest on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE = """
from doorview.overlays.pysal_home import no_folder_at_home
with no_folder_at_home():
    import esda
with no_folder_at_home():
    from libpysal.weights import W
print(esda.__name__, W.__name__)
"""


def test_nothing_is_left_at_home(tmp_path: Path) -> None:
    """Without the context the folder .local/share/pysal is there afterwards."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    environment = {**kept, "HOME": str(home), "USERPROFILE": str(home), "MPLCONFIGDIR": str(tmp_path / "m")}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["esda", "W"]
    left = [path for path in home.rglob("*") if "pysal" in path.name]
    assert not left
