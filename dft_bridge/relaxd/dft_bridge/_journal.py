"""Every DFT point of a refinement, kept on disk the moment it is known."""

import errno
import fcntl
import json
import os
import time
from dataclasses import fields
from pathlib import Path
from typing import Any, Self, TypedDict

import numpy as np

from ._arrays import Array
from ._errors import DftError
from ._point import Point

VERSION = 1
"""Of the format; other versions are refused."""

LOCK_SECONDS = 5.0
"""How long to wait for a process that is about to end to let go of a journal."""

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Errors that more room on the disk would mend."""


class Run(TypedDict):
    """What points are computed with, as results show it."""

    hessian: str
    backend: str


class Journal:
    """An append-only file of JSON lines: what is refined, then every point in turn.

    Each line is on the disk before the next point is begun. A last line that a crash cut short is
    dropped; anything else that cannot be read is an error. One process at a time holds a journal.

    Args:
        path: made if it is not there.
        identity: of the task; a journal of another task is refused.

    Raises:
        DftError: journal-mismatch, journal-unreadable, journal-in-use or disk-full.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self.path = path
        self.points: list[Point] = []
        """In the order in which they were computed."""
        self.wavenumbers: Array | None = None
        """cm^-1, once they are known."""
        self.result: dict[str, Any] | None = None
        """The last result that was reached."""
        self.run: Run | None = None
        """What the last points were computed with; None if it does not say."""
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise DftError("journal-unreadable", f"{path}: {error.strerror}") from error
        try:
            self._lock()
            self._read(identity)
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._file)

    def add_point(self, point: Point) -> None:
        """Keeps a point.

        Raises:
            DftError: disk-full; the points before are safe.
        """
        record = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(point).items()}
        self._append({"record": "point", **record})
        self.points.append(point)

    def add_wavenumbers(self, wavenumbers: Array) -> None:
        """Keeps harmonic wavenumbers, cm^-1.

        Raises:
            DftError: disk-full.
        """
        self._append({"record": "frequencies", "wavenumbers": wavenumbers.tolist()})
        self.wavenumbers = wavenumbers

    def add_result(self, result: dict[str, Any]) -> None:
        """Keeps a result, so that whoever asks again need not follow all points.

        Raises:
            DftError: disk-full.
        """
        if result == self.result:
            return
        self._append({"record": "result", "result": result})
        self.result = result

    def add_run(self, run: Run) -> None:
        """Keeps what the points that follow are computed with.

        Raises:
            DftError: disk-full.
        """
        if run == self.run:
            return
        self._append({"record": "run", "run": run})
        self.run = run

    def _lock(self) -> None:
        until = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    reason = f"{self.path}: another process works on this refinement"
                    raise DftError("journal-in-use", reason) from None
                time.sleep(0.05)
            else:
                return

    def _read(self, identity: dict[str, Any]) -> None:
        header = {"record": "header", "version": VERSION, "task": identity}
        records, size = _records(self.path)
        if size < os.fstat(self._file).st_size:
            self._truncate(size)
        if not records:
            self._append(header)
            return
        if records[0] != json.loads(json.dumps(header)):
            reason = f"{self.path}: holds another refinement; remove it, or give another name"
            raise DftError("journal-mismatch", reason)
        self.points = _points(records)
        for record in records:
            if record["record"] == "frequencies":
                self.wavenumbers = np.array(record["wavenumbers"])
            elif record["record"] == "result":
                self.result = record["result"]
            elif record["record"] == "run":
                self.run = record["run"]

    def _append(self, record: dict[str, Any]) -> None:
        line = json.dumps(record).encode() + b"\n"
        end = os.lseek(self._file, 0, os.SEEK_END)
        try:
            written = os.write(self._file, line)
            if written < len(line):
                # The rest did not fit: writing on says why.
                os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            self._truncate(end)
            raise DftError("disk-full", f"{self.path}: {error.strerror}") from error

    def _truncate(self, size: int) -> None:
        os.ftruncate(self._file, size)
        os.lseek(self._file, size, os.SEEK_SET)


def read_points(path: Path) -> list[Point]:
    """The points in a journal, in the order in which they were computed.

    Raises:
        DftError: journal-unreadable.
    """
    return _points(_records(path)[0])


def _records(path: Path) -> tuple[list[dict[str, Any]], int]:
    """What whole lines hold, and how many bytes those are."""
    raw = path.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    lines = enumerate(whole.splitlines(), start=1)
    return [_parse(path, number, line) for number, line in lines], len(whole)


def _parse(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise DftError("journal-unreadable", f"{path}, line {number}: {error}") from error
    if not isinstance(record, dict) or "record" not in record:
        raise DftError("journal-unreadable", f"{path}, line {number}: not a record")
    return record


def _points(records: list[dict[str, Any]]) -> list[Point]:
    found = [record for record in records if record["record"] == "point"]
    return [Point(**{f.name: _value(record[f.name]) for f in fields(Point)}) for record in found]


def _value(value: Any) -> Any:
    return np.array(value) if isinstance(value, list) else value
