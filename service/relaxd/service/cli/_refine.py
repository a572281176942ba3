"""`relaxd refine`."""

import importlib.util
import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from relaxd.service.cli._options import (
    DEFAULT_DEVICE,
    DEFAULT_MODEL,
    Charge,
    Inputs,
    JobId,
    Model,
    Multiplicity,
    Output,
    Server,
)
from relaxd.service.cli._servers import check_server, name_of_model
from relaxd.service.cli._stopping import ending_on_signals

PACKAGES = ("geometric", "psutil", "pyscf", "tblite")
"""Those of the dft extra without which no molecule can be refined."""

HERE_ONLY = ("trajectory", "workers", "threads", "memory", "journals")
"""Options that a server does not take from those who use it."""


class Start(StrEnum):
    """Where DFT starts."""

    RELAXD = "relaxd"
    GIVEN = "given"


class Hessian(StrEnum):
    """Where the optimiser knows curvature from."""

    GFN2_XTB = "gfn2-xtb"
    MODEL = "model"


class DftDevice(StrEnum):
    """Where DFT is computed."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"


def refine(
    context: typer.Context,
    inputs: Inputs,
    output: Output = None,
    trajectory: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write every DFT point with energy and forces: .xyz or .extxyz.",
        ),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="Level of theory: a name such as fast, or functional[-dispersion]/basis; that of "
            "the training data if not given.",
        ),
    ] = None,
    solvent: Annotated[
        str | None, typer.Option(help="Implicit solvent; the gas phase if not given.")
    ] = None,
    start: Annotated[
        Start,
        typer.Option(
            help="Where DFT starts: where the diffusion model relaxes to (beyond its domain, "
            "GFN2-xTB), or in the geometry as given (of a SMILES, from a force field)."
        ),
    ] = Start.RELAXD,
    hessian: Annotated[
        Hessian, typer.Option(help="Where the optimiser knows curvature from.")
    ] = Hessian.GFN2_XTB,
    frequencies: Annotated[
        bool, typer.Option("--frequencies", help="Check that each minimum is one.")
    ] = False,
    max_gradients: Annotated[
        int, typer.Option(min=1, help="After so many a molecule is given up, not converged.")
    ] = 100,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Molecules at once; as many as the cores allow if not given."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads for each molecule.")] = 1,
    memory: Annotated[
        int, typer.Option(min=1, metavar="MB", help="What each molecule may hold at most.")
    ] = 4000,
    device: Annotated[
        DftDevice,
        typer.Option(help="Where DFT is computed; auto takes a GPU for molecules that gain by it."),
    ] = DftDevice.AUTO,
    journals: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keeps every DFT point, so that the same command goes on where it was stopped; "
            "OUTPUT.journals, or relaxd-journals, if not given.",
        ),
    ] = None,
    charge: Charge = None,
    multiplicity: Multiplicity = None,
    model: Model = DEFAULT_MODEL,
    server: Server = None,
    job: JobId = None,
) -> None:
    """Relax molecules by DFT, each in a process of its own, from where the model relaxes them to.

    Exits with 0 if all converged, 1 if some failed or did not, 2 if the command makes no sense,
    130 or 143 if it was stopped by Ctrl-C or SIGTERM. With --server, Ctrl-C cancels the job, and
    any other end leaves it to the server.
    """
    check_server(context, server, job, refused=HERE_ONLY)
    if server is not None:
        from relaxd.service.cli._remote import Remote, refine_there

        refine_there(
            Remote(server, job, inputs, output, charge, multiplicity),
            model=name_of_model(context, model),
            level=level,
            solvent=solvent,
            start=start.value,
            hessian=hessian.value,
            frequencies=frequencies,
            max_gradients=max_gradients,
            device=device.value,
        )
        return
    files = [Path(output)] if output not in (None, "-") else []
    folder = journals or Path(f"{output}.journals" if files else "relaxd-journals")
    kept = f"stopped; the journals in {folder} keep what was computed, "
    with ending_on_signals(lambda _: kept + "and the same command goes on from there"):
        _check_packages()
        _check_files(inputs, files + ([trajectory] if trajectory else []))
        from rich.console import Console

        from relaxd.service.cli._inputs import load_relaxer, read_inputs
        from relaxd.service.cli._outputs import is_sdf, open_frames, open_output, with_bonds
        from relaxd.service.cli._refine_table import RefineReport
        from relaxd.service.cli._refining import Outputs, make_settings, refine_all
        from relaxd.service.cli._starting import given, relaxed

        reads = read_inputs(inputs, charge, multiplicity)
        settings = make_settings(
            level,
            solvent,
            hessian=hessian.value,
            frequencies=frequencies,
            max_gradients=max_gradients,
            device=device.value,
            threads=threads,
            memory_mb=memory,
        )
        if is_sdf(output):
            reads = with_bonds(reads)
        starts = (
            given(reads)
            if start is Start.GIVEN
            else relaxed(reads, load_relaxer(model, DEFAULT_DEVICE))
        )
        report = RefineReport(Console(stderr=output == "-"), frequencies=frequencies)
        with open_output(output, whole=True) as write, open_frames(trajectory) as write_frame:
            n_failed = refine_all(
                starts,
                settings,
                Outputs(write, write_frame, report),
                journals=folder,
                workers=workers or max(1, _cores() // threads),
            )
    if n_failed:
        raise typer.Exit(1)


def _check_packages() -> None:
    for name in PACKAGES:
        if importlib.util.find_spec(name) is None:
            message = f"relaxd refine needs the package {name!r}: pip install 'relaxd[dft]'"
            raise typer.BadParameter(message)


def _check_files(inputs: Sequence[str], files: Sequence[Path]) -> None:
    read = {Path(text).resolve() for text in inputs}
    for number, path in enumerate(files):
        if path.resolve() in read:
            raise typer.BadParameter(f"{path} is read from: write to another file")
        if path.resolve() in [other.resolve() for other in files[:number]]:
            raise typer.BadParameter(f"{path} cannot hold both results and trajectory")


def _cores() -> int:
    """Those this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
