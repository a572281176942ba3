"""The error head: invariant, additive over atoms, silent until it is calibrated."""

import pytest
import torch
from e3nn import o3

from relaxd.model import (
    Denoiser,
    DenoiserConfig,
    MoleculeBatch,
    Seen,
    atom_features,
    load_model,
    save_model,
)

CONFIG = DenoiserConfig(channels=16, n_layers=2, n_radial=6)


@pytest.fixture
def denoiser():
    torch.manual_seed(0)
    denoiser = Denoiser(CONFIG)
    torch.nn.init.normal_(denoiser.readout.weight)
    denoiser.error_head.calibration.copy_(torch.tensor([0.5, 0.9]))
    denoiser.error_head.calibrated.fill_(True)
    return denoiser.eval()


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return MoleculeBatch(torch.tensor([[8, 6, 1, 1, 7]]), 1.5 * torch.randn(1, 5, 3))


SIGMA = torch.tensor([0.05])


def seen(denoiser, batch):
    positions, scalars = denoiser.describe(batch, SIGMA)
    return Seen(scalars, positions - batch.positions, SIGMA)


def log_error(denoiser, batch):
    return denoiser.judge(batch, seen(denoiser, batch))[0]


def test_what_is_not_calibrated_says_nothing(batch):
    assert log_error(Denoiser(CONFIG), batch).isnan().all()


def test_error_is_invariant(denoiser, batch):
    turn = o3.rand_matrix()
    moved = batch.with_positions(batch.positions @ turn.T + 3.0)
    expected = log_error(denoiser, batch)
    assert torch.allclose(log_error(denoiser, moved), expected, atol=1e-4)


def test_padding_adds_nothing(denoiser, batch):
    padded = MoleculeBatch(
        torch.cat([batch.atomic_numbers, torch.zeros(1, 3, dtype=torch.long)], 1),
        torch.cat([batch.positions, torch.zeros(1, 3, 3)], 1),
    )
    expected = log_error(denoiser, batch)
    assert torch.allclose(log_error(denoiser, padded), expected, atol=1e-5)


def test_two_molecules_far_apart_have_the_sum_of_their_errors(denoiser, batch):
    """Before the calibration, which is not additive."""
    far = torch.tensor([100.0, 0.0, 0.0])
    both = MoleculeBatch(
        batch.atomic_numbers.repeat(1, 2),
        torch.cat([batch.positions, batch.positions + far], dim=1),
    )
    head, mask = denoiser.error_head, batch.mask
    alone, together = (atom_features(*seen(denoiser, each)) for each in (batch, both))
    # The displacements of both are centred as one; here that is the same, they are alike.
    doubled = head.typical(alone, mask) + torch.log(torch.tensor(2.0))
    assert torch.allclose(head.typical(together, both.mask), doubled, atol=1e-4)


def test_the_head_is_saved_and_may_be_missing(denoiser, batch, tmp_path):
    save_model(denoiser, tmp_path / "with.safetensors", {})
    loaded = load_model(tmp_path / "with.safetensors")
    expected = denoiser(batch, SIGMA)
    assert torch.equal(log_error(loaded.denoiser, batch), log_error(denoiser, batch))
    denoiser.error_head = denoiser.novelty = torch.nn.Module()
    save_model(denoiser, tmp_path / "without.safetensors", {})
    bare = load_model(tmp_path / "without.safetensors")
    assert bare.sha256 == loaded.sha256
    assert torch.equal(bare.denoiser(batch, SIGMA), expected)
    assert log_error(bare.denoiser, batch).isnan().all()
