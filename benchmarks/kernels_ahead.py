"""Write the list of kernels that a first run has compiled beside it: those of the demo study, in the order of calls.

python benchmarks/kernels_ahead.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from numba.core import caching, types

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "coverage" / "doorview" / "study" / "rules" / "kernels_ahead.json"
FIRST = "share.kernels.paint.paint_mask"
"""What comes before is compiled in no time."""


def said(kind: Any) -> Any:
    """Return a type as the list has it."""
    if isinstance(kind, types.BaseNamedTuple):
        return {kind.instance_class.__name__: [said(part) for part in kind]}
    if isinstance(kind, types.Array):
        return " ".join([str(kind.dtype), str(kind.ndim), kind.layout, *([] if kind.mutable else ["readonly"])])
    return str(kind)


def main() -> int:
    """Run the demo study's computing and write the list."""
    asked: list[dict[str, Any]] = []
    compiled: list[str] = []
    load = caching.Cache.load_overload

    def noted(self: Any, sig: Any, context: Any) -> Any:
        found = load(self, sig, context)
        name = f"{self._py_func.__module__.removeprefix('doorview.')}.{self._py_func.__qualname__}"
        entry = {"kernel": name, "arguments": [said(kind) for kind in getattr(sig, "args", sig)]}
        if found is None:
            compiled.append(name)
        elif entry not in asked:
            asked.append(entry)
        return found

    caching.Cache.load_overload = noted
    from doorview.study.compute import measure, prepare
    from doorview.study.read import read_city
    from doorview.study.schema import load_study
    from doorview.study.stages import Stages

    study, stages = load_study(ROOT / "data" / "demo" / "study.toml"), Stages()
    measure(prepare(study, read_city(study), stages), stages)
    names = [entry["kernel"] for entry in asked]
    if compiled or FIRST not in names:
        print("kernels were compiled, which asks for others still: run this again", file=sys.stderr)
        return 1
    lines = ",\n".join(json.dumps(entry) for entry in asked[names.index(FIRST) :])
    TARGET.write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")
    print(f"{len(names)} kernels are called, {len(names) - names.index(FIRST)} of them are written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
