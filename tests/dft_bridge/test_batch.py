"""Many refinements at once."""

import sys
import tempfile
import threading
import time
from dataclasses import replace

import ase
import numpy as np
import psutil
import pytest
from ase.build import molecule

from relaxd.dft_bridge import Batch, Level, RefinementCancelled, RefineSettings, Step, Task

QUICK = RefineSettings(Level.parse("pbe/sto-3g"))


def task(name, seed=1, **options):
    atoms = molecule(name)
    atoms.rattle(0.02, seed=seed)
    return Task.of(atoms, QUICK, **options)


def run(folder, tasks, **options):
    with Batch(folder, **options) as batch:
        return list(batch.run(tasks))


def test_results_come_in_order_and_a_failure_takes_no_other_with_it(tmp_path):
    overlapping = Task.of(ase.Atoms("H2", [[0, 0, 0], [0, 0, 0.01]]), QUICK)
    tasks = [
        ("slow", task("CH3OH")),
        ("bad", overlapping),
        ("open shell", task("H2O", multiplicity=2)),
        ("quick", task("H2")),
    ]
    events = []
    outcomes = run(tmp_path, tasks, workers=2, on_event=lambda *told: events.append(told))
    assert [outcome.id for outcome in outcomes] == ["slow", "bad", "open shell", "quick"]
    codes = [outcome.error and outcome.error.code for outcome in outcomes]
    assert codes == [None, "overlapping-atoms", "multiplicity-parity", None]
    assert outcomes[0].result.converged
    assert {id for id, _ in events} == {"slow", "quick"}
    points = outcomes[0].points()
    assert len(points) == outcomes[0].result.n_gradients
    assert outcomes[1].points() == []


def test_a_second_run_computes_nothing(tmp_path):
    tasks = [("water", task("H2O")), ("hydrogen", task("H2"))]
    first = run(tmp_path, tasks)
    events = []
    second = run(tmp_path, reversed(tasks), on_event=lambda *told: events.append(told))
    assert events == []
    for before, after in zip(first, reversed(second), strict=True):
        assert before.result.energy == after.result.energy
        np.testing.assert_array_equal(before.result.positions, after.result.positions)


def test_the_same_molecule_twice_does_not_wait_for_itself(tmp_path):
    began = time.monotonic()
    outcomes = run(tmp_path, [("one", task("H2")), ("two", task("H2"))], workers=2)
    assert all(outcome.result.converged for outcome in outcomes)
    assert len({outcome.journal for outcome in outcomes}) == 2
    assert time.monotonic() - began < 60


def test_tasks_are_read_as_they_are_needed(tmp_path):
    read = []

    def tasks():
        for number in range(1000):
            read.append(number)
            yield str(number), Task.of(ase.Atoms("H2", [[0, 0, 0]] * 2), QUICK)

    with Batch(tmp_path) as batch:
        outcomes = batch.run(tasks())
        assert next(outcomes).error.code == "overlapping-atoms"
        assert len(read) <= 64
        assert len(list(outcomes)) == 999


def test_cancel_ends_every_process_and_the_next_run_goes_on(tmp_path):
    tasks = [("ethanol", task("CH3CH2OH")), ("methanol", task("CH3OH"))]
    stepped = threading.Event()

    def on_event(_, event):
        if isinstance(event, Step):
            stepped.set()

    with Batch(tmp_path, workers=2, on_event=on_event) as batch:
        canceller = threading.Thread(target=lambda: stepped.wait() and batch.cancel())
        canceller.start()
        with pytest.raises(RefinementCancelled):
            list(batch.run(tasks))
        canceller.join()
    children = psutil.Process().children()
    assert not [c for c in children if "dft_bridge._worker" in " ".join(c.cmdline())]
    replayed = []
    outcomes = run(tmp_path, tasks, on_event=lambda _, event: replayed.append(event))
    assert all(outcome.result.converged for outcome in outcomes)
    assert any(isinstance(event, Step) and event.from_journal for event in replayed)


def test_a_process_that_cannot_be_started_again(tmp_path, monkeypatch):
    known, fresh = task("H2O"), task("H2")
    short = replace(known, settings=replace(QUICK, max_gradients=1))
    assert not run(tmp_path, [("water", short)])[0].result.converged
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    again, other = run(tmp_path, [("water", known), ("hydrogen", fresh)])
    assert again.error.code == other.error.code == "worker-crashed"
    (point,) = again.points()
    assert (again.error.best.energy, again.error.best.converged) == (point.energy, False)
    np.testing.assert_array_equal(again.error.best.positions, point.positions)
    assert (other.error.best, other.journal) == (None, None)


def test_no_room_for_temporary_files(tmp_path, monkeypatch):
    known = task("H2O")
    short = replace(known, settings=replace(QUICK, max_gradients=1))
    run(tmp_path, [("water", short)])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    (outcome,) = run(tmp_path, [("water", known)])
    assert outcome.error.code == "worker-crashed"
    assert outcome.error.best.energy == outcome.points()[0].energy


def test_leaving_early_ends_what_runs(tmp_path):
    with Batch(tmp_path) as batch:
        outcomes = batch.run([("hydrogen", task("H2")), ("ethanol", task("CH3CH2OH"))])
        assert next(outcomes).id == "hydrogen"
    children = psutil.Process().children()
    assert not [c for c in children if "dft_bridge._worker" in " ".join(c.cmdline())]
