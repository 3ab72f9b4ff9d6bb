"""A run's folder: written beside its place, put in place whole, never over what is not ours.

Work is done in ``OUT.partial/``, which a lock file keeps for one process; `RunFolder.commit` renames it to ``OUT``.
What lies in ``OUT.partial/unfinished/`` outlives an interrupted run, so that the next one can go on from it; all
else there is made anew each time, because it may stem from other settings.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from doorview.errors import OutputError
from doorview.show.files import write_json

__all__ = ["SCHEMA", "SCHEMA_VERSION", "RunFolder", "check_out", "is_run"]

SCHEMA = "doorview-run"
"""Value of the key ``doorview`` in run.json: the mark by which a folder is known as a run's."""
SCHEMA_VERSION = 1

_LOCK = "lock"
_UNFINISHED = "unfinished"
_LARGEST_RUN_JSON = 64 << 20


def is_run(folder: str | os.PathLike[str]) -> bool:
    """Tell whether `folder` holds the run.json of a finished doorview run."""
    path = Path(folder) / "run.json"
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_RUN_JSON:
            return False
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # absent, unreadable, or no JSON: in each case not a run of ours
        return False
    return isinstance(data, dict) and data.get("doorview") == SCHEMA


def check_out(out: str | os.PathLike[str]) -> Path:
    """Return the absolute path of an output folder that may be written: absent, or a doorview run.

    Raises
    ------
    OutputError
        If a file or any other folder stands there.
    """
    path = Path(out).expanduser().resolve()
    if not path.name:
        raise OutputError(
            f"the output folder '{out}' is the root of a drive: give a folder of its own, --out out/NAME."
        )
    if any(not letter.isprintable() and unicodedata.category(letter) != "Zs" for letter in str(path)):
        raise OutputError(
            f"the output folder {str(path)!r} has a tab, a line break or another letter that cannot be shown in its "
            "name, and libraries that write maps and layers lose it: choose another folder, --out DIR."
        )
    if not path.exists():
        return path
    if not path.is_dir():
        raise OutputError(
            f"the output '{path}' is a file, and a run needs a folder: "
            f"move the file away, or choose another folder, --out DIR."
        )
    if not is_run(path):
        raise OutputError(
            f"the output folder '{path}' exists and holds no doorview run.json. A finished run replaces its whole "
            f"folder, and what lies there may not be ours to remove: choose another folder, --out DIR, "
            f"or move that one away."
        )
    return path


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _started(pid: int) -> str | None:
    """Return a mark of when process `pid` started, where the system tells (Linux), so that a reused pid is noticed."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else None  # field 22, starttime, of proc(5)


def _alive(pid: int) -> bool:
    """Tell whether a process with this id runs on this machine."""
    if pid <= 0:
        return False
    if sys.platform == "win32":  # os.kill would end the process there
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        if not handle:
            return False
        code = ctypes.c_ulong()
        ctypes.windll.kernel32.GetExitCodeProcess(handle, ctypes.byref(code))
        ctypes.windll.kernel32.CloseHandle(handle)
        return code.value == 259  # STILL_ACTIVE
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class RunFolder:
    """A run's folder while it is written.

    Parameters
    ----------
    out
        Where the finished folder shall stand.
    fresh
        Discard the unfinished work of an earlier run of the same name.

    Examples
    --------
    ``with RunFolder("out/demo") as run: ...; run.write_run({...}); run.commit()``. Leaving the block without `commit`
    leaves ``OUT`` as it was.
    """

    def __init__(self, out: str | os.PathLike[str], *, fresh: bool = False) -> None:
        self.out = Path(out).expanduser().resolve()
        self.fresh = fresh
        self.committed = False
        self._held = False
        self._made: list[Path] = []

    @property
    def partial(self) -> Path:
        """Folder that is being written."""
        return self.out.with_name(self.out.name + ".partial")

    @property
    def unfinished(self) -> Path:
        """Folder for what an interrupted run can go on from; not part of the finished run."""
        return self.partial / _UNFINISHED

    @property
    def _replaced(self) -> Path:
        return self.out.with_name(self.out.name + ".replaced")

    def path(self, *parts: str) -> Path:
        """Return a path inside the folder being written and make the folders that it lies in."""
        self._refuse_if_taken_away()
        path = self.partial.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write_run(self, data: Mapping[str, object]) -> Path:
        """Write run.json: the mark of a run and the schema version, then `data`, which must not use those two keys."""
        taken = {"doorview", "schema_version"} & data.keys()
        if taken:
            raise ValueError(
                f"run.json: the keys {sorted(taken)} are set by the folder itself; leave them out of `data`."
            )
        path = self.path("run.json")
        write_json(path, {"doorview": SCHEMA, "schema_version": SCHEMA_VERSION, **data})
        return path

    def __enter__(self) -> Self:
        """Check the place, take the lock, and clear what an earlier run left half-written."""
        check_out(self.out)
        try:
            self._make_parents()
            self.partial.mkdir(exist_ok=True)
            self._take_lock()
        except OutputError:
            self._drop_parents()
            raise
        except OSError as error:
            self._drop_parents()
            raise OutputError(
                f"the output folder '{self.out}' cannot be written ({_why(error)}), so nothing was computed: "
                f"choose a folder that you may write, --out DIR."
            ) from error
        try:
            self._mend_interrupted_commit()
            self._clear(keep_unfinished=not self.fresh)
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Without a commit: remove what is half-written, keep what can be resumed, and let go of the lock."""
        if self.committed or not self._held:
            return
        try:
            self._refuse_if_taken_away()
        except OutputError:  # not ours any more, or not there
            self._held = False
            return
        self._clear(keep_unfinished=True)
        self._release()
        with contextlib.suppress(OSError):  # not empty: there is something to resume
            self.partial.rmdir()
        self._drop_parents()

    def commit(self) -> Path:
        """Put the folder in its place, in exchange for an earlier run there, and return the place.

        Raises
        ------
        OutputError
            If the folder holds no run.json, or something that is no run was put at ``OUT`` meanwhile.
        """
        if not self._held:
            raise OutputError(f"'{self.out}': commit without the lock; use `with RunFolder(out) as run:`.")
        if not is_run(self.partial):
            raise OutputError(f"'{self.partial}' holds no run.json: call write_run(...) before commit().")
        self._refuse_if_taken_away()
        check_out(self.out)
        if self.unfinished.exists():
            shutil.rmtree(self.unfinished)
        try:
            had_old = self.out.exists()
            if had_old:
                self.out.replace(self._replaced)
            try:
                self.partial.replace(self.out)  # the lock moves along: nobody can step in between
            except OSError:
                if had_old:
                    self._replaced.replace(self.out)
                raise
        except OSError as error:
            raise OutputError(
                f"the finished run could not be put at '{self.out}' ({_why(error)}): close what holds files there "
                f"open, and run again."
            ) from error
        (self.out / _LOCK).unlink(missing_ok=True)
        self.committed = True
        self._held = False
        if had_old:
            shutil.rmtree(self._replaced)
        return self.out

    def _make_parents(self) -> None:
        missing = []
        parent = self.out.parent
        while not parent.exists():
            missing.append(parent)
            parent = parent.parent
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            self._made.append(folder)

    def _drop_parents(self) -> None:
        with contextlib.suppress(OSError):  # somebody else uses it by now
            for folder in reversed(self._made):
                folder.rmdir()
        self._made.clear()

    def _take_lock(self) -> None:
        lock = self.partial / _LOCK
        mine = {"pid": os.getpid(), "host": socket.gethostname(), "started": _started(os.getpid())}
        own = self.partial / f".{_LOCK}.{os.getpid()}"
        for _ in range(10):
            own.write_text(json.dumps(mine), encoding="utf-8")
            try:
                self._claim(own, lock)
            except FileExistsError:
                self._refuse_if_live(lock)
                stale = self.partial / f".stale.{os.getpid()}"
                with contextlib.suppress(FileNotFoundError):  # another process was quicker
                    lock.replace(stale)
                    stale.unlink()
                continue
            finally:
                own.unlink(missing_ok=True)
            self._held = True
            return
        raise OutputError(f"'{lock}' could not be taken: another run of the same name keeps starting. Run again later.")

    @staticmethod
    def _claim(own: Path, lock: Path) -> None:
        """Make the lock appear with its content at once: a hard link, else (file systems without) an exclusive file."""
        try:
            os.link(own, lock)
        except FileExistsError:
            raise
        except OSError:
            with lock.open("x", encoding="utf-8") as stream:
                stream.write(own.read_text(encoding="utf-8"))

    def _refuse_if_live(self, lock: Path) -> None:
        try:
            held = json.loads(lock.read_text(encoding="utf-8"))
            pid, host, started = int(held["pid"]), str(held["host"]), held.get("started")
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError):  # cut short by a crash: no process that lives writes such a one
            return
        if host != socket.gethostname():
            if self.fresh:
                return
            raise OutputError(
                f"'{self.partial}' is locked by process {pid} on the machine '{host}', which cannot be asked from "
                f"here: wait for it, choose another folder, --out DIR, or, if it is dead, discard its work: --fresh."
            )
        now = _started(pid)
        reused = started is not None and now is not None and started != now
        if _alive(pid) and not reused:
            raise OutputError(
                f"'{self.partial}' is being written by process {pid} on this machine: wait until it ends, "
                f"or choose another folder, --out DIR."
            )

    def _mend_interrupted_commit(self) -> None:
        if not is_run(self._replaced):
            return
        if self.out.exists():
            shutil.rmtree(self._replaced)
        else:
            self._replaced.replace(self.out)

    def _clear(self, *, keep_unfinished: bool) -> None:
        for item in sorted(self.partial.iterdir()):
            if item.name == _LOCK:
                continue
            if keep_unfinished and item.name == _UNFINISHED and any(path.is_file() for path in item.rglob("*")):
                continue
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item)
            else:
                item.unlink()

    def _refuse_if_taken_away(self) -> None:
        """Refuse to go on where the folder was removed meanwhile: what was written before is missing from a new one."""
        if not self._held:
            return
        try:
            held = json.loads((self.partial / _LOCK).read_text(encoding="utf-8"))
            if held["pid"] == os.getpid() and held["host"] == socket.gethostname():
                return
        except (OSError, ValueError, KeyError, TypeError):
            pass  # as if another held it
        raise OutputError(
            f"'{self.partial}' was taken away, or taken over by another run, while this run was writing into it: what "
            "was written before is missing, so the run was ended. Run the same command again, and leave that folder "
            "alone until it is done."
        )

    def _release(self) -> None:
        (self.partial / _LOCK).unlink(missing_ok=True)
        self._held = False
