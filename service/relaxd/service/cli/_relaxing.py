"""The work of `relaxd relax`: read, relax, write and report, some molecules at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import typer
from rich.console import Console
from tqdm import tqdm

from relaxd.relax import Molecule, MoleculeError, Relaxer, RelaxResult
from relaxd.service.cli._inputs import Read
from relaxd.service.cli._outputs import Write
from relaxd.service.cli._report import Report, Row, failed_row, relaxed_row

CHUNK = 256
"""Molecules held in memory at once."""

Outcome = RelaxResult | MoleculeError
T = TypeVar("T")


def relax_all(
    relaxer: Relaxer, molecules: Iterable[Read], write: Write, *, table_to_stderr: bool
) -> int:
    """Relax molecules, write what came of them, and print a table; failures go to stderr too.

    Args:
        relaxer: the model.
        molecules: any number of them.
        write: takes each result.
        table_to_stderr: whether standard output is taken.

    Returns:
        How many molecules failed.
    """
    report = Report(Console(stderr=table_to_stderr))
    n_failed = 0
    progress = tqdm(molecules, desc="relaxing", unit="mol", disable=None)
    for chunk in chunks(progress, CHUNK):
        outcomes = [_written(outcome, write) for outcome in _relaxed(relaxer, chunk)]
        errors = [outcome for outcome in outcomes if isinstance(outcome, MoleculeError)]
        n_failed += len(errors)
        with tqdm.external_write_mode():
            report.print([_row(outcome) for outcome in outcomes])
            for error in errors:
                typer.echo(f"relaxd: {error.message} ({error.code})", err=True)
    return n_failed


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of `size`, the last of which may be shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _relaxed(relaxer: Relaxer, chunk: list[Read]) -> list[Outcome]:
    results = iter(relaxer.relax_batch([read for read in chunk if isinstance(read, Molecule)]))
    return [next(results) if isinstance(read, Molecule) else read for read in chunk]


def _written(outcome: Outcome, write: Write) -> Outcome:
    """Write a result; the error if it is none, diverged, or does not fit the format."""
    if isinstance(outcome, MoleculeError):
        return outcome
    try:
        outcome.molecule.with_positions(outcome.positions)
        write(outcome)
    except MoleculeError as error:
        return error
    return outcome


def _row(outcome: Outcome) -> Row:
    if isinstance(outcome, MoleculeError):
        return failed_row(outcome.id or "", outcome.code)
    formula = outcome.molecule.to_atoms().get_chemical_formula()
    return relaxed_row(
        outcome.molecule.id or "",
        formula,
        outcome.converged,
        outcome.rmsd_from_start,
        outcome.verdict,
    )
