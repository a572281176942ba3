"""Refinements that are cancelled, interrupted or killed: nothing is lost, and nothing left over."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import psutil
import pytest
from tests.dft_bridge.quick import QUICK, rattled

from relaxd.dft_bridge import (
    DftError,
    Level,
    Refinement,
    RefinementCancelled,
    RefineSettings,
    ScfCycle,
    Step,
    Task,
    refine,
)
from relaxd.dft_bridge._journal import read_points


class TestCancel:
    """Each phase of ethanol lasts long enough to be caught."""

    task = Task.of(rattled("CH3CH2OH"), RefineSettings(Level.parse("b3lyp/6-31g(d)")))

    def cancelled(self, refinement):
        began = time.monotonic()
        refinement.cancel()
        with pytest.raises(RefinementCancelled) as caught:
            refinement.result()
        assert time.monotonic() - began < 2
        assert not psutil.pid_exists(refinement.pid)
        return caught.value

    def test_during_the_scf(self):
        with Refinement(self.task) as refinement:
            assert isinstance(next(refinement.events()), ScfCycle)
            assert self.cancelled(refinement).n_gradients == 0

    def test_during_a_gradient_and_between_steps(self, tmp_path):
        journal = tmp_path / "journal.jsonl"
        with Refinement(self.task, journal) as refinement:
            events = refinement.events()
            first = next(event for event in events if isinstance(event, Step))
            assert self.cancelled(refinement).n_gradients == 1
        # The same number of cycles in another run, and the gradient is being computed.
        with Refinement(self.task) as refinement:
            for event in refinement.events():
                if isinstance(event, ScfCycle) and event.cycle == first.scf_cycles:
                    break
            assert self.cancelled(refinement).n_gradients == 0
        assert len(read_points(journal)) == 1

    def test_before_anything_began_and_twice(self):
        with Refinement(self.task) as refinement:
            refinement.cancel()
            assert self.cancelled(refinement).n_gradients == 0


def test_an_interrupted_caller_leaves_no_process():
    started = []

    def interrupt(event):
        children = psutil.Process().children()
        started.extend(child for child in children if "_worker" in " ".join(child.cmdline()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refine(rattled("CH3CH2OH"), QUICK, on_event=interrupt)
    assert started
    assert not any(process.is_running() for process in started)


def test_a_killed_caller_leaves_no_process():
    script = """
        from ase.build import molecule
        from relaxd.dft_bridge import Level, Refinement, RefineSettings, Task
        task = Task.of(molecule("C6H6"), RefineSettings(Level.parse("b3lyp/6-31g(d)")))
        refinement = Refinement(task)
        next(refinement.events())
        print(refinement.pid, flush=True)
        refinement.result()
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as caller:
        pid = int(caller.stdout.readline())
        caller.kill()
    gone, _ = psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=3)
    assert not psutil.pid_exists(pid) or gone


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_ends_in_the_same_minimum(tmp_path):
    task = Task.of(rattled("CH3OH", 0.1), RefineSettings(Level.parse("pbe/6-31g")))
    whole = tmp_path / "whole.jsonl"
    with Refinement(task, whole) as refinement:
        expected = refinement.result()
    random = np.random.default_rng(0)
    kills, runs = 0, 0
    while kills < 20:
        runs += 1
        journal = tmp_path / f"killed-{runs}.jsonl"
        finished = None
        while finished is None:
            kept = read_points(journal) if journal.exists() else []
            # The random moment is counted from a random event, for most of a short life goes into
            # imports, where there is nothing to lose.
            patience, delay = int(random.integers(1, 12)), random.uniform(0, 0.3)
            with Refinement(task, journal) as refinement:
                seen = []
                for event in refinement.events():
                    seen.append(event)
                    fresh = sum(isinstance(e, ScfCycle) or not e.from_journal for e in seen)
                    if kills < 20 and fresh == patience:
                        time.sleep(delay)
                        os.kill(refinement.pid, signal.SIGKILL)
                        kills += 1
                with contextlib.suppress(DftError):
                    finished = refinement.result()
            replayed = [e for e in seen if isinstance(e, Step) and e.from_journal]
            assert len(replayed) >= len(kept) or not seen
            for before, after in zip(kept, read_points(journal), strict=False):
                np.testing.assert_array_equal(before.positions, after.positions)
        assert finished.converged
        assert finished.energy_hartree == pytest.approx(expected.energy_hartree, abs=1e-6)
        points = read_points(journal)
        assert len(points) == finished.n_gradients == expected.n_gradients
    assert kills == 20
