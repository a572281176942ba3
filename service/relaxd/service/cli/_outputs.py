"""Molecules to a file or to standard output, one at a time."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TextIO

import ase
import typer

from relaxd.relax import Molecule, MoleculeError, write_extxyz
from relaxd.service.cli._inputs import Read


class Record(Protocol):
    """What can be written of a molecule: what relaxed it does not matter."""

    @property
    def molecule(self) -> Molecule:
        """The molecule as it was read."""

    def to_atoms(self) -> ase.Atoms:
        """For extended XYZ."""

    def to_sdf(self) -> str | None:
        """One SDF record; None where the bonds are unknown."""


Write = Callable[[Record], None]
"""Writes one record; raises MoleculeError where the format cannot hold it."""

XYZ = (".xyz", ".extxyz")
"""Suffixes of extended XYZ."""


@contextmanager
def open_output(target: str | None, *, whole: bool = False) -> Iterator[Write]:
    """Yield what writes records to a file of the format its suffix names, or SDF to `-`.

    Args:
        target: file name or `-`; nothing is written if None.
        whole: whether the file appears only at the end, as of `open_whole`.

    Raises:
        typer.BadParameter: unknown suffix, or the file cannot be written.
    """
    if target is None:
        yield lambda _: None
    elif target == "-":
        yield lambda record: _write_sdf(sys.stdout, record)
    else:
        path = Path(target)
        write_record = WRITERS[known_suffix(path, tuple(WRITERS))]
        with open_whole(path) if whole else create(path) as file:
            yield lambda record: write_record(file, record)


@contextmanager
def open_frames(path: Path | None) -> Iterator[Callable[[ase.Atoms], None]]:
    """Yield what writes frames to a file of extended XYZ, which appears only at the end.

    Args:
        path: nothing is written if None.

    Raises:
        typer.BadParameter: another suffix, or the file cannot be written.
    """
    if path is None:
        yield lambda _: None
    else:
        known_suffix(path, XYZ)
        with open_whole(path) as file:
            yield lambda atoms: write_extxyz(file, [atoms])


@contextmanager
def open_whole(path: Path) -> Iterator[TextIO]:
    """Open a file that takes its name, and the place of the last one, once it is complete.

    Raises:
        typer.BadParameter: the file cannot be written.
    """
    # A link stays, and what it points to is replaced.
    goal = path.resolve()
    part = goal.with_name(f".{goal.name}.{os.getpid()}.part")
    if goal.is_dir():
        raise typer.BadParameter(f"{path}: Is a directory")
    try:
        with create(part, path) as file:
            yield file
        part.replace(goal)
    finally:
        part.unlink(missing_ok=True)


def is_sdf(target: str | None) -> bool:
    """Whether what goes to this file, or to `-`, is SDF."""
    return target is not None and (target == "-" or Path(target).suffix.lower() == ".sdf")


def with_bonds(reads: Iterable[Read]) -> Iterator[Read]:
    """Yield the molecules, and an error in place of each that SDF cannot hold."""
    for read in reads:
        lacks = isinstance(read, Molecule) and read.rdmol is None
        yield _no_bonds(read.id) if lacks else read


def known_suffix(path: Path, known: tuple[str, ...]) -> str:
    """Return the suffix of a file to be written.

    Raises:
        typer.BadParameter: it is none of those known.
    """
    suffix = path.suffix.lower()
    if suffix not in known:
        raise typer.BadParameter(f"{path}: expected one of {', '.join(known)}")
    return suffix


def create(path: Path, shown: Path | None = None) -> AbstractContextManager[TextIO]:
    """Open a file to be written.

    Args:
        path: of the file.
        shown: what it is called in an error; its path if not given.

    Raises:
        typer.BadParameter: it cannot be written.
    """
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{shown or path}: {error.strerror}") from error


def _no_bonds(id: str | None) -> MoleculeError:
    reason = "its bonds are not known, and SDF needs them: write .xyz instead"
    return MoleculeError("no-bonds", reason, id)


def _write_sdf(file: TextIO, record: Record) -> None:
    text = record.to_sdf()
    if text is None:
        raise _no_bonds(record.molecule.id)
    file.write(text)


def _write_xyz(file: TextIO, record: Record) -> None:
    write_extxyz(file, [record.to_atoms()])


WRITERS = {".sdf": _write_sdf, **dict.fromkeys(XYZ, _write_xyz)}
"""For each suffix, what writes one record."""
