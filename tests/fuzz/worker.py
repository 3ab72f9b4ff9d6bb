"""A child process that is fed cases, in a sandbox whose every file is known."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
"""After so long a case counts as hanging; the slowest good one takes two, and tests run on busy machines."""


class Worker:
    """One child process, started again when it dies; `run` says how a case ended."""

    def __init__(self, sandbox: Path) -> None:
        self.sandbox = sandbox
        for name in ("in", "out", "cwd", "tmp", "home", "cache"):
            (sandbox / name).mkdir(parents=True, exist_ok=True)
        self.good: list[tuple[str, Path]] = []
        self.pool: list[tuple[str, Path]] = []
        self._process: subprocess.Popen[bytes] | None = None
        self.log = sandbox.parent / f"{sandbox.name}.log"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def run(self, kind: str, file: Path) -> tuple[str, str]:
        """Return how a case ended (``fine``, ``refused`` or ``fault``) and what was said."""
        if self._process is None:
            self._start()
        before = self._files()
        said = self._ask(kind, file)
        after = self._files()
        stray = {path for path in after if before.get(path) != after[path]} | (before.keys() - after.keys())
        if stray:
            for path in stray & after.keys():
                if path not in before:
                    (self.sandbox / path).unlink(missing_ok=True)
            return "fault", f"files outside the output folder: {sorted(stray)}"
        how, words = said
        if how == "refused" and not 10 <= len(words) <= 20_000:
            return "fault", f"a message of {len(words)} letters: {words[:300]}"
        return how, words

    def _files(self) -> dict[str, tuple[int, int]]:
        """Return what lies in the sandbox outside of `out` and `cache`, with size and time."""
        found = {}
        for folder, folders, names in os.walk(self.sandbox):
            here = Path(folder).relative_to(self.sandbox)
            if here == Path():
                folders[:] = [name for name in folders if name not in ("out", "cache")]
            for name in names:
                stat = (self.sandbox / here / name).lstat()
                found[str(here / name)] = (stat.st_size, stat.st_mtime_ns)
        return found

    def _start(self) -> None:
        cache = str(self.sandbox / "cache")
        environment = {
            **os.environ,
            "HOME": str(self.sandbox / "home"), "TMPDIR": str(self.sandbox / "tmp"), "MPLCONFIGDIR": cache,
            "DOORVIEW_CACHE": cache, "XDG_CACHE_HOME": cache, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        self._said = self.log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("child.py")), str(SECONDS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, cwd=self.sandbox / "cwd", env=environment,
        )  # fmt: skip
        for kind, file in self.good:  # loads and compiles all that a case may need
            how, words = self._ask(kind, file)
            if how != "fine":
                raise AssertionError(f"the good file '{file}' ({kind}): {how}: {words}")
        self._ask("limit", self.sandbox)

    def _ask(self, kind: str, file: Path) -> tuple[str, str]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps({"kind": kind, "file": str(file)}).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died: nothing comes back
        line, until = b"", time.monotonic() + SECONDS + 30
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(until - time.monotonic(), 0))
            piece = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
            if not piece:
                break
            line += piece
        if line.endswith(b"\n"):
            ((how, words),) = json.loads(line).items()
            return how, words
        self.end()
        last = self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
        return "fault", f"the process died or hung (exit code {process.returncode}): {last}"

    def end(self) -> None:
        """End the child process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    try:
                        stream.close()
                    except BrokenPipeError:
                        continue
            self._said.close()
            self._process = None
