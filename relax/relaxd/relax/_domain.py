"""Which molecules a model was trained for."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ._molecule import Molecule


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
