"""Weights on disk: one safetensors file that carries the shape of its model and its card."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ._denoiser import Denoiser, DenoiserConfig

DEFAULT_MODEL = "relaxd-small"
"""Name of the model that is used when none is named."""


JUDGES = ("error_head.", "novelty.")
"""Begin the names of the tensors that make no geometry, but judge it."""


class UnknownModelError(ValueError):
    """There is no model of that name."""


@dataclass(frozen=True)
class LoadedModel:
    """A denoiser and what is known of it.

    Attributes:
        name: by which it is asked for.
        denoiser: the network, in evaluation mode.
        sha256: hash of the shape of the model and of the weights that make geometries; those that
            judge them and the card may change, these may not.
        card: level of theory, training data and measured accuracy.
        path: the file.
    """

    name: str
    denoiser: Denoiser
    sha256: str
    card: dict[str, Any]
    path: Path


def save_model(denoiser: Denoiser, path: Path, card: dict[str, Any]) -> None:
    """Writes weights, configuration and card to one file, whole or not at all.

    Args:
        denoiser: model whose weights are saved.
        path: `.safetensors` file.
        card: anything JSON can hold.
    """
    metadata = {"config": json.dumps(dataclasses.asdict(denoiser.config)), "card": json.dumps(card)}
    partial = path.with_suffix(".partial")
    save_file({k: v.contiguous() for k, v in denoiser.state_dict().items()}, partial, metadata)
    partial.replace(path)


def model_names() -> list[str]:
    """Names of the models that ship with relaxd."""
    files = (resources.files("relaxd.model") / "weights").iterdir()
    return sorted(
        f.name.removesuffix(".safetensors") for f in files if f.name.endswith(".safetensors")
    )


def load_model(name: str | Path = DEFAULT_MODEL, device: torch.device | str = "cpu") -> LoadedModel:
    """Loads a model that ships with relaxd, or one from a file.

    Args:
        name: name of a shipped model, or path of a `.safetensors` file.
        device: where to put it.

    Raises:
        UnknownModelError: no such name, no such file.
    """
    if str(name).endswith(".safetensors"):
        path = Path(name)
    else:
        with resources.as_file(resources.files("relaxd.model") / "weights") as folder:
            path = folder / f"{name}.safetensors"
    if not path.is_file():
        raise UnknownModelError(
            f"no model named {str(name)!r}; there are {', '.join(model_names())}"
        )
    with safe_open(path, framework="pt", device=str(device)) as file:
        metadata = file.metadata()
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    config = json.loads(metadata["config"])
    denoiser = Denoiser(DenoiserConfig(**{**config, "elements": tuple(config["elements"])}))
    _fill(denoiser, state)
    denoiser.to(device).eval().requires_grad_(False)
    sha256 = _hash(metadata["config"], state)
    return LoadedModel(path.stem, denoiser, sha256, json.loads(metadata["card"]), path)


def _fill(denoiser: Denoiser, state: dict[str, torch.Tensor]) -> None:
    """Puts the weights in; those that judge geometries may be missing, they are made last."""
    judges = {name: t for name, t in denoiser.state_dict().items() if name.startswith(JUDGES)}
    denoiser.load_state_dict({**judges, **state})


def _hash(config: str, state: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(config.encode())
    for name in sorted(name for name in state if not name.startswith(JUDGES)):
        digest.update(name.encode() + state[name].cpu().numpy().tobytes())
    return digest.hexdigest()
