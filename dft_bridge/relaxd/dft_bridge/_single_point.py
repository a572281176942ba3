"""The DFT energy of one geometry, or of several."""

import ase

from ._backend import FINE, Backend, System, make_backend
from ._levels import TRAINING_LEVEL, Level


class SinglePoints:
    """Energies of geometries, one after another, by Kohn-Sham DFT with density fitting.

    Closed shells are restricted, open shells unrestricted. Where the molecule is the one before,
    its SCF begins with the density of the geometry before, which saves cycles.

    Args:
        level: level of theory.
    """

    def __init__(self, level: Level = TRAINING_LEVEL) -> None:
        self.level = level
        self._last: tuple[System, Backend] | None = None

    def __call__(self, atoms: ase.Atoms, *, charge: int = 0, multiplicity: int = 1) -> float:
        """Energy of a geometry.

        Args:
            atoms: species and positions (Angstrom).
            charge: total charge in units of e.
            multiplicity: spin multiplicity, 2S + 1.

        Returns:
            Total energy, eV.

        Raises:
            DftError: the input cannot be computed, or the SCF does not converge.
        """
        system = System(tuple(int(z) for z in atoms.numbers), charge, multiplicity)
        if self._last is None or self._last[0] != system:
            self._last = system, make_backend(system, self.level)
        return self._last[1].energy(atoms.positions, FINE)


def single_point(
    atoms: ase.Atoms, level: Level = TRAINING_LEVEL, *, charge: int = 0, multiplicity: int = 1
) -> float:
    """Energy of one geometry; arguments, result and errors are those of `SinglePoints`."""
    return SinglePoints(level)(atoms, charge=charge, multiplicity=multiplicity)
