"""The work of `relaxd relax`: read, relax, write and report, some molecules at a time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import typer
from rich.console import Console
from tqdm import tqdm

from relaxd.relax import Ensemble, Molecule, MoleculeError, Relaxer, RelaxResult
from relaxd.service.cli._inputs import Read
from relaxd.service.cli._outputs import Record, Write
from relaxd.service.cli._report import Report, Row, failed_row, relaxed_row

CHUNK = 256
"""Molecules held in memory at once."""

Outcome = RelaxResult | Ensemble | MoleculeError
T = TypeVar("T")


def relax_all(
    relaxer: Relaxer,
    molecules: Iterable[Read],
    write: Write,
    *,
    table_to_stderr: bool,
    conformers: int = 1,
    keep: int = 1,
) -> int:
    """Relax molecules, write what came of them, and print a table; failures go to stderr too.

    Args:
        relaxer: the model.
        molecules: any number of them.
        write: takes each result.
        table_to_stderr: whether standard output is taken.
        conformers: of each molecule to look among.
        keep: conformers to write of each molecule, where more than one is looked for; the table
            has the lowest.

    Returns:
        How many molecules failed.
    """
    report = Report(Console(stderr=table_to_stderr))
    n_failed = 0
    progress = tqdm(molecules, desc="relaxing", unit="mol", disable=None)
    for chunk in chunks(progress, max(1, CHUNK // conformers)):
        relaxed = _relaxed(relaxer, chunk, conformers, keep)
        outcomes = [_written(outcome, write) for outcome in relaxed]
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


def _relaxed(relaxer: Relaxer, chunk: list[Read], conformers: int, keep: int) -> list[Outcome]:
    molecules = [read for read in chunk if isinstance(read, Molecule)]
    results: Iterator[Outcome]
    if conformers == 1:
        results = iter(relaxer.relax_batch(molecules))
    else:
        results = (_lowest(relaxer, molecule, conformers, keep) for molecule in molecules)
    return [next(results) if isinstance(read, Molecule) else read for read in chunk]


def _lowest(relaxer: Relaxer, molecule: Molecule, n: int, keep: int) -> Outcome:
    try:
        return relaxer.conformers(molecule, n, keep=keep)
    except MoleculeError as error:
        return error


def _written(outcome: Outcome, write: Write) -> Outcome:
    """Write a result; the error if it is none, diverged, or does not fit the format."""
    if isinstance(outcome, MoleculeError):
        return outcome
    result, records = _records(outcome)
    try:
        result.molecule.with_positions(result.positions)
        for record in records:
            write(record)
    except MoleculeError as error:
        return error
    return outcome


def _row(outcome: Outcome) -> Row:
    if isinstance(outcome, MoleculeError):
        return failed_row(outcome.id or "", outcome.code)
    result, _ = _records(outcome)
    formula = result.molecule.to_atoms().get_chemical_formula()
    id = result.molecule.id or ""
    return relaxed_row(id, formula, result.converged, result.rmsd_from_start, result.verdict)


def _records(outcome: RelaxResult | Ensemble) -> tuple[RelaxResult, Sequence[Record]]:
    """Return the result, which is that of the lowest conformer, and what to write of it."""
    if isinstance(outcome, Ensemble):
        return outcome.lowest, outcome.conformers
    return outcome, (outcome,)
