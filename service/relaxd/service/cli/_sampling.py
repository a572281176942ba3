"""The work of `relaxd sample`: read, sample, write and report, one molecule after the other."""

from collections.abc import Iterable
from typing import Any

import typer
from tqdm import tqdm

from relaxd.client.schemas import JobResult, SampleOptions
from relaxd.relax import Molecule, MoleculeError, Relaxer
from relaxd.service._sampled import draw, sampled_of
from relaxd.service.cli._inputs import Read
from relaxd.service.cli._sample_outputs import WriteSample
from relaxd.service.cli._sample_table import SampleTable


def sample_all(
    relaxer: Relaxer,
    molecules: Iterable[Read],
    options: SampleOptions,
    write: WriteSample,
    table: SampleTable,
) -> int:
    """Sample molecules, write what came of them, and print a table; failures go to stderr too.

    Args:
        relaxer: the model.
        molecules: any number of them.
        options: how to sample.
        write: takes each sample.
        table: takes each result.

    Returns:
        How many molecules failed.
    """
    n_failed = 0
    with tqdm(desc=table.doing, unit="geometry", disable=None) as bar:
        for index, read in enumerate(molecules):
            try:
                result = _sampled(relaxer, read, index, options, write, bar)
            except MoleculeError as error:
                n_failed += 1
                with tqdm.external_write_mode():
                    table.print_failure(error.id or "", error.code)
                    typer.echo(f"relaxd: {error.message} ({error.code})", err=True)
            else:
                with tqdm.external_write_mode():
                    table.print(result.id or "", result)
    return n_failed


def _sampled(
    relaxer: Relaxer, read: Read, index: int, options: SampleOptions, write: WriteSample, bar: Any
) -> JobResult:
    """Sample a molecule and write it.

    Raises:
        MoleculeError: it was not read, or cannot be sampled.
    """
    if not isinstance(read, Molecule):
        raise read
    bar.reset()
    bar.set_description(f"sampling {read.id}")

    def progress(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    drawn = draw(relaxer, read, options, progress)
    result = JobResult(index=index, **dict(sampled_of(drawn, None)))
    write(drawn.sample, result)
    return result
