"""A point of the DFT energy surface."""

from dataclasses import dataclass

from ._arrays import Gradient, Positions


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
