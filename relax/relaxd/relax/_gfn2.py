"""GFN2-xTB energies of many geometries of one molecule."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from ase.units import Bohr, Hartree
from tblite.exceptions import TBLiteRuntimeError
from tblite.interface import Calculator

from ._molecule import Molecule


def gfn2_energies(molecule: Molecule, positions: npt.NDArray[np.float64]) -> Iterator[float]:
    """Energies one after the other, eV; infinite where the SCF has no solution.

    Args:
        molecule: whose elements, charge and multiplicity they have.
        positions: (k, n, 3), Angstrom.

    Source: doi 10.1021/acs.jctc.8b01176.
    """
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
            yield float(calculator.singlepoint().get("energy")) * Hartree
        except TBLiteRuntimeError:
            yield float("inf")
