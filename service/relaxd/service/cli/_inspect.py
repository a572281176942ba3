"""`relaxd inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from relaxd.service.cli._evaluate import FOLDER
from relaxd.service.cli._pairs import Data, Pairs, find_pairs


def inspect(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Models, or .safetensors files such as those of `relaxd train --checkpoints`.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", dir_okay=False, metavar="FILE.html", help="Where to write the report."
        ),
    ],
    data: Data = None,
    pairs: Pairs = None,
    molecules: Annotated[int, typer.Option(min=1, help="Validation molecules to look at.")] = 20,
    json: Annotated[
        Path | None,
        typer.Option(dir_okay=False, metavar="FILE", help="Where to write all figures."),
    ] = None,
) -> None:
    """Compare what models have learned with the forces and Hessians of GFN2-xTB.

    Several checkpoints of a training show in which order they learned it.
    """
    try:
        from relaxd.service.cli._inspect_report import report
    except ModuleNotFoundError as error:
        raise typer.BadParameter(
            f"the report needs the package {error.name!r}: pip install 'relaxd[plot]'"
        ) from error
    from relaxd.service.cli._evaluating import write_json
    from relaxd.service.cli._inspecting import inspect_models, load_models

    loaded = load_models(models)
    figures = inspect_models(loaded, find_pairs(data, pairs, FOLDER), molecules)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(report(figures), encoding="utf-8")
    if json is not None:
        write_json(json, figures)
    typer.echo(f"{len(loaded)} models, {figures['n_molecules']} molecules: {output}")
