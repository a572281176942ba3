"""What a refinement tells while it runs."""

from dataclasses import dataclass

from ._arrays import Positions
from ._units import HARTREE


@dataclass(frozen=True)
class ScfCycle:
    """One cycle of the self-consistent field.

    Attributes:
        n_gradients: how many gradients were complete by then.
        cycle: its number within this point.
        energy: eV.
    """

    n_gradients: int
    cycle: int
    energy: float


@dataclass(frozen=True, eq=False)
class Step:
    """One DFT point.

    Attributes:
        n_gradients: its number.
        positions: (n, 3), Angstrom.
        energy: eV; compares with those of other steps that are as `coarse`.
        max_force: on an atom that may move, eV/Angstrom.
        coarse: whether it was computed on the coarse grid.
        scf_cycles: how many it took.
        seconds: wall time it took, s.
        from_journal: whether an earlier run computed it.
    """

    n_gradients: int
    positions: Positions
    energy: float
    max_force: float
    coarse: bool
    scf_cycles: int
    seconds: float
    from_journal: bool

    @property
    def energy_hartree(self) -> float:
        """Total energy, Hartree."""
        return self.energy / HARTREE


Event = ScfCycle | Step
