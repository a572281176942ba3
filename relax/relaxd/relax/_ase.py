"""The relaxer in the manner of ASE's optimisers."""

import functools

import ase

from ._arrays import from_atoms
from ._relaxer import Relaxer
from ._result import RelaxResult


@functools.cache
def _default_relaxer() -> Relaxer:
    return Relaxer.load()


class DiffusionRelaxation:
    """Relaxes `ase.Atoms` in place, without a calculator.

    Charge and multiplicity are taken from `atoms.info`, atoms held by `FixAtoms` stay.

        relaxation = DiffusionRelaxation(atoms)
        converged = relaxation.run()

    Args:
        atoms: one molecule, not periodic.
        relaxer: the model; by default the shipped one, loaded once.
    """

    def __init__(self, atoms: ase.Atoms, relaxer: Relaxer | None = None) -> None:
        self.atoms = atoms
        self.relaxer = relaxer or _default_relaxer()
        self.result: RelaxResult | None = None

    def run(self) -> bool:
        """Relaxes; `result` then says how it went and by what method.

        Returns:
            Whether it has converged.

        Raises:
            MoleculeError: the molecule is refused, or GFN2-xTB fails on it.
        """
        self.result = self.relaxer.relax(from_atoms(self.atoms))
        self.atoms.set_positions(self.result.positions, apply_constraint=False)
        return self.result.converged

    @property
    def nsteps(self) -> int:
        """Evaluations of the network, or gradients of GFN2-xTB, that the run took."""
        return 0 if self.result is None else self.result.n_evaluations
