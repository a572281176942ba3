"""A cheap energy surface that agrees with DFT where DFT has been computed."""

from collections.abc import Callable

import numpy as np

from ._arrays import Array, Gradient, Positions
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
"""Displacements whose squared length is below this teach nothing about curvature."""

Surface = Callable[[Positions], tuple[float, Gradient]]
"""Energy, eV, and gradient, eV/Angstrom, of positions, Angstrom."""


class Surrogate:
    """The low-level energy with a correction that is quadratic in internal coordinates.

        m(x) = E_low(x) + c.d + d.B d / 2,    d = q(x) - q(x_k)

    c makes the gradient at the last DFT point x_k exact. B carries what earlier points say about
    the difference of the curvatures: it is updated so that the gradient at the point before is
    exact, too, with the least change in a metric of force constants (Greenstadt 1970,
    doi 10.1090/S0025-5718-1970-0258248-4). Minimising a corrected cheap model in place of the
    expensive one is first-order approximation and model management (Alexandrov et al. 2001,
    doi 10.2514/2.2877). Without a low level, B starts as a model Hessian.

    Args:
        internals: q.
        positions: where to start, (n, 3), Angstrom.
        low_level: the cheap method, if there is one.
    """

    def __init__(
        self, internals: Internals, positions: Positions, low_level: LowLevel | None
    ) -> None:
        model = internals.model_hessian(positions)
        self._internals, self._low_level = internals, low_level
        self._metric = np.diag(model)
        self._b = model if low_level is None else np.zeros_like(model)
        self._last: Point | None = None
        self._c = np.zeros(len(internals))

    def learn(self, point: Point) -> None:
        """Takes a point of the DFT surface; its place becomes x_k.

        Two points teach curvature only if both are coarse or both fine: between the grids the
        gradient differs by as much as it does over the last steps.

        Raises:
            LowLevelError: the low level has no answer there.
        """
        difference = point.gradient - self._low(point.positions)[1]
        difference = without_rigid_motion(point.positions, difference)
        c = self._internals.gradient(point.positions, difference)
        last = self._last
        if last is not None and last.coarse == point.coarse:
            d = self._internals.difference(point.positions, last.positions)
            self._b = self._b + _least_change(self._metric, d, c - self._c - self._b @ d)
        self._last, self._c = point, c

    def __call__(self, positions: Positions) -> tuple[float, Gradient]:
        """Energy, eV, up to a constant, and gradient, (n, 3), eV/Angstrom."""
        if self._last is None:
            raise RuntimeError("a surrogate needs a DFT point")
        energy, gradient = self._low(positions)
        d = self._internals.difference(positions, self._last.positions)
        slope = self._c + self._b @ d
        correction = self._internals.wilson_b(positions).T @ slope
        energy += float(d @ (self._c + slope)) / 2
        return energy, gradient + correction.reshape(-1, 3)

    def hessian(self, positions: Positions) -> Array:
        """Curvature, (3n, 3n), eV/Angstrom^2; how B changes with x is left out."""
        wilson = self._internals.wilson_b(positions)
        correction: Array = wilson.T @ self._b @ wilson
        if self._low_level is None:
            return correction
        return hessian(self._low_level, positions) + correction

    def _low(self, positions: Positions) -> tuple[float, Gradient]:
        if self._low_level is None:
            return 0.0, np.zeros_like(positions)
        return self._low_level(positions)


def _least_change(metric: Array, d: Array, residual: Array) -> Array:
    """The symmetric matrix M of the least weighted norm with M d = residual, (m, m).

    Args:
        metric: (m,), positive.
        d: displacement, (m,).
        residual: what M must make of it, (m,).
    """
    weighted = metric * d
    length = weighted @ d
    if length < SAME_POINT:
        return np.zeros((len(d), len(d)))
    cross = np.outer(residual, weighted)
    again = (residual @ d) / length * np.outer(weighted, weighted)
    return np.asarray((cross + cross.T - again) / length)


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
