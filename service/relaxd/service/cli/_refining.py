"""The work of `relaxd refine`: start, refine, write and report, each molecule as it ends."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ase
import typer

from relaxd.dft_bridge import Batch, DftError, Level, Outcome, RefineSettings, Task, refine
from relaxd.relax import Molecule, MoleculeError
from relaxd.service._refined import Failure, Refined, frames
from relaxd.service._starting import Start
from relaxd.service.cli._outputs import Write
from relaxd.service.cli._refine_progress import Progress
from relaxd.service.cli._refine_table import RefineReport, refined_row
from relaxd.service.cli._starting import Started

Computed = tuple[Molecule, Outcome]
"""A molecule as it was read, and what came of it."""


@dataclass(frozen=True)
class Outputs:
    """Where everything goes.

    Attributes:
        write: takes each result.
        write_frame: takes each DFT point.
        report: prints each row.
    """

    write: Write
    write_frame: Callable[[ase.Atoms], None]
    report: RefineReport


def make_settings(level: str | None, solvent: str | None, **others: Any) -> RefineSettings:
    """Return how to refine, as the options say.

    Args:
        level: name; that of the training if None.
        solvent: name; the gas phase if None.
        others: fields of `RefineSettings`.

    Raises:
        typer.BadParameter: unknown level or solvent, or a GPU that cannot be used.
    """
    try:
        parsed = Level.parse(level or str(RefineSettings().level), solvent)
        settings = RefineSettings(level=parsed, **others)
        if settings.device == "gpu":
            _check_gpu(settings)
    except DftError as error:
        raise typer.BadParameter(error.reason) from error
    return settings


def refine_all(
    starts: Iterable[Started],
    settings: RefineSettings,
    outputs: Outputs,
    *,
    journals: Path,
    workers: int,
) -> int:
    """Refine molecules, write what came of them, and print a table; failures go to stderr too.

    Args:
        starts: any number of them, taken as they are needed.
        settings: how to refine.
        outputs: where everything goes.
        journals: folder that keeps every point.
        workers: how many molecules at once.

    Returns:
        How many molecules failed, or did not converge.

    Raises:
        typer.BadParameter: the folder cannot be made.
    """
    n_failed = 0
    with Progress() as progress, _batch(journals, workers, progress) as batch:
        for found in _in_order(batch, starts, settings):
            ended = _ended(found, outputs)
            n_failed += isinstance(ended, Failure) or not ended.result.converged
            with progress.aside():
                _print(ended, outputs.report)
                if isinstance(ended, Failure):
                    typer.echo(f"relaxd: {ended.message} ({ended.code})", err=True)
            progress.done(ended.id)
    return n_failed


def _check_gpu(settings: RefineSettings) -> None:
    """Computes a point of hydrogen: what is wrong with the GPU is said once, not per molecule."""
    hydrogen = ase.Atoms("H2", [(0.0, 0.0, 0.0), (0.0, 0.0, 0.74)])
    refine(hydrogen, replace(settings, max_gradients=1, frequencies=False))


def _batch(journals: Path, workers: int, progress: Progress) -> Batch:
    try:
        return Batch(journals, workers=workers, on_event=progress.tell)
    except OSError as error:
        raise typer.BadParameter(f"{journals}: {error.strerror}") from error


def _in_order(
    batch: Batch, starts: Iterable[Started], settings: RefineSettings
) -> Iterator[MoleculeError | Computed]:
    """Yield what came of every molecule; those that never got as far as DFT in their places."""
    waiting: deque[Started] = deque()

    def tasks() -> Iterator[tuple[str, Task]]:
        for start in starts:
            waiting.append(start)
            if isinstance(start, Start):
                yield start.molecule.id or "", start.to_task(settings)

    for outcome in batch.run(tasks()):
        while isinstance(start := waiting.popleft(), MoleculeError):
            yield start
        yield start.molecule, outcome
    # All that is left is what failed after the last that was computed.
    yield from (start for start in waiting if isinstance(start, MoleculeError))


def _ended(found: MoleculeError | Computed, outputs: Outputs) -> Refined | Failure:
    """Write what there is; the reason if there is no result, or the format cannot hold it."""
    if isinstance(found, MoleculeError):
        return Failure(found.id or "", found.code, found.message)
    molecule, outcome = found
    for frame in frames(molecule, outcome):
        outputs.write_frame(frame)
    if outcome.result is None:
        return _failure(outcome)
    refined = Refined(molecule, outcome.result)
    try:
        outputs.write(refined)
    except MoleculeError as error:
        return Failure(refined.id, error.code, error.message)
    return refined


def _failure(outcome: Outcome) -> Failure:
    error = outcome.error
    if error is None:
        raise RuntimeError(f"{outcome.id}: neither a result nor an error")
    message = f"{outcome.id}: {error.reason}"
    if error.best is not None:
        message += f"; {outcome.journal} keeps the best geometry"
    return Failure(outcome.id, error.code, message)


def _print(ended: Refined | Failure, report: RefineReport) -> None:
    if isinstance(ended, Failure):
        report.print_failure(ended.id, ended.code)
        return
    row = refined_row(
        ended.id,
        ended.molecule.to_atoms().get_chemical_formula(),
        ended.result,
        bonds_kept=ended.bonds_kept,
        lowest_wavenumber=ended.lowest_wavenumber,
    )
    report.print(row)
