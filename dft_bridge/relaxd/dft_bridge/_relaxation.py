"""One refinement from start to end, in this process."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ._arrays import Array
from ._backend import COARSE, FINE, Backend, make_backend
from ._errors import DftError
from ._events import Event, ScfCycle, Step
from ._journal import Journal, Run
from ._low_level import Gfn2Xtb, LowLevelError
from ._optimizer import Optimizer
from ._point import Point, best_of
from ._result import RefineResult, finished_result, result_so_far
from ._surrogate import Surrogate
from ._task import NEAR_STARTS, Hessian, Task

Emit = Callable[[Event], None]
"""Takes every event; what it raises ends the refinement."""

PYSCF_SHARE = 0.75
"""Of the memory; the rest is for what PySCF does not count."""


class Relaxation:
    """Relaxes one molecule, going on from what its journal holds.

    Args:
        task: what to do.
        path: of the journal.
        emit: is told of every SCF cycle and every point.
        backend: what computes the points; chosen by the task if not given.

    Raises:
        DftError: the input cannot be computed, or the journal cannot be used.
    """

    def __init__(
        self, task: Task, path: Path, emit: Emit | None = None, backend: Backend | None = None
    ) -> None:
        task.check()
        settings = task.settings
        self._task, self._path, self._emit = task, path, emit or (lambda _: None)
        self._backend = backend or make_backend(
            task.system,
            settings.level,
            device=settings.device,
            memory_mb=int(PYSCF_SHARE * settings.memory_mb),
        )
        self._hessian: Hessian = settings.hessian
        self._optimizer = self._new_optimizer()

    def run(self) -> RefineResult:
        """Computes points until the criteria are met or `max_gradients` are spent.

        Raises:
            DftError: scf-not-converged, with the best geometry so far as its `best`; disk-full;
                journal-mismatch, journal-unreadable, journal-in-use; no-frequencies.
        """
        with Journal(self._path, self._task.identity()) as journal:
            known = finished_result(self._task, journal)
            if known is not None:
                return known
            for number, point in enumerate(journal.points, start=1):
                self._tell(point, journal.points[:number])
                self._report(number, point, from_journal=True)
            try:
                self._go_on(journal)
                result = self._result(journal, self._wavenumbers(journal))
                journal.add_result(result.to_dict())
                return result
            except DftError as error:
                if journal.points:
                    error.best = self._result(journal, None)
                raise

    def _go_on(self, journal: Journal) -> None:
        while not self._optimizer.converged:
            if len(journal.points) >= self._task.settings.max_gradients:
                return
            journal.add_run(self._run())
            point = self._compute(len(journal.points))
            journal.add_point(point)
            self._tell(point, journal.points)
            self._report(len(journal.points), point, from_journal=False)

    def _compute(self, n_gradients: int) -> Point:
        positions, coarse = self._optimizer.positions, self._optimizer.coarse
        wall, cpu = time.perf_counter(), time.process_time()
        found = self._backend.evaluate(
            positions,
            COARSE if coarse else FINE,
            lambda cycle, energy: self._emit(ScfCycle(n_gradients, cycle, energy)),
        )
        return Point(
            positions=positions,
            energy=found.energy,
            gradient=found.gradient,
            coarse=coarse,
            scf_cycles=found.scf_cycles,
            seconds=time.perf_counter() - wall,
            cpu_seconds=time.process_time() - cpu,
        )

    def _tell(self, point: Point, known: list[Point]) -> None:
        """Tells the optimiser; where GFN2-xTB has no answer, goes over to the model Hessian."""
        try:
            self._optimizer.tell(point)
        except LowLevelError:
            self._hessian = "model"
            self._optimizer = self._new_optimizer()
            for earlier in known:
                self._optimizer.tell(earlier)

    def _new_optimizer(self) -> Optimizer:
        task = self._task
        numbers = np.array(task.system.atomic_numbers)
        low_level = None
        if self._hessian == "gfn2-xtb":
            low_level = Gfn2Xtb(numbers, task.system.charge, task.system.multiplicity)
        surrogate = Surrogate(numbers, task.positions, low_level)
        near = task.start in NEAR_STARTS
        return Optimizer(task.positions, surrogate, frozen=task.frozen, near=near)

    def _wavenumbers(self, journal: Journal) -> Array | None:
        if not (self._task.settings.frequencies and self._optimizer.converged):
            return None
        if journal.wavenumbers is None:
            journal.add_wavenumbers(self._backend.frequencies(best_of(journal.points).positions))
        return journal.wavenumbers

    def _report(self, number: int, point: Point, *, from_journal: bool) -> None:
        self._emit(
            Step(
                n_gradients=number,
                positions=point.positions,
                energy=point.energy,
                max_force=point.max_force(self._task.frozen),
                coarse=point.coarse,
                scf_cycles=point.scf_cycles,
                seconds=point.seconds,
                from_journal=from_journal,
            )
        )

    def _run(self) -> Run:
        return Run(hessian=self._hessian, backend=self._backend.name)

    def _result(self, journal: Journal, wavenumbers: Array | None) -> RefineResult:
        return result_so_far(
            self._task,
            journal.points,
            self._run(),
            converged=self._optimizer.converged,
            wavenumbers=wavenumbers,
        )
