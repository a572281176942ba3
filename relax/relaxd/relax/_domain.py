"""Which molecules a model was trained for."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ._molecule import Molecule

FEWEST_HEAVY_ATOMS = 3
"""Atoms besides hydrogen in a molecule whose result is not doubted: QM9 has eight smaller ones, too
few to learn from. The bond of ethene, which was not among them, came out 0.03 Angstrom too long,
and novelty did not tell."""


@dataclass(frozen=True)
class Domain:
    """The molecules a model may be used on: neutral closed shells of known elements and size.

    Attributes:
        elements: atomic numbers the model knows.
        max_atoms: size, hydrogens included, up to which its accuracy was measured.
    """

    elements: tuple[int, ...]
    max_atoms: int

    @classmethod
    def from_card(cls, card: dict[str, Any]) -> Self:
        """Reads the domain from the card that comes with the weights."""
        return cls(tuple(card["domain"]["elements"]), card["domain"]["max_atoms"])

    def __contains__(self, molecule: Molecule) -> bool:
        return (
            molecule.charge == 0
            and molecule.multiplicity == 1
            and len(molecule) <= self.max_atoms
            and bool(np.isin(molecule.atomic_numbers, self.elements).all())
        )


def is_large_enough(molecule: Molecule) -> bool:
    """Whether a molecule has as many heavy atoms as the model needs."""
    return int(np.count_nonzero(molecule.atomic_numbers > 1)) >= FEWEST_HEAVY_ATOMS
