"""Refinements in processes of their own: what they return, and how they fail."""

import os
import shutil
import signal
import sys

import ase
import numpy as np
import pytest
from ase.build import molecule
from tests.dft_bridge.quick import QUICK, rattled

from relaxd.dft_bridge import (
    DftError,
    Level,
    Refinement,
    RefineSettings,
    ScfCycle,
    Step,
    Task,
    refine,
)
from relaxd.dft_bridge._backend import FINE, System, make_backend
from relaxd.dft_bridge._journal import read_points
from relaxd.dft_bridge._point import best_of


def settings(**changes):
    return RefineSettings(**{**vars(QUICK), **changes})


@pytest.fixture(scope="module")
def run():
    events = []
    return refine(rattled("H2O"), QUICK, start="mmff94", on_event=events.append), events


class TestResult:
    def test_it_is_the_minimum(self, run):
        """The energy of the same level, computed apart, does not fall when the bonds change."""
        result, _ = run
        assert result.converged
        assert result.same_connectivity
        assert result.max_force < 4.5e-4 * ase.units.Hartree / ase.units.Bohr
        backend = make_backend(System((8, 1, 1)), QUICK.level)
        energy = backend.energy(result.positions, FINE)
        assert result.energy == pytest.approx(energy, abs=1e-5)
        centre = result.positions.mean(axis=0)
        for scale in (0.99, 1.01):
            scaled = centre + scale * (result.positions - centre)
            assert backend.energy(scaled, FINE) > energy

    def test_it_says_what_it_took(self, run):
        result, events = run
        steps = [event for event in events if isinstance(event, Step)]
        cycles = [event for event in events if isinstance(event, ScfCycle)]
        assert [step.n_gradients for step in steps] == list(range(1, result.n_gradients + 1))
        assert result.scf_cycles == len(cycles) == sum(step.scf_cycles for step in steps)
        assert result.seconds == pytest.approx(sum(step.seconds for step in steps))
        assert result.cpu_seconds > 0
        assert (result.level, result.start) == ("pbe/sto-3g", "mmff94")
        assert (result.hessian, result.backend) == ("gfn2-xtb", "pyscf")
        assert steps[-1].energy == result.energy
        assert steps[-1].max_force == result.max_force

    def test_it_becomes_atoms(self, run):
        result, _ = run
        atoms = result.to_atoms()
        assert atoms.get_potential_energy() == result.energy
        np.testing.assert_array_equal(atoms.get_forces(), result.forces)
        assert atoms.info["level"] == "pbe/sto-3g"
        assert result.energy_hartree == pytest.approx(result.energy / ase.units.Hartree)


def test_charges_and_open_shells():
    ammonium = refine(
        ase.Atoms(
            "NH4", [[0, 0, 0], [1, 0, 0], [-0.3, 0.9, 0], [-0.3, -0.5, 0.8], [-0.3, -0.5, -0.8]]
        ),
        QUICK,
        charge=1,
    )
    assert ammonium.converged
    distances = np.linalg.norm(ammonium.positions[1:] - ammonium.positions[0], axis=1)
    assert np.ptp(distances) < 2e-3
    methyl = refine(rattled("CH3"), QUICK, multiplicity=2)
    assert methyl.converged
    assert methyl.multiplicity == 2


def test_a_model_hessian_leads_to_the_same_minimum():
    with_xtb, without = (
        refine(rattled("H2O"), settings(hessian=hessian)) for hessian in ("gfn2-xtb", "model")
    )
    assert without.hessian == "model"
    assert without.energy == pytest.approx(with_xtb.energy, abs=5e-5)


def test_frozen_atoms_stay():
    atoms = rattled("CH3OH")
    result = refine(atoms, QUICK, frozen=(0, 1))
    assert result.converged
    np.testing.assert_array_equal(result.positions[:2], atoms.positions[:2])
    moving = np.linalg.norm(result.forces[2:], axis=1).max()
    assert result.max_force == pytest.approx(moving)


def test_bonds_that_form_are_told():
    apart = ase.Atoms("H2", [[0, 0, 0], [0, 0, 1.1]])
    result = refine(apart, QUICK)
    assert result.converged
    assert not result.same_connectivity


def test_frequencies_tell_a_minimum_from_a_saddle_point():
    water = refine(rattled("H2O"), settings(frequencies=True))
    assert len(water.wavenumbers) == 3
    assert water.is_minimum
    angles = 2 * np.pi * np.arange(3) / 3
    hydrogens = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(3)])
    flat = ase.Atoms("NH3", np.vstack([np.zeros(3), hydrogens]))
    ammonia = refine(flat, settings(frequencies=True))
    assert ammonia.converged
    assert (ammonia.wavenumbers < 0).sum() == 1
    assert not ammonia.is_minimum


class TestBadInput:
    @pytest.mark.parametrize(
        ("atoms", "options", "code"),
        [
            (ase.Atoms("OHH", [[0, 0, 0], [0, 0, 1], [0, 0, 1.01]]), {}, "overlapping-atoms"),
            (ase.Atoms("OHH", [[0, 0, 0], [0, 0, 1], [0, np.nan, 1]]), {}, "non-finite-positions"),
            (molecule("H2O"), {"multiplicity": 2}, "multiplicity-parity"),
            (molecule("H2O"), {"charge": 1}, "multiplicity-parity"),
            (molecule("H2O"), {"frozen": (3,)}, "frozen-out-of-range"),
            (ase.Atoms("X", [[0, 0, 0]]), {}, "unknown-element"),
        ],
    )
    def test_it_is_refused_by_name(self, atoms, options, code):
        with pytest.raises(DftError) as caught:
            refine(atoms, QUICK, **options)
        assert caught.value.code == code
        assert caught.value.category == "input"

    def test_an_element_the_basis_lacks(self):
        heavy = ase.Atoms("AuH", [[0, 0, 0], [0, 0, 1.5]])
        with pytest.raises(DftError, match="Au") as caught:
            refine(heavy, RefineSettings(Level.parse("pbe/6-31g(2df,p)")))
        assert caught.value.code == "basis-lacks-element"

    def test_frequencies_with_frozen_atoms(self):
        with pytest.raises(DftError) as caught:
            refine(molecule("H2O"), settings(frequencies=True), frozen=(0,))
        assert caught.value.code == "no-frequencies"


def test_too_few_gradients_are_never_called_converged(tmp_path):
    journal = tmp_path / "journal.jsonl"
    short = refine(rattled("H2O"), settings(max_gradients=2), journal=journal)
    assert not short.converged
    assert short.n_gradients == 2
    full = refine(rattled("H2O"), QUICK, journal=journal)
    assert full.converged
    assert len(read_points(journal)) == full.n_gradients


def assert_best_of(error, points, frozen=()):
    """The error carries the best of some points, as if the refinement had said so itself."""
    best, point = error.best, best_of(points)
    assert not best.converged
    assert best.wavenumbers is None
    assert (best.energy, best.coarse) == (point.energy, point.coarse)
    np.testing.assert_array_equal(best.positions, point.positions)
    np.testing.assert_array_equal(best.forces, -point.gradient)
    assert best.max_force == point.max_force(frozen)
    assert best.n_gradients == len(points)
    assert best.scf_cycles == sum(p.scf_cycles for p in points)


def test_more_memory_than_allowed_ends_it(tmp_path):
    atoms, journal = rattled("H2O"), tmp_path / "journal.jsonl"
    little = settings(memory_mb=50)
    with pytest.raises(DftError, match="50 MB") as caught:
        refine(atoms, little, journal=journal)
    assert (caught.value.code, caught.value.category) == ("memory-limit", "resource")
    assert caught.value.best is None
    refine(atoms, settings(max_gradients=2), journal=journal)
    with pytest.raises(DftError, match="50 MB") as caught:
        refine(atoms, little, journal=journal, start="mmff94")
    assert_best_of(caught.value, read_points(journal))
    assert (caught.value.best.start, caught.value.best.backend) == ("mmff94", "pyscf")


def test_a_full_disk_keeps_what_was_computed(small_disk, tmp_path):
    with pytest.raises(DftError) as caught:
        refine(rattled("CH3CH2OH"), QUICK, journal=small_disk / "journal.jsonl")
    assert (caught.value.code, caught.value.category) == ("disk-full", "resource")
    kept = read_points(small_disk / "journal.jsonl")
    assert len(kept) == caught.value.best.n_gradients > 0
    roomy = tmp_path / "journal.jsonl"
    shutil.copy(small_disk / "journal.jsonl", roomy)
    result = refine(rattled("CH3CH2OH"), QUICK, journal=roomy)
    assert result.converged
    for before, after in zip(kept, read_points(roomy), strict=False):
        np.testing.assert_array_equal(before.positions, after.positions)


def test_a_crash_is_told_with_what_the_process_said():
    with Refinement(Task.of(rattled("H2O"), QUICK)) as refinement:
        next(refinement.events())
        os.kill(refinement.pid, signal.SIGSEGV)
        with pytest.raises(DftError, match="exit code -11") as caught:
            refinement.result()
    assert caught.value.code == "worker-crashed"
    assert caught.value.best is None


def test_a_crash_after_a_step_keeps_that_of_a_temporary_journal():
    with Refinement(Task.of(rattled("CH3CH2OH"), QUICK)) as refinement:
        step = next(event for event in refinement.events() if isinstance(event, Step))
        os.kill(refinement.pid, signal.SIGSEGV)
        with pytest.raises(DftError, match="exit code -11") as caught:
            refinement.result()
    best = caught.value.best
    assert (best.energy, best.coarse, best.n_gradients) == (step.energy, step.coarse, 1)
    assert (best.max_force, best.scf_cycles) == (step.max_force, step.scf_cycles)
    np.testing.assert_array_equal(best.positions, step.positions)
    assert not best.converged


def killed_after(n_gradients, task, journal):
    """What a process says that was killed when it had told of so many points."""
    with Refinement(task, journal) as refinement:
        for event in refinement.events():
            if isinstance(event, Step) and event.n_gradients == n_gradients:
                os.kill(refinement.pid, signal.SIGKILL)
        with pytest.raises(DftError, match="exit code -9") as caught:
            refinement.result()
    return caught.value


def test_killed_it_tells_the_best_geometry_of_its_journal(tmp_path):
    journal = tmp_path / "journal.jsonl"
    task = Task.of(rattled("CH3CH2OH"), settings(hessian="model"), frozen=(0,))
    error = killed_after(2, task, journal)
    assert (error.code, error.category) == ("worker-crashed", "internal")
    assert_best_of(error, read_points(journal), task.frozen)
    assert (error.best.hessian, error.best.backend) == ("model", "pyscf")
    assert error.best.same_connectivity


def test_a_process_that_cannot_be_started_again(tmp_path, monkeypatch):
    atoms, journal = rattled("H2O"), tmp_path / "journal.jsonl"
    refine(atoms, settings(max_gradients=2), journal=journal)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(DftError, match="cannot be started") as caught:
        refine(atoms, QUICK, journal=journal)
    assert caught.value.code == "worker-crashed"
    assert_best_of(caught.value, read_points(journal))
    with pytest.raises(DftError) as caught:
        refine(rattled("NH3"), QUICK, journal=journal)
    assert caught.value.best is None
    with pytest.raises(DftError) as caught:
        refine(atoms, QUICK, journal=tmp_path / "none.jsonl")
    assert caught.value.best is None
    assert not (tmp_path / "none.jsonl").exists()


def test_a_finished_refinement_is_not_computed_again(tmp_path):
    journal = tmp_path / "journal.jsonl"
    first = refine(rattled("H2O"), QUICK, journal=journal)
    before = journal.read_bytes()
    events = []
    again = refine(rattled("H2O"), QUICK, journal=journal, on_event=events.append)
    assert journal.read_bytes() == before
    assert events == []
    assert again.energy == first.energy
    np.testing.assert_array_equal(again.positions, first.positions)
