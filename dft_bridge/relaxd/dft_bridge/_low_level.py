"""The cheap method that tells the optimiser what the energy surface looks like."""

from typing import Protocol

import numpy as np
import numpy.typing as npt
from tblite.exceptions import TBLiteRuntimeError
from tblite.interface import Calculator

from ._arrays import Array, Gradient, Positions
from ._units import BOHR, HARTREE, HARTREE_PER_BOHR

DISPLACEMENT = 0.0025
"""Angstrom; of the central differences that make a Hessian."""


class LowLevelError(RuntimeError):
    """The cheap method has no answer at a geometry."""


class LowLevel(Protocol):
    """A method that gives an energy surface at no cost to speak of."""

    name: str
    """As results show it."""

    def __call__(self, positions: Positions) -> tuple[float, Gradient]:
        """Energy, eV, and gradient, (n, 3), eV/Angstrom."""


class Gfn2Xtb:
    """GFN2-xTB (doi 10.1021/acs.jctc.8b01176), by tblite.

    Args:
        atomic_numbers: (n,).
        charge: total charge, e.
        multiplicity: 2S + 1.
    """

    name = "gfn2-xtb"

    def __init__(
        self, atomic_numbers: npt.NDArray[np.int64], charge: int = 0, multiplicity: int = 1
    ) -> None:
        self._atomic_numbers, self._charge, self._uhf = atomic_numbers, charge, multiplicity - 1
        self._calculator: Calculator | None = None

    def __call__(self, positions: Positions) -> tuple[float, Gradient]:
        """Energy, eV, and gradient, (n, 3), eV/Angstrom.

        Raises:
            LowLevelError: the SCF of GFN2-xTB does not converge, or it lacks an element.
        """
        try:
            found = self._at(positions).singlepoint()
        except TBLiteRuntimeError as error:
            raise LowLevelError(f"{self.name}: {error}") from error
        return found.get("energy") * HARTREE, found.get("gradient") * HARTREE_PER_BOHR

    def _at(self, positions: Positions) -> Calculator:
        if self._calculator is None:
            self._calculator = self._make(positions / BOHR)
            self._calculator.set("verbosity", 0)
            # Ten times tighter than the default: Hessians are made of differences.
            self._calculator.set("accuracy", 0.1)
        else:
            self._calculator.update(positions=positions / BOHR)
        return self._calculator

    def _make(self, positions: Array) -> Calculator:
        return Calculator(
            "GFN2-xTB", self._atomic_numbers, positions, charge=self._charge, uhf=self._uhf
        )


def hessian(low_level: LowLevel, positions: Positions) -> Array:
    """d2E/dx2 by central differences, (3n, 3n), eV/Angstrom^2.

    Args:
        low_level: what to differentiate.
        positions: where, (n, 3), Angstrom.
    """
    shifts = np.eye(positions.size).reshape(-1, *positions.shape) * DISPLACEMENT
    rows = [low_level(positions + s)[1] - low_level(positions - s)[1] for s in shifts]
    raw = np.array(rows).reshape(positions.size, -1) / (2 * DISPLACEMENT)
    symmetric: Array = (raw + raw.T) / 2
    return symmetric
