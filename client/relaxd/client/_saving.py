"""The results of a job as a file, written page by page."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from relaxd.client._calls import Call
from relaxd.client._convert import RECORD_END
from relaxd.client._job_calls import (
    FileFormat,
    FilePage,
    ResultStatus,
    file_call,
    results_call,
)
from relaxd.client.schemas import JobResult, ResultPage

GEOMETRY_FORMATS: dict[str, FileFormat] = {".sdf": "sdf", ".xyz": "extxyz", ".extxyz": "extxyz"}
"""What the server writes, by the suffix of the file; `.json` and `.jsonl` are written here."""

JSON_SUFFIXES = (".json", ".jsonl")


class SavedFile:
    """A file that is there under its name only once it is whole; use it as a context manager.

    Args:
        path: its name; the suffix says the format.
        status: which results it is to hold; None for all.

    Attributes:
        count: how many results, or geometries of them, were written.

    Raises:
        ValueError: there is no such format, or it cannot hold such results.
    """

    def __init__(self, path: str | PathLike[str], status: ResultStatus | None) -> None:
        self._path = Path(path)
        self._suffix = self._path.suffix.lower()
        self._format = GEOMETRY_FORMATS.get(self._suffix)
        self._status = status
        self._partial = self._path.with_name(f".{self._path.name}.{uuid4().hex}.part")
        self.count = 0
        if self._format is None and self._suffix not in JSON_SUFFIXES:
            known = ", ".join([*GEOMETRY_FORMATS, *JSON_SUFFIXES])
            raise ValueError(f"{self._path}: results are saved in files named {known}")
        if self._format is not None and status == "error":
            raise ValueError(f"{self._path}: failed molecules have no geometry; save them as .json")

    def page_call(self, job_id: str, cursor: str | None) -> Call[ResultPage | FilePage]:
        """Return the call for one page of what is to be written."""
        # The formats of geometries hold what is ok in any case.
        if self._format is None:
            return results_call(job_id, cursor)
        return file_call(job_id, cursor, self._format)

    def write(self, page: ResultPage | FilePage) -> None:
        """Write the next page."""
        if isinstance(page, FilePage):
            self._write_geometries(page.content)
            return
        for result in page.results:
            if self._status in (None, result.status):
                self._write_json(result)

    def __enter__(self) -> Self:
        self._file = self._partial.open("xb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            self._file.close()
            self._partial.unlink(missing_ok=True)

    def _write_geometries(self, content: bytes) -> None:
        if content and not content.endswith(b"\n"):
            content += b"\n"
        count: Callable[[bytes], int] = _count_sdf if self._format == "sdf" else _count_xyz
        self.count += count(content)
        self._file.write(content)

    def _write_json(self, result: JobResult) -> None:
        if self._suffix == ".json":
            self._file.write(b",\n" if self.count else b"[\n")
        self._file.write(result.model_dump_json().encode())
        if self._suffix == ".jsonl":
            self._file.write(b"\n")
        self.count += 1

    def _finish(self) -> None:
        if self._suffix == ".json":
            self._file.write(b"\n]\n" if self.count else b"[]\n")
        self._file.close()  # says whether everything has reached the disk's cache
        self._partial.replace(self._path)


def _count_sdf(content: bytes) -> int:
    end = RECORD_END.strip().encode()
    return sum(line.rstrip() == end for line in content.splitlines())


def _count_xyz(content: bytes) -> int:
    lines = content.splitlines()
    start = count = 0
    while start < len(lines):
        start += int(lines[start]) + 2
        count += 1
    return count
