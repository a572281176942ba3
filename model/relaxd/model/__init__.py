"""The equivariant diffusion model: batches, denoiser, training and weights."""

from ._batch import MoleculeBatch, centred, collate
from ._compiled import CompilationError, compiled
from ._denoiser import Denoiser, DenoiserConfig, Seen
from ._diffusion import (
    SIGMA_UNKNOWN,
    Loss,
    NoiseConfig,
    distances,
    guess_sigma,
    perturb,
    relative_error,
    stiffness,
)
from ._error_head import atom_features
from ._geometry import align, root_mean_square
from ._onednn import with_onednn
from ._training import Trainer, TrainingConfig
from ._weights import (
    DEFAULT_MODEL,
    LoadedModel,
    UnknownModelError,
    load_model,
    model_names,
    save_model,
)

__all__ = [
    "DEFAULT_MODEL",
    "SIGMA_UNKNOWN",
    "CompilationError",
    "Denoiser",
    "DenoiserConfig",
    "LoadedModel",
    "Loss",
    "MoleculeBatch",
    "NoiseConfig",
    "Seen",
    "Trainer",
    "TrainingConfig",
    "UnknownModelError",
    "align",
    "atom_features",
    "centred",
    "collate",
    "compiled",
    "distances",
    "guess_sigma",
    "load_model",
    "model_names",
    "perturb",
    "relative_error",
    "root_mean_square",
    "save_model",
    "stiffness",
    "with_onednn",
]
