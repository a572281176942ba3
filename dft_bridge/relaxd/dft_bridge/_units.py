"""The one place where atomic units meet Angstrom and eV."""

from ase import units

HARTREE: float = units.Hartree
"""eV; CODATA value that ASE uses."""
