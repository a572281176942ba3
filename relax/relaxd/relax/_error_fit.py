"""Teaches a model how far from the minimum its geometries are."""

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

from relaxd.model import Denoiser, Estimate, MoleculeBatch

from ._energy_gap import energy_gap
from ._evaluation import Case
from ._relaxer import to_batch
from ._sampler import Schedule, relax_to_fixpoint
from ._superposition import superposed_rmsd

SAME_BASIN = 0.4
"""Angstrom, RMSD; a start farther from its minimum most often belongs to another one."""

ERROR_RANGE = (1e-3, 10.0)
"""kcal/mol; smaller errors do not matter, larger ones are of another basin all the same."""

FEWEST = 100
"""Examples without which nothing is learned."""

HELD_OUT = 0.2
"""Share of the examples on which the head is calibrated and checked."""


class TooFewExamplesError(ValueError):
    """There are not enough molecules to learn from."""


@dataclass(frozen=True, eq=False)
class Examples:
    """What the model saw of B molecules that it relaxed, and how good the results are.

    Attributes:
        features: (B, N, C + 2), as `Denoiser.describe` returns them at the last evaluation.
        mask: (B, N) bool.
        log_error: (B,), ln of the energy above the minimum, kcal/mol.
    """

    features: Tensor
    mask: Tensor
    log_error: Tensor

    def __getitem__(self, rows: Tensor) -> "Examples":
        """Some of the molecules."""
        return Examples(self.features[rows], self.mask[rows], self.log_error[rows])

    def __len__(self) -> int:
        """B."""
        return len(self.log_error)


def fit_error_head(denoiser: Denoiser, cases: Sequence[Case], epochs: int = 15) -> dict[str, Any]:
    """Fits the error head of a denoiser to the results of its own relaxations.

    The energies are those of `energy_gap`; molecules whose start is of another basin are left out.

    Args:
        denoiser: on the CPU; its head is replaced, its other weights stay.
        cases: molecules whose minima are known, some thousands.
        epochs: passes over them.

    Returns:
        Figures for the model's card, measured on what the head was not fitted to.

    Raises:
        TooFewExamplesError: fewer than `FEWEST` cases can be used.
    """
    examples = make_examples(denoiser, cases)
    if len(examples) < FEWEST:
        raise TooFewExamplesError(f"{len(examples)} molecules; an error head needs {FEWEST}")
    rows = torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))
    held_out, fitted = rows.tensor_split([round(HELD_OUT * len(rows))])
    denoiser.error_head.requires_grad_(True)
    _fit_typical(denoiser, examples[fitted], epochs)
    _calibrate(denoiser, examples[held_out])
    denoiser.error_head.requires_grad_(False)
    expected = denoiser.error_head(examples[held_out].features, examples[held_out].mask)
    return {
        "n_examples": len(fitted),
        "n_held_out": len(held_out),
        "rank_correlation": float(spearmanr(expected, examples[held_out].log_error).statistic),
    }


@torch.inference_mode()
def make_examples(denoiser: Denoiser, cases: Sequence[Case]) -> Examples:
    """Relaxes molecules one by one and compares each with its minimum."""
    features, log_errors = [], []
    for case in tqdm(cases, desc="error head", unit="mol"):
        if superposed_rmsd(case.start.positions, case.minimum) > SAME_BASIN:
            continue
        seen, positions = _relax(denoiser, case)
        try:
            gap = energy_gap(case.start.with_positions(positions), case.minimum)
        except TBLiteRuntimeError:
            continue
        features.append(seen)
        log_errors.append(min(max(gap, ERROR_RANGE[0]), ERROR_RANGE[1]))
    sizes = torch.tensor([len(seen) for seen in features])
    padded = pad_sequence(features, batch_first=True) if features else torch.zeros(0, 0, 0)
    mask = torch.arange(padded.shape[1]) < sizes.unsqueeze(1)
    return Examples(padded, mask, torch.tensor(log_errors, dtype=torch.float32).log())


def _relax(denoiser: Denoiser, case: Case) -> tuple[Tensor, Any]:
    seen = torch.empty(0)

    def watched(batch: MoleculeBatch, sigma: Tensor) -> Estimate:
        nonlocal seen
        positions, seen = denoiser.describe(batch, sigma)
        return Estimate(positions, torch.full((1,), torch.nan))

    batch, frozen, _ = to_batch([case.start], "cpu")
    end = relax_to_fixpoint(watched, batch, Schedule(), frozen)
    return seen[0], end.positions[0].double().numpy()


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


def _calibrate(denoiser: Denoiser, examples: Examples) -> None:
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
