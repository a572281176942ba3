"""Molecules and untrained denoisers."""

from collections.abc import Callable

import pytest
import torch

from relaxd.model import Denoiser, DenoiserConfig, MoleculeBatch, collate

WATER = (
    torch.tensor([8, 1, 1]),
    torch.tensor([[0, 0, 0.119], [0, 0.763, -0.477], [0, -0.763, -0.477]]),
)
ETHYNE = (
    torch.tensor([6, 6, 1, 1]),
    torch.tensor([[0, 0, 0.6], [0, 0, -0.6], [0, 0, 1.66], [0, 0, -1.66]]),
)
BONDS = [[(0, 1, 1.0), (0, 2, 1.0)], [(0, 1, 3.0), (0, 2, 1.0), (1, 3, 1.0)]]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def build_denoiser(**config) -> Denoiser:
    """Untrained, in double precision, and with a readout that is not zero."""
    denoiser = Denoiser(DenoiserConfig(channels=16, n_layers=3, **config)).double().eval()
    torch.nn.init.normal_(denoiser.readout.weight)
    return denoiser


@pytest.fixture
def build() -> Callable[..., Denoiser]:
    """Makes untrained denoisers."""
    return build_denoiser


SHAPES = {"l_max=1": {}, "l_max=2": {"l_max": 2}, "filters": {"n_filters": 3}}


@pytest.fixture(params=SHAPES)
def denoiser(request) -> Denoiser:
    return build_denoiser(**SHAPES[request.param])


@pytest.fixture
def padded() -> MoleculeBatch:
    """Water, with padding, and ethyne, which is linear."""
    numbers, positions = zip(WATER, ETHYNE, strict=True)
    return collate(numbers, [p.double() for p in positions], BONDS)


@pytest.fixture
def random_batch() -> MoleculeBatch:
    """Two clouds of nine atoms with some bonds."""
    numbers = torch.tensor([1, 6, 7, 8])[torch.randint(4, (2, 9))]
    positions = 1.5 * torch.randn(2, 9, 3, dtype=torch.float64)
    bonds = torch.zeros(2, 9, 9, dtype=torch.float64)
    bonds[:, 0, 1] = bonds[:, 1, 0] = 2.0
    return MoleculeBatch(numbers, positions, bonds)
