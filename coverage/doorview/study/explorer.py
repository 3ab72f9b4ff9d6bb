"""The explorer of a result, for notebooks: the same page as `doorview explorer RUN` makes."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from doorview.errors import OutputError
from doorview.show.explorer.build import page_of
from doorview.show.explorer.heat import heat_layers
from doorview.show.files import replacing
from doorview.study.explorer_tables import explorer_tables
from doorview.study.result import Result

__all__ = ["Explorer", "explorer_of"]

HEIGHT_PX = 900


@dataclass(frozen=True, repr=False)
class Explorer:
    """A self-contained page that asks no network. `page` is its text."""

    page: str

    def write(self, path: str | Path) -> Path:
        """Write the page whole or not at all, and return its path.

        Raises
        ------
        OutputError
            If it cannot be written.

        """
        target = Path(path)
        try:
            with replacing(target) as part:
                part.write_text(self.page, encoding="utf-8", newline="\n")
        except OSError as fault:
            raise OutputError(f"the explorer could not be written to '{target}' ({fault.strerror}).") from fault
        return target

    def _repr_html_(self) -> str:
        # The frame shares nothing with the notebook: its scripts run in a world of their own.
        return (
            f'<iframe title="Explorer of simulated doorbell coverage" sandbox="allow-scripts allow-downloads" '
            f'width="100%" height="{HEIGHT_PX}" srcdoc="{html.escape(self.page)}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"Explorer ({len(self.page) / 1e6:.1f} MB): .write('explorer.html'), or show it in a notebook"


def explorer_of(result: Result) -> Explorer:
    """Return the explorer of a result; heat layers where the run was written with its rasters."""
    header, arrays = explorer_tables(result)
    if result.folder is not None:
        said, more = heat_layers(result.folder, header)
        header, arrays = {**header, "heat": said}, {**arrays, **more}
    return Explorer(page_of(header, arrays))
