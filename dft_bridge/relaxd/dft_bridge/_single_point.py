"""The DFT energy of one geometry."""

import ase

from ._backend import FINE, System, make_backend
from ._levels import TRAINING_LEVEL, Level


def single_point(
    atoms: ase.Atoms, level: Level = TRAINING_LEVEL, *, charge: int = 0, multiplicity: int = 1
) -> float:
    """Energy of a geometry by Kohn-Sham DFT with density fitting.

    Closed shells are restricted, open shells unrestricted.

    Args:
        atoms: species and positions (Angstrom).
        level: level of theory.
        charge: total charge in units of e.
        multiplicity: spin multiplicity, 2S + 1.

    Returns:
        Total energy, eV.

    Raises:
        DftError: the input cannot be computed, or the SCF does not converge.
    """
    system = System(tuple(int(z) for z in atoms.numbers), charge, multiplicity)
    return make_backend(system, level).energy(atoms.positions, FINE)
