"""The equivariant denoiser: from a noisy geometry and its noise level to the DFT minimum."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from e3nn import o3
from torch import Tensor, nn

from ._batch import MoleculeBatch, centred
from ._edges import Edges
from ._error_head import ErrorHead, atom_features
from ._layer import InteractionLayer
from ._novelty import Novelty

STEP_SCALE = 0.1
"""Angstrom; typical error of a force-field geometry, the unit of what the network puts out."""


@dataclass(frozen=True)
class DenoiserConfig:
    """Shape of a `Denoiser`.

    Attributes:
        elements: atomic numbers the model knows.
        channels: multiplicity of each irrep of the hidden features.
        n_layers: interaction layers.
        l_max: highest degree of the spherical harmonics on the edges.
        n_radial: radial basis functions.
        r_max: cutoff radius, Angstrom.
        n_filters: learned combinations of radial functions and bonds that the layers see, for each
            degree; those themselves if None.
    """

    elements: tuple[int, ...] = (1, 6, 7, 8)
    channels: int = 64
    n_layers: int = 5
    l_max: int = 1
    n_radial: int = 8
    r_max: float = 5.0
    n_filters: int | None = None

    @property
    def irreps_hidden(self) -> o3.Irreps:
        """Irreps of the features that each atom carries from layer to layer."""
        return o3.Irreps(f"{self.channels}x0e + {self.channels}x1o")


class Seen(NamedTuple):
    """What a denoiser last saw of B molecules, and by which its result is judged.

    Attributes:
        scalars: (B, N, C), of the last layer.
        step: (B, N, 3), displacements it proposed, Angstrom.
        sigma: (B,), noise level it was told, Angstrom.
    """

    scalars: Tensor
    step: Tensor
    sigma: Tensor


class Denoiser(nn.Module):
    r"""D(x; sigma), an estimate of the minimum that the noisy geometry x belongs to.

    Preconditioned as by Karras et al. (2022, eq. 7), D = c_skip x + c_out F(c_in x; c_noise). At
    the noise of a relaxation, far below the extent of a molecule, c_skip = c_in = 1. Theirs would
    then be c_out = sigma, and F would have to grow as 1 / sigma with the displacement of an atom;
    with c_out constant it is one function at all noise levels, the displacement itself:

    .. math:: D(x; \sigma) = x + s F(x; \ln(\sigma / s)), \qquad s = 0.1\,Å

    with F an equivariant message-passing network. F depends on differences of positions only and
    its output has zero mean, so the centroid of a molecule never moves.
    """

    species: Tensor

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        species = torch.full((max(config.elements) + 1,), -1)
        species[list(config.elements)] = torch.arange(len(config.elements))
        species[0] = len(config.elements)
        self.register_buffer("species", species, persistent=False)
        self.embedding = nn.Embedding(len(config.elements) + 1, channels)
        self.noise = nn.Sequential(nn.Linear(1, channels), nn.SiLU(), nn.Linear(channels, channels))
        self.edges = Edges(config.n_radial, config.r_max, config.l_max, config.n_filters)
        self.layers = nn.ModuleList(
            InteractionLayer(channels, self.edges.n_filters, config.l_max, is_first=i == 0)
            for i in range(config.n_layers)
        )
        self.readout = nn.Linear(channels, 1, bias=False)
        nn.init.zeros_(self.readout.weight)
        self.error_head = ErrorHead(channels)
        self.novelty = Novelty(len(config.elements), channels)

    def forward(self, batch: MoleculeBatch, sigma: Tensor) -> Tensor:
        """Denoised positions.

        Args:
            batch: B molecules of elements the model knows.
            sigma: (B,) noise level, Angstrom per coordinate.

        Returns:
            (B, N, 3) positions, Angstrom; zero at padding.
        """
        return self.describe(batch, sigma)[0]

    def judge(self, batch: MoleculeBatch, seen: Seen) -> tuple[Tensor, Tensor]:
        """What its geometries are worth; NaN where that is not known.

        Args:
            batch: B molecules.
            seen: what was seen of them.

        Returns:
            (B,) ln of the energy in kcal/mol by which they are expected to lie above the minimum,
            and (B,) novelty, above one where an atom's surroundings are unlike those of training.
        """
        species = self.species[batch.atomic_numbers]
        return (
            self.error_head(atom_features(*seen), batch.mask),
            self.novelty(seen.scalars, species, batch.mask),
        )

    def describe(self, batch: MoleculeBatch, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Denoised positions, and the (B, N, C) scalars of the last layer."""
        mask = batch.mask
        noise = self.noise(torch.log(sigma / STEP_SCALE).unsqueeze(-1))
        scalars = self.embedding(self.species[batch.atomic_numbers]) + noise.unsqueeze(1)
        vectors = None
        edges = self.edges(batch.positions, mask, batch.bond_orders)
        for layer in self.layers:
            scalars, vectors = layer(scalars, vectors, edges)
        step = centred(self.readout(vectors).squeeze(-1), mask)
        return (batch.positions + STEP_SCALE * step) * mask.unsqueeze(-1), scalars
