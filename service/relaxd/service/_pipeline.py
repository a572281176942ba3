"""The way of one molecule: read in a worker, relaxed by the model or a fallback, answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from relaxd.client import schemas
from relaxd.client.schemas import Result
from relaxd.relax import (
    Ensemble,
    Molecule,
    Relaxer,
    RelaxResult,
    conformer_starts,
    rank_conformers,
    relax_doubtful,
)
from relaxd.service._batcher import Batcher
from relaxd.service._faults import is_out_of_memory, problem_of
from relaxd.service._metrics import Metrics
from relaxd.service._problems import ProblemError
from relaxd.service._settings import Settings
from relaxd.service._usage import Cost, metered, usage
from relaxd.service._wire import ensemble_of, error_result, parse_item, result_of
from relaxd.service._workers import WorkerPool

ReturnT = TypeVar("ReturnT")

Read = Callable[[schemas.Molecule], Molecule]
"""Reads a molecule; runs in a worker, so it must be picklable."""

Fallback = Callable[[Molecule, bool], RelaxResult]
"""Relaxes a molecule that the model cannot, of its domain or not; runs in a worker, so it must be
picklable."""


class Pipeline:
    """Answers molecules, each on its own; none of them can make another fail.

    Wherever it takes the name of a model, None is the server's own.

    Args:
        settings: what the operator set.
        metrics: where to count.
        relaxers: the models, the server's own first.
        pool: processes in which a molecule can do no harm.
        read: reads a molecule, in a worker.
        fallback: relaxes a molecule outside a model's domain, in a worker.
    """

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        relaxers: Sequence[Relaxer],
        pool: WorkerPool,
        read: Read,
        fallback: Fallback,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self.default = relaxers[0].model.name
        self._relaxers = {relaxer.model.name: relaxer for relaxer in relaxers}
        self._pool = pool
        self._read = read
        self._fallback = fallback
        self._n_reading: Counter[str] = Counter()
        # One worker is left to read molecules, which takes milliseconds where a fallback, or many
        # conformers, take seconds: those for the model need not wait behind those that are not.
        self._slow = asyncio.Semaphore(max(1, settings.workers - 1))
        self._batchers = {name: self._new_batcher(name) for name in self._relaxers}
        batchers = self._batchers.values()
        metrics.batch_budget.set_function(lambda: min(batcher.budget for batcher in batchers))
        metrics.queued.set_function(lambda: sum(batcher.n_waiting for batcher in batchers))
        metrics.reading.set_function(lambda: self._n_reading.total())

    def _new_batcher(self, model: str) -> Batcher[Molecule, tuple[RelaxResult, Cost]]:
        return Batcher(
            partial(self._run_model, self._relaxers[model]),
            n_atoms=len,
            budget=self._settings.batch_pairs,
            wait=self._settings.batch_wait_ms / 1000.0,
            n_expected=lambda: self._n_reading[model],
            is_out_of_memory=is_out_of_memory,
        )

    async def run(self) -> None:
        """Run the batches of the models until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for batcher in self._batchers.values():
                    group.create_task(batcher.run())
        finally:
            for batcher in self._batchers.values():
                batcher.close()

    @property
    def relaxers(self) -> list[Relaxer]:
        """The models, the server's own first."""
        return list(self._relaxers.values())

    def name_of(self, model: str | None) -> str:
        """Return the name of a model that is here.

        Raises:
            ProblemError: there is no such model.
        """
        name = self.default if model is None else model
        if name not in self._relaxers:
            here = ", ".join(self._relaxers)
            raise ProblemError("input", "unknown-model", f"There is no model {name!r}, but {here}.")
        return name

    def in_domain(self, molecule: Molecule, model: str | None = None) -> bool:
        """Tell whether a model was trained for such molecules.

        Raises:
            ProblemError: there is no such model.
        """
        return self._relaxers[self.name_of(model)].in_domain(molecule)

    async def answer(
        self,
        item: Any,
        *,
        model: str | None = None,
        trajectory: bool = False,
        conformers: int = 1,
        keep: int = 1,
    ) -> Result:
        """Return the result of one entry of a request; never raises.

        Args:
            item: the entry.
            model: name of the model.
            trajectory: whether to tell the positions after each step, too.
            conformers: how many to embed and relax; the lowest found is the result.
            keep: how many of them to tell of.
        """
        try:
            if conformers == 1:
                relaxed, cost = await self.relax(item, model)
                result = result_of(relaxed, usage(cost, self._settings), trajectory=trajectory)
            else:
                ensemble, cost = await self.find_lowest(item, conformers, keep, model)
                result = ensemble_of(ensemble, usage(cost, self._settings), trajectory=trajectory)
        except Exception as error:
            result = error_result(item, problem_of(error))
        method = result.verdict.method if result.verdict else ""
        self._metrics.observe_molecule(result.status, method)
        return result

    async def relax(self, item: Any, model: str | None = None) -> tuple[RelaxResult, Cost]:
        """Return the relaxed molecule of one entry, and what it took.

        Raises:
            Exception: any that `problem_of` knows.
        """
        molecule, reading = await self.read(item, model)
        relaxed, cost = await self._relax(molecule, model)
        return relaxed, reading + cost

    async def find_lowest(
        self, item: Any, n: int, keep: int, model: str | None = None
    ) -> tuple[Ensemble, Cost]:
        """Return the lowest conformers of one entry, and what it took to find them.

        Args:
            item: the entry.
            n: conformers to embed and relax.
            keep: conformers to return.
            model: name of the model.

        Raises:
            Exception: any that `problem_of` knows.
        """
        molecule, cost = await self.read(item, model)
        starts, embedding = await self._in_worker(conformer_starts, molecule, n)
        relaxing = (self._relax(start, model) for start in starts)
        outcomes = await asyncio.gather(*relaxing, return_exceptions=True)
        done = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        if not done:
            raise next(outcome for outcome in outcomes if isinstance(outcome, BaseException))
        ensemble, ranking = await self._in_worker(rank_conformers, [r for r, _ in done], keep)
        return ensemble, sum((each for _, each in done), cost + embedding + ranking)

    async def _relax(self, molecule: Molecule, model: str | None) -> tuple[RelaxResult, Cost]:
        name = self.name_of(model)
        if not self._relaxers[name].in_domain(molecule):
            return await self._in_worker(self._fallback, molecule, False)
        relaxed, cost = await self._batchers[name].submit(molecule)
        if not relaxed.is_doubtful:
            return relaxed, cost
        rescued, more = await self._in_worker(relax_doubtful, relaxed, self._fallback)
        return rescued, cost + more

    async def _in_worker(
        self, function: Callable[..., ReturnT], *arguments: Any
    ) -> tuple[ReturnT, Cost]:
        async with self._slow:
            return await self._pool.run(metered, function, *arguments)

    async def read(self, item: Any, model: str | None = None) -> tuple[Molecule, Cost]:
        """Return the molecule that an entry holds, and what reading it took.

        Args:
            item: the entry.
            model: name of the model that the molecule is for.

        Raises:
            Exception: any that `problem_of` knows.
        """
        name = self.name_of(model)
        self._n_reading[name] += 1
        try:
            wire = parse_item(item)
            return await self._pool.run(metered, self._read, wire)
        finally:
            self._n_reading[name] -= 1

    def _run_model(
        self, relaxer: Relaxer, molecules: Sequence[Molecule]
    ) -> list[tuple[RelaxResult, Cost]]:
        """Relax a batch, and share its cost among the molecules by their numbers of atoms."""
        n_forward, start = relaxer.n_forward, time.perf_counter()
        results, cost = metered(relaxer.relax_in_domain, molecules)
        seconds = time.perf_counter() - start
        self._metrics.observe_batch(len(molecules), relaxer.n_forward - n_forward, seconds)
        if self._settings.device != "cpu":
            cost = cost + Cost(gpu_seconds=seconds)
        n_atoms = [len(molecule) for molecule in molecules]
        return [(r, cost * (n / sum(n_atoms))) for r, n in zip(results, n_atoms, strict=True)]
