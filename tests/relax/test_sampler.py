"""The fixed-point iteration against maps whose fixed points are known."""

import pytest
import torch

from relaxd.model import MoleculeBatch
from relaxd.relax import Schedule, relax_to_fixpoint
from relaxd.relax._sampler import FORCE_CONSTANT, promised_energy

TARGET = torch.tensor([[0.0, 0, 0], [1.5, 0, 0], [0, 1.5, 0]])


def described(positions):
    """With scalars that tell where an atom was put."""
    return positions, positions.clone()


def contraction(factor):
    """Moves to the target but for `factor` of the distance."""

    def denoise(batch, sigma):
        return described(TARGET + factor * (batch.positions - TARGET))

    return denoise


def make_batch(*offsets):
    positions = torch.stack([TARGET + offset for offset in offsets])
    return MoleculeBatch(torch.full(positions.shape[:2], 6), positions)


def test_a_contraction_converges_to_its_fixed_point():
    schedule = Schedule(tolerance=1e-5, max_evaluations=50)
    end = relax_to_fixpoint(contraction(0.3), make_batch(0.2), schedule)
    assert end.converged.all()
    assert torch.allclose(end.positions[0], TARGET, atol=1e-5)


def test_the_count_of_evaluations_is_what_the_contraction_needs():
    """0.2 * 0.5**k <= 0.01 for a step needs k = 5 steps: 0.1, 0.05, 0.025, 0.0125, 0.00625."""
    shift = torch.tensor([0.2, 0.0, 0.0])
    end = relax_to_fixpoint(contraction(0.5), make_batch(shift), Schedule(tolerance=0.01))
    assert end.n_evaluations.tolist() == [5]
    assert end.n_forward == 5


def test_each_molecule_stops_by_itself():
    far, near = torch.tensor([0.4, 0, 0]), torch.tensor([0.001, 0, 0])
    schedule = Schedule(tolerance=0.01)
    end = relax_to_fixpoint(contraction(0.5), make_batch(far, near), schedule)
    assert end.n_evaluations.tolist() == [6, 1]
    alone = relax_to_fixpoint(contraction(0.5), make_batch(far), schedule)
    assert torch.equal(alone.positions[0], end.positions[0])


def test_what_the_last_evaluation_of_each_molecule_saw_is_kept():
    far, near = torch.tensor([0.4, 0, 0]), torch.tensor([0.001, 0, 0])
    schedule = Schedule(tolerance=0.01, good_start=0.0)
    end = relax_to_fixpoint(contraction(0.5), make_batch(far, near), schedule)
    assert torch.equal(end.seen.scalars, end.positions)
    last = end.trajectory[end.n_evaluations - 1, [0, 1]]
    assert torch.allclose(end.seen.step, end.positions - last)
    assert end.seen.sigma.tolist() == pytest.approx([0.8 * 0.0125 / 3**0.5, 0.1], rel=1e-4)


def stretched(length):
    """An offset by which a bond is too long; halving it takes a step of `length`."""
    return torch.tensor([[0.0, 0, 0], [2 * length, 0, 0], [0, 0, 0]])


def test_a_start_of_which_little_energy_is_promised_is_left_as_it_is():
    near, farther = stretched(0.01), stretched(0.03)
    batch = make_batch(near, farther)
    schedule = Schedule(tolerance=0.02, good_start=0.1)
    end = relax_to_fixpoint(contraction(0.5), batch, schedule)
    assert end.converged.all()
    assert end.n_evaluations.tolist() == [1, 2]
    assert torch.equal(end.positions[0], batch.positions[0])
    assert torch.allclose(end.positions[1], TARGET + 0.25 * farther)
    # What is judged is the step that was proposed.
    assert float(end.seen.step[0].norm(dim=-1).max()) == pytest.approx(0.01, rel=1e-4)


def test_a_start_that_would_move_far_is_not_left_though_no_distance_changes():
    shift = torch.tensor([0.12, 0, 0])
    end = relax_to_fixpoint(contraction(0.5), make_batch(shift), Schedule(good_start=0.1))
    assert end.n_evaluations.tolist() == [4]


def test_the_promised_energy_is_that_of_springs_between_atoms_alone():
    positions, step = torch.zeros(1, 4, 3), torch.zeros(1, 4, 3)
    positions[0, 1, 0], step[0, 1, 0] = 1.5, 0.02
    mask = torch.tensor([[True, True, False, False]])
    found = promised_energy(positions, step, mask)
    assert found.tolist() == pytest.approx([FORCE_CONSTANT / 2 * 0.02**2], rel=1e-4)


def test_what_never_settles_is_not_called_converged():
    def oscillate(batch, sigma):
        return described(2 * TARGET - batch.positions)

    end = relax_to_fixpoint(oscillate, make_batch(0.2), Schedule(max_evaluations=7))
    assert not end.converged.any()
    assert end.n_evaluations.tolist() == [7]


def test_an_overflow_keeps_the_last_finite_geometry_and_harms_no_other():
    def overflow(batch, sigma):
        denoised = contraction(0.5)(batch, sigma)
        denoised[0][batch.positions[:, 0, 0] < 0.15, 0, 0] = float("nan")
        return denoised

    schedule = Schedule(tolerance=1e-3, max_evaluations=5)
    end = relax_to_fixpoint(overflow, make_batch(0.2, 40.0), schedule)
    assert not end.converged.any()
    assert end.n_evaluations.tolist() == [2, 5]
    assert torch.allclose(end.positions[0], TARGET + 0.1)
    assert end.positions.isfinite().all()


def test_frozen_atoms_do_not_move():
    batch = make_batch(0.2)
    frozen = torch.tensor([[False, True, False]])
    end = relax_to_fixpoint(contraction(0.0), batch, Schedule(), frozen)
    assert torch.equal(end.positions[0, 1], batch.positions[0, 1])
    assert torch.allclose(end.positions[0, 0], TARGET[0])


def test_the_noise_level_follows_the_step_within_its_limits():
    seen = []

    def record(batch, sigma):
        seen.append(float(sigma))
        return described(TARGET + 0.5 * (batch.positions - TARGET))

    schedule = Schedule(sigma_start=0.2, factor=0.5, sigma_min=0.02, tolerance=1e-3)
    relax_to_fixpoint(record, make_batch(0.4), schedule)
    assert seen[:3] == pytest.approx([0.2, 0.1, 0.05])
    assert min(seen) == pytest.approx(0.02)
