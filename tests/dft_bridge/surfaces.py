"""Energy surfaces that cost nothing, in the place of DFT."""

import numpy as np
from tblite.interface import Calculator

from relaxd.dft_bridge import Point
from relaxd.dft_bridge._low_level import Gfn2Xtb
from relaxd.dft_bridge._optimizer import Optimizer
from relaxd.dft_bridge._surrogate import Surrogate
from relaxd.relax._force_field import KCAL_MOL, make_force_field


class Gfn1Xtb(Gfn2Xtb):
    """GFN1-xTB: as far from GFN2-xTB as DFT is, and independent of it."""

    name = "gfn1-xtb"

    def _make(self, positions):
        return Calculator("GFN1-xTB", self._atomic_numbers, positions)


class Mmff94:
    """MMFF94: farther from GFN2-xTB than DFT is, above all in its torsions.

    Args:
        rdmol: with all hydrogens and a conformer.
    """

    def __init__(self, rdmol):
        self._conformer = rdmol.GetConformer()
        self._field = make_force_field(rdmol, "mmff94")

    def __call__(self, positions):
        self._conformer.SetPositions(positions)
        self._field.Initialize()  # or it keeps the distances of its last geometry
        gradient = np.array(self._field.CalcGrad()).reshape(-1, 3)
        return self._field.CalcEnergy() * KCAL_MOL, gradient * KCAL_MOL


def optimizer(atoms, low_level, frozen=(), near=False):
    """An optimiser at the positions of some atoms."""
    surrogate = Surrogate(atoms.numbers, atoms.positions, low_level)
    return Optimizer(atoms.positions, surrogate, frozen=frozen, near=near)


def optimize(atoms, target, low_level, frozen=(), max_gradients=60, near=False):
    """The optimiser at its end, and the points on the way."""
    found, points = optimizer(atoms, low_level, frozen, near), []
    while not found.converged and len(points) < max_gradients:
        energy, gradient = target(found.positions)
        points.append(Point(found.positions, energy, gradient, found.coarse))
        found.tell(points[-1])
    return found, points


def rotation(seed=0):
    """A random rotation matrix."""
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.linalg.det(q)
