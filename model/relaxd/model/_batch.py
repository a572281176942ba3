"""Molecules side by side in dense, padded tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class MoleculeBatch:
    """B molecules padded to N atoms each.

    Attributes:
        atomic_numbers: (B, N) int64; 0 marks padding.
        positions: (B, N, 3) float, Angstrom; zero at padding.
        bond_orders: (B, N, N) float, symmetric, 0 where not bonded; or None where bonds are
            unknown for the whole batch. An all-zero block says that one molecule's are unknown.
    """

    atomic_numbers: Tensor
    positions: Tensor
    bond_orders: Tensor | None = None

    @property
    def mask(self) -> Tensor:
        """(B, N) bool, true at atoms."""
        return self.atomic_numbers > 0

    def with_positions(self, positions: Tensor) -> "MoleculeBatch":
        """The same molecules at other positions, (B, N, 3) Angstrom."""
        return replace(self, positions=positions)

    def to(self, device: torch.device | str) -> "MoleculeBatch":
        """The same batch on another device."""
        bonds = self.bond_orders
        return MoleculeBatch(
            self.atomic_numbers.to(device),
            self.positions.to(device),
            None if bonds is None else bonds.to(device),
        )


def collate(
    atomic_numbers: Sequence[Tensor],
    positions: Sequence[Tensor],
    bonds: Sequence[Sequence[tuple[int, int, float]] | None] | None = None,
) -> MoleculeBatch:
    """Pads molecules of any sizes into one batch.

    Args:
        atomic_numbers: per molecule (n,) integer.
        positions: per molecule (n, 3), Angstrom.
        bonds: per molecule (first atom, second atom, order) of each bond, or None if unknown.
    """
    numbers = torch.nn.utils.rnn.pad_sequence(
        [z.to(torch.int64) for z in atomic_numbers], batch_first=True
    )
    padded = torch.nn.utils.rnn.pad_sequence(list(positions), batch_first=True)
    if bonds is None or all(molecule is None for molecule in bonds):
        return MoleculeBatch(numbers, padded)
    flat = [(b, i, j, o) for b, molecule in enumerate(bonds) for i, j, o in molecule or ()]
    orders = padded.new_zeros(*numbers.shape, numbers.shape[1])
    if flat:
        molecule, first, second = torch.tensor([bond[:3] for bond in flat]).T
        values = torch.tensor([bond[3] for bond in flat], dtype=orders.dtype)
        orders[molecule, first, second] = orders[molecule, second, first] = values
    return MoleculeBatch(numbers, padded, orders)


def centred(positions: Tensor, mask: Tensor) -> Tensor:
    """Moves the centroid of every molecule to the origin; padding stays at zero.

    Args:
        positions: (B, N, 3).
        mask: (B, N) bool.
    """
    weight = mask.unsqueeze(-1).to(positions.dtype)
    centroid = (positions * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
    return (positions - centroid) * weight
