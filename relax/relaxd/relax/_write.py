"""Molecules to files."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from ase import Atoms
from ase.io import write

from ._molecule import Molecule

SPECIAL = re.compile(r"\\|=$")
r"""What of a value ASE writes as it is, but reads as more than itself: the SMILES `F/C=C\F` would
come back as `F/C=CF`."""

JSON = "_JSON "
"""How a value begins that ASE reads as JSON."""


def write_sdf(path: str | Path, molecules: Iterable[Molecule]) -> list[Molecule]:
    """Writes SDF and returns the molecules it left out, because their bonds are not known."""
    left_out = []
    with Path(path).open("w", encoding="utf-8") as file:
        for molecule in molecules:
            record = molecule.to_sdf()
            if record is None:
                left_out.append(molecule)
            else:
                file.write(record)
    return left_out


def write_xyz(path: str | Path, molecules: Iterable[Molecule]) -> None:
    """Writes extended XYZ, with `charge`, `multiplicity`, `id` and `smiles` in the comment."""
    with Path(path).open("w", encoding="utf-8") as file:
        write_extxyz(file, (molecule.to_atoms() for molecule in molecules))


def write_extxyz(file: TextIO, frames: Iterable[Atoms]) -> None:
    """Writes frames so that the text in their `info` comes back, each blank in it as one space."""
    for atoms in frames:
        escaped = atoms.copy()
        escaped.calc = atoms.calc
        for key, value in atoms.info.items():
            if isinstance(value, str):
                escaped.info[key] = _escaped(value)
                if not escaped.info[key]:  # would come back as True
                    del escaped.info[key]
        write(file, escaped, format="extxyz")


def _escaped(value: str) -> str:
    text = " ".join(value.split())
    if text.startswith(JSON):
        text = JSON + json.dumps(text)
    return SPECIAL.sub(r"\\\g<0>", text)
