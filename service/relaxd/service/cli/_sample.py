"""`relaxd sample`."""

from pathlib import Path
from typing import Annotated

import typer

from relaxd.client.schemas import MAX_SAMPLES, SampleOptions
from relaxd.service.cli._options import (
    DEFAULT_DEVICE,
    DEFAULT_MODEL,
    Charge,
    Device,
    Inputs,
    JobId,
    Model,
    Multiplicity,
    Server,
)
from relaxd.service.cli._servers import check_server, name_of_model

DEFAULTS = SampleOptions()


def sample(
    context: typer.Context,
    inputs: Inputs,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write every geometry with its weight: .sdf, .xyz, .extxyz, or .json, "
            "which holds conformers and torsions, too; or - for SDF on standard output, which "
            "sends the table to standard error.",
        ),
    ] = None,
    temperature: Annotated[
        float, typer.Option(min=10, max=2000, metavar="K", help="Temperature.")
    ] = DEFAULTS.temperature,
    samples: Annotated[
        int,
        typer.Option(min=10, max=MAX_SAMPLES, help="Geometries to draw of each molecule."),
    ] = DEFAULTS.n_samples,
    reweight: Annotated[
        bool,
        typer.Option(
            "--reweight/--no-reweight",
            help="Weigh the geometries by their GFN2-xTB energies, or all alike.",
        ),
    ] = DEFAULTS.reweight,
    seed: Annotated[
        int,
        typer.Option(min=0, max=2**31 - 1, help="Of all random numbers, for each molecule anew."),
    ] = DEFAULTS.seed,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to plot the distribution of every torsion: .png, .svg or .pdf.",
        ),
    ] = None,
    model: Model = DEFAULT_MODEL,
    device: Device = DEFAULT_DEVICE,
    charge: Charge = None,
    multiplicity: Multiplicity = None,
    server: Server = None,
    job: JobId = None,
) -> None:
    """Sample the conformations of molecules at a temperature, here or, with --server, by a server.

    Exits with 0 if all were sampled, 1 if some were not, 2 if the command makes no sense, 130 if it
    was stopped by Ctrl-C, which cancels the job; any other end leaves the job to the server.
    """
    check_server(context, server, job, refused=("device",))
    from rich.console import Console

    from relaxd.service.cli._sample_plot import plotting
    from relaxd.service.cli._sample_table import SampleTable

    with plotting(plot) as torsions:
        table = SampleTable(Console(stderr=output == "-"), torsions)
        options = SampleOptions(
            temperature=temperature, n_samples=samples, reweight=reweight, seed=seed
        )
        if server is not None:
            from relaxd.service.cli._remote import Remote, sample_there

            remote = Remote(server, job, inputs, output, charge, multiplicity)
            sample_there(remote, table, **dict(options), model=name_of_model(context, model))
            return
        from relaxd.service.cli._inputs import load_relaxer, read_inputs
        from relaxd.service.cli._sample_outputs import open_samples
        from relaxd.service.cli._sampling import sample_all

        # The output is emptied before the first molecule is read.
        if output not in (None, "-") and Path(output).resolve() in map(_resolved, inputs):
            raise typer.BadParameter(f"{output} is read from: write to another file")
        molecules = read_inputs(inputs, charge, multiplicity)
        relaxer = load_relaxer(model, device)
        with open_samples(output) as write:
            n_failed = sample_all(relaxer, molecules, options, write, table)
        if n_failed:
            raise typer.Exit(1)


def _resolved(text: str) -> Path:
    return Path(text).resolve()
