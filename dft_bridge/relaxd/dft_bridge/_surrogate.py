"""A cheap energy surface that agrees with DFT where DFT has been computed."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ._arrays import Array, Gradient, Positions
from ._correction import Correction
from ._internals import Internals, without_rigid_motion
from ._low_level import LowLevel, LowLevelError, hessian
from ._point import Point

SOFTEST = 0.3
"""eV/Angstrom^2; the magnitudes of a Hessian's eigenvalues are raised to this before a step."""

LONGEST = 0.05
"""Angstrom; how far one inner step may move an atom."""

FLAT = 3e-4
"""eV/Angstrom; the largest gradient on an atom at which the inner minimisation ends."""

INNER_STEPS = 200
"""After so many steps the inner minimisation ends where it is."""

HALVINGS = 8
"""So often an inner step that leads up, or out of the ball, is halved."""

SAME_POINT = 1e-12
"""Steps along which displacement times change of the gradient is below this teach nothing."""

Surface = Callable[[Positions], tuple[float, Gradient]]
"""Energy, eV, and gradient, eV/Angstrom, of positions, Angstrom."""


class Surrogate:
    """The low-level energy, and a correction that makes it agree with DFT where that is known.

    Minimising a corrected cheap model in place of the expensive one is first-order approximation
    and model management (Alexandrov et al. 2001, doi 10.2514/2.2877). Without a low level, a model
    Hessian about the start stands in its place. Internal coordinates are chosen anew at each
    point: those of a bent molecule do not suit a straight one.

    Args:
        atomic_numbers: (n,).
        positions: where to start, (n, 3), Angstrom.
        low_level: the cheap method, if there is one.
    """

    def __init__(
        self,
        atomic_numbers: npt.NDArray[np.int64],
        positions: Positions,
        low_level: LowLevel | None,
    ) -> None:
        self._atomic_numbers, self._start = atomic_numbers, positions.copy()
        self._low_level = low_level
        self._points: list[Point] = []

    def learn(self, point: Point) -> None:
        """Takes a point of the DFT surface.

        Raises:
            LowLevelError: the low level has no answer there.
        """
        self._points.append(point)
        self._internals = Internals(self._atomic_numbers, point.positions)
        self._model = self._internals.model_hessian(self._start)
        scale = np.sqrt(np.diag(self._model))
        known = [self._difference(point) for point in self._points]
        self._correction = Correction(self._internals, scale, known)

    def __call__(self, positions: Positions) -> tuple[float, Gradient]:
        """Energy, eV, up to a constant, and gradient, (n, 3), eV/Angstrom."""
        if not self._points:
            raise RuntimeError("a surrogate needs a DFT point")
        low, correction = self._low(positions), self._correction(positions)
        return low[0] + correction[0], low[1] + correction[1]

    def hessian(self, positions: Positions) -> Array:
        """Curvature, (3n, 3n), eV/Angstrom^2."""
        correction = self._correction.hessian(positions)
        if self._low_level is not None:
            return hessian(self._low_level, positions) + correction
        wilson = self._internals.wilson_b(positions)
        return np.asarray(wilson.T @ self._model @ wilson + correction)

    def _difference(self, point: Point) -> Point:
        """The point with what its energy and gradient are above the low level's."""
        energy, gradient = self._low(point.positions)
        # GFN2-xTB has no such slope, and the straight angles of the model may well have.
        slope = without_rigid_motion(point.positions, point.gradient)
        return replace(point, energy=point.energy - energy, gradient=slope - gradient)

    def _low(self, positions: Positions) -> tuple[float, Gradient]:
        if self._low_level is not None:
            return self._low_level(positions)
        d = self._internals.difference(positions, self._start)
        slope = self._model @ d
        gradient = self._internals.wilson_b(positions).T @ slope
        return float(d @ slope) / 2, gradient.reshape(-1, 3)


def minimise(
    surface: Surface, start: Positions, curvature: Array, *, movable: Array, within: float
) -> tuple[Positions, float]:
    """Follows a cheap surface down by BFGS, no atom leaving a ball about where it started.

    Args:
        surface: energy and gradient.
        start: (n, 3), Angstrom.
        curvature: Hessian there, (3n, 3n), eV/Angstrom^2; need not be positive definite.
        movable: (n, 1), 1 for atoms that may move and 0 for those that may not.
        within: radius of the ball, Angstrom.

    Returns:
        Where it ended, (n, 3), Angstrom, and the change of the surface's energy, eV.
    """
    free = np.repeat(movable, 3)
    h = _positive(curvature * np.outer(free, free))
    x, (first, g) = start, surface(start)
    energy, g = first, g * movable
    for _ in range(INNER_STEPS):
        if largest(g) < FLAT:
            break
        step = _shortened(-np.linalg.solve(h, g.ravel()).reshape(-1, 3) * movable)
        lower = _lower(surface, x, energy, step, start, within)
        if lower is None:
            break
        moved, energy, new = lower
        h = _bfgs(h, (moved - x).ravel(), (new * movable - g).ravel())
        x, g = moved, new * movable
    return x, energy - first


def _lower(
    surface: Surface, x: Positions, energy: float, step: Array, centre: Positions, within: float
) -> tuple[Positions, float, Gradient] | None:
    """The first of x + step, x + step / 2, ... that is lower than x and in the ball."""
    for _ in range(HALVINGS):
        moved = x + step
        if largest(moved - centre) <= within:
            try:
                e, g = surface(moved)
            except LowLevelError:
                e = np.inf
            if e < energy:
                return moved, e, g
        step = step / 2
    return None


def largest(vectors: Array) -> float:
    """Length of the longest of (n, 3) vectors."""
    return float(np.linalg.norm(vectors, axis=1).max())


def _positive(h: Array) -> Array:
    values, vectors = np.linalg.eigh(h)
    return np.asarray((vectors * np.maximum(np.abs(values), SOFTEST)) @ vectors.T)


def _shortened(step: Array) -> Array:
    return step * min(1.0, LONGEST / max(largest(step), LONGEST))


def _bfgs(h: Array, s: Array, y: Array) -> Array:
    """Nocedal & Wright, Numerical Optimization (2006), eq. 6.19; skipped if not positive."""
    if s @ y < SAME_POINT:
        return h
    hs = h @ s
    return np.asarray(h - np.outer(hs, hs) / (s @ hs) + np.outer(y, y) / (s @ y))
