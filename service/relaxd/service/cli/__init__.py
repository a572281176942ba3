"""The command line, one module for each command.

Commands import torch and the chemistry when they run: `relaxd --help` does not wait for them.
"""

import typer

from relaxd.service.cli._evaluate import evaluate
from relaxd.service.cli._inspect import inspect
from relaxd.service.cli._jobs import jobs
from relaxd.service.cli._keys import keys
from relaxd.service.cli._models import models
from relaxd.service.cli._refine import refine
from relaxd.service.cli._relax import relax
from relaxd.service.cli._sample import sample
from relaxd.service.cli._serve import PASS_THROUGH, serve
from relaxd.service.cli._train import train
from relaxd.service.cli._worker import worker

__all__ = ["app"]

app = typer.Typer(
    name="relaxd",
    help="Relax molecules to DFT-quality geometries with an equivariant diffusion model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(relax)
app.command()(refine)
app.command()(sample)
app.command(context_settings=PASS_THROUGH)(serve)
app.command()(worker)
app.command()(train)
app.command()(evaluate)
app.command()(inspect)
app.command()(models)
app.add_typer(jobs, name="jobs")
app.add_typer(keys, name="keys")
