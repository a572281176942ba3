"""The way of one molecule: read in a worker, relaxed by the model or a fallback, answered."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from relaxd.client import schemas
from relaxd.client.schemas import Result
from relaxd.relax import Molecule, Relaxer, RelaxResult, relax_doubtful
from relaxd.service._batcher import Batcher
from relaxd.service._faults import is_out_of_memory, problem_of
from relaxd.service._metrics import Metrics
from relaxd.service._settings import Settings
from relaxd.service._usage import Cost, metered, usage
from relaxd.service._wire import error_result, parse_item, result_of
from relaxd.service._workers import WorkerPool

Read = Callable[[schemas.Molecule], Molecule]
"""Reads a molecule; runs in a worker, so it must be picklable."""

Fallback = Callable[[Molecule, bool], RelaxResult]
"""Relaxes a molecule that the model cannot, of its domain or not; runs in a worker, so it must be
picklable."""


class Pipeline:
    """Answers molecules, each on its own; none of them can make another fail."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        relaxer: Relaxer,
        pool: WorkerPool,
        read: Read,
        fallback: Fallback,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._relaxer = relaxer
        self._pool = pool
        self._read = read
        self._fallback = fallback
        self._n_reading = 0
        # One worker is left to read molecules, which takes milliseconds where a fallback takes
        # seconds: those for the model need not wait behind those that are not.
        self._fallbacks = asyncio.Semaphore(max(1, settings.workers - 1))
        self._batcher: Batcher[Molecule, tuple[RelaxResult, Cost]] = Batcher(
            self._run_model,
            n_atoms=len,
            budget=settings.batch_pairs,
            wait=settings.batch_wait_ms / 1000.0,
            n_expected=lambda: self._n_reading,
            is_out_of_memory=is_out_of_memory,
        )
        metrics.batch_budget.set_function(lambda: self._batcher.budget)
        metrics.queued.set_function(lambda: self._batcher.n_waiting)
        metrics.reading.set_function(lambda: self._n_reading)

    async def run(self) -> None:
        """Run the batches of the model until cancelled."""
        try:
            await self._batcher.run()
        finally:
            self._batcher.close()

    def in_domain(self, molecule: Molecule) -> bool:
        """Tell whether the model was trained for such molecules."""
        return self._relaxer.in_domain(molecule)

    async def answer(self, item: Any, *, trajectory: bool = False) -> Result:
        """Return the result of one entry of a request; never raises."""
        try:
            relaxed, cost = await self.relax(item)
            result = result_of(relaxed, usage(cost, self._settings), trajectory=trajectory)
        except Exception as error:
            result = error_result(item, problem_of(error))
        method = result.verdict.method if result.verdict else ""
        self._metrics.observe_molecule(result.status, method)
        return result

    async def relax(self, item: Any) -> tuple[RelaxResult, Cost]:
        """Return the relaxed molecule of one entry, and what it took.

        Raises:
            Exception: any that `problem_of` knows.
        """
        molecule, reading = await self.read(item)
        if self._relaxer.in_domain(molecule):
            relaxed, cost = await self._batcher.submit(molecule)
            if relaxed.is_doubtful:
                rescued = await self._fall_back(relax_doubtful, relaxed, self._fallback)
                relaxed, cost = rescued[0], cost + rescued[1]
        else:
            relaxed, cost = await self._fall_back(self._fallback, molecule, False)
        return relaxed, reading + cost

    async def _fall_back(
        self, function: Callable[..., RelaxResult], *arguments: Any
    ) -> tuple[RelaxResult, Cost]:
        async with self._fallbacks:
            return await self._pool.run(metered, function, *arguments)

    async def read(self, item: Any) -> tuple[Molecule, Cost]:
        """Return the molecule that an entry holds, and what reading it took.

        Raises:
            Exception: any that `problem_of` knows.
        """
        self._n_reading += 1
        try:
            wire = parse_item(item)
            return await self._pool.run(metered, self._read, wire)
        finally:
            self._n_reading -= 1

    def _run_model(self, molecules: Sequence[Molecule]) -> list[tuple[RelaxResult, Cost]]:
        """Relax a batch, and share its cost among the molecules by their numbers of atoms."""
        n_forward, start = self._relaxer.n_forward, time.perf_counter()
        results, cost = metered(self._relaxer.relax_in_domain, molecules)
        seconds = time.perf_counter() - start
        self._metrics.observe_batch(len(molecules), self._relaxer.n_forward - n_forward, seconds)
        if self._settings.device != "cpu":
            cost = cost + Cost(gpu_seconds=seconds)
        n_atoms = [len(molecule) for molecule in molecules]
        return [(r, cost * (n / sum(n_atoms))) for r, n in zip(results, n_atoms, strict=True)]
