"""The molecule as everything in this package passes it on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.constraints import FixAtoms
from rdkit import Chem

from ._checks import (
    check_electrons,
    check_elements,
    check_positions,
    check_shapes,
    checked_frozen,
)
from ._errors import naming

PICKLED = int(Chem.PropertyPickleOptions.AllProps | Chem.PropertyPickleOptions.CoordsAsDouble)
"""What of an RDKit molecule is pickled; by default it would round positions to float32."""


@dataclass(frozen=True, eq=False, slots=True)
class Molecule:
    """One connected molecule in one geometry, checked when made.

    Attributes:
        atomic_numbers: (n,).
        positions: (n, 3), Angstrom.
        charge: total charge, e.
        multiplicity: spin multiplicity, 2S + 1.
        frozen: atoms that must not move, ascending.
        id: the caller's name of it.
        rdmol: the same atoms, hydrogens included, with bonds and with `positions` as the only
            conformer; None where the bonds are unknown.
        smiles: as given; canonical where the molecule came as a geometry; None without bonds.

    Raises:
        MoleculeError: the arrays do not fit each other, an element is unknown, positions are not
            finite or overlap, charge and multiplicity contradict each other, or a frozen atom does
            not exist.
    """

    atomic_numbers: npt.NDArray[np.int64]
    positions: npt.NDArray[np.float64]
    charge: int = 0
    multiplicity: int = 1
    frozen: tuple[int, ...] = ()
    id: str | None = None
    rdmol: Chem.Mol | None = None
    smiles: str | None = None

    def __post_init__(self) -> None:
        # Copies, so that no later change of the caller's arrays reaches a checked molecule.
        numbers = np.array(self.atomic_numbers, dtype=np.int64)
        positions = np.array(self.positions, dtype=np.float64)
        with naming(self.id):
            check_shapes(numbers, positions)
            check_elements(numbers)
            check_positions(numbers, positions)
            check_electrons(numbers, self.charge, self.multiplicity)
            frozen = checked_frozen(self.frozen, len(numbers))
        object.__setattr__(self, "atomic_numbers", numbers)
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "frozen", frozen)
        if self.rdmol is not None:
            object.__setattr__(self, "rdmol", with_conformer(self.rdmol, positions))

    def __len__(self) -> int:
        return len(self.atomic_numbers)

    def __reduce__(self) -> tuple[object, ...]:
        binary = None if self.rdmol is None else self.rdmol.ToBinary(PICKLED)
        return _unpickle, (
            self.atomic_numbers,
            self.positions,
            self.charge,
            self.multiplicity,
            self.frozen,
            self.id,
            binary,
            self.smiles,
        )

    @property
    def bonds(self) -> list[tuple[int, int, float]] | None:
        """(i, j, order) of each bond, 1.5 where aromatic; None where bonds are unknown."""
        if self.rdmol is None:
            return None
        return [
            (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), bond.GetBondTypeAsDouble())
            for bond in self.rdmol.GetBonds()
        ]

    def with_positions(self, positions: npt.NDArray[np.float64]) -> "Molecule":
        """The same molecule elsewhere: (n, 3), Angstrom.

        Raises:
            MoleculeError: the positions are not finite, overlap, or are not n.
        """
        return replace(self, positions=positions)

    def to_atoms(self) -> Atoms:
        """Atoms with `charge` and `multiplicity` in `info`, and the frozen ones constrained."""
        info = {"charge": self.charge, "multiplicity": self.multiplicity}
        named = {"id": self.id, "smiles": self.smiles}
        atoms = Atoms(
            self.atomic_numbers,
            self.positions,
            info=info | {key: value for key, value in named.items() if value is not None},
        )
        if self.frozen:
            atoms.set_constraint(FixAtoms(indices=list(self.frozen)))
        return atoms

    def to_rdkit(self) -> Chem.Mol | None:
        """A copy of `rdmol` named by `id`, in one line; None where the bonds are unknown."""
        if self.rdmol is None:
            return None
        mol = Chem.Mol(self.rdmol)
        mol.SetProp("_Name", _title(self.id or ""))
        return mol

    def to_sdf(self, properties: Mapping[str, object] | None = None) -> str | None:
        """One SDF record with charge, multiplicity and `properties` as its data items.

        None where the bonds are unknown.
        """
        mol = self.to_rdkit()
        if mol is None:
            return None
        items = {"charge": self.charge, "multiplicity": self.multiplicity, **(properties or {})}
        for name, value in items.items():
            mol.SetProp(name, str(value))
        return str(Chem.SDWriter.GetText(mol))


def with_conformer(mol: Chem.Mol, positions: npt.NDArray[np.float64]) -> Chem.Mol:
    """A copy of `mol` whose only conformer is `positions`, (n, 3) in Angstrom."""
    copy = Chem.Mol(mol)
    copy.RemoveAllConformers()
    conformer = Chem.Conformer(len(positions))
    conformer.Set3D(True)
    conformer.SetPositions(positions)
    copy.AddConformer(conformer)
    return copy


def _title(id: str) -> str:
    """What can stand in the first line of a record; of several lines, one."""
    title = " ".join(id.splitlines()).strip()
    # At the beginning of a line, this ends a record.
    return f" {title}" if title.startswith("$$$$") else title


def _unpickle(
    atomic_numbers: npt.NDArray[np.int64],
    positions: npt.NDArray[np.float64],
    charge: int,
    multiplicity: int,
    frozen: tuple[int, ...],
    id: str | None,
    binary: Any,
    smiles: str | None,
) -> Molecule:
    rdmol = None if binary is None else Chem.Mol(binary)
    return Molecule(atomic_numbers, positions, charge, multiplicity, frozen, id, rdmol, smiles)
