"""Molecules from anything that stands for one, and from files of many."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ase import Atoms
from rdkit import Chem

from ._arrays import from_atoms
from ._errors import MoleculeError
from ._formats import from_rdkit, from_sdf, from_xyz
from ._molecule import Molecule
from ._smiles import from_smiles

Record = tuple[str | None, str]
"""Title, if it has one, and text of one molecule in a file."""


def to_molecule(molecule: Molecule | str | Atoms | Chem.Mol) -> Molecule:
    """A `Molecule` from any object that stands for one; strings are SMILES.

    Raises:
        MoleculeError: the molecule is refused.
        TypeError: the object is none of these.
    """
    match molecule:
        case Molecule():
            return molecule
        case str():
            return from_smiles(molecule)
        case Atoms():
            return from_atoms(molecule)
        case Chem.Mol():
            return from_rdkit(molecule)
    raise TypeError(f"cannot make a molecule of {type(molecule).__name__}")


def read_molecules(
    source: str | Path, *, charge: int | None = None, multiplicity: int | None = None
) -> Iterator[Molecule | MoleculeError]:
    """Reads a file one molecule at a time; a bad one yields its error and the rest goes on.

    A molecule without a title is named by file and number, from 1.

    Args:
        source: a `.smi`, `.smiles`, `.sdf`, `.mol`, `.xyz` or `.extxyz` file, or `-` for lines of
            SMILES on standard input.
        charge: total charge of every molecule.
        multiplicity: spin multiplicity of every molecule.

    Raises:
        MoleculeError: unknown-format.
        OSError: the file cannot be read.
    """
    if str(source) == "-":
        return _parsed(_smiles_records(sys.stdin), "stdin", from_smiles, charge, multiplicity)
    path = Path(source)
    if path.suffix.lower() not in FORMATS:
        raise MoleculeError(
            "unknown-format", f"{path.name}: expected one of {', '.join(sorted(FORMATS))}"
        )
    split, parse = FORMATS[path.suffix.lower()]
    return _parsed(split(_lines(path)), path.stem, parse, charge, multiplicity)


def split_records(lines: Iterable[str], suffix: str) -> Iterator[Record]:
    """Cuts a file into its molecules and reads none of them.

    Args:
        lines: of the file, with their ends; taken as they are needed.
        suffix: of its name, such as `.sdf`.

    Yields:
        Title, None if it has none, and text of each molecule.
    """
    return FORMATS[suffix][0](lines)


def _parsed(
    records: Iterator[Record],
    stem: str,
    parse: Callable[..., Molecule],
    charge: int | None,
    multiplicity: int | None,
) -> Iterator[Molecule | MoleculeError]:
    for number, (title, text) in enumerate(records, start=1):
        try:
            yield parse(
                text, charge=charge, multiplicity=multiplicity, id=title or f"{stem}-{number}"
            )
        except MoleculeError as error:
            yield error


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from file


def _smiles_records(lines: Iterable[str]) -> Iterator[Record]:
    """One `SMILES [title]` a line; blank lines and those that start with `#` hold nothing."""
    for line in lines:
        fields = line.split(maxsplit=1)
        if fields and not fields[0].startswith("#"):
            yield (fields[1].strip() if len(fields) == 2 else None), fields[0]


def _sdf_records(lines: Iterable[str]) -> Iterator[Record]:
    """Records end with `$$$$`; their first line is the title."""
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
    """Frames start with their number of atoms, which stands alone on a line as nothing else does.

    So a frame that promises too many atoms or too few does not take the next one with it.
    """
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
    """The comment, or what it says after `id=` or `name=`."""
    comment = frame[1].strip() if len(frame) > 1 else ""
    named = re.search(r"\b(?:id|name)=(?:\"([^\"]*)\"|(\S+))", comment)
    if named:
        return named[1] or named[2]
    return None if "=" in comment else comment or None


FORMATS: dict[str, tuple[Callable[[Iterable[str]], Iterator[Record]], Callable[..., Molecule]]] = {
    ".smi": (_smiles_records, from_smiles),
    ".smiles": (_smiles_records, from_smiles),
    ".sdf": (_sdf_records, from_sdf),
    ".mol": (_sdf_records, from_sdf),
    ".xyz": (_xyz_records, from_xyz),
    ".extxyz": (_xyz_records, from_xyz),
}
"""For each suffix, what splits such a file into records and what reads one."""
