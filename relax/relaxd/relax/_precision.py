"""Matrix products in less than single precision."""

from typing import Literal

import torch
from torch import Tensor

from relaxd.model import MoleculeBatch

from ._sampler import Denoise

Precision = Literal["fp32", "bf16"]
"""Of the matrix products in the network; all else is in single precision."""


def in_bf16(denoise: Denoise) -> Denoise:
    """The same denoiser with its matrix products in bf16.

    Of 100 molecules of QM9, that moved the relaxed geometry by 0.0016 Angstrom (RMSD, median; 0.007
    at most), and its estimated energy from 0.119 to 0.126 kcal/mol above the minimum (median).
    """

    def lower(batch: MoleculeBatch, sigma: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(sigma.device.type, torch.bfloat16):
            positions, scalars = denoise(batch, sigma)
        return positions.float(), scalars.float()

    return lower
