"""Molecules from bare geometries: arrays and `ase.Atoms`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.constraints import FixAtoms

from ._bonded import canonical_smiles
from ._checks import lowest_multiplicity
from ._errors import MoleculeError, naming
from ._graph import count_fragments
from ._molecule import Molecule
from ._perceive import perceive_bonds

MULTIPLICITY_KEYS = ("multiplicity", "spin_multiplicity", "spin")
"""What the multiplicity is called in `Atoms.info`; there 0 means not known."""


def from_arrays(
    atomic_numbers: npt.ArrayLike,
    positions: npt.ArrayLike,
    *,
    charge: int = 0,
    multiplicity: int | None = None,
    frozen: Sequence[int] = (),
    id: str | None = None,
) -> Molecule:
    """A molecule from its geometry; bonds are perceived where that is quick and certain.

    Args:
        atomic_numbers: (n,).
        positions: (n, 3), Angstrom.
        charge: total charge.
        multiplicity: by default 1 for an even number of electrons, 2 for an odd one.
        frozen: atoms that must not move.
        id: name of the molecule.

    Raises:
        MoleculeError: length-mismatch, unknown-element, non-finite-positions, overlapping-atoms,
            multiplicity-parity, multiple-fragments, or what else `Molecule` refuses.
    """
    with naming(id):
        numbers, xyz = _as_arrays(atomic_numbers, positions)
        spin = lowest_multiplicity(numbers, charge) if multiplicity is None else multiplicity
        molecule = Molecule(numbers, xyz, charge, spin, tuple(frozen), id)
        fragments = count_fragments(molecule.atomic_numbers, molecule.positions)
        if fragments > 1:
            raise MoleculeError(
                "multiple-fragments", f"{fragments} fragments; send each as a molecule of its own"
            )
        rdmol = perceive_bonds(molecule.atomic_numbers, molecule.positions, charge, spin)
        if rdmol is None:
            return molecule
        smiles = canonical_smiles(rdmol)
        return Molecule(numbers, xyz, charge, spin, tuple(frozen), id, rdmol, smiles)


def from_atoms(
    atoms: Atoms,
    *,
    charge: int | None = None,
    multiplicity: int | None = None,
    frozen: Sequence[int] | None = None,
    id: str | None = None,
) -> Molecule:
    """A molecule from `ase.Atoms`; what is given goes before what the atoms carry.

    Args:
        atoms: not periodic. Charge from `info["charge"]` or the initial charges; multiplicity from
            `info` (`MULTIPLICITY_KEYS`) or the initial magnetic moments.
        charge: total charge.
        multiplicity: spin multiplicity.
        frozen: atoms that must not move; by default those under `FixAtoms`.
        id: name of the molecule; by default `info["id"]` or `info["name"]`.

    Raises:
        MoleculeError: periodic, or what `from_arrays` raises.
    """
    if id is None:
        name = atoms.info.get("id", atoms.info.get("name"))
        id = None if name is None else str(name)
    with naming(id):
        if atoms.pbc.any():
            raise MoleculeError("periodic", "the structure is periodic, not a molecule")
        return from_arrays(
            atoms.numbers,
            atoms.positions,
            charge=_charge(atoms) if charge is None else charge,
            multiplicity=_multiplicity(atoms) if multiplicity is None else multiplicity,
            frozen=_frozen(atoms) if frozen is None else frozen,
            id=id,
        )


def _as_arrays(
    atomic_numbers: npt.ArrayLike, positions: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    try:
        numbers = np.array(atomic_numbers, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise MoleculeError("unknown-element", f"not atomic numbers: {error}") from error
    # Not cast at once: that would round carbon and a half to carbon.
    wrong = numbers[~(np.isfinite(numbers) & (numbers % 1 == 0))]
    if wrong.size:
        raise MoleculeError("unknown-element", f"{wrong[0]} is no atomic number")
    try:
        return numbers.astype(np.int64), np.array(positions, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise MoleculeError("length-mismatch", f"not positions (n, 3): {error}") from error


def _charge(atoms: Atoms) -> int:
    charge = atoms.info.get("charge")
    if charge is None:
        charge = atoms.get_initial_charges().sum()
    return whole(charge, "charge", "charge-mismatch")


def _multiplicity(atoms: Atoms) -> int | None:
    for key in MULTIPLICITY_KEYS:
        if key in atoms.info:
            return whole(atoms.info[key], key, "multiplicity-parity") or None
    unpaired = abs(whole(atoms.get_initial_magnetic_moments().sum(), "spin", "multiplicity-parity"))
    return unpaired + 1 if unpaired else None


def whole(value: object, name: str, code: str) -> int:
    """`value`, which may be text, as an integer.

    Raises:
        MoleculeError: `code`; it is not a whole number.
    """
    try:
        number = float(str(value))
        if abs(number - round(number)) < 1e-3:
            return round(number)
    except (ValueError, OverflowError):
        pass
    raise MoleculeError(code, f"{name} {value!r} is not a whole number")


def _frozen(atoms: Atoms) -> list[int]:
    fixed = [c for c in atoms.constraints if isinstance(c, FixAtoms)]
    return [int(i) for constraint in fixed for i in constraint.get_indices()]
