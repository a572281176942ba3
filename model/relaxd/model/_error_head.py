"""How far above its minimum a denoised geometry is expected to lie in energy."""

import torch
from torch import Tensor, nn

SMALLEST_STEP = 1e-4
"""Angstrom; displacements of atoms below it look the same to the head."""


class ErrorHead(nn.Module):
    r"""ln of the expected energy above the minimum, from what the denoiser last saw of a molecule.

    Each atom contributes an energy, and the molecule's is their sum:

    .. math:: \ln E = a + b \ln \sum_i \exp f(h_i, \ln |\Delta x_i|, \ln\sigma)

    with the scalars h of the denoiser's last layer and the atom's last displacement. f learns the
    logarithm, that is, the typical error; a and b then make E the mean, which a few bad geometries
    raise. A head that was not calibrated answers NaN.
    """

    mean: Tensor
    deviation: Tensor
    calibration: Tensor
    calibrated: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        n_features = channels + 2
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("deviation", torch.ones(n_features))
        self.register_buffer("calibration", torch.tensor([0.0, 1.0]))
        self.register_buffer("calibrated", torch.tensor(False))
        self.atoms = nn.Sequential(
            nn.Linear(n_features, channels),
            nn.SiLU(),
            nn.Linear(channels, channels),
            nn.SiLU(),
            nn.Linear(channels, 1),
        )

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """(B,) ln of the expected energy above the minimum, kcal/mol.

        Args:
            features: (B, N, C + 2), as `atom_features` makes them.
            mask: (B, N) bool.
        """
        offset, slope = self.calibration
        expected = offset + slope * self.typical(features, mask)
        return torch.where(self.calibrated, expected, torch.nan)

    def typical(self, features: Tensor, mask: Tensor) -> Tensor:
        """(B,) ln of the typical energy above the minimum, not calibrated, kcal/mol."""
        energies: Tensor = self.atoms((features - self.mean) / self.deviation).squeeze(-1)
        return energies.masked_fill(~mask, -torch.inf).logsumexp(1)


def atom_features(scalars: Tensor, step: Tensor, sigma: Tensor) -> Tensor:
    """(B, N, C + 2), what the head is told of each atom.

    Args:
        scalars: (B, N, C), of the denoiser's last layer.
        step: (B, N, 3), displacements that the denoiser proposes, Angstrom.
        sigma: (B,), noise level that the denoiser was told, Angstrom.
    """
    moved = torch.log(step.norm(dim=-1, keepdim=True) + SMALLEST_STEP)
    noise = torch.log(sigma)[:, None, None].expand_as(moved)
    return torch.cat([scalars, moved, noise], dim=-1)
