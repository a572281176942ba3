"""A point of the DFT energy surface, and which of several is the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from ._arrays import Gradient, Positions
from ._units import HARTREE

NOISE = 5e-6 * HARTREE
"""eV; energies closer than this say nothing about which of two points is better."""


@dataclass(frozen=True, eq=False)
class Point:
    """What one gradient evaluation gave.

    Attributes:
        positions: (n, 3), Angstrom.
        energy: eV.
        gradient: (n, 3), eV/Angstrom.
        coarse: whether it was computed on the coarse grid; coarse energies compare with coarse
            ones only.
        scf_cycles: SCF cycles it took.
        seconds: wall time it took, s.
        cpu_seconds: processor time it took, s.
    """

    positions: Positions
    energy: float
    gradient: Gradient
    coarse: bool
    scf_cycles: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def max_force(self, frozen: Sequence[int]) -> float:
        """Largest force on an atom that is not among `frozen`, eV/Angstrom; 0 if there is none."""
        moving = np.delete(self.gradient, frozen, axis=0)
        return float(np.linalg.norm(moving, axis=1).max(initial=0.0))


def better(best: Point, point: Point) -> Point:
    """The better of the best point so far and one that was computed after it."""
    # The energies of different grids do not compare; a fine point comes after a coarse one.
    if best.coarse != point.coarse:
        return point
    return point if point.energy - best.energy < NOISE else best


def best_of(points: Sequence[Point]) -> Point:
    """The lowest point, a fine one if there is any.

    Args:
        points: at least one, in the order in which they were computed.
    """
    return reduce(better, points)
