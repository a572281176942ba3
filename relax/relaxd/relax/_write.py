"""Molecules to files."""

from collections.abc import Iterable
from pathlib import Path

from ase.io import write

from ._molecule import Molecule


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
    write(path, [molecule.to_atoms() for molecule in molecules], format="extxyz")
