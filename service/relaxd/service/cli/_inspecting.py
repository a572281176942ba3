"""What `relaxd inspect` finds: the figures of each model, in the order of their training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from safetensors import SafetensorError

from relaxd.model import LoadedModel, UnknownModelError, load_model
from relaxd.relax import inspect_model, inspect_references, read_cases, survey
from relaxd.service.cli._evaluating import PACKAGES, version

SIGMAS = (0.01, 0.03, 0.1, 0.3)
"""Angstrom per coordinate; the noise levels at which a model is looked at."""


def load_models(names: Sequence[str]) -> list[LoadedModel]:
    """Return the models, those first that have seen the fewest samples.

    Raises:
        typer.BadParameter: one is not there, or is none.
    """
    return sorted(map(_load, names), key=lambda model: samples_seen(model.card.get("training")))


def samples_seen(training: Mapping[str, Any] | None) -> int:
    """Return how many samples a model was trained on, with those of what it began with.

    Args:
        training: from the card of the model; None if it was not trained.
    """
    if training is None:
        return 0
    origin = training.get("origin") or {}
    return int(training["samples"]) + samples_seen(origin.get("training"))


def inspect_models(models: Sequence[LoadedModel], pairs: Path, n_molecules: int) -> dict[str, Any]:
    """Compare models with GFN2-xTB on the validation set.

    Args:
        models: in order.
        pairs: file with the validation set.
        n_molecules: how many of its molecules to look at.

    Returns:
        The figures, with what made them.

    Raises:
        typer.BadParameter: the file holds no validation molecule, or one that a model does not
            know.
    """
    cases = read_cases(pairs, n_molecules)
    if not cases:
        raise typer.BadParameter(f"{pairs} holds no molecule of the validation set")
    present = {int(z) for case in cases for z in case.start.atomic_numbers}
    for model in models:
        if unknown := sorted(present - set(model.denoiser.config.elements)):
            raise typer.BadParameter(f"{model.name} does not know atomic numbers {unknown}")
    landscapes = survey(cases, SIGMAS)
    return {
        "n_molecules": len(cases),
        "qm9_index": [case.index for case in cases],
        "sigmas_angstrom": list(SIGMAS),
        "references": inspect_references(landscapes),
        "models": [
            {
                "name": model.name,
                "sha256": model.sha256,
                "samples": samples_seen(model.card.get("training")),
                **inspect_model(model.denoiser.double(), landscapes),
            }
            for model in models
        ],
        "versions": {name: version(name) for name in PACKAGES},
    }


def _load(name: str) -> LoadedModel:
    try:
        return load_model(name)
    except (UnknownModelError, SafetensorError) as error:
        raise typer.BadParameter(f"{name}: {error}") from error
