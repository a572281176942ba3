"""Which atoms are bonded, by distance alone."""

import numpy as np
import numpy.typing as npt
from ase.data import covalent_radii

from ._arrays import Positions

STRETCH = 1.25
"""Atoms are bonded up to this multiple of the sum of their covalent radii (Cordero et al. 2008,
doi 10.1039/b801115j)."""


def bonds(atomic_numbers: npt.ArrayLike, positions: Positions) -> npt.NDArray[np.bool_]:
    """Symmetric (n, n) matrix of which atoms are bonded.

    Args:
        atomic_numbers: (n,).
        positions: (n, 3), Angstrom.
    """
    radii = covalent_radii[np.asarray(atomic_numbers)]
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    bonded: npt.NDArray[np.bool_] = distances < STRETCH * (radii[:, None] + radii[None])
    np.fill_diagonal(bonded, False)
    return bonded
