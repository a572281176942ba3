"""Batches for networks, and how far the results of two are apart."""

import torch

from relaxd.model import LoadedModel, MoleculeBatch
from relaxd.model._compiled import deviation


def clouds(n_molecules: int, n_atoms: int) -> MoleculeBatch:
    numbers = torch.tensor([1, 6, 7, 8])[torch.randint(4, (n_molecules, n_atoms))]
    bonds = torch.zeros(n_molecules, n_atoms, n_atoms)
    bonds[:, 0, -1] = bonds[:, -1, 0] = 1.5
    grid = 1.5 * torch.cartesian_prod(*[torch.arange(4.0)] * 3)
    positions = grid[:n_atoms] + 0.1 * torch.randn(n_molecules, n_atoms, 3)
    return MoleculeBatch(numbers, positions, bonds)


@torch.no_grad()
def apart(describe, model: LoadedModel, batch: MoleculeBatch) -> float:
    sigma = 0.05 + 0.1 * torch.rand(len(batch.positions))
    pairs = zip(describe(batch, sigma), model.denoiser.describe(batch, sigma), strict=True)
    return max(deviation(ours, theirs) for ours, theirs in pairs)
