"""Options that several commands have, with names, defaults and help from the settings."""

from typing import Annotated, Any

import typer

from relaxd.service._settings import Settings


def _option(name: str, **options: Any) -> Any:
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
Model = Annotated[str, _option("model")]
Device = Annotated[str, _option("device")]
Database = Annotated[str, _option("database", metavar="URL")]
Threads = Annotated[int | None, _option("threads", min=1)]


def positive(value: float | None) -> float | None:
    """Let a positive number pass, or none at all.

    Raises:
        typer.BadParameter: zero or less.
    """
    if value is not None and value <= 0:
        raise typer.BadParameter("must be positive")
    return value
