"""`relaxd relax`."""

from pathlib import Path

import typer

from relaxd.service.cli._options import (
    DEFAULT_DEVICE,
    DEFAULT_MODEL,
    Charge,
    Conformers,
    Device,
    Inputs,
    JobId,
    Keep,
    Model,
    Multiplicity,
    Output,
    Server,
)
from relaxd.service.cli._servers import check_server, name_of_model


def relax(
    context: typer.Context,
    inputs: Inputs,
    output: Output = None,
    model: Model = DEFAULT_MODEL,
    device: Device = DEFAULT_DEVICE,
    charge: Charge = None,
    multiplicity: Multiplicity = None,
    conformers: Conformers = 1,
    keep: Keep = 1,
    server: Server = None,
    job: JobId = None,
) -> None:
    """Relax molecules in this process or, with --server, by a server.

    Exits with 0 if all were relaxed, 1 if some were not, 2 if the command makes no sense, 130 if it
    was stopped by Ctrl-C, which cancels the job; any other end leaves the job to the server.
    """
    check_server(context, server, job, refused=("device",))
    if server is not None:
        from relaxd.service.cli._remote import Remote, relax_there

        remote = Remote(server, job, inputs, output, charge, multiplicity)
        asked = name_of_model(context, model)
        relax_there(remote, model=asked, conformers=conformers, keep=keep)
        return
    from relaxd.service.cli._inputs import load_relaxer, read_inputs
    from relaxd.service.cli._outputs import open_output
    from relaxd.service.cli._relaxing import relax_all

    # The output is emptied before the first molecule is read.
    if output not in (None, "-") and Path(output).resolve() in [Path(i).resolve() for i in inputs]:
        raise typer.BadParameter(f"{output} is read from: write to another file")
    molecules = read_inputs(inputs, charge, multiplicity)
    relaxer = load_relaxer(model, device)
    with open_output(output) as write:
        to_stderr = output == "-"
        n_failed = relax_all(
            relaxer, molecules, write, table_to_stderr=to_stderr, conformers=conformers, keep=keep
        )
    if n_failed:
        raise typer.Exit(1)
