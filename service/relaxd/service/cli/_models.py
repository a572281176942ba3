"""`relaxd models`."""

from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from relaxd.relax import ModelSummary


def models() -> None:
    """List the models that ship with relaxd, with their accuracy as last measured."""
    from relaxd.model import model_names
    from relaxd.relax import Relaxer

    names = model_names()
    if not names:
        typer.echo("relaxd: no model ships with this installation", err=True)
        raise typer.Exit(1)
    table = Table("model", "domain", "parameters", "accuracy", "sha256", box=None)
    for name in names:
        table.add_row(*_row(Relaxer.load(name).model))
    Console().print(table)


def _row(model: "ModelSummary") -> tuple[str, ...]:
    from ase.data import chemical_symbols

    elements = " ".join(chemical_symbols[number] for number in model.elements)
    return (
        model.name,
        f"{elements}\nup to {model.max_atoms} atoms\nminima at {model.level_of_theory}",
        f"{model.n_parameters:,}",
        "\n".join(f"{quantity} {value:.3g}" for quantity, value in model.accuracy.items()),
        model.sha256[:12],
    )
