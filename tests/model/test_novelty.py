"""Novelty: Mahalanobis distances from the atoms of training, element by element."""

import pytest
import torch

from relaxd.model._novelty import Novelty


@pytest.fixture
def novelty():
    torch.manual_seed(0)
    spread = torch.tensor([[1.0, 0.0], [3.0, 0.5]])
    scalars = torch.randn(4000, 2) @ spread
    species = torch.arange(4000) % 2
    scalars[species == 1] += 10
    novelty = Novelty(2, 2)
    novelty.fit(scalars, species, ridge=1e-6)
    return novelty


def test_distances_are_those_of_mahalanobis(novelty):
    covariance = torch.tensor([[10.0, 1.5], [1.5, 0.25]])
    away = torch.tensor([2.0, -1.0])
    expected = float(away @ torch.linalg.inv(covariance) @ away)
    scalars = torch.stack([away, away + 10, away]).unsqueeze(0)
    species, mask = torch.tensor([[0, 1, 1]]), torch.ones(1, 3, dtype=torch.bool)
    found = novelty.distances(scalars, species, mask)[0]
    assert found[:2].tolist() == pytest.approx([expected, expected], rel=0.2)
    assert found[2] > 10 * expected


def test_the_atom_that_is_farthest_counts_and_padding_does_not(novelty):
    novelty.usual.fill_(4.0)
    scalars = torch.tensor([[[0.0, 0.0], [3.0, 0.5], [99.0, 99.0]]])
    species, mask = torch.zeros(1, 3, dtype=torch.long), torch.tensor([[True, True, False]])
    largest = float(novelty.distances(scalars, species, mask)[0, 1])
    assert float(novelty(scalars, species, mask)) == pytest.approx(largest / 4)


def test_what_is_not_calibrated_says_nothing():
    answer = Novelty(2, 2)(torch.ones(1, 1, 2), torch.zeros(1, 1).long(), torch.ones(1, 1).bool())
    assert answer.isnan().all()


def test_an_element_without_examples_is_left_alone():
    novelty = Novelty(2, 3)
    novelty.fit(torch.randn(50, 3), torch.zeros(50, dtype=torch.long))
    assert novelty.precision[0].det() > 0
    assert not novelty.precision[1].any()
