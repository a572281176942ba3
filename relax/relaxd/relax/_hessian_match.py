"""How much a symmetric matrix has of a Hessian."""

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.stats import spearmanr

Array = npt.NDArray[np.float64]

SOFT_SHARE = 0.25
"""Part of all modes, the softest, whose spaces are compared; of random ones a quarter is shared."""

FLOOR = 1e-3
"""Of the largest eigenvalue: smaller ones are raised to it before a matrix preconditions."""


def compare_hessians(candidate: Array, hessian: Array) -> dict[str, float]:
    r"""Figures of likeness, none of which depends on the scale of the candidate.

    Args:
        candidate: (m, m), symmetric.
        hessian: (m, m), symmetric.

    Returns:
        `rank_correlation`: of eigenvalues :math:`\lambda_i` of the Hessian with
        :math:`v_i^T C v_i` along its eigenvectors; `soft_overlap`: root mean square inner product
        of the softest quarters of both sets of eigenvectors (RMSIP), 1 where they span one space
        and on average 0.5 at random; `similarity`: :math:`\mathrm{tr}(CH) / |C| |H|`; and
        `log10_condition`: of the Hessian preconditioned by the candidate, 0 for the Hessian itself
        (both made positive definite), which decides how fast an optimiser goes.

    Source: RMSIP is of Amadei et al., Proteins 36, 419 (1999).
    """
    eigenvalues, modes = np.linalg.eigh(hessian)
    norms = np.linalg.norm(candidate) * np.linalg.norm(hessian)
    return {
        "rank_correlation": _rank_correlation(eigenvalues, along(candidate, modes)),
        "soft_overlap": _soft_overlap(np.linalg.eigh(candidate)[1], modes),
        "similarity": float((candidate * hessian).sum() / norms) if norms else np.nan,
        "log10_condition": _log10_condition(candidate, hessian),
    }


def along(matrix: Array, directions: Array) -> Array:
    """(k,) quadratic forms of an (m, m) matrix with (m, k) directions."""
    forms: Array = np.einsum("ik,ij,jk->k", directions, matrix, directions)
    return forms


def _rank_correlation(a: Array, b: Array) -> float:
    # Of equal values, as those of a model that moves nothing, there is no order.
    return float(spearmanr(a, b).statistic) if np.ptp(a) > 0 and np.ptp(b) > 0 else np.nan


def _soft_overlap(a: Array, b: Array) -> float:
    n_soft = max(1, round(SOFT_SHARE * len(a)))
    inner = a[:, :n_soft].T @ b[:, :n_soft]
    return float(np.sqrt((inner**2).sum() / n_soft))


def _log10_condition(candidate: Array, hessian: Array) -> float:
    if not candidate.any():
        return np.nan
    relative = eigh(positive(hessian), positive(candidate), eigvals_only=True)
    return float(np.log10(relative[-1] / relative[0]))


def positive(matrix: Array) -> Array:
    """The matrix with its eigenvalues' signs dropped, and small ones raised to the floor."""
    eigenvalues, vectors = np.linalg.eigh(matrix)
    sizes = np.abs(eigenvalues)
    raised: Array = (vectors * np.maximum(sizes, FLOOR * sizes.max())) @ vectors.T
    return raised
