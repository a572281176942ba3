"""Whether an atom's surroundings are like those that the denoiser was trained on."""

import torch
from torch import Tensor, nn


class Novelty(nn.Module):
    r"""How far the atom that is farthest from its like lies from them.

    The scalars h of the denoiser's last layer describe an atom's surroundings. For each element,
    training gives their mean and covariance, and the squared Mahalanobis distance

    .. math:: d^2 = (h - \mu_z)^T \Sigma_z^{-1} (h - \mu_z)

    is compared with the largest that is usual. That was proposed for networks that classify by Lee
    et al. (2018). What was not calibrated answers NaN.
    """

    mean: Tensor
    precision: Tensor
    usual: Tensor

    def __init__(self, n_elements: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_elements, channels))
        self.register_buffer("precision", torch.zeros(n_elements, channels, channels))
        self.register_buffer("usual", torch.tensor(0.0))

    def forward(self, scalars: Tensor, species: Tensor, mask: Tensor) -> Tensor:
        """(B,), above one where an atom is unlike those of its element in training.

        Args:
            scalars: (B, N, C), of the denoiser's last layer.
            species: (B, N), numbers of the elements, as the denoiser counts them.
            mask: (B, N) bool.
        """
        largest = self.distances(scalars, species, mask).amax(1)
        return torch.where(self.usual > 0, largest / self.usual, torch.nan)

    def distances(self, scalars: Tensor, species: Tensor, mask: Tensor) -> Tensor:
        """(B, N) squared Mahalanobis distances, zero at padding."""
        found = torch.zeros_like(scalars[..., 0])
        for element, (mean, precision) in enumerate(zip(self.mean, self.precision, strict=True)):
            away = scalars - mean
            squared = (away @ precision * away).sum(-1)
            found = torch.where(mask & (species == element), squared, found)
        return found

    def fit(self, scalars: Tensor, species: Tensor, ridge: float = 1e-3) -> None:
        """Learns means and covariances.

        Args:
            scalars: (n, C), of many atoms.
            species: (n,), which element each is.
            ridge: what is added to variances, over their mean.
        """
        identity = torch.eye(scalars.shape[1])
        for element in range(len(self.mean)):
            rows = scalars[species == element]
            if len(rows) < 2:
                continue
            covariance = rows.T.cov()
            ridged = covariance + ridge * covariance.diagonal().mean() * identity
            self.mean[element] = rows.mean(0)
            self.precision[element] = torch.linalg.inv(ridged)
