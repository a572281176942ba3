"""The one place where atomic units meet Angstrom and eV."""

from ase import units

HARTREE: float = units.Hartree
"""eV; CODATA value that ASE uses."""

BOHR: float = units.Bohr
"""Angstrom; CODATA value that ASE uses."""

HARTREE_PER_BOHR: float = HARTREE / BOHR
"""eV/Angstrom; the atomic unit of force."""
