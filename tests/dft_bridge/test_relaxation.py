"""A refinement in this process, with a backend that fails when it is told to."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule
from tests.dft_bridge.surfaces import Gfn1Xtb

from relaxd.dft_bridge import DftError, RefineSettings, Step, Task
from relaxd.dft_bridge import _relaxation as relaxation_module
from relaxd.dft_bridge._backend import FINE, Evaluation
from relaxd.dft_bridge._journal import read_points
from relaxd.dft_bridge._low_level import LowLevelError
from relaxd.dft_bridge._point import NOISE
from relaxd.dft_bridge._relaxation import Relaxation
from relaxd.dft_bridge._result import best_kept


class Backend:
    """GFN1-xTB that has no answer at the points of some numbers."""

    name = "gfn1-xtb"

    def __init__(self, atoms, fails_at=()):
        self._target, self._fails_at = Gfn1Xtb(atoms.numbers), fails_at
        self.accuracies = []

    def evaluate(self, positions, accuracy, on_cycle):
        self.accuracies.append(accuracy)
        on_cycle(1, 0.0)
        if len(self.accuracies) in self._fails_at:
            raise DftError("scf-not-converged", "ethanol: no SCF convergence")
        return Evaluation(*self._target(positions), scf_cycles=1)


@pytest.fixture
def task():
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.05, seed=1)
    return Task.of(atoms)


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "journal.jsonl"


def backend(**options):
    return Backend(molecule("CH3CH2OH"), **options)


def test_coarse_points_come_first_and_a_fine_one_last(task, journal):
    computed = backend()
    result = Relaxation(task, journal, backend=computed).run()
    assert result.converged
    assert not result.coarse
    levels = [accuracy.grid_level for accuracy in computed.accuracies]
    assert levels == sorted(levels)
    assert levels[0] < levels[-1] == FINE.grid_level
    assert [p.coarse for p in read_points(journal)] == [level < FINE.grid_level for level in levels]


def test_what_relaxd_made_needs_no_coarse_points(task, journal):
    computed = backend()
    result = Relaxation(replace(task, start="relaxd"), journal, backend=computed).run()
    assert result.converged
    assert {accuracy.grid_level for accuracy in computed.accuracies} == {FINE.grid_level}


def test_a_failure_carries_the_best_geometry_so_far_and_can_be_gone_on_from(task, journal):
    with pytest.raises(DftError) as caught:
        Relaxation(task, journal, backend=backend(fails_at=[3])).run()
    assert caught.value.category == "convergence"
    points = read_points(journal)
    best = caught.value.best
    assert len(points) == best.n_gradients == 2
    assert not best.converged
    assert best.energy == min(point.energy for point in points)
    kept = best_kept(task, journal)
    assert kept.to_dict() == best.to_dict()
    steps = []
    result = Relaxation(task, journal, steps.append, backend()).run()
    assert result.converged
    told = [step.from_journal for step in steps if isinstance(step, Step)]
    assert told == [True, True] + [False] * (result.n_gradients - 2)


def test_a_failure_at_the_first_point_has_no_geometry(task, journal):
    with pytest.raises(DftError) as caught:
        Relaxation(task, journal, backend=backend(fails_at=[1])).run()
    assert caught.value.best is None
    assert best_kept(task, journal) is None


def test_what_a_journal_keeps_is_the_best_wherever_it_ends(task, journal):
    """Of a line cut short nothing counts; a fine point counts more than a coarse one."""
    result = Relaxation(task, journal, backend=backend()).run()
    lines = journal.read_bytes().splitlines(keepends=True)[:-1]
    assert len(lines) == 2 + result.n_gradients
    for n_points in range(1, result.n_gradients + 1):
        *whole, last = lines[: 2 + n_points]
        journal.write_bytes(b"".join(whole) + last[:-1])
        kept = best_kept(task, journal)
        assert (kept is None) == (n_points == 1)
        journal.write_bytes(b"".join(whole) + last)
        points = read_points(journal)
        kept = best_kept(task, journal)
        fine = [point for point in points if not point.coarse]
        lowest = min(point.energy for point in fine or points)
        assert lowest <= kept.energy < lowest + NOISE
        assert kept.coarse == (not fine)
        assert (kept.n_gradients, kept.converged) == (n_points, False)
    assert kept.energy == result.energy
    np.testing.assert_array_equal(kept.positions, result.positions)


def test_a_journal_that_does_not_say_what_it_was_computed_with(task, journal):
    Relaxation(task, journal, backend=backend()).run()
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(line for line in lines if b'"run"' not in line))
    kept = best_kept(task, journal)
    assert (kept.hessian, kept.backend) == (task.settings.hessian, "unknown")


@pytest.mark.parametrize("damage", [b"{not json\n", b'{"record": "point"}\n'])
def test_a_journal_that_cannot_be_read_keeps_nothing(task, journal, damage):
    Relaxation(task, journal, backend=backend()).run()
    journal.write_bytes(journal.read_bytes() + damage)
    assert best_kept(task, journal) is None


def test_it_ends_where_an_uninterrupted_one_does(task, journal, tmp_path):
    whole = Relaxation(task, tmp_path / "whole.jsonl", backend=backend()).run()
    for failing in range(1, whole.n_gradients + 1):
        path = tmp_path / f"{failing}.jsonl"
        with pytest.raises(DftError):
            Relaxation(task, path, backend=backend(fails_at=[failing])).run()
        again = Relaxation(task, path, backend=backend()).run()
        assert again.n_gradients == whole.n_gradients
        np.testing.assert_allclose(again.positions, whole.positions, atol=1e-6)


def test_where_the_low_level_fails_the_model_hessian_takes_over(task, journal, monkeypatch):
    class Fickle(relaxation_module.Gfn2Xtb):
        def __call__(self, positions):
            raise LowLevelError("gfn2-xtb: no SCF convergence")

    monkeypatch.setattr(relaxation_module, "Gfn2Xtb", Fickle)
    result = Relaxation(task, journal, backend=backend()).run()
    assert result.converged
    assert result.hessian == "model"
    assert best_kept(task, journal).hessian == "model"


def test_another_start_is_another_refinement(task, journal):
    Relaxation(task, journal, backend=backend()).run()
    elsewhere = Task(task.system, task.positions + 0.01)
    with pytest.raises(DftError) as caught:
        Relaxation(elsewhere, journal, backend=backend()).run()
    assert caught.value.code == "journal-mismatch"


def test_how_far_it_may_go_and_on_what_does_not_change_what_it_is(task, journal):
    short = Task(task.system, task.positions, settings=RefineSettings(max_gradients=1, threads=2))
    assert not Relaxation(short, journal, backend=backend()).run().converged
    assert Relaxation(task, journal, backend=backend()).run().converged
