"""Deterministic relaxation: the denoiser applied to its own output until nothing moves."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from relaxd.model import (
    SIGMA_UNKNOWN,
    MoleculeBatch,
    Seen,
    distances,
    root_mean_square,
    stiffness,
)

Denoise = Callable[[MoleculeBatch, Tensor], tuple[Tensor, Tensor]]
"""(batch of B molecules, (B,) noise levels) -> (B, N, 3) denoised positions, and (B, N, C) scalars
by which they are judged."""

FORCE_CONSTANT = 700.0
"""kcal/mol/Angstrom^2, of a pair of full stiffness. With it the energies of 300 molecules of QM9
above their minima come out about right, for noise and for GFN2-xTB geometries."""

GOOD_STEP = 0.05
"""Angstrom; a start of which an atom would be moved farther is never left as it is. Distances do
not tell what turns, and not at first what bends a straight or a flat group."""


@dataclass(frozen=True)
class Schedule:
    """How a relaxation goes and when it ends.

    Attributes:
        sigma_start: noise level that the first step is told, Angstrom per coordinate: the one that
            in training stood for an unknown one, too.
        factor: the noise level of a step over the size of the step before it.
        sigma_min: lowest noise level, Angstrom per coordinate.
        tolerance: largest displacement of any atom by which a step counts as none, Angstrom.
        good_start: energy, kcal/mol, that the first step must promise; a start of which it promises
            less is left as it is: the model would as soon make it worse as better.
        max_evaluations: network evaluations after which a molecule counts as not converged.
    """

    sigma_start: float = SIGMA_UNKNOWN
    factor: float = 0.8
    sigma_min: float = 0.005
    tolerance: float = 0.01
    good_start: float = 0.15
    max_evaluations: int = 20


@dataclass(frozen=True)
class Fixpoint:
    """Where the relaxation of B molecules ended.

    Attributes:
        positions: (B, N, 3), Angstrom.
        converged: (B,) bool; whether the last step moved no atom by more than the tolerance.
        n_evaluations: (B,) int64, network evaluations spent on each molecule.
        n_forward: forward passes of the network, each for all that were not converged yet.
        seen: what the last evaluation saw of each molecule.
        trajectory: (n_forward + 1, B, N, 3), the start and the geometry after each pass, Angstrom;
            what has left the batch stays where it is.
    """

    positions: Tensor
    converged: Tensor
    n_evaluations: Tensor
    n_forward: int
    seen: Seen
    trajectory: Tensor


@torch.inference_mode()
def relax_to_fixpoint(
    denoise: Denoise, batch: MoleculeBatch, schedule: Schedule, frozen: Tensor | None = None
) -> Fixpoint:
    r"""Iterates :math:`x_{k+1} = D(x_k; \sigma_k)` to a fixed point.

    This is the deterministic (noise-free) reverse process of Karras et al. (2022), each step going
    the whole way to the denoised geometry. The noise level follows the size of the last step,
    :math:`\sigma_{k+1} = f\,|x_{k+1} - x_k|_{rms}`, within its limits, so that a good start is
    treated as one; the best are left alone. Molecules leave the batch as they converge, and where
    the network overflows: then with their last finite geometry, not converged.

    Args:
        denoise: the model.
        batch: B molecules at their start.
        schedule: steps and end.
        frozen: (B, N) bool, atoms that must stay where they are.
    """
    positions = batch.positions.clone()
    n_molecules = len(positions)
    converged = torch.zeros(n_molecules, dtype=torch.bool, device=positions.device)
    n_evaluations = torch.zeros(n_molecules, dtype=torch.int64, device=positions.device)
    active = torch.arange(n_molecules, device=positions.device)
    sigma = positions.new_full((n_molecules,), schedule.sigma_start)
    seen = Seen(positions.new_zeros(0), torch.zeros_like(positions), torch.zeros_like(sigma))
    n_forward = 0
    trajectory = [batch.positions]
    while len(active) and n_forward < schedule.max_evaluations:
        current = _rows(batch, active).with_positions(positions[active])
        denoised, scalars = denoise(current, sigma[active])
        step = denoised - current.positions
        if n_forward == 0:
            seen = seen._replace(scalars=torch.zeros_like(scalars))
        for kept, now in zip(seen, (scalars, step, sigma[active]), strict=True):
            kept[active] = now
        if frozen is not None:
            step = step.masked_fill(frozen[active].unsqueeze(-1), 0.0)
        lost = ~step.isfinite().flatten(1).all(1)
        step[lost] = 0.0
        if n_forward == 0:
            promised = promised_energy(current.positions, step, current.mask)
            good = (promised < schedule.good_start) & (largest_displacement(step) <= GOOD_STEP)
            step[good] = 0.0
        n_forward += 1
        n_evaluations[active] += 1
        positions[active] += step
        trajectory.append(positions.clone())
        size = schedule.factor * root_mean_square(step, current.mask)
        sigma[active] = size.clamp(schedule.sigma_min, schedule.sigma_start)
        still = largest_displacement(step) <= schedule.tolerance
        converged[active] = still & ~lost
        active = active[~still]
    frames = torch.stack(trajectory)
    return Fixpoint(positions, converged, n_evaluations, n_forward, seen, frames)


def largest_displacement(step: Tensor) -> Tensor:
    """(B,) of any atom in (B, N, 3) steps, in their unit."""
    largest: Tensor = step.norm(dim=-1).amax(1)
    return largest


def promised_energy(positions: Tensor, step: Tensor, mask: Tensor) -> Tensor:
    """(B,) kcal/mol by which steps to a minimum would lower the energy: springs between all pairs.

    Args:
        positions: (B, N, 3), Angstrom.
        step: (B, N, 3), Angstrom.
        mask: (B, N) bool.
    """
    change = distances(positions + step, mask) - distances(positions, mask)
    springs = FORCE_CONSTANT * stiffness(positions, mask, floor=0.0)
    energies = springs * change.square() / 2
    total: Tensor = energies.sum((1, 2)) / 2  # each pair is there twice
    return total


def _rows(batch: MoleculeBatch, rows: Tensor) -> MoleculeBatch:
    bonds = None if batch.bond_orders is None else batch.bond_orders[rows]
    return MoleculeBatch(batch.atomic_numbers[rows], batch.positions[rows], bonds)
