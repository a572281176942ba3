"""Refinements that take seconds."""

import ase
from ase.build import molecule

from relaxd.dft_bridge import Level, RefineSettings

QUICK = RefineSettings(Level.parse("pbe/sto-3g"))
"""Seconds for a few atoms."""


def rattled(name: str, size: float = 0.03) -> ase.Atoms:
    """A molecule of G2, each atom off its place by `size` (Angstrom)."""
    atoms = molecule(name)
    atoms.rattle(size, seed=1)
    return atoms
