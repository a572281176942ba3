"""Relaxed molecules to a file or to standard output, one at a time."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import typer
from ase.io import write

from relaxd.relax import MoleculeError, RelaxResult

Write = Callable[[RelaxResult], None]
"""Writes one result; raises MoleculeError where the format cannot hold it."""


@contextmanager
def open_output(target: str | None) -> Iterator[Write]:
    """Yield what writes results to a file of the format its suffix names, or SDF to `-`.

    Args:
        target: file name or `-`; nothing is written if None.

    Raises:
        typer.BadParameter: unknown suffix, or the file cannot be written.
    """
    if target is None:
        yield lambda _: None
    elif target == "-":
        yield lambda result: _write_sdf(sys.stdout, result)
    else:
        write_result = _writer(Path(target))
        with _create(Path(target)) as file:
            yield lambda result: write_result(file, result)


def _writer(path: Path) -> Callable[[TextIO, RelaxResult], None]:
    if path.suffix.lower() not in WRITERS:
        raise typer.BadParameter(f"{path}: expected one of {', '.join(WRITERS)}")
    return WRITERS[path.suffix.lower()]


def _create(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from error


def _write_sdf(file: TextIO, result: RelaxResult) -> None:
    record = result.to_sdf()
    if record is None:
        reason = "its bonds are not known, and SDF needs them: write .xyz instead"
        raise MoleculeError("no-bonds", reason, result.molecule.id)
    file.write(record)


def _write_xyz(file: TextIO, result: RelaxResult) -> None:
    write(file, result.to_atoms(), format="extxyz")


WRITERS = {".sdf": _write_sdf, ".xyz": _write_xyz, ".extxyz": _write_xyz}
"""For each suffix, what writes one result."""
