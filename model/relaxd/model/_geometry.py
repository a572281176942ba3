"""Rigid alignment and deviations between batches of geometries."""

import torch
from torch import Tensor

from ._batch import centred


def align(mobile: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Rotates and shifts each geometry onto its target by the least root-mean-square deviation.

    Proper rotations only: a mirror image is never turned into its original.

    Args:
        mobile: (B, N, 3).
        target: (B, N, 3).
        mask: (B, N) bool.

    Returns:
        (B, N, 3) moved positions; padding at zero.

    Source: Kabsch, Acta Cryst. A 32, 922 (1976).
    """
    weight = mask.unsqueeze(-1).to(mobile.dtype)
    centroid = (target * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
    moved = centred(mobile, mask)
    u, _, vt = torch.linalg.svd(moved.transpose(1, 2) @ centred(target, mask))
    signs = torch.ones_like(u[:, 0])
    signs[:, 2] = torch.det(u @ vt)
    rotation: Tensor = (u * signs.unsqueeze(1)) @ vt
    return (moved @ rotation + centroid) * weight


def root_mean_square(displacements: Tensor, mask: Tensor) -> Tensor:
    """Root mean square of the displacements per coordinate.

    Args:
        displacements: (B, N, 3), zero at padding.
        mask: (B, N) bool.

    Returns:
        (B,); divide a deviation of whole atoms (RMSD) by sqrt(3) to compare with it.
    """
    return (displacements.square().sum((1, 2)) / (3 * mask.sum(1))).sqrt()
