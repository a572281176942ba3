"""Commands with `--server`: a job, and its results as they are done."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Any

import typer
from rich.console import Console
from tqdm import tqdm

from relaxd.client import Client, Job, RelaxdError
from relaxd.client.schemas import JobResult
from relaxd.service.cli._records import is_sent_whole, to_send
from relaxd.service.cli._remote_tables import RefineTable, RelaxTable
from relaxd.service.cli._sample_table import SampleTable
from relaxd.service.cli._servers import answering
from relaxd.service.cli._stopping import ending_on_signals
from relaxd.service.cli._watching import watching

FILES = (".sdf", ".xyz", ".extxyz")
"""Suffixes of what a job is saved as; the same as without a server."""

FILES_OF_SAMPLES = (*FILES, ".json")
"""The same, of a job that samples."""

Table = RelaxTable | RefineTable | SampleTable
"""Prints the results of one kind of job."""

Submit = Callable[[Client, Any], Job]
"""Submits molecules."""


@dataclass(frozen=True)
class Remote:
    """What is asked of a server, whatever it is to do.

    Attributes:
        server: its address.
        job_id: of a job that was submitted before; None submits one.
        inputs: each a SMILES, a file name, or `-`.
        output: file name or `-`; nothing is written if None.
        charge: total charge of every molecule, if given.
        multiplicity: spin multiplicity of every molecule, if given.
    """

    server: str
    job_id: str | None
    inputs: Sequence[str]
    output: str | None
    charge: int | None
    multiplicity: int | None

    @property
    def has_bonds(self) -> bool:
        """Whether what is written is SDF, which needs them."""
        return self.output is not None and (self.output == "-" or _suffix(self.output) == ".sdf")

    def label(self, result: JobResult) -> str:
        """Return the name of a molecule, as it is without a server."""
        if result.id:
            return result.id
        if len(self.inputs) == 1 and is_sent_whole(self.inputs[0]):
            return f"{Path(self.inputs[0]).stem}-{result.index + 1}"
        return result.smiles or str(result.index + 1)


def relax_there(remote: Remote, **options: Any) -> None:
    """Have molecules relaxed; exits as `relaxd relax`.

    Args:
        remote: what is asked.
        options: of `Client.submit`.

    Raises:
        typer.BadParameter: the server, or what is written, does not take it.
        typer.Exit: with 1, some molecules failed, or the server did; with 130, it was cancelled.
    """
    table = RelaxTable(Console(stderr=remote.output == "-"))
    _work(remote, table, lambda client, molecules: client.submit(molecules, **options))


def refine_there(remote: Remote, **options: Any) -> None:
    """Have molecules refined; exits as `relaxd refine`.

    Args:
        remote: what is asked.
        options: of `Client.refine`.

    Raises:
        typer.BadParameter: the server, or what is written, does not take it.
        typer.Exit: with 1, some molecules failed, or the server did; with 130, it was cancelled.
    """
    console = Console(stderr=remote.output == "-")
    table = RefineTable(console, frequencies=bool(options["frequencies"]))

    def submit(client: Client, molecules: Any) -> Job:
        try:
            return client.refine(molecules, **options)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    _work(remote, table, submit)


def sample_there(remote: Remote, table: SampleTable, **options: Any) -> None:
    """Have molecules sampled; exits as `relaxd sample`.

    Args:
        remote: what is asked.
        table: takes each result.
        options: of `Client.sample`.

    Raises:
        typer.BadParameter: the server, or what is written, does not take it.
        typer.Exit: with 1, some molecules failed, or the server did; with 130, it was cancelled.
    """
    _work(remote, table, lambda client, molecules: client.sample(molecules, **options))


def _work(remote: Remote, table: Table, submit: Submit) -> None:
    _check_output(remote, FILES_OF_SAMPLES if table.kind == "sample" else FILES)
    molecules = to_send(remote.inputs, remote.charge, remote.multiplicity)
    with answering(), Client(remote.server) as client:
        ending = _Ending(remote)
        with ending_on_signals(ending):
            ending.job = job = _job(client, remote, molecules, submit, table.kind)
            typer.echo(f"relaxd: job {job.id}", err=True)
            n_failed = sum(not shown for shown in _shown(job, remote, table))
            if remote.output == "-" and table.kind == "sample":
                _print_sdf(job)
            elif remote.output not in (None, "-"):
                job.save(str(remote.output))
    if n_failed:
        raise typer.Exit(1)


def _job(client: Client, remote: Remote, molecules: Any, submit: Submit, kind: str) -> Job:
    job = submit(client, molecules) if remote.job_id is None else client.job(remote.job_id)
    if job.info.kind != kind:
        raise typer.BadParameter(f"the job {job.id} is to {job.info.kind}, not to {kind}")
    return job


def _shown(job: Job, remote: Remote, table: Table) -> Iterator[bool]:
    """Print every result in its turn, and yield whether it is as it should be."""
    with watching(job, table.doing):
        for result in job.results():
            with tqdm.external_write_mode():
                shown = _show(result, remote, table)
            yield shown


def _show(result: JobResult, remote: Remote, table: Table) -> bool:
    id, error = remote.label(result), result.error
    if error is not None:
        return _fail(table, id, error.detail or error.title, error.type.rpartition(":")[2])
    if remote.has_bonds and result.sdf is None:
        reason = "its bonds are not known, and SDF needs them: write .xyz instead"
        return _fail(table, id, reason, "no-bonds")
    if remote.output == "-" and result.sample is None:
        told = [result] if result.conformers is None else result.conformers
        sys.stdout.writelines(str(each.sdf) for each in told)
    return table.print(id, result)


def _print_sdf(job: Job) -> None:
    """Print every geometry, as the server writes them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "all.sdf"
        job.save(path)
        with path.open(encoding="utf-8") as file:
            copyfileobj(file, sys.stdout)


def _fail(table: Table, id: str, detail: str, code: str) -> bool:
    table.print_failure(id, code)
    message = detail.removesuffix(".")
    named = message if message.startswith(f"{id}: ") else f"{id}: {message}"
    typer.echo(f"relaxd: {named} ({code})", err=True)
    return False


class _Ending:
    """Cancels the job on Ctrl-C, and says what becomes of it on any signal.

    Attributes:
        job: the job, once there is one.
    """

    def __init__(self, remote: Remote) -> None:
        self._server = remote.server
        self.job: Job | None = None

    def __call__(self, number: int) -> str:
        if self.job is None:
            return "stopped; no job was submitted"
        if number != signal.SIGINT:
            return f"stopped; the same command with --job {self.job.id} goes on waiting for the job"
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # who cannot wait for the server may leave
        try:
            self.job.cancel()
        except RelaxdError as error:
            return f"stopped, but the job {self.job.id} could not be cancelled: {error}"
        save = f"relaxd jobs save {self.job.id} --server {self._server} -o FILE"
        return f"cancelled the job {self.job.id}; `{save}` writes what was done"


def _check_output(remote: Remote, files: Sequence[str]) -> None:
    """Find out before the work that its results can be written."""
    if remote.output in (None, "-"):
        return
    path = Path(str(remote.output))
    if path.resolve() in [Path(text).resolve() for text in remote.inputs]:
        raise typer.BadParameter(f"{path} is read from: write to another file")
    if _suffix(str(path)) not in files:
        raise typer.BadParameter(f"{path}: expected one of {', '.join(files)}")
    if path.is_dir():
        raise typer.BadParameter(f"{path}: Is a directory")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"{path}: No such file or directory")
    if not os.access(path.parent, os.W_OK):
        raise typer.BadParameter(f"{path}: Permission denied")


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()
