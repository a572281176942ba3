"""The geometry at which DFT starts."""

from dataclasses import dataclass

from relaxd.dft_bridge import RefineSettings, Task
from relaxd.relax import Molecule

METHODS = {"diffusion": "relaxd"}
"""What the verdict calls the model, and what a record of DFT does."""


@dataclass(frozen=True, eq=False)
class Start:
    """A molecule, and where DFT starts with it.

    Attributes:
        molecule: as it was read.
        relaxed: the same in its starting geometry.
        method: what made that geometry.
    """

    molecule: Molecule
    relaxed: Molecule
    method: str

    def to_task(self, settings: RefineSettings) -> Task:
        """What to refine, and how."""
        return Task.of(
            self.relaxed.to_atoms(),
            settings,
            charge=self.relaxed.charge,
            multiplicity=self.relaxed.multiplicity,
            frozen=self.relaxed.frozen,
            start=self.method,
        )
