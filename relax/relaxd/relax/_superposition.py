"""One geometry laid upon another."""

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.float64]
"""(n, 3), Angstrom."""


def superposed_rmsd(a: Positions, b: Positions) -> float:
    """Root-mean-square deviation of atoms after the best superposition, Angstrom.

    Args:
        a: (n, 3), Angstrom.
        b: (n, 3), Angstrom, atoms in the same order.

    Source: Kabsch, Acta Cryst. A 32, 922 (1976).
    """
    a, b = a - a.mean(0), b - b.mean(0)
    covariance = a.T @ b
    singular = np.linalg.svd(covariance, compute_uv=False)
    singular[2] *= np.sign(np.linalg.det(covariance))
    squared = (a**2).sum() + (b**2).sum() - 2 * singular.sum()
    return float(np.sqrt(max(squared, 0.0) / len(a)))


def superposed(a: Positions, b: Positions) -> Positions:
    """(n, 3) `a`, turned and shifted to lie as near to `b` as it can, Angstrom.

    Args:
        a: (n, 3), Angstrom.
        b: (n, 3), Angstrom, atoms in the same order.
    """
    centred, onto = a - a.mean(0), b - b.mean(0)
    u, _, vt = np.linalg.svd(centred.T @ onto)
    proper = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    turned: Positions = centred @ (u * proper) @ vt + b.mean(0)
    return turned
