"""The warm-started optimiser: asks for DFT points, and tells when it has arrived."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ._arrays import Array, Gradient, Positions
from ._point import NOISE, Point, better
from ._surrogate import Surrogate, largest, minimise
from ._units import HARTREE, HARTREE_PER_BOHR


@dataclass(frozen=True)
class Criteria:
    """When a geometry is converged, judged at the geometry itself and the step that would follow.

    Either all of `max_gradient`, `rms_gradient`, `max_step`, `rms_step` and `energy` hold (those
    of Gaussian, with the predicted step as there), or both `flat_gradient` and `energy` (those of
    Molpro), which ends the walk along very soft modes; for these it is enough that the energy did
    not change in the last step. The values are geomeTRIC's defaults.

    Attributes:
        max_gradient: largest gradient on an atom, eV/Angstrom.
        rms_gradient: root mean square over the atoms, eV/Angstrom.
        max_step: largest predicted displacement of an atom, Angstrom.
        rms_step: root mean square over the atoms, Angstrom.
        energy: predicted change of the energy, eV.
        flat_gradient: the stricter bound on the gradient that does without displacements.
    """

    max_gradient: float = 4.5e-4 * HARTREE_PER_BOHR
    rms_gradient: float = 3e-4 * HARTREE_PER_BOHR
    max_step: float = 1.8e-3
    rms_step: float = 1.2e-3
    energy: float = 1e-6 * HARTREE
    flat_gradient: float = 3e-4 * HARTREE_PER_BOHR

    def hold(self, gradient: Gradient, step: Array, change: float, made: float = math.inf) -> bool:
        """Whether they hold at a point.

        Args:
            gradient: (n, 3), eV/Angstrom.
            step: that is predicted from there, (n, 3), Angstrom.
            change: of the energy that it is predicted to make, eV.
            made: change that the step to the point made, eV.
        """
        g = np.linalg.norm(gradient, axis=1)
        s = np.linalg.norm(step, axis=1)
        small = bool(
            abs(change) <= self.energy
            and g.max() < self.max_gradient
            and _rms(g) < self.rms_gradient
            and s.max() < self.max_step
            and _rms(s) < self.rms_step
        )
        flat = bool(g.max() < self.flat_gradient)
        return small or (flat and min(abs(change), abs(made)) <= self.energy)


TRUST = 0.3
"""Angstrom; how far an atom may move in the first step."""

LARGEST_TRUST = 0.4
"""Angstrom."""

SMALLEST_TRUST = 0.01
"""Angstrom."""

COARSE_STEP = 0.03
"""Angstrom; while the predicted step moves an atom by more, a coarse point will do."""


class Optimizer:
    """Goes from DFT point to DFT point by minimising a surrogate in between.

    Ask for `positions` and `coarse`, compute the point, `tell` it; until `converged`. A point that
    lies higher than the best one teaches the surrogate, and the next step is again from the best
    one, with a smaller radius of trust. Points from elsewhere, as from an earlier run, may be told
    as well.

    Args:
        positions: (n, 3), Angstrom.
        surrogate: the cheap surface.
        frozen: indices of the atoms that may not move.
        criteria: of convergence.
        near: whether the start is near its minimum: then no point is coarse. What a coarse grid
            does to the gradient leads astray along soft modes: from relaxd's start, two molecules
            of QM9 took 5 and 6 gradients with coarse points first, and 3 and 4, in a fifth less
            time, without (with a secant correction in the surrogate).
    """

    def __init__(
        self,
        positions: Positions,
        surrogate: Surrogate,
        *,
        frozen: Sequence[int] = (),
        criteria: Criteria | None = None,
        near: bool = False,
    ) -> None:
        self.positions = positions.copy()
        """Where the next point is wanted, (n, 3), Angstrom."""
        self.coarse = not near
        """Whether a coarse one will do."""
        self.best: Point | None = None
        """The lowest point so far, a fine one if there is any; at the end, the minimum."""
        self.converged = False
        """Whether `best` is a fine point that meets the criteria."""
        self._surrogate = surrogate
        self._movable = np.ones((len(positions), 1))
        self._movable[list(frozen)] = 0.0
        self._criteria = criteria or Criteria()
        self._trust = TRUST
        self._predicted = 0.0

    def tell(self, point: Point) -> None:
        """Takes a point, and decides on the next.

        Args:
            point: where `positions` asked for one, or elsewhere.

        Raises:
            LowLevelError: the low level has no answer there.
        """
        self._surrogate.learn(point)
        best, made = point, math.inf
        if self.best is not None:
            self._adapt_trust(self.best, point)
            best = better(self.best, point)
            if best is point and point.coarse == self.best.coarse:
                made = point.energy - self.best.energy
        self.best = best
        target, self._predicted = minimise(
            self._surrogate,
            best.positions,
            self._surrogate.hessian(best.positions),
            movable=self._movable,
            within=self._trust,
        )
        step = target - best.positions
        met = self._criteria.hold(best.gradient * self._movable, step, self._predicted, made)
        self.converged = met and not best.coarse
        self.coarse = best.coarse and not met and largest(step) > COARSE_STEP
        self.positions = target

    def _adapt_trust(self, best: Point, point: Point) -> None:
        if best.coarse != point.coarse:
            return
        change, length = point.energy - best.energy, largest(point.positions - best.positions)
        # No step is longer than the one before, unless that one did as well as predicted.
        self._trust = min(self._trust, max(length, SMALLEST_TRUST))
        if max(abs(change), abs(self._predicted)) < NOISE:
            return
        if change > 0.25 * self._predicted:
            self._trust = max(min(self._trust, length) / 2, SMALLEST_TRUST)
        elif change < 0.75 * self._predicted and length > 0.8 * self._trust:
            self._trust = min(2 * self._trust, LARGEST_TRUST)


def _rms(lengths: Array) -> float:
    return float(np.sqrt((lengths**2).mean()))
