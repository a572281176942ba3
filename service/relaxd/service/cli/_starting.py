"""The geometries at which DFT starts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relaxd.dft_bridge import RefineSettings, Task
from relaxd.relax import Molecule, MoleculeError
from relaxd.service.cli._inputs import Read

if TYPE_CHECKING:
    from relaxd.relax import Relaxer, RelaxResult

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


Started = Start | MoleculeError
"""Where DFT starts, or why it cannot."""


def given(reads: Iterable[Read]) -> Iterator[Started]:
    """Start in the geometries that were read; those of SMILES come from a force field."""
    for read in reads:
        yield read if isinstance(read, MoleculeError) else Start(read, read, "given")


def relaxed(reads: Iterable[Read], relaxer: "Relaxer") -> Iterator[Started]:
    """Start where the model relaxes molecules to, or its fallback beyond the model's domain.

    One at a time: beside DFT it costs nothing, and in a batch the last digits would depend on the
    other molecules, so that a longer list would not find the journals of a shorter one.

    Args:
        reads: any number of them.
        relaxer: the model.
    """
    for read in reads:
        yield _start(relaxer.relax_batch([read])[0]) if isinstance(read, Molecule) else read


def _start(result: "RelaxResult | MoleculeError") -> Started:
    if isinstance(result, MoleculeError):
        return result
    try:
        moved = result.molecule.with_positions(result.positions)
    except MoleculeError as error:
        return error
    method = result.verdict.method
    return Start(result.molecule, moved, METHODS.get(method, method))
