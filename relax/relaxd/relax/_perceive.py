"""Bonds for a geometry that came without them, where they can be had quickly."""

import numpy as np
import numpy.typing as npt
from rdkit import Chem, rdBase
from rdkit.Chem import rdDetermineBonds

from ._graph import bond_matrix, has_these_bonds, reduced_distances
from ._molecule import with_conformer
from ._stereo import mark_stereo

MAX_HEAVY_ATOMS = 60
"""Non-hydrogen atoms beyond which bonds are not looked for."""

MAX_ITERATIONS = 10_000
"""Valence assignments tried before giving up: less than 0.1 s, where all of them may take hours."""

PERCEIVED = frozenset({1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 32, 34, 35, 53})
"""Atomic numbers whose valences the perception knows."""


def perceive_bonds(
    atomic_numbers: npt.NDArray[np.int64],
    positions: npt.NDArray[np.float64],
    charge: int,
    multiplicity: int,
) -> Chem.Mol | None:
    """Molecule with the bonds that fit geometry, charge and spin; None where none were found.

    Method: doi 10.1002/bkcs.10334 as implemented in RDKit.

    Args:
        atomic_numbers: (n,).
        positions: (n, 3), Angstrom.
        charge: total charge.
        multiplicity: spin multiplicity. Above 1, open valences become radical centres, not charges.
    """
    if (atomic_numbers > 1).sum() > MAX_HEAVY_ATOMS or not PERCEIVED.issuperset(atomic_numbers):
        return None
    atoms = Chem.RWMol()
    for number in atomic_numbers.tolist():
        atoms.AddAtom(Chem.Atom(number))
    mol = with_conformer(atoms, positions)
    try:
        with rdBase.BlockLogs():
            rdDetermineBonds.DetermineBonds(
                mol,
                charge=charge,
                allowChargedFragments=multiplicity == 1,
                maxIterations=MAX_ITERATIONS,
            )
            Chem.SanitizeMol(mol)
            mark_stereo(mol)
    except (ValueError, RuntimeError):
        return None
    # Perceived bonds must also pass the measure that the relaxed geometry will be held to.
    reduced = reduced_distances(atomic_numbers, positions)
    agree = _fits(mol, charge, multiplicity) and has_these_bonds(bond_matrix(mol), reduced)
    return mol if agree else None


def _fits(mol: Chem.Mol, charge: int, multiplicity: int) -> bool:
    implied_hydrogens = sum(atom.GetTotalNumHs() for atom in mol.GetAtoms())
    return (
        Chem.GetFormalCharge(mol) == charge
        and count_radicals(mol) == multiplicity - 1
        and implied_hydrogens == 0
        and len(Chem.GetMolFrags(mol)) == 1
    )


def count_radicals(mol: Chem.Mol) -> int:
    """Unpaired electrons that the bonds leave."""
    return sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
