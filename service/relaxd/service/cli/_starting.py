"""The geometries at which DFT starts."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from relaxd.relax import Molecule, MoleculeError
from relaxd.service._starting import METHODS, Start
from relaxd.service.cli._inputs import Read

if TYPE_CHECKING:
    from relaxd.relax import Relaxer, RelaxResult

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
