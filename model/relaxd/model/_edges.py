"""What an atom sees of another: radial basis times spherical harmonics, for all pairs at once."""

import math

import torch
from e3nn import o3
from torch import Tensor, nn

MEAN_NEIGHBOURS = 16.0
"""Mean number of atoms within 5 Angstrom of an atom in QM9; scales sums over neighbours."""

N_BOND_BASIS = 2
"""Edge functions made from bonds: whether there is one, and its order beyond one."""


class Edges(nn.Module):
    r"""Edge functions E_l[im, kj] = F_lk(r_ij) Y_lm(r_ij / |r_ij|), one matrix for each degree l.

    They depend on the geometry alone, so all layers share them, and a sum over filters and
    neighbours is a matrix product. The filters F are learned combinations of a few basis functions
    B, or these themselves: fewer filters make every layer cheaper. The basis is one of Bessel
    functions (Gasteiger et al. 2020, eq. 7) and bonds, times a polynomial envelope that is smooth
    at the cutoff.

    Args:
        n_radial: Bessel functions.
        r_max: cutoff radius, Angstrom.
        l_max: highest degree.
        n_filters: of each degree; None for the basis functions themselves.
    """

    frequencies: Tensor

    def __init__(
        self, n_radial: int, r_max: float, l_max: int, n_filters: int | None = None
    ) -> None:
        super().__init__()
        self.r_max = r_max
        self.l_max = l_max
        n_basis = n_radial + N_BOND_BASIS
        self.n_filters = n_basis if n_filters is None else n_filters
        self.filters = None
        if n_filters is not None:
            self.filters = nn.Parameter(torch.randn(l_max + 1, n_filters, n_basis) / n_basis**0.5)
        frequencies = torch.arange(1, n_radial + 1) * (math.pi / r_max)
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.harmonics = o3.SphericalHarmonics(
            o3.Irreps.spherical_harmonics(l_max), normalize=True, normalization="component"
        )

    def forward(self, positions: Tensor, mask: Tensor, bond_orders: Tensor | None) -> list[Tensor]:
        """Edge functions of all ordered pairs of atoms.

        Args:
            positions: (B, N, 3), Angstrom.
            mask: (B, N) bool.
            bond_orders: (B, N, N) or None.

        Returns:
            For each l: (B, N * (2l + 1), n_filters * N), zero beyond the cutoff, at padding and on
            the diagonal.
        """
        n_atoms = positions.shape[1]
        vectors = positions.unsqueeze(1) - positions.unsqueeze(2)
        itself = torch.eye(n_atoms, dtype=torch.bool, device=positions.device)
        pairs = mask.unsqueeze(1) & mask.unsqueeze(2) & ~itself
        # A pair that does not count is put at the cutoff, where everything is zero and finite.
        distances = torch.where(pairs, (vectors**2).sum(-1), self.r_max**2).sqrt()
        basis = self._basis(distances, pairs, bond_orders)
        harmonics = self.harmonics(vectors).movedim(-1, 2).contiguous().unsqueeze(3)
        return [
            (harmonics[:, :, l * l : (l + 1) ** 2] * self._filtered(basis, l)).reshape(
                positions.shape[0], n_atoms * (2 * l + 1), -1
            )
            for l in range(self.l_max + 1)
        ]

    def _filtered(self, basis: Tensor, l: int) -> Tensor:
        filtered = basis if self.filters is None else self.filters[l] @ basis
        return filtered.unsqueeze(2)

    def _basis(self, distances: Tensor, pairs: Tensor, bond_orders: Tensor | None) -> Tensor:
        scale = pairs / MEAN_NEIGHBOURS**0.5
        envelope = (polynomial_envelope(distances / self.r_max) * scale).unsqueeze(2)
        distances = distances.unsqueeze(2)
        bessel = torch.sin(distances * self.frequencies.unsqueeze(-1)) * (self.r_max / distances)
        if bond_orders is None:
            bonds = torch.zeros_like(bessel[:, :, :N_BOND_BASIS])
        else:
            bonded = (bond_orders > 0).to(bessel.dtype)
            bonds = 2 * torch.stack([bonded, bond_orders - bonded], dim=2)
        basis: Tensor = torch.cat([bessel, bonds], dim=2) * envelope
        return basis


def polynomial_envelope(x: Tensor) -> Tensor:
    r"""1 - 10 x^3 + 15 x^4 - 6 x^5 for x < 1, else 0: twice differentiable at 1.

    Source: Gasteiger et al. 2020, eq. 8 with p = 3.
    """
    inside: Tensor = 1 - x**3 * (10 - 15 * x + 6 * x**2)
    return torch.where(x < 1, inside, 0.0)
