"""What stands on the command line for molecules, and the model that relaxes them."""

import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from relaxd.relax import Molecule, MoleculeError, from_smiles, read_molecules

if TYPE_CHECKING:
    from relaxd.relax import Relaxer

Read = Molecule | MoleculeError
"""A molecule, or why there is none."""


def load_relaxer(model: str, device: str) -> "Relaxer":
    """Load a model by name or path.

    Raises:
        typer.BadParameter: no such model, no such device, or a file that holds no weights.
    """
    # Only those who want the model wait for torch.
    from safetensors import SafetensorError

    from relaxd.model import UnknownModelError
    from relaxd.relax import Relaxer

    try:
        return Relaxer.load(model, device)
    except (UnknownModelError, SafetensorError, RuntimeError) as error:
        raise typer.BadParameter(f"{model} on {device}: {error}") from error


def read_inputs(
    inputs: Sequence[str], charge: int | None, multiplicity: int | None
) -> Iterator[Read]:
    """Yield the molecules of SMILES, files, and `-`, in order; files are read as it goes on.

    Args:
        inputs: each a SMILES, a file name, or `-`.
        charge: total charge of every molecule, if given.
        multiplicity: spin multiplicity of every molecule, if given.

    Raises:
        typer.BadParameter: a file that is not there, or of no known format. Before the first
            molecule is read.
    """
    sources = [_source(text, charge, multiplicity) for text in inputs]
    return chain.from_iterable(sources)


def _source(text: str, charge: int | None, multiplicity: int | None) -> Iterator[Read]:
    try:
        molecules = read_molecules(text, charge=charge, multiplicity=multiplicity)
    except MoleculeError as error:
        # No suffix of a known format: a SMILES, unless there is a file of that name.
        if os.path.exists(text):  # noqa: PTH110 - False, not an error, for a very long SMILES
            raise typer.BadParameter(error.message) from error
        return _one_smiles(text, charge, multiplicity)
    if text != "-":
        _check_readable(Path(text))
    return molecules


def _one_smiles(smiles: str, charge: int | None, multiplicity: int | None) -> Iterator[Read]:
    try:
        yield from_smiles(smiles, charge=charge, multiplicity=multiplicity, id=smiles)
    except MoleculeError as error:
        yield error


def _check_readable(path: Path) -> None:
    try:
        path.open().close()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from error
