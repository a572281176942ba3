"""Fewer edge functions that do nearly what more did: a trained model made cheaper."""

from dataclasses import replace

import torch
from torch import Tensor

from ._batch import MoleculeBatch
from ._denoiser import Denoiser
from ._edges import Edges

RIDGE = 1e-6
"""Of the mean square of the basis functions: added to that of each, for some hardly differ."""


def with_filters(denoiser: Denoiser, n_filters: int, batch: MoleculeBatch) -> Denoiser:
    r"""A denoiser whose layers see fewer edge functions, and are changed as little as can be.

    All messages of one degree l are linear in radial functions :math:`W^T B(r)`, where W holds
    the weights of all channels of all layers side by side. Of all matrices of rank `n_filters`,
    the one returned changes them least in the mean square over the pairs of atoms in `batch`
    (Eckart and Young, Psychometrika 1, 211 (1936)). Training on mends what is left.

    Args:
        denoiser: the model; it is left as it is.
        n_filters: of each degree; at most as many as it has.
        batch: B molecules, such as it meets.
    """
    config = denoiser.config
    fewer = Denoiser(replace(config, n_filters=n_filters)).to(denoiser.readout.weight)
    state = denoiser.state_dict()
    metric = _metric(Edges(config.n_radial, config.r_max, 0), batch)
    old = denoiser.edges.filters
    filters, radial = [], []
    for l in range(config.l_max + 1):
        names = [name for name in state if l == 0 and name.endswith(".radial_vectors")]
        parts = [state[f"layers.{i}.radial"][l] for i in range(config.n_layers)]
        weights = torch.cat(parts + [state[name] for name in names], dim=1).double()
        if old is not None:
            weights = old[l].double().T @ weights
        kept = torch.linalg.svd(metric.T @ weights).U[:, :n_filters]
        filters.append(torch.linalg.solve_triangular(metric.T, kept, upper=True).T)
        smaller = (kept.T @ metric.T @ weights).split(config.channels, dim=1)
        radial.append(smaller[: config.n_layers])
        state |= dict(zip(names, smaller[config.n_layers :], strict=True))
    for i, of_layer in enumerate(zip(*radial, strict=True)):
        state[f"layers.{i}.radial"] = torch.stack(of_layer)
    fewer.load_state_dict({**state, "edges.filters": torch.stack(filters)})
    return fewer


def _metric(edges: Edges, batch: MoleculeBatch) -> Tensor:
    """(n_basis, n_basis) L such that |L^T w| is the size of a function with coefficients w."""
    matrix = edges.to(batch.positions)(batch.positions, batch.mask, batch.bond_orders)[0]
    n_molecules, n_atoms, _ = matrix.shape
    basis = matrix.view(n_molecules, n_atoms, -1, n_atoms).movedim(2, 3).flatten(0, 2).double()
    gram = basis.T @ basis
    gram = gram / gram.trace() * len(gram)
    metric: Tensor = torch.linalg.cholesky(gram + RIDGE * torch.eye(len(gram)).to(gram))
    return metric
