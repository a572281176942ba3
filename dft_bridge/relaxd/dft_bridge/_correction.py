"""What a cheap energy surface gets wrong, as a few DFT points tell it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ._arrays import Array, Gradient, Positions
from ._internals import Internals
from ._point import Point

LENGTH = 2.0
"""eV^1/2; over so much of a scaled coordinate the correction changes its mind. A bond is stretched
by 0.3 Angstrom for it."""

SLOPES = (0.1, 0.2, 0.4, 0.8, 1.6)
"""eV^1/2; what may be expected of the correction's derivative by a scaled coordinate: the likeliest
is taken. 0.2 is 1 eV/Angstrom along a bond, and a sixth of its model force constant."""

OFFSET = 1.0
"""eV; what is expected of a constant, which is another for coarse points than for fine ones."""

ENERGY_NOISE = 1e-4
"""eV."""

GRADIENT_NOISE = {False: 1e-3, True: 0.015}
"""eV/Angstrom, of fine and of coarse points."""

MOST_DATA = 3000
"""Energies and components of gradients that are used, the last ones, for the work grows as their
cube. Of a molecule of twenty atoms these are 49 points."""


class Correction:
    r"""A difference of two energy surfaces, by Gaussian process regression.

    Before any point is known, energies at two geometries are expected to vary together by

    .. math:: k(x, x') = s^2 l^2 e^{-|z(x) - z(x')|^2 / 2 l^2},

    where z are internal coordinates, each times the square root of its model force constant, so
    that what is stiff may vary over a shorter distance; s is one of `SLOPES` and l is `LENGTH`. The
    correction is what is then expected, given the energies and gradients of all points at once
    (Denzel & Kaestner 2018, doi 10.1063/1.5017103; in internal coordinates Born & Kaestner 2021,
    doi 10.1021/acs.jctc.1c00517). Gradients stay Cartesian, so that it does not matter that the
    coordinates are redundant. Far from all points the correction is a constant.

    Args:
        internals: coordinates of the molecule.
        scale: (m,) z per unit of each coordinate, eV^1/2.
        known: points, at least one, whose energies and gradients are the differences.
    """

    def __init__(self, internals: Internals, scale: Array, known: Sequence[Point]) -> None:
        self._internals, self._scale = internals, scale
        size = 1 + known[0].gradient.size
        self._known = known = known[-max(MOST_DATA // size, 1) :]
        jacobians = [self._jacobian(point.positions) for point in known]
        pairs = list(zip(known, jacobians, strict=True))
        unit = np.block([[self._covariance(*a, *b) for b in pairs] for a in pairs])
        values = np.concatenate([[p.energy - known[0].energy, *p.gradient.ravel()] for p in known])
        fixed = _offsets_and_noise(known, size)
        fits = [_Fit.of(slope**2 * unit + fixed, values, slope) for slope in SLOPES]
        best = max(fits, key=lambda fit: fit.log_likelihood)
        rows = best.slope**2 * best.solved.reshape(-1, size)
        self._weights = [(row[0], j @ row[1:]) for row, j in zip(rows, jacobians, strict=True)]

    def __call__(self, positions: Positions) -> tuple[float, Gradient]:
        """Energy, eV, up to a constant, and gradient, (n, 3), eV/Angstrom."""
        energy, slope = 0.0, np.zeros(len(self._scale))
        for point, (alpha, beta) in zip(self._known, self._weights, strict=True):
            u, k = self._apart(positions, point.positions)
            along = alpha + u @ beta / LENGTH**2
            energy += k * along
            slope += k * (beta - u * along) / LENGTH**2
        return energy, (slope @ self._jacobian(positions)).reshape(-1, 3)

    def hessian(self, positions: Positions) -> Array:
        """Curvature, (3n, 3n), eV/Angstrom^2; that of the coordinates themselves is left out."""
        total = np.zeros(2 * (len(self._scale),))
        for point, (alpha, beta) in zip(self._known, self._weights, strict=True):
            u, k = self._apart(positions, point.positions)
            along = alpha + u @ beta / LENGTH**2
            cross = np.outer(u, beta)
            curved = (np.outer(u, u) * along - cross - cross.T) / LENGTH**4
            total += k * (curved - np.eye(len(u)) * (along / LENGTH**2))
        jacobian = self._jacobian(positions)
        found: Array = jacobian.T @ total @ jacobian
        return found

    def _covariance(self, a: Point, ja: Array, b: Point, jb: Array) -> Array:
        """(1 + 3n, 1 + 3n), of energy and gradient at one point with those at another, by s^2."""
        u, k = self._apart(a.positions, b.positions)
        along_a, along_b = u @ ja / LENGTH**2, u @ jb / LENGTH**2
        found = np.empty(2 * (1 + len(along_a),))
        found[0, 0] = k
        found[0, 1:] = k * along_b
        found[1:, 0] = -k * along_a
        found[1:, 1:] = k * (ja.T @ jb / LENGTH**2 - np.outer(along_a, along_b))
        return found

    def _apart(self, positions: Positions, other: Positions) -> tuple[Array, float]:
        """How far one geometry is from another in scaled coordinates, (m,), and k / s^2."""
        u = self._scale * self._internals.difference(positions, other)
        return u, LENGTH**2 * float(np.exp(-(u @ u) / (2 * LENGTH**2)))

    def _jacobian(self, positions: Positions) -> Array:
        """dz/dx, (m, 3n), eV^1/2/Angstrom."""
        return self._scale[:, None] * self._internals.wilson_b(positions)


class _Fit(NamedTuple):
    """What a covariance makes of the values."""

    slope: float
    solved: Array
    log_likelihood: float

    @classmethod
    def of(cls, covariance: Array, values: Array, slope: float) -> "_Fit":
        """Solves for the weights; a constant is left out of the likelihood."""
        factor = cho_factor(covariance, lower=True)
        solved = cho_solve(factor, values)
        return cls(slope, solved, -float(values @ solved) / 2 - np.log(np.diag(factor[0])).sum())


def _offsets_and_noise(known: Sequence[Point], size: int) -> Array:
    """Covariance of what is no property of the geometry, (p size, p size) for p points."""
    noise = [[ENERGY_NOISE] + (size - 1) * [GRADIENT_NOISE[p.coarse]] for p in known]
    found = np.diag(np.concatenate(noise) ** 2)
    coarse = np.array([p.coarse for p in known])
    found[::size, ::size] += OFFSET**2 * (coarse[:, None] == coarse)
    return found
