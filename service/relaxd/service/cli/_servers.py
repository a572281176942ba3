"""What commands that talk to a server share."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from relaxd.client import InputError, RelaxdError

NOT_THE_COMMAND = (401, 404, 409)
"""HTTP statuses of refusals for which the command is not to blame: no key, no job, not yet."""


def check_server(
    context: typer.Context, server: str | None, job: str | None, refused: Sequence[str]
) -> None:
    """Check that the options of a command go together.

    Args:
        context: of the command.
        server: where it is to be done; None for here.
        job: to be waited for.
        refused: options that make sense here only.

    Raises:
        typer.BadParameter: they do not.
    """
    if server is None:
        if job is not None:
            raise typer.BadParameter("--job needs --server")
        return
    for name in refused:
        if _is_given(context, name):
            raise typer.BadParameter(f"--{name} does not go with --server, which decides on it")


def name_of_model(context: typer.Context, model: str) -> str | None:
    """Return the model to ask a server for; None leaves it to the server.

    The variable `RELAXD_MODEL` is for work that is done here.

    Raises:
        typer.BadParameter: it is a file.
    """
    if not _is_given(context, "model"):
        return None
    if os.sep in model or os.path.exists(model):  # noqa: PTH110 - it may be no path
        raise typer.BadParameter(f"{model} is a file: --server takes the name of a model it has")
    return model


@contextmanager
def answering() -> Iterator[None]:
    """Say what a server refuses, or that there is none, and exit.

    Raises:
        typer.BadParameter: the request makes no sense to the server.
        typer.Exit: with 1, it fails otherwise.
    """
    try:
        yield
    except InputError as error:
        if error.status in NOT_THE_COMMAND:
            raise _failed(error) from None
        raise typer.BadParameter(str(error)) from error
    except (RelaxdError, OSError) as error:
        raise _failed(error) from None


def _failed(error: Exception) -> typer.Exit:
    typer.echo(f"relaxd: {error}", err=True)
    return typer.Exit(1)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
