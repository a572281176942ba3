"""`relaxd worker`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from relaxd.service._logging import LogFormat, LogLevel
from relaxd.service._scheduler import UnsafeSchedulerError, check_scheduler
from relaxd.service.cli._options import setting


class Resource(StrEnum):
    """What tasks may need of a worker."""

    CPU = "cpu"
    GPU = "gpu"


def _pem(name: str) -> Any:
    return setting(name, exists=True, dir_okay=False, metavar="FILE")


def worker(
    scheduler: Annotated[
        str, typer.Option(envvar="RELAXD_SCHEDULER", metavar="ADDRESS", help="Of Dask's scheduler.")
    ],
    resource: Annotated[
        Resource, typer.Option(help="What the tasks need that this worker takes.")
    ] = Resource.CPU,
    tls_ca_file: Annotated[Path | None, _pem("tls_ca_file")] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            envvar="RELAXD_TLS_CERT",
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="The worker's own certificate, PEM.",
        ),
    ] = None,
    tls_key: Annotated[Path | None, _pem("tls_key")] = None,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Let a scheduler on another machine be one without TLS."),
    ] = False,
    log_format: Annotated[LogFormat, setting("log_format")] = "text",
    log_level: Annotated[LogLevel, setting("log_level")] = "info",
) -> None:
    """Do jobs for the servers that use a Dask scheduler, one task at a time.

    Start as many as there are cores, or GPUs. A worker that dies is started again, and one whose
    scheduler is away waits for it. Ctrl-C and SIGTERM give back what it works on.
    """
    try:
        check_scheduler(scheduler, insecure=insecure)
    except UnsafeSchedulerError as error:
        raise typer.BadParameter(str(error)) from error
    import asyncio

    from relaxd.service._dask import security_of
    from relaxd.service.cli._working import Lending

    security = security_of(scheduler, tls_ca_file, tls_cert, tls_key)
    lending = Lending(scheduler, resource.value, security, log_format, log_level)
    asyncio.run(lending.run())
