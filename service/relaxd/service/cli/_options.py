"""Options that several commands have, with names, defaults and help from the settings."""

from typing import Annotated, Any

import typer

from relaxd.client.schemas import MAX_CONFORMERS
from relaxd.service._settings import Settings


def setting(name: str, **options: Any) -> Any:
    """Return the option of a setting, with its variable and its help."""
    variable = f"{Settings.model_config['env_prefix']}{name.upper()}"
    return typer.Option(envvar=variable, help=Settings.model_fields[name].description, **options)


DEFAULT_MODEL: str = Settings.model_fields["model"].default
DEFAULT_DEVICE: str = Settings.model_fields["device"].default
DEFAULT_DATABASE: str = Settings.model_fields["database"].default

Inputs = Annotated[
    list[str],
    typer.Argument(
        help="SMILES, .smi, .sdf, .xyz or .extxyz files, or - for SMILES on standard input."
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write: .sdf, .xyz or .extxyz, or - for SDF on standard output, which "
        "sends the table to standard error.",
    ),
]
Charge = Annotated[
    int | None, typer.Option(help="Charge of every molecule; else that of its file.")
]
Multiplicity = Annotated[
    int | None,
    typer.Option(min=1, help="Spin multiplicity of every molecule; else that of its file."),
]
Model = Annotated[str, setting("model")]
Device = Annotated[str, setting("device")]
Database = Annotated[str, setting("database", metavar="URL")]
Server = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Have the server there do it, as a job; RELAXD_API_KEY is the key it may need.",
    ),
]
JobId = Annotated[
    str | None,
    typer.Option(
        "--job",
        metavar="ID",
        help="With --server: submit nothing, and go on waiting for the job that this same command "
        "submitted before.",
    ),
]
Conformers = Annotated[
    int,
    typer.Option(
        min=1,
        max=MAX_CONFORMERS,
        help="Embed and relax so many geometries of each molecule, its own included, and write the "
        "lowest conformer found.",
    ),
]
Keep = Annotated[
    int,
    typer.Option(
        min=1,
        max=MAX_CONFORMERS,
        help="With --conformers: write so many of the lowest, with energies.",
    ),
]
Threads = Annotated[int | None, setting("threads", min=1)]


def positive(value: float | None) -> float | None:
    """Let a positive number pass, or none at all.

    Raises:
        typer.BadParameter: zero or less.
    """
    if value is not None and value <= 0:
        raise typer.BadParameter("must be positive")
    return value
