"""Fewer edge functions that do nearly what more did."""

import pytest
import torch

from relaxd.model import MoleculeBatch
from relaxd.model._filters import with_filters

N_BASIS = 10
SIGMA = torch.tensor([0.05, 0.2], dtype=torch.float64)


def change(denoiser, n_filters: int, batch: MoleculeBatch) -> float:
    """Of the result where there are fewer filters, root mean square in Angstrom."""
    fewer = with_filters(denoiser, n_filters, batch)
    assert fewer.config.n_filters == fewer.edges.n_filters == n_filters
    return float((fewer(batch, SIGMA) - denoiser(batch, SIGMA)).detach().square().mean().sqrt())


@pytest.mark.parametrize("l_max", [1, 2])
def test_as_many_filters_as_basis_functions_change_nothing(build, l_max, random_batch):
    denoiser = build(l_max=l_max)
    assert change(denoiser, N_BASIS, random_batch) < 1e-10


def test_weights_of_low_rank_lose_nothing(build, random_batch):
    few = build(n_filters=4)
    assert change(few, 4, random_batch) < 1e-10
    # To be carried by three, four have to lose something.
    assert change(few, 3, random_batch) > 1e-4


def test_the_more_filters_the_less_is_changed(build, random_batch):
    denoiser = build()
    one, five, nine = (change(denoiser, n, random_batch) for n in (1, 5, 9))
    assert one > five > nine > 1e-10


def test_the_best_filters_depend_on_which_pairs_there_are(build, random_batch):
    """They are best for the pairs they were made for."""
    denoiser = build()
    near = MoleculeBatch(
        random_batch.atomic_numbers, 0.4 * random_batch.positions, random_batch.bond_orders
    )
    exact = denoiser(near, SIGMA)
    here, elsewhere = (
        float((with_filters(denoiser, 5, batch)(near, SIGMA) - exact).detach().square().mean())
        for batch in (near, random_batch)
    )
    assert here < elsewhere
