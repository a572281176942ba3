"""`relaxd jobs`: the jobs of a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from relaxd.service.cli._servers import answering
from relaxd.service.cli._stopping import ending_on_signals

if TYPE_CHECKING:
    from relaxd.client import Client, Job

jobs = typer.Typer(help="List, watch, cancel and save the jobs of a server.", no_args_is_help=True)


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Kind(StrEnum):
    """What a job does."""

    RELAX = "relax"
    REFINE = "refine"
    SAMPLE = "sample"


Server = Annotated[
    str | None,
    typer.Option(
        envvar="RELAXD_URL",
        metavar="URL",
        help="Where the server is; this machine if not given. RELAXD_API_KEY holds the key.",
    ),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="Of the job; `relaxd jobs list`.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@jobs.command("list")
def show_all(
    server: Server = None,
    state: Annotated[State | None, typer.Option(help="Only jobs that stand there.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only jobs that do this.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only jobs with this tag.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    json: Json = False,
) -> None:
    """List jobs, latest first."""
    from relaxd.service.cli._job_tables import print_jobs, print_json

    with _client(server) as client:
        found = client.jobs(
            state=state.value if state else None, kind=kind.value if kind else None, tag=tag
        )
        infos = [job.info for job in islice(found, limit)]
    if json:
        print_json([info.model_dump(mode="json") for info in infos])
    else:
        print_jobs(infos)


@jobs.command()
def show(id: Id, server: Server = None, json: Json = False) -> None:
    """Show how a job stands."""
    from relaxd.service.cli._job_tables import print_job, print_json

    with _job(id, server) as job:
        info = job.info
    if json:
        print_json(info.model_dump(mode="json"))
    else:
        print_job(info)


@jobs.command()
def cancel(id: Id, server: Server = None) -> None:
    """Cancel a job; what is done is kept."""
    with _job(id, server) as job:
        info = job.cancel()
    stands = "is being cancelled" if info.state in (State.QUEUED, State.RUNNING) else info.state
    typer.echo(f"relaxd: job {id}: {stands}", err=True)


@jobs.command()
def delete(id: Id, server: Server = None) -> None:
    """Delete a job that has ended, with its results."""
    with _job(id, server) as job:
        job.delete()
    typer.echo(f"relaxd: job {id}: deleted", err=True)


@jobs.command()
def wait(id: Id, server: Server = None) -> None:
    """Wait for the end of a job, which Ctrl-C leaves as it is.

    Exits with 0 if there is a result of every molecule, with 1 if not.
    """
    from relaxd.service.cli._watching import watching

    with (
        _job(id, server) as job,
        ending_on_signals(lambda _: f"stopped; job {id} goes on"),
        watching(job, job.info.name or job.info.kind),
    ):
        info = job.wait()
    typer.echo(
        f"relaxd: job {id}: {info.state}, {info.counts.ok} of {info.counts.total} ok", err=True
    )
    if info.counts.ok < info.counts.total:
        raise typer.Exit(1)


@jobs.command()
def save(
    id: Id,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write: .sdf, .xyz, .extxyz, .json or .jsonl.",
        ),
    ],
    server: Server = None,
) -> None:
    """Wait for the end of a job, and write its geometries to a file."""
    with _job(id, server) as job, ending_on_signals(lambda _: f"stopped; job {id} goes on"):
        try:
            count = job.save(output)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    typer.echo(f"relaxd: {output}: {count} of {job.info.counts.total} molecules", err=True)


@jobs.command()
def events(id: Id, server: Server = None) -> None:
    """Print what happens in a job, a JSON object each, until it has ended."""
    with _job(id, server) as job, ending_on_signals(lambda _: f"stopped; job {id} goes on"):
        for event in job.events():
            typer.echo(event.model_dump_json())


@contextmanager
def _client(server: str | None) -> Iterator["Client"]:
    # `--help` waits for nothing that talks over the network.
    from relaxd.client import Client

    with answering(), Client(server) as client:
        yield client


@contextmanager
def _job(id: str, server: str | None) -> Iterator["Job"]:
    with _client(server) as client:
        yield client.job(id)
