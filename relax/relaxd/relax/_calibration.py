"""Teaches a model what its geometries are worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from scipy.stats import spearmanr
from tblite.exceptions import TBLiteRuntimeError
from torch import Tensor
from torch.nn.functional import huber_loss
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from relaxd.model import Denoiser, atom_features

from ._buckets import to_batch
from ._energy_gap import energy_gap
from ._evaluation import Case
from ._sampler import Schedule, relax_to_fixpoint
from ._superposition import Positions, superposed_rmsd

SAME_BASIN = 0.4
"""Angstrom, RMSD; a start farther from its minimum most often belongs to another one."""

ERROR_RANGE = (1e-3, 10.0)
"""kcal/mol; smaller errors do not matter, larger ones are of another basin all the same."""

FEWEST = 100
"""Examples without which nothing is learned."""

HELD_OUT = 0.2
"""Share of the examples that the head is not fitted to, but made to agree with in the mean."""

USUAL = 0.99
"""Share of the molecules whose squared distance from their like is usual."""

MARGIN = 2.0
"""How many times the usual squared distance an atom may have; none of 895 validation molecules has
more, hydrogen peroxide, methyl azide and formaldehyde do."""


class TooFewExamplesError(ValueError):
    """There are not enough molecules to learn from."""


@dataclass(frozen=True, eq=False)
class Examples:
    """What a model last saw of B molecules that it relaxed, and how good the results are.

    Attributes:
        scalars: (B, N, C), of the last layer.
        features: (B, N, C + 2), what the error head is told.
        species: (B, N), numbers of the elements; -1 at padding.
        log_error: (B,), ln of the energy above the minimum, kcal/mol.
    """

    scalars: Tensor
    features: Tensor
    species: Tensor
    log_error: Tensor

    @property
    def mask(self) -> Tensor:
        """(B, N) bool."""
        return self.species >= 0

    def __getitem__(self, rows: Tensor) -> "Examples":
        """Some of the molecules."""
        fields = (self.scalars, self.features, self.species, self.log_error)
        return Examples(*(field[rows] for field in fields))

    def __len__(self) -> int:
        """B."""
        return len(self.log_error)


def calibrate(denoiser: Denoiser, cases: Sequence[Case], epochs: int = 15) -> dict[str, Any]:
    """Fits what judges a denoiser's geometries to results of its own: error head and novelty.

    The errors are those of `energy_gap`; molecules whose start is of another basin are left out.

    Args:
        denoiser: on the CPU; the weights that make geometries stay as they are.
        cases: molecules whose minima are known, some thousands.
        epochs: passes over them.

    Returns:
        Figures for the model's card, on what the error head was not fitted to.

    Raises:
        TooFewExamplesError: fewer than `FEWEST` cases can be used.
    """
    examples = make_examples(denoiser, cases)
    if len(examples) < FEWEST:
        raise TooFewExamplesError(f"{len(examples)} molecules; a calibration needs {FEWEST}")
    rows = torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))
    held_out, fitted = rows.tensor_split([round(HELD_OUT * len(rows))])
    denoiser.error_head.requires_grad_(True)
    _fit_typical(denoiser, examples[fitted], epochs)
    _fit_mean(denoiser, examples[held_out])
    denoiser.error_head.requires_grad_(False)
    _fit_novelty(denoiser, examples[fitted], examples[held_out])
    expected = denoiser.error_head(examples[held_out].features, examples[held_out].mask)
    return {
        "n_examples": len(fitted),
        "n_held_out": len(held_out),
        "rank_correlation": float(spearmanr(expected, examples[held_out].log_error).statistic),
    }


@torch.inference_mode()
def make_examples(denoiser: Denoiser, cases: Sequence[Case]) -> Examples:
    """Relaxes molecules one by one, and compares each with its minimum."""
    scalars: list[Tensor] = []
    features: list[Tensor] = []
    species: list[Tensor] = []
    log_errors: list[float] = []
    for case in tqdm(cases, desc="calibration", unit="mol"):
        if superposed_rmsd(case.start.positions, case.minimum) > SAME_BASIN:
            continue
        seen, positions = _relax(denoiser, case)
        try:
            gap = energy_gap(case.start.with_positions(positions), case.minimum)
        except TBLiteRuntimeError:
            continue
        for kept, each in zip((scalars, features, species), seen, strict=True):
            kept.append(each)
        log_errors.append(min(max(gap, ERROR_RANGE[0]), ERROR_RANGE[1]))
    if not log_errors:
        return Examples(*(torch.zeros(0),) * 4)
    return Examples(
        pad_sequence(scalars, batch_first=True),
        pad_sequence(features, batch_first=True),
        pad_sequence(species, batch_first=True, padding_value=-1),
        torch.tensor(log_errors, dtype=torch.float32).log(),
    )


def _relax(denoiser: Denoiser, case: Case) -> tuple[tuple[Tensor, Tensor, Tensor], Positions]:
    batch, frozen, _ = to_batch([case.start], "cpu")
    end = relax_to_fixpoint(denoiser.describe, batch, Schedule(), frozen)
    features, species = atom_features(*end.seen), denoiser.species[batch.atomic_numbers]
    seen = end.seen.scalars[0], features[0], species[0]
    return seen, end.positions[0].double().numpy()


def _fit_typical(denoiser: Denoiser, examples: Examples, epochs: int, batch: int = 128) -> None:
    """Fits the logarithm of the error, which is the typical one."""
    head = denoiser.error_head
    atoms = examples.features[examples.mask]
    head.mean.copy_(atoms.mean(0))
    head.deviation.copy_(atoms.std(0).clamp(min=1e-6))
    torch.manual_seed(0)
    for layer in head.atoms.modules():
        if isinstance(layer, torch.nn.Linear):
            layer.reset_parameters()
    optimizer = torch.optim.AdamW(head.parameters(), lr=2e-3, weight_decay=1e-3)
    n_batches = -(-len(examples) // batch)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * n_batches)
    for _ in range(epochs):
        for rows in torch.randperm(len(examples)).tensor_split(n_batches):
            part = examples[rows]
            loss = huber_loss(head.typical(part.features, part.mask), part.log_error)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            decay.step()


def _fit_mean(denoiser: Denoiser, examples: Examples) -> None:
    """Makes the expectation the mean: a and b by the gamma deviance, ln E + y / E."""
    head = denoiser.error_head
    with torch.no_grad():
        typical = head.typical(examples.features, examples.mask)
    line = torch.tensor([0.0, 1.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def deviance() -> Tensor:
        optimizer.zero_grad()
        expected = line[0] + line[1] * typical
        loss = (expected + torch.exp(examples.log_error - expected)).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(deviance)  # type: ignore[no-untyped-call]
    head.calibration.copy_(line.detach())
    head.calibrated.fill_(True)


@torch.no_grad()
def _fit_novelty(denoiser: Denoiser, fitted: Examples, held_out: Examples) -> None:
    novelty = denoiser.novelty
    novelty.fit(fitted.scalars[fitted.mask], fitted.species[fitted.mask])
    distances = novelty.distances(held_out.scalars, held_out.species, held_out.mask).amax(1)
    novelty.usual.copy_(MARGIN * distances.quantile(USUAL))
