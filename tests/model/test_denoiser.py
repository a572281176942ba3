"""The symmetries and the smoothness of the denoiser, and its agreement with e3nn."""

import pytest
import torch
from e3nn import o3

from relaxd.model import MoleculeBatch, load_model
from relaxd.model._edges import Edges, polynomial_envelope
from relaxd.model._layer import convolve
from relaxd.model.testing import (
    assert_batch_matches_singles,
    assert_differentiable,
    assert_equivariant,
    assert_smooth_at_cutoff,
)

SIGMA = torch.tensor([0.05, 0.2], dtype=torch.float64)


def test_equivariance(denoiser, random_batch):
    # e3nn tabulates the coupling coefficients of l = 2 in single precision.
    assert_equivariant(denoiser, random_batch, SIGMA, tolerance=1e-6)


def test_equivariance_check_can_fail(denoiser, random_batch):
    def skewed(batch, sigma):
        return denoiser(batch, sigma) * torch.tensor([1.0, 1.0, 1.001])

    with pytest.raises(AssertionError, match="rotation"):
        assert_equivariant(skewed, random_batch, SIGMA)


def test_batch_matches_singles(denoiser, padded):
    assert_batch_matches_singles(denoiser, padded, SIGMA, tolerance=1e-10)


def test_gradients(denoiser, padded):
    assert_differentiable(denoiser, padded, SIGMA)


def test_smoothness_at_the_cutoff(denoiser):
    assert_smooth_at_cutoff(denoiser, torch.tensor([6, 8]), denoiser.config.r_max)


def test_envelope_and_its_slope_vanish_at_the_cutoff():
    x = torch.tensor([0.0, 1 - 1e-4, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    envelope = polynomial_envelope(x)
    slope = torch.autograd.grad(envelope.sum(), x)[0]
    assert envelope.tolist() == pytest.approx([1.0, 0.0, 0.0, 0.0], abs=1e-10)
    assert slope.tolist() == pytest.approx([0.0, 0.0, 0.0, 0.0], abs=1e-6)


def test_an_isolated_atom_stays(denoiser):
    batch = MoleculeBatch(torch.tensor([[6]]), torch.ones(1, 1, 3, dtype=torch.float64))
    assert torch.equal(denoiser(batch, SIGMA[:1]), batch.positions)


def test_bonds_are_heard_but_not_required(denoiser, random_batch):
    without = MoleculeBatch(random_batch.atomic_numbers, random_batch.positions)
    silent = MoleculeBatch(
        random_batch.atomic_numbers,
        random_batch.positions,
        torch.zeros_like(random_batch.bond_orders),
    )
    assert torch.equal(denoiser(without, SIGMA), denoiser(silent, SIGMA))
    assert not torch.allclose(denoiser(without, SIGMA), denoiser(random_batch, SIGMA))


def test_the_noise_level_is_heard(denoiser, random_batch):
    low = denoiser(random_batch, torch.full_like(SIGMA, 0.01))
    assert not torch.allclose(low, denoiser(random_batch, torch.full_like(SIGMA, 0.3)))


def test_the_centroid_stays(denoiser, random_batch):
    shift = denoiser(random_batch, SIGMA).mean(1) - random_batch.positions.mean(1)
    assert shift.abs().max() < 1e-12


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_convolution_is_e3nns_tensor_product(degree, random_batch):
    """The matrix product gives what e3nn's "uvu" product of features and harmonics gives."""
    channels, n_atoms = 5, random_batch.positions.shape[1]
    edges = Edges(n_radial=4, r_max=5.0, l_max=2).double()
    features = torch.randn(2, n_atoms, channels, dtype=torch.float64)
    weights = torch.randn(edges.n_filters, channels, dtype=torch.float64)
    ours = convolve(
        edges(random_batch.positions, random_batch.mask, random_batch.bond_orders)[degree],
        features.unsqueeze(2),
        weights,
    )

    product = o3.TensorProduct(
        f"{channels}x0e",
        o3.Irreps.spherical_harmonics(2)[degree : degree + 1],
        f"{channels}x{degree}{'eo'[degree % 2]}",
        [(0, 0, 0, "uvu", True)],
        irrep_normalization="component",
        shared_weights=False,
        internal_weights=False,
    ).double()
    vectors = random_batch.positions.unsqueeze(1) - random_batch.positions.unsqueeze(2)
    harmonics = o3.spherical_harmonics(degree, vectors, True, normalization="component")
    radial = edges(random_batch.positions, random_batch.mask, random_batch.bond_orders)[0]
    radial = radial.view(2, n_atoms, edges.n_filters, n_atoms).movedim(2, 3)
    sent = features.unsqueeze(1).expand(2, n_atoms, n_atoms, channels)
    theirs = product(sent, harmonics, radial @ weights).sum(2)
    theirs = theirs.view(2, n_atoms, channels, 2 * degree + 1).transpose(2, 3)
    assert torch.allclose(ours, theirs, atol=1e-10)


def test_the_shipped_model_is_equivariant_in_single_precision(padded):
    denoiser = load_model().denoiser
    batch = MoleculeBatch(
        padded.atomic_numbers, padded.positions.float(), padded.bond_orders.float()
    )
    sigma = SIGMA.float()
    assert_batch_matches_singles(denoiser, batch, sigma, tolerance=1e-5)
    water = MoleculeBatch(
        batch.atomic_numbers[:1, :3], batch.positions[:1, :3], batch.bond_orders[:1, :3, :3]
    )
    assert_equivariant(denoiser, water, sigma[:1], tolerance=1e-5)
