"""Training inputs, alignment and the loss."""

import pytest
import torch
from e3nn import o3

from relaxd.model import NoiseConfig, align, collate, perturb, relative_error, root_mean_square
from relaxd.model._diffusion import SIGMA_MAX, SIGMA_MIN, SIGMA_UNKNOWN, stiffness
from relaxd.model.data import Basin


@pytest.fixture
def molecules():
    """A hundred random clouds of six atoms, and as many displaced ones."""
    minima = 1.5 * torch.randn(100, 6, 3)
    mask = torch.ones(100, 6, dtype=torch.bool)
    return minima, align(minima + 0.1 * torch.randn_like(minima), minima, mask), mask


def make_inputs(molecules, **config):
    config = NoiseConfig(**{"unknown_share": 0.0, **config})
    return perturb(*molecules, config, torch.Generator().manual_seed(1))


def test_gaussian_inputs_have_the_noise_they_are_said_to_have(molecules):
    inputs, sigma = make_inputs(molecules, gaussian_share=1.0)
    deviation = root_mean_square(inputs - molecules[0], molecules[2])
    assert float((deviation / sigma).square().mean()) == pytest.approx(1, abs=0.05)
    assert sigma.min() >= SIGMA_MIN


def test_pair_inputs_lie_between_start_and_minimum(molecules):
    minima, starts, mask = molecules
    inputs, sigma = make_inputs(molecules, gaussian_share=0.0, label_spread=0.5)
    deviation = root_mean_square(inputs - minima, mask)
    whole = root_mean_square(starts - minima, mask)
    assert (deviation < 1.2 * whole + 4 * SIGMA_MIN).all()
    assert ((deviation - whole).abs() < 0.3 * whole).float().mean() > 0.5
    assert (sigma / deviation).log().std() == pytest.approx(0.5, abs=0.15)
    assert sigma.max() <= SIGMA_MAX


def test_molecules_without_a_start_get_noise(molecules):
    minima, _, mask = molecules
    inputs, _ = perturb(
        minima, minima, mask, NoiseConfig(gaussian_share=0.0), torch.Generator().manual_seed(1)
    )
    assert (inputs - minima).abs().amax((1, 2)).min() > 0


def test_of_some_inputs_the_noise_is_unknown(molecules):
    inputs, sigma = make_inputs(molecules)
    same, partly_told = make_inputs(molecules, unknown_share=0.3)
    unknown = partly_told == SIGMA_UNKNOWN
    assert torch.equal(inputs, same)
    assert 0.2 < unknown.float().mean() < 0.4
    assert torch.equal(partly_told[~unknown], sigma[~unknown])


def test_starts_of_another_basin_give_way_to_noise(molecules):
    minima, starts, mask = molecules
    distant = minima + 20 * (starts - minima)
    inputs, sigma = make_inputs(
        (minima, distant, mask), gaussian_share=0.0, farthest_start=0.5, sigma_max=0.01
    )
    assert (3**0.5 * root_mean_square(distant - minima, mask) > 0.5).all()
    assert root_mean_square(inputs - minima, mask).max() < 0.02
    assert sigma.max() < 0.01


def test_starts_whose_basin_is_known_are_used_by_it(molecules):
    minima, starts, mask = molecules
    distant = minima + 20 * (starts - minima)
    basin = torch.tensor([Basin.SAME, Basin.OTHER]).repeat(len(minima) // 2)
    config = NoiseConfig(gaussian_share=0.0, farthest_start=0.5, sigma_max=0.01)
    generator = torch.Generator().manual_seed(1)
    inputs, _ = perturb(minima, distant, mask, config, generator, basin)
    moved = root_mean_square(inputs - minima, mask)
    assert moved[basin == Basin.OTHER].max() < 0.02
    assert moved[basin == Basin.SAME].median() > 0.1


def test_alignment_undoes_rotation_and_shift_but_no_reflection(molecules):
    minima, _, mask = molecules
    rotation = o3.rand_matrix()
    moved = minima @ rotation.T + 2.0
    assert torch.allclose(align(moved, minima, mask), minima, atol=1e-4)
    assert not torch.allclose(align(-moved, minima, mask), minima, atol=1e-1)


def test_alignment_ignores_padding():
    numbers = torch.tensor([8, 1, 1])
    positions = torch.tensor([[0, 0, 0.1], [0, 0.8, -0.5], [0, -0.8, -0.5]])
    batch = collate([numbers, numbers[:2]], [positions, positions[:2]])
    moved = (batch.positions @ o3.rand_matrix().T + 1.0) * batch.mask.unsqueeze(-1)
    assert torch.allclose(align(moved, batch.positions, batch.mask), batch.positions, atol=1e-5)


def test_loss_is_zero_at_the_minimum_and_one_at_the_input(molecules):
    minima, starts, mask = molecules
    perfect = relative_error(align(minima, starts, mask), starts, minima, mask)
    nothing = relative_error(starts, starts, minima, mask)
    assert perfect.total < 1e-2
    assert nothing.cartesian.tolist() == pytest.approx([1.0] * 100, abs=1e-2)
    assert nothing.stiff.tolist() == pytest.approx([1.0] * 100, abs=1e-2)


def test_loss_does_not_see_how_the_minimum_was_turned(molecules):
    minima, starts, mask = molecules
    turned = minima @ o3.rand_matrix().T
    here, there = (relative_error(starts, starts, m, mask).total for m in (minima, turned))
    assert float(here) == pytest.approx(float(there), rel=1e-4)


def test_bonds_are_stiffer_than_contacts():
    positions = torch.tensor([[[0.0, 0, 0], [1.1, 0, 0], [2.2, 0, 0], [6.0, 0, 0]]])
    weight = stiffness(positions, torch.ones(1, 4, dtype=torch.bool))[0]
    assert weight[0, 0] == 0
    assert weight[0, 1] > weight[0, 2] > weight[0, 3] > 0
