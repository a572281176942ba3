"""What the denoiser is trained on: noised minima and real, imperfect geometries."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ._geometry import align, root_mean_square
from .data import Basin

SIGMA_MIN = 0.005
"""Angstrom per coordinate; lowest noise level the denoiser is trained for."""

SIGMA_MAX = 0.5
"""Angstrom per coordinate; highest noise level the denoiser is trained for."""

SIGMA_UNKNOWN = 0.1
"""Angstrom per coordinate; what the denoiser is told of a geometry that nothing is known of."""

JITTER_MIN = 0.002
"""Angstrom per coordinate; the least noise on inputs between a force field's geometry and the
minimum."""

STIFFNESS_DECAY = 3.0
"""1/Angstrom; how fast the weight of a pair of atoms falls with their distance."""

STIFFNESS_REACH = 1.5
"""Angstrom; pairs closer than this have full weight."""

STIFFNESS_FLOOR = 0.01
"""Weight of far pairs."""

ERROR_FLOOR = 0.005
"""Angstrom; errors far below it no longer count."""


@dataclass(frozen=True)
class NoiseConfig:
    """How training inputs are made from minima.

    Attributes:
        gaussian_share: share of inputs that are minimum + Gaussian noise; the rest lie between a
            force-field geometry and the minimum.
        sigma_max: highest Gaussian noise, Angstrom per coordinate.
        label_spread: standard deviation of ln(given noise level / true deviation) for inputs
            whose error is not Gaussian: in use the true one is not known.
        unknown_share: share of inputs of which the denoiser is told nothing but `SIGMA_UNKNOWN`,
            so that it judges a start by its looks and leaves a good one where it is.
        farthest_start: RMSD from the minimum, Angstrom, beyond which a force-field geometry whose
            basin is not known counts as one of another, and noise is used.
        rollout_probabilities: chance of 0, 1, 2, ... denoising steps before the one that is
            trained, so that the model learns to mend what it leaves.
    """

    gaussian_share: float = 0.3
    sigma_max: float = 0.3
    label_spread: float = 0.6
    unknown_share: float = 0.3
    farthest_start: float = 0.5
    rollout_probabilities: tuple[float, ...] = (0.5, 0.3, 0.2)


def perturb(
    minima: Tensor,
    starts: Tensor,
    mask: Tensor,
    config: NoiseConfig,
    generator: torch.Generator,
    basin: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Makes denoiser inputs.

    Args:
        minima: (B, N, 3) DFT minima, Angstrom.
        starts: (B, N, 3) force-field geometries aligned to them; equal to the minimum where there
            is none, and noise is used then.
        mask: (B, N) bool.
        config: proportions.
        generator: source of randomness.
        basin: (B,), of `Basin`, which the starts are in; unknown if None. Of those of another,
            noise is used instead.

    Returns:
        (B, N, 3) inputs and the (B,) noise levels to tell the denoiser, Angstrom.
    """

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=minima.device)

    n_molecules = len(minima)
    offset = (starts - minima) * mask.unsqueeze(-1)
    rmsd = 3**0.5 * root_mean_square(offset, mask)
    if basin is None:
        basin = torch.full_like(rmsd, Basin.UNKNOWN)
    too_far = (basin == Basin.UNKNOWN) & (rmsd > config.farthest_start)
    unusable = (rmsd == 0) | (basin == Basin.OTHER) | too_far
    gaussian = (uniform(n_molecules) < config.gaussian_share) | unusable
    sigma = SIGMA_MIN * (config.sigma_max / SIGMA_MIN) ** uniform(n_molecules)
    small = JITTER_MIN * 10 ** uniform(n_molecules)
    noise = torch.randn(minima.shape, generator=generator, device=minima.device)
    noise = noise * torch.where(gaussian, sigma, small)[:, None, None] * mask.unsqueeze(-1)
    # Half of the pairs start where users do, at the force field's minimum itself.
    fraction = (2 * uniform(n_molecules)).clamp(max=1) * ~gaussian
    inputs = minima + fraction[:, None, None] * offset + noise
    guessed = guess_sigma(inputs, minima, mask, config, generator)
    known = torch.where(gaussian, sigma, guessed)
    return inputs, torch.where(uniform(n_molecules) < config.unknown_share, SIGMA_UNKNOWN, known)


def guess_sigma(
    inputs: Tensor, minima: Tensor, mask: Tensor, config: NoiseConfig, generator: torch.Generator
) -> Tensor:
    """(B,) noise levels that are about right, as good as they can be known in use.

    Args:
        inputs: (B, N, 3), Angstrom.
        minima: (B, N, 3), Angstrom.
        mask: (B, N) bool.
        config: how far to be off.
        generator: source of randomness.
    """
    deviation = root_mean_square(inputs - align(minima, inputs, mask), mask)
    spread = torch.randn(len(inputs), generator=generator, device=inputs.device)
    return (deviation * torch.exp(config.label_spread * spread)).clamp(SIGMA_MIN, SIGMA_MAX)


@dataclass(frozen=True)
class Loss:
    """Errors of denoised geometries relative to their inputs', each (B,).

    Attributes:
        cartesian: of the positions.
        stiff: of the distances between atoms, weighted by how stiff they are.
    """

    cartesian: Tensor
    stiff: Tensor

    @property
    def total(self) -> Tensor:
        """Mean over the batch of the sum of both."""
        return (self.cartesian + self.stiff).mean()


def relative_error(denoised: Tensor, inputs: Tensor, minima: Tensor, mask: Tensor) -> Loss:
    """Loss of the denoiser: what is left of the input's error.

    The minimum is first aligned to the input, since a denoiser cannot know how it was turned.

    Args:
        denoised: (B, N, 3), Angstrom.
        inputs: (B, N, 3), Angstrom.
        minima: (B, N, 3), Angstrom.
        mask: (B, N) bool.
    """
    target = align(minima, inputs, mask)
    weight, exact = stiffness(target, mask), distances(target, mask)

    def stiff(positions: Tensor) -> Tensor:
        deviation = (distances(positions, mask) - exact).square()
        return (weight * deviation).sum((1, 2)) / weight.sum((1, 2))

    def relative(error: Tensor, before: Tensor) -> Tensor:
        return ((error + 1e-8) / (before + ERROR_FLOOR**2)).sqrt()

    def cartesian(positions: Tensor) -> Tensor:
        return (positions - target).square().sum((1, 2)) / mask.sum(1)

    return Loss(
        relative(cartesian(denoised), cartesian(inputs)), relative(stiff(denoised), stiff(inputs))
    )


def distances(positions: Tensor, mask: Tensor) -> Tensor:
    """(B, N, N) distances between atoms, Angstrom; one where there is no pair."""
    pairs = mask.unsqueeze(1) & mask.unsqueeze(2)
    pairs = pairs & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
    squared = (positions.unsqueeze(1) - positions.unsqueeze(2)).square().sum(-1)
    return torch.where(pairs, squared, 1.0).sqrt()


def stiffness(positions: Tensor, mask: Tensor, floor: float = STIFFNESS_FLOOR) -> Tensor:
    """(B, N, N) weight of each pair: one for bonds, less for what bends, little for what turns.

    w(d) = min(1, exp(-3 (d - 1.5))) + floor, d in Angstrom; zero where there is no pair.
    """
    pairs = mask.unsqueeze(1) & mask.unsqueeze(2)
    pairs = pairs & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
    decay = torch.exp(-STIFFNESS_DECAY * (distances(positions, mask) - STIFFNESS_REACH))
    return (decay.clamp(max=1) + floor) * pairs
