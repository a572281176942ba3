"""One round of equivariant message passing between all atoms of each molecule."""

from functools import reduce

import torch
from e3nn import o3
from torch import Tensor, nn


class InteractionLayer(nn.Module):
    r"""Updates scalars (0e) and vectors (1o) of every atom from its neighbours'.

    Messages are sums over neighbours of edge functions times features,

    .. math:: m_{i,lm,c} = \sum_{jk} E_{l,im,kj} w^l_{kc} s_{jc},
              \qquad n_{i,c} = \sum_{jk} E_{0,i,kj} w'_{kc} \vec v_{jc},

    that is, e3nn's "uvu" tensor product with a radial weight that is linear in the filters,
    written as a matrix product. Invariants of the messages drive gates on the vectors.

    Features keep the channel last: (B, N, 2l + 1, channels).

    Args:
        channels: C, multiplicity of each irrep.
        n_filters: K, edge functions of each degree.
        l_max: highest degree of the edges.
        is_first: whether there are no vectors yet, and so no \vec v and no w'.
    """

    coupling: Tensor

    def __init__(
        self, channels: int, n_filters: int, l_max: int, *, is_first: bool = False
    ) -> None:
        super().__init__()
        self.l_max = l_max
        self.norm = nn.LayerNorm(channels)
        self.sender = nn.Linear(channels, channels)
        self.radial = nn.Parameter(torch.randn(l_max + 1, n_filters, channels) / n_filters**0.5)
        self.radial_vectors = None
        if not is_first:
            self.radial_vectors = nn.Parameter(torch.randn(n_filters, channels) / n_filters**0.5)
        self.mix = nn.Linear((1 if is_first else 2) * channels, 2 * channels, bias=False)
        self.invariant_norm = nn.LayerNorm((2 + l_max) * channels)
        self.update = nn.Sequential(
            nn.Linear((2 + l_max) * channels, channels),
            nn.SiLU(),
            nn.Linear(channels, (2 + l_max) * channels),
        )
        if l_max >= 2:
            coupling = o3.wigner_3j(1, 1, 2).reshape(9, 5) * 5**0.5
            self.register_buffer("coupling", coupling, persistent=False)

    def forward(
        self, scalars: Tensor, vectors: Tensor | None, edges: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Updated features.

        Args:
            scalars: (B, N, C).
            vectors: (B, N, 3, C); None, for zero, in the first layer.
            edges: as `Edges` makes them.

        Returns:
            Scalars and vectors of the same shapes.
        """
        hidden = self.norm(scalars)
        sent = self.sender(hidden)
        messages = [
            convolve(e, sent.unsqueeze(2), w) for e, w in zip(edges, self.radial, strict=True)
        ]
        dipoles = messages[1]
        if vectors is not None and self.radial_vectors is not None:
            bounded = normalised(vectors)
            carried = convolve(edges[0], bounded, self.radial_vectors)
            dipoles = torch.cat([dipoles, bounded + carried], dim=-1)
        first, second = self.mix(dipoles).chunk(2, dim=-1)
        invariants = [hidden, messages[0].squeeze(2), (first * second).sum(2)]
        directions = [first, second]
        if self.l_max >= 2:
            invariants.append(messages[2].square().sum(2))
            tensors = (self.coupling @ messages[2]).view(*scalars.shape[:2], 3, 3, -1)
            directions.append((tensors * first.unsqueeze(2)).sum(3))
        update, *gates = self.update(self.invariant_norm(torch.cat(invariants, dim=-1))).chunk(
            2 + self.l_max, dim=-1
        )
        moved = reduce(
            torch.add, (gate.unsqueeze(2) * d for gate, d in zip(gates, directions, strict=True))
        )
        return scalars + update, moved if vectors is None else vectors + moved


def normalised(vectors: Tensor) -> Tensor:
    """Scales the vectors of an atom down to a mean square norm below one, smoothly at zero.

    Args:
        vectors: (B, N, 3, C).
    """
    mean_square = vectors.square().sum(2, keepdim=True).mean(-1, keepdim=True)
    return vectors * torch.rsqrt(1 + mean_square)


def convolve(edges: Tensor, features: Tensor, weights: Tensor) -> Tensor:
    r"""sum_jk E[im, kj] w[k, c] f[j, m', c].

    Args:
        edges: (B, N * M, K * N).
        features: (B, N, M', C), with M or M' = 1.
        weights: (K, C).

    Returns:
        (B, N, M * M', C).
    """
    n_molecules, n_atoms, n_components, channels = features.shape
    # A weight for each channel, not one for each column: that is compiled to slow code.
    weighted = features.unsqueeze(1) * weights.view(1, -1, 1, 1, channels)
    sums = torch.bmm(edges, weighted.reshape(n_molecules, -1, n_components * channels))
    return sums.view(n_molecules, n_atoms, -1, channels)
