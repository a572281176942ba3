"""Which atoms of a geometry are neighbours, judged by covalent radii alone."""

import numpy as np
import numpy.typing as npt
from ase.data import covalent_radii
from rdkit import Chem

BONDED = 1.25
"""Of the sum of covalent radii: atoms this close are taken for bonded where no bond is known."""

BROKEN = 1.3
"""Of the sum of covalent radii: a bond longer than this is broken."""

FORMED = 1.15
"""Of the sum of covalent radii: a pair this close has become a bond. The carbons across
bicyclo[1.1.1]pentane, not bonded, are at 1.22."""

SEPARATE = 1.5
"""Of the sum of covalent radii: parts of a geometry farther apart than this are two molecules."""


def reduced_distances(
    atomic_numbers: npt.NDArray[np.int64], positions: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(n, n) distances as multiples of the sum of both covalent radii; infinite on the diagonal.

    Radii from doi 10.1039/b801115j.
    """
    radii = covalent_radii[atomic_numbers]
    distances = np.linalg.norm(positions[:, None] - positions[None, :], axis=-1)
    np.fill_diagonal(distances, np.inf)
    reduced: npt.NDArray[np.float64] = distances / (radii[:, None] + radii[None, :])
    return reduced


def bond_matrix(mol: Chem.Mol) -> npt.NDArray[np.bool_]:
    """(n, n), symmetric, true between bonded atoms."""
    return np.asarray(Chem.GetAdjacencyMatrix(mol), dtype=bool)


def has_these_bonds(bonded: npt.NDArray[np.bool_], reduced: npt.NDArray[np.float64]) -> bool:
    """Whether a geometry has the bonds of a molecule and no others.

    Args:
        bonded: (n, n), symmetric, the bonds to hold against.
        reduced: (n, n) of `reduced_distances`.
    """
    broken = bonded & (reduced > BROKEN)
    formed = ~bonded & (reduced < FORMED)
    return not (broken.any() or formed.any())


def count_fragments(
    atomic_numbers: npt.NDArray[np.int64], positions: npt.NDArray[np.float64]
) -> int:
    """Number of parts of a geometry that lie at least `SEPARATE` apart."""
    near = reduced_distances(atomic_numbers, positions) < SEPARATE
    unseen = np.ones(len(near), dtype=bool)
    fragments = 0
    while unseen.any():
        fragment = np.arange(len(near)) == unseen.argmax()
        while (grown := fragment | near[fragment].any(axis=0)).sum() > fragment.sum():
            fragment = grown
        unseen &= ~fragment
        fragments += 1
    return fragments
