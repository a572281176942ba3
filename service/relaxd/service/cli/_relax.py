"""`relaxd relax`."""

from pathlib import Path
from typing import Annotated

import typer

from relaxd.service.cli._options import DEFAULT_DEVICE, DEFAULT_MODEL, Device, Model


def relax(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="SMILES, .smi, .sdf, .xyz or .extxyz files, or - for SMILES on standard input."
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write: .sdf, .xyz or .extxyz, or - for SDF on standard output, which "
            "sends the table to standard error.",
        ),
    ] = None,
    model: Model = DEFAULT_MODEL,
    device: Device = DEFAULT_DEVICE,
    charge: Annotated[
        int | None, typer.Option(help="Charge of every molecule; else that of its file.")
    ] = None,
    multiplicity: Annotated[
        int | None,
        typer.Option(min=1, help="Spin multiplicity of every molecule; else that of its file."),
    ] = None,
) -> None:
    """Relax molecules in this process, without a server.

    Exits with 0 if all were relaxed, 1 if some were not, 2 if the command makes no sense.
    """
    from relaxd.service.cli._inputs import load_relaxer, read_inputs
    from relaxd.service.cli._outputs import open_output
    from relaxd.service.cli._relaxing import relax_all

    # The output is emptied before the first molecule is read.
    if output not in (None, "-") and Path(output).resolve() in [Path(i).resolve() for i in inputs]:
        raise typer.BadParameter(f"{output} is read from: write to another file")
    molecules = read_inputs(inputs, charge, multiplicity)
    relaxer = load_relaxer(model, device)
    with open_output(output) as write:
        n_failed = relax_all(relaxer, molecules, write, table_to_stderr=output == "-")
    if n_failed:
        raise typer.Exit(1)
