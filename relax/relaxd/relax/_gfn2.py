"""GFN2-xTB energies and slopes of many geometries of one molecule."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from ase.units import Bohr, Hartree
from tblite.exceptions import TBLiteRuntimeError
from tblite.interface import Calculator, Result

from ._molecule import Molecule


def gfn2_energies(molecule: Molecule, positions: npt.NDArray[np.float64]) -> Iterator[float]:
    """Energies one after the other, eV; infinite where the SCF has no solution.

    Args:
        molecule: whose elements, charge and multiplicity they have.
        positions: (k, n, 3), Angstrom.

    Source: doi 10.1021/acs.jctc.8b01176.
    """
    for result in _results(molecule, positions):
        yield float("inf") if result is None else float(result.get("energy")) * Hartree


def gfn2_slopes(
    molecule: Molecule, positions: npt.NDArray[np.float64]
) -> Iterator[tuple[float, npt.NDArray[np.float64]]]:
    """Energies, eV, and (n, 3) gradients, eV/Angstrom; infinite and zero without a solution.

    Args:
        molecule: whose elements, charge and multiplicity they have.
        positions: (k, n, 3), Angstrom.
    """
    for result in _results(molecule, positions):
        if result is None:
            yield float("inf"), np.zeros(positions.shape[1:])
        else:
            yield float(result.get("energy")) * Hartree, result.get("gradient") * Hartree / Bohr


def _results(molecule: Molecule, positions: npt.NDArray[np.float64]) -> Iterator[Result | None]:
    calculator = None
    for geometry in positions / Bohr:
        if calculator is None:
            calculator = Calculator(
                "GFN2-xTB",
                molecule.atomic_numbers,
                geometry,
                charge=molecule.charge,
                uhf=molecule.multiplicity - 1,
            )
            calculator.set("verbosity", 0)
        else:
            calculator.update(geometry)
        try:
            yield calculator.singlepoint()
        except TBLiteRuntimeError:
            yield None
