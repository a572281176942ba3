"""The molecules of the command line as a server takes them: cut out of their files, not read.

Nothing here needs chemistry; that the cuts are those of `relaxd.relax` is for the tests to say.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import typer

from relaxd.client import Molecule

Record = tuple[str | None, str]
"""Title, if it has one, and text of one molecule in a file."""

MAX_ID_CHARACTERS = 256
"""Longest id that the server takes; a longer one is cut, as it does with the titles of files."""

SENT_AS_THEY_ARE = frozenset({".smi", ".sdf", ".xyz", ".extxyz"})
"""Suffixes of the files that a job takes whole."""


def to_send(
    inputs: Sequence[str], charge: int | None, multiplicity: int | None
) -> Path | Iterator[Molecule]:
    """Return what a job is to hold: a file as it is, or molecules, cut as they are sent.

    Args:
        inputs: each a SMILES, a file name, or `-`.
        charge: total charge of every molecule, if given.
        multiplicity: spin multiplicity of every molecule, if given.

    Raises:
        typer.BadParameter: a file that is not there, or of no known format.
    """
    state = {"charge": charge, "multiplicity": multiplicity}
    given = {name: value for name, value in state.items() if value is not None}
    sources = [_source(text, given) for text in inputs]
    if len(inputs) == 1 and not given and is_sent_whole(inputs[0]):
        return Path(inputs[0])
    return chain.from_iterable(sources)


def is_sent_whole(text: str) -> bool:
    """Tell whether an input is a file of which the server cuts out the molecules."""
    return Path(text).suffix.lower() in SENT_AS_THEY_ARE


def _source(text: str, state: dict[str, Any]) -> Iterator[Molecule]:
    if text == "-":
        return _molecules(sys.stdin, "stdin", ".smi", state)
    path = Path(text)
    if path.suffix.lower() in FORMS:
        try:
            path.open().close()
        except OSError as error:
            raise typer.BadParameter(f"{path}: {error.strerror}") from error
        return _molecules(_lines(path), path.stem, path.suffix.lower(), state)
    if os.path.exists(text):  # noqa: PTH110 - False, not an error, for a very long SMILES
        raise typer.BadParameter(f"{path}: expected one of {', '.join(sorted(FORMS))}")
    return iter([_molecule("smiles", text, text, state)])


def _molecules(
    lines: Iterable[str], stem: str, suffix: str, state: dict[str, Any]
) -> Iterator[Molecule]:
    form, cut = FORMS[suffix]
    for number, (title, text) in enumerate(cut(lines), start=1):
        yield _molecule(form, text, title or f"{stem}-{number}", state)


def _molecule(form: str, text: str, id: str, state: dict[str, Any]) -> Molecule:
    # What is no molecule is for the server to say, in the result of this one.
    fields = {form: text, "id": id[:MAX_ID_CHARACTERS], **state}
    return Molecule.model_construct(**fields)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from file


def _smiles_records(lines: Iterable[str]) -> Iterator[Record]:
    for line in lines:
        fields = line.split(maxsplit=1)
        if fields and not fields[0].startswith("#"):
            yield (fields[1].strip() if len(fields) == 2 else None), fields[0]


def _sdf_records(lines: Iterable[str]) -> Iterator[Record]:
    record: list[str] = []
    for line in lines:
        if line.startswith("$$$$"):
            yield record[0].strip() if record else None, "".join(record)
            record = []
        else:
            record.append(line)
    if any(line.strip() for line in record):
        yield record[0].strip(), "".join(record)


def _xyz_records(lines: Iterable[str]) -> Iterator[Record]:
    """Frames begin with their number of atoms, which stands alone on a line as nothing else."""
    frame: list[str] = []
    for line in lines:
        if len(frame) != 1 and re.fullmatch(r"\s*\d+\s*", line):
            if frame:
                yield _xyz_title(frame), "".join(frame)
            frame = [line]
        elif frame or line.strip():
            frame.append(line)
    if frame:
        yield _xyz_title(frame), "".join(frame)


def _xyz_title(frame: list[str]) -> str | None:
    comment = frame[1].strip() if len(frame) > 1 else ""
    named = re.search(r"\b(?:id|name)=(?:\"([^\"]*)\"|(\S+))", comment)
    if named:
        return named[1] or named[2]
    return None if "=" in comment else comment or None


FORMS: dict[str, tuple[str, Callable[[Iterable[str]], Iterator[Record]]]] = {
    ".smi": ("smiles", _smiles_records),
    ".smiles": ("smiles", _smiles_records),
    ".sdf": ("sdf", _sdf_records),
    ".mol": ("sdf", _sdf_records),
    ".xyz": ("xyz", _xyz_records),
    ".extxyz": ("xyz", _xyz_records),
}
"""For each suffix, the form of its molecules and what cuts them out."""
