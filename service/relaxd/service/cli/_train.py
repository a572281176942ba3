"""`relaxd train`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relaxd.service.cli._options import DEFAULT_DEVICE, Device, Threads, positive
from relaxd.service.cli._pairs import Data, Pairs, find_pairs

if TYPE_CHECKING:
    from relaxd.model import DenoiserConfig, LoadedModel

INTERRUPTED = 130
"""Exit status of what Ctrl-C ended, by the habit of shells: 128 + SIGINT."""


def train(
    run: Annotated[
        Path, typer.Option(file_okay=False, help="Folder of the run; resumed if it has begun.")
    ],
    data: Data = None,
    pairs: Pairs = None,
    device: Device = DEFAULT_DEVICE,
    threads: Threads = None,
    hours: Annotated[
        float | None, typer.Option(callback=positive, help="Time in all, over all resumptions.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(callback=positive, help="At its highest.")
    ] = None,
    atoms_per_batch: Annotated[
        int | None, typer.Option(min=1, help="About how many atoms a batch holds.")
    ] = None,
    channels: Annotated[
        int | None, typer.Option(min=1, help="Width: multiplicity of each irrep.")
    ] = None,
    n_layers: Annotated[int | None, typer.Option(min=1, help="Interaction layers.")] = None,
    l_max: Annotated[
        int | None, typer.Option(min=1, max=2, help="Highest degree of spherical harmonics.")
    ] = None,
    n_radial: Annotated[
        int | None, typer.Option("--radial", min=1, help="Bessel functions of the distance.")
    ] = None,
    n_filters: Annotated[
        int | None,
        typer.Option(
            "--filters",
            min=1,
            help="Functions of the distance that layers see; with --from, fewer than that model's.",
        ),
    ] = None,
    bond_dropout: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of batches that see no bonds.")
    ] = None,
    compile: Annotated[
        bool | None, typer.Option(help="Compile the network; pays after some ten minutes.")
    ] = None,
    bf16: Annotated[
        bool | None, typer.Option("--bf16", help="Matrix products in bf16; for GPUs.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, order and noise.")] = None,
    calibrate: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Training molecules that teach the finished model what its geometries are worth; "
            "a minute for each 3000, 0 for none.",
        ),
    ] = 12_000,
    check_basins: Annotated[
        bool,
        typer.Option(
            "--check-basins",
            help="Find out by GFN2-xTB which far starts are of their minimum's basin, and train on "
            "those; two core-hours for QM9, kept beside the pairs and used from then on.",
        ),
    ] = False,
    checkpoints: Annotated[
        bool,
        typer.Option(
            "--checkpoints",
            help="Keep the model after 1, 2, 4, 8, ... steps, for `relaxd inspect`.",
        ),
    ] = False,
    initial: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="MODEL",
            help="Model, or its .safetensors file, whose weights and shape a new run begins with.",
        ),
    ] = None,
) -> None:
    """Train a model on QM9, or go on with a training that was stopped.

    What is not given is as in `relaxd.model.TrainingConfig`. Ctrl-C saves the state.
    """
    import torch

    from relaxd.model import Trainer, TrainingConfig
    from relaxd.model.data import PairDataset

    if threads is not None:
        torch.set_num_threads(threads)
    origin = None if initial is None else _load(initial)
    path = find_pairs(data, pairs, run.parent)
    try:
        dataset = PairDataset(path, device=device, basins=_basins(path, check_basins))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    config = TrainingConfig(
        model=_shape(
            dataset.elements,
            origin,
            _given(
                channels=channels,
                n_layers=n_layers,
                l_max=l_max,
                n_radial=n_radial,
                n_filters=n_filters,
            ),
        ),
        device=device,
        checkpoints=checkpoints,
        **_given(
            hours=hours,
            learning_rate=learning_rate,
            atoms_per_batch=atoms_per_batch,
            bond_dropout=bond_dropout,
            compile=compile,
            bf16=bf16,
            seed=seed,
        ),
    )
    trainer = Trainer(config, dataset, run, origin)
    try:
        trainer.train()
    except KeyboardInterrupt:
        trainer.save()
        typer.echo(f"stopped and saved at step {trainer.step}; the same command goes on", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if calibrate:
        _calibrate(run / "model.safetensors", path, calibrate)
    typer.echo(f"{trainer.step} steps, {trainer.samples} samples: {run / 'model.safetensors'}")


def _basins(pairs: Path, check: bool) -> Path | None:
    """Return the file of basins beside the pairs; None if nobody has made one, or shall."""
    path = pairs.with_suffix(".basins.npy")
    if check:
        from relaxd.model.data import Basin
        from relaxd.relax import check_basins

        found = check_basins(pairs, path)
        typer.echo(
            f"far starts: {found[Basin.SAME]} of the minimum's basin, {found[Basin.OTHER]} not",
            err=True,
        )
    return path if path.exists() else None


def _calibrate(weights: Path, pairs: Path, n_examples: int) -> None:
    """Fit what judges the geometries of a trained model, and write it to the same file."""
    from relaxd.model import load_model, save_model
    from relaxd.relax import TooFewExamplesError, calibrate, read_cases

    model = load_model(weights)
    try:
        figures = calibrate(model.denoiser, read_cases(pairs, n_examples, "training"))
    except TooFewExamplesError as error:
        typer.echo(f"the model will not judge its geometries: {error}", err=True)
    else:
        save_model(model.denoiser, weights, {**model.card, "calibration": figures})


def _load(initial: str) -> "LoadedModel":
    from safetensors import SafetensorError

    from relaxd.model import UnknownModelError, load_model

    try:
        return load_model(initial)
    except (UnknownModelError, SafetensorError) as error:
        raise typer.BadParameter(f"{initial}: {error}", param_hint="--from") from error


def _shape(
    elements: tuple[int, ...], origin: "LoadedModel | None", given: dict[str, int]
) -> "DenoiserConfig":
    """Shape of the model: as given, or that of the model it begins with."""
    from relaxd.model import DenoiserConfig

    if origin is None:
        return DenoiserConfig(elements=elements, **given)
    config = origin.denoiser.config
    n_filters = given.pop("n_filters", None)
    if given:
        raise typer.BadParameter("the shape is that of the model given by --from")
    if n_filters is not None:
        if n_filters > origin.denoiser.edges.n_filters:
            reason = (
                f"{origin.name} has {origin.denoiser.edges.n_filters}, and can be given no more"
            )
            raise typer.BadParameter(reason, param_hint="--filters")
        config = replace(config, n_filters=n_filters)
    if unknown := sorted(set(elements) - set(config.elements)):
        raise typer.BadParameter(
            f"{origin.name} does not know atomic numbers {unknown}", param_hint="--from"
        )
    return config


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
