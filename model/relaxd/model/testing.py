"""Assertions that every denoiser must pass, for tests of this one and of its successors."""

from collections.abc import Callable

import torch
from e3nn import o3
from torch import Tensor

from ._batch import MoleculeBatch

DenoiserLike = Callable[[MoleculeBatch, Tensor], Tensor]
"""(batch of B molecules, (B,) noise levels) -> (B, N, 3) positions."""


def assert_equivariant(
    denoiser: DenoiserLike, batch: MoleculeBatch, sigma: Tensor, tolerance: float = 1e-5
) -> None:
    """Turning, reflecting, shifting or renumbering the input does the same to the output.

    Args:
        denoiser: what is tested.
        batch: B molecules without padding.
        sigma: (B,), Angstrom.
        tolerance: Angstrom.

    Raises:
        AssertionError: names the symmetry that is broken and by how much.
    """
    expected = denoiser(batch, sigma)
    rotation = o3.rand_matrix().to(expected)
    shift = torch.tensor([2.0, -3.0, 1.0]).to(expected)
    for name, turn in {"rotation": rotation, "reflection": -rotation}.items():
        moved = denoiser(batch.with_positions(batch.positions @ turn.T), sigma)
        _assert_close(name, moved, expected @ turn.T, tolerance)
    moved = denoiser(batch.with_positions(batch.positions + shift), sigma)
    _assert_close("translation", moved, expected + shift, tolerance)
    order = torch.randperm(batch.positions.shape[1])
    _assert_close(
        "permutation", denoiser(_reordered(batch, order), sigma), expected[:, order], tolerance
    )


def assert_batch_matches_singles(
    denoiser: DenoiserLike, batch: MoleculeBatch, sigma: Tensor, tolerance: float = 1e-5
) -> None:
    """A molecule's result does not depend on its company or on padding.

    Args:
        denoiser: what is tested.
        batch: B molecules, padded.
        sigma: (B,), Angstrom.
        tolerance: Angstrom.

    Raises:
        AssertionError: names the molecule.
    """
    together = denoiser(batch, sigma)
    for b, n_atoms in enumerate(batch.mask.sum(1).tolist()):
        bonds = batch.bond_orders
        alone = MoleculeBatch(
            batch.atomic_numbers[b : b + 1, :n_atoms],
            batch.positions[b : b + 1, :n_atoms],
            None if bonds is None else bonds[b : b + 1, :n_atoms, :n_atoms],
        )
        single = denoiser(alone, sigma[b : b + 1])[0]
        _assert_close(f"molecule {b}", together[b, :n_atoms], single, tolerance)
        _assert_close(f"padding of molecule {b}", together[b, n_atoms:], 0.0, tolerance)


def assert_differentiable(denoiser: DenoiserLike, batch: MoleculeBatch, sigma: Tensor) -> None:
    """Gradients with respect to the positions agree with finite differences.

    Args:
        denoiser: what is tested, in double precision.
        batch: in double precision.
        sigma: (B,), Angstrom.

    Raises:
        AssertionError: they do not.
    """
    positions = batch.positions.clone().requires_grad_(True)

    def denoised(x: Tensor) -> Tensor:
        return denoiser(batch.with_positions(x), sigma)

    if not torch.autograd.gradcheck(
        denoised, positions, eps=1e-5, atol=1e-6, raise_exception=False
    ):
        raise AssertionError("gradients differ from finite differences")


def assert_smooth_at_cutoff(
    denoiser: DenoiserLike, atomic_numbers: Tensor, r_max: float, tolerance: float = 1e-6
) -> None:
    """Two atoms drawn apart stop feeling each other at the cutoff without a jump.

    Args:
        denoiser: what is tested, in double precision.
        atomic_numbers: (2,).
        r_max: cutoff radius, Angstrom.
        tolerance: Angstrom.

    Raises:
        AssertionError: the step of an atom jumps at the cutoff, or is not zero beyond it.
    """
    gaps = r_max + torch.tensor([-1e-3, 0.0, 1e-3, 1.0], dtype=torch.float64)
    positions = torch.zeros(len(gaps), 2, 3, dtype=torch.float64)
    positions[:, 1, 0] = gaps
    batch = MoleculeBatch(atomic_numbers.expand(len(gaps), 2), positions)
    step = denoiser(batch, gaps.new_full((len(gaps),), 0.1)) - positions
    _assert_close("step at the cutoff", step, 0.0, tolerance)


def _reordered(batch: MoleculeBatch, order: Tensor) -> MoleculeBatch:
    bonds = batch.bond_orders
    return MoleculeBatch(
        batch.atomic_numbers[:, order],
        batch.positions[:, order],
        None if bonds is None else bonds[:, order][:, :, order],
    )


def _assert_close(what: str, actual: Tensor, expected: Tensor | float, tolerance: float) -> None:
    deviation = (actual - expected).detach().abs()
    worst = float(deviation.max()) if deviation.numel() else 0.0
    if not worst <= tolerance:
        raise AssertionError(f"{what}: off by {worst:.2e} Angstrom, allowed are {tolerance:.0e}")
