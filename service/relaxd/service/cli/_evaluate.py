"""`relaxd evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from relaxd.service.cli._options import DEFAULT_DEVICE, DEFAULT_MODEL, Device, Model
from relaxd.service.cli._pairs import Data, Pairs, find_pairs

FOLDER = Path("runs")
"""Where the file of pairs and the DFT energies are kept if nothing else is said."""


def evaluate(
    data: Data = None,
    pairs: Pairs = None,
    model: Model = DEFAULT_MODEL,
    device: Device = DEFAULT_DEVICE,
    molecules: Annotated[
        int, typer.Option(min=1, help="Validation molecules to compare geometries of.")
    ] = 250,
    energies: Annotated[
        int, typer.Option(min=0, help="How many of them to compare DFT energies of.")
    ] = 0,
    basins: Annotated[
        bool,
        typer.Option(
            "--basins",
            help="Relax by DFT what lies more than 1 kcal/mol above the reference minimum, and "
            "tell how often that leads to another.",
        ),
    ] = False,
    starts: Annotated[
        bool,
        typer.Option("--starts", help="Start from ETKDG, UFF, GFN2-xTB and noisy geometries, too."),
    ] = False,
    level: Annotated[
        str | None,
        typer.Option(
            metavar="FUNCTIONAL/BASIS",
            help="Level of theory of the energies; that of the model if not given.",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            metavar="FILE.jsonl",
            help="Keeps the energies from one call to the next.",
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(dir_okay=False, metavar="FILE", help="Where to write all figures."),
    ] = None,
) -> None:
    """Compare the model with MMFF94 and GFN2-xTB on molecules it has not seen."""
    from relaxd.relax import starts_table, table
    from relaxd.service.cli._evaluating import Energies, evaluate_model, write_json
    from relaxd.service.cli._inputs import load_relaxer

    if energies > molecules:
        raise typer.BadParameter("--energies cannot be more than --molecules")
    if basins and not energies:
        raise typer.BadParameter("--basins needs --energies")
    relaxer = load_relaxer(model, device)
    dft = Energies(level or relaxer.model.level_of_theory, cache, FOLDER) if energies else None
    path = find_pairs(data, pairs, FOLDER)
    figures = evaluate_model(relaxer, path, molecules, energies, dft, starts, basins)
    typer.echo(table(figures))
    if starts:
        typer.echo(starts_table(figures["starts"]))
    if json is not None:
        write_json(json, figures)
